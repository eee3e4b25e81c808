"""The log's gate: only listed events and fields pass, and no text of any exception (I7)."""

from __future__ import annotations

import io
import json
import logging
import pathlib
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import EngineError
from engine.logs import FIELDS, LEVELS, VALUE_CHARACTERS, Event, Level, Log, describe

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "events.md"


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


class Written:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.log = Log(self.stream, FixedClock())

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_its_time_and_level() -> None:
    written = Written()
    written.log(Event.WORKER_STARTED, pid=7)
    assert written.lines() == [
        {
            "event": "worker_started",
            "level": "info",
            "pid": 7,
            "at": "2026-03-01T12:00:00.123+00:00",
        }
    ]


def test_a_field_that_is_not_listed_is_dropped_and_counted() -> None:
    written = Written()
    written.log(Event.MESSAGE_REFUSED, receipt="R", patient="PATID1234", name="DOE^JANE")
    (line,) = written.lines()
    assert line["dropped"] == 2
    assert "PATID1234" not in written.stream.getvalue()
    assert "DOE" not in written.stream.getvalue()


@pytest.mark.parametrize("value", [b"PID|1||PATID1234", ["PATID1234"], {"id": "PATID1234"}, object])
def test_a_value_that_is_not_plain_is_dropped_and_counted(value: object) -> None:
    written = Written()
    written.log(Event.MESSAGE_REFUSED, reason=value)
    (line,) = written.lines()
    assert line["dropped"] == 1
    assert "reason" not in line


def test_nothing_to_say_is_not_said() -> None:
    written = Written()
    written.log(Event.MESSAGE_REFUSED, reason=None)
    (line,) = written.lines()
    assert "reason" not in line
    assert "dropped" not in line


def test_no_value_is_long() -> None:
    written = Written()
    written.log(Event.MESSAGE_REFUSED, reason="x" * 10_000)
    assert len(written.lines()[0]["reason"]) == VALUE_CHARACTERS


def test_an_exception_is_its_type_and_never_its_text() -> None:
    written = Written()
    try:
        int("PATID1234")
    except ValueError as error:
        written.log.failure(Event.INTAKE_FAILED, error, receipt="R")
    (line,) = written.lines()
    assert line["error"] == "ValueError"
    assert "PATID1234" not in written.stream.getvalue()


def test_an_exception_of_ours_says_its_code() -> None:
    assert describe(EngineError("not-hl7", "No MSH."))["code"] == "not-hl7"


def test_an_exception_says_where_in_our_code_it_was_raised() -> None:
    from engine.intake.receipts import received_ms

    with pytest.raises(ValueError, match="bad") as caught:
        received_ms("bad")
    assert re.fullmatch(r"engine\.intake\.receipts:\d+", describe(caught.value)["where"])


def test_a_library_s_record_says_who_logged_and_not_what() -> None:
    from engine.logs import _LibraryHandler

    written = Written()
    record = logging.LogRecord(
        "redis.connection", logging.ERROR, "x.py", 1, "got %s", ("PATID1234",), None
    )
    _LibraryHandler(written.log).emit(record)
    (line,) = written.lines()
    assert line["event"] == "library"
    assert line["namespace"] == "redis.connection"
    assert "PATID1234" not in written.stream.getvalue()


def test_events_md_lists_every_event_with_its_level_and_nothing_else() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (info|warning|error) \|", PAGE.read_text(), re.MULTILINE)
    expected = [(event.value, LEVELS.get(event, Level.INFO).value) for event in Event]
    assert sorted(rows) == sorted(expected)


def test_events_md_lists_every_field_and_nothing_else() -> None:
    section = PAGE.read_text().split("## Fields")[1]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == FIELDS | {"dropped"}
