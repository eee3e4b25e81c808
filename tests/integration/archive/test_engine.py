"""The archiver under a running engine: it follows, it is started again, it finishes at the end."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import CHANNELS, PAYERGATE, REPOSITORY, Estate
from tests.support.hospital import deliver, make_messages


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with Estate(tmp_path) as estate:
        yield estate


def payergate(estate: Estate, *args: str, code: int = 0) -> Any:
    command = [*PAYERGATE, *args, "--site", str(estate.site), "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def until(what: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def is_archived(estate: Estate, messages: int) -> bool:
    try:
        said = payergate(estate, "archive", "status")
    except AssertionError:
        return False  # the archive is not made yet
    return bool(said["waiting"] == 0 and said["messages"] == messages)


def test_what_the_engine_has_done_is_archived_whatever_becomes_of_the_archiver(
    estate: Estate,
) -> None:
    first, second = make_messages(0, 20, 1), make_messages(1, 20, 1)
    deliver(estate.listener_port, first, 100.0, [])
    until(lambda: is_archived(estate, 20))
    archiver = estate.pid_of("archiver")
    assert archiver is not None
    os.kill(archiver, signal.SIGKILL)
    deliver(estate.listener_port, second, 100.0, [])
    estate.wait_until_empty(30)
    assert estate.stop_engine() == 0
    events = [event["event"] for event in estate.log_events()]
    assert events.count("archiver_started") == 2
    assert events.count("archiver_ended") == 1
    assert is_archived_without_store(estate, 40), "the archiver finishes before the engine ends"
    for message in (first[0], second[-1]):
        found = payergate(estate, "messages", "search", "--control", message.control_id)
        (story,) = found["messages"]
        delivered = {name for name, state in story["outcomes"].items() if state == "delivered"}
        assert delivered == set(message.channels)
    sent = sum(len(estate.received(channel)) for channel in CHANNELS)
    rows = sum(
        payergate(estate, "ledger", "export", "--channel", name, "--from", "1h")["disclosures"]
        for name in CHANNELS
    )
    assert rows == sent
    verified = payergate(estate, "ledger", "verify")
    assert (verified["ok"], verified["store_asked"]) == (True, False)


def is_archived_without_store(estate: Estate, messages: int) -> bool:
    said = payergate(estate, "archive", "status")
    return bool(said["messages"] == messages and said["waiting"] is None)


def test_a_running_store_is_asked_for_the_head(estate: Estate) -> None:
    deliver(estate.listener_port, make_messages(0, 3, 1), 100.0, [])
    until(lambda: is_archived(estate, 3))
    verified = payergate(estate, "ledger", "verify")
    assert (verified["ok"], verified["store_asked"]) == (True, True)


def test_whoever_holds_the_archives_lock_keeps_no_message_waiting(estate: Estate) -> None:
    """An erasing, a backup, a command: intake and delivery know of none of them."""
    first, second = make_messages(0, 10, 1), make_messages(1, 20, 1)
    deliver(estate.listener_port, first, 100.0, [])
    until(lambda: is_archived(estate, 10))
    with closing(sqlite3.connect(estate.site / "var" / "archive.db")) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        deliver(estate.listener_port, second, 100.0, [])
        estate.wait_until_empty(10)
        assert time.monotonic() - began < 10
        assert estate.unarchived()
        holder.rollback()
    until(lambda: is_archived(estate, 30))


def test_messages_go_on_while_the_archive_cannot_be_reached(tmp_path: Path) -> None:
    """A folder stands where the file should be."""
    estate = Estate(tmp_path)
    estate.lay_out()
    (estate.site / "var").mkdir(mode=0o700)
    (estate.site / "var" / "archive.db").mkdir()
    try:
        for channel in CHANNELS:
            estate.start_sink(channel)
        estate.start_engine()
        messages = make_messages(0, 10, 1)
        deliver(estate.listener_port, messages, 100.0, [])
        estate.wait_until_empty(30)
        until(lambda: "archive_unavailable" in {one["event"] for one in estate.log_events()})
        received = {channel: len(estate.received(channel)) for channel in CHANNELS}
        wanted = {name: sum(name in one.channels for one in messages) for name in CHANNELS}
        assert received == wanted
        (estate.site / "var" / "archive.db").rmdir()
        until(lambda: is_archived(estate, 10), 60)
    finally:
        estate.__exit__()
