"""A backup of the store that is put back: nothing leaves unasked, and nothing unmarked."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from engine.store.mark import MARK_FILE
from tests.faults.test_unfit_store import told, wait_until
from tests.support.estate import CHANNELS, Estate
from tests.support.hospital import ask, make_messages


def test_a_restored_store_starts_paused_and_what_it_sends_again_is_marked(tmp_path: Path) -> None:
    first, second = [
        sent
        for number in range(40)
        for sent in make_messages(number, 1, seed=1)
        if sent.channels == ("alpha",)
    ][:2]

    def arrived(control_id: str) -> int:
        data = estate.received("alpha")
        return sum(f"|{control_id}|".encode() in one for one in data)

    with Estate(tmp_path) as estate:
        estate.stop_sink("alpha")
        assert ask(estate.listener_port, first)
        estate.stop_engine()
        shutil.copytree(estate.site / "var" / "store", tmp_path / "copy")
        estate.start_sink("alpha")
        estate.start_engine()
        wait_until(lambda: arrived(first.control_id))
        assert not told(estate, "store_restored")
        estate.stop_engine()

        shutil.rmtree(estate.site / "var" / "store")
        shutil.copytree(tmp_path / "copy", estate.site / "var" / "store")
        estate.start_engine()
        assert told(estate, "store_restored")
        assert ask(estate.listener_port, second), "it takes messages"
        channels = estate.status()["channels"]
        for channel in CHANNELS:
            assert channels[channel]["state"] == "paused"
            assert "store-restored" in channels[channel]["reason"]
            assert "queue resume" in channels[channel]["reason"]
        time.sleep(2)
        assert (arrived(first.control_id), arrived(second.control_id)) == (1, 0)

        estate.command("queue", "resume", "alpha")
        wait_until(lambda: arrived(second.control_id))
        assert arrived(first.control_id) == 2
        marks = [row["possible_duplicate"] for row in estate.ledger("delivered")]
        assert marks[-2:] == [True, False]
        assert (estate.site / "var" / MARK_FILE).exists()
