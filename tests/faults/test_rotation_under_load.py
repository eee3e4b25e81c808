"""The master key is rotated while messages flow: none is lost, the old key is needed no more."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

from engine.config.load import load_site
from engine.intake.sealed import about_message
from engine.store.keyfile import read_keys
from engine.store.sealing import Sealer
from tests.support.estate import CHANNELS, Estate
from tests.support.hospital import deliver, make_messages

MESSAGES = 300
PER_SECOND = 50.0


def test_rotation_under_load_loses_nothing_and_needs_no_old_key(tmp_path: Path) -> None:
    messages = make_messages(0, MESSAGES, 1)
    with Estate(tmp_path) as estate:
        keys = load_site(estate.site).keys
        assert keys.file is not None
        first = read_keys(keys.file)
        deliver(estate.listener_port, messages[:1], PER_SECOND, [])
        estate.ledger()  # by now there is an archive
        hospital = threading.Thread(
            target=deliver, args=(estate.listener_port, messages[1:], PER_SECOND, [])
        )
        hospital.start()
        seconds = []
        while hospital.is_alive():
            began_s = time.monotonic()
            estate.command("keys", "rotate", "--reason", "under load")
            seconds.append(round(time.monotonic() - began_s, 2))
        assert len(seconds) >= 2, "some of them came and went under load"
        estate.wait_until_empty(60)
        deadline_s = time.monotonic() + 30
        while estate.unarchived() and time.monotonic() < deadline_s:
            time.sleep(0.2)
        assert not {"unexpected", "intake_failed"} & {one["event"] for one in estate.log_events()}
        assert estate.stop_engine() == 0
        received = {
            channel: Counter(data.split(b"|")[9].decode() for data in estate.received(channel))
            for channel in CHANNELS
        }
    wanted = {
        channel: Counter(one.control_id for one in messages if channel in one.channels)
        for channel in CHANNELS
    }
    assert received == wanted
    last = read_keys(keys.file)
    assert len(last.masters) == 1
    assert not first.masters.keys() & last.masters.keys()
    archive = sqlite3.connect(estate.site / "var" / "archive.db")
    contents = archive.execute("SELECT receipt, sealed FROM journal").fetchall()
    archive.close()
    sealer = Sealer.of(keys)
    opened = [sealer.open(sealed, about_message(receipt)) for receipt, sealed in contents]
    assert sorted(opened) == sorted(one.data for one in messages)
    print(f"{MESSAGES} messages at {PER_SECOND:.0f}/s, rotations took {seconds} s")
