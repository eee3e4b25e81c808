"""The disk of a running engine is full: nothing is taken, everything taken is delivered."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.test_unfit_store import told, wait_until
from tests.support.canary import Traces
from tests.support.estate import Estate
from tests.support.hospital import MARK, Sent, ask, make_messages
from tests.support.small_disk import fill, small_disk

MIB = 1024 * 1024


def _for_alpha(count: int) -> list[Sent]:
    found = (sent for number in range(1000) for sent in make_messages(number, 1, seed=1))
    return [sent for sent in found if sent.channels == ("alpha",)][:count]


def test_deliveries_live_on_the_reserve_while_messages_are_refused(tmp_path: Path) -> None:
    *queued, refused = _for_alpha(31)
    with (
        small_disk(tmp_path / "disk", 64 * MIB) as disk,
        Estate(disk, disk_reserve="4MiB") as estate,
    ):

        def arrived() -> set[str]:
            data = b"".join(estate.received("alpha"))
            return {sent.control_id for sent in queued if f"|{sent.control_id}|".encode() in data}

        wait_until(lambda: told(estate, "disk_reserved"))
        estate.stop_sink("alpha")
        for sent in queued:
            assert ask(estate.listener_port, sent)
        filler = fill(disk)
        wait_until(lambda: told(estate, "disk_full"))
        assert not ask(estate.listener_port, refused, seconds=2.0)
        wait_until(lambda: told(estate, "store_unavailable", "store-disk-full"))
        (trouble,) = estate.status()["troubles"]
        assert trouble.startswith("store-disk-full")
        findings = estate.command("doctor", code=1)["findings"]
        assert any("disk of var/ is full" in found["text"] for found in findings)
        estate.start_sink("alpha")
        wait_until(lambda: len(arrived()) == len(queued), 60)
        assert not ask(estate.listener_port, refused, seconds=2.0)

        filler.unlink()
        wait_until(lambda: len(told(estate, "disk_reserved")) == 2)
        wait_until(lambda: ask(estate.listener_port, refused, seconds=2.0), 30)
        time.sleep(1)
        assert estate.status()["troubles"] == []
        assert Traces(estate, disk, disk).found(MARK.encode()) == []
