"""When the demo is over, and whether it went well."""

from dataclasses import replace

import pytest

from engine.demo.board import ChannelLine, Snapshot
from engine.demo.result import as_json, is_ok, settled

ACME = ChannelLine("acme", "idle", delivered=7, held=1, withheld=2, sink_messages=7)
GOOD = Snapshot(seconds=3.0, sent=10, acknowledged={"AA": 9, "CA": 1}, channels=(ACME,))


def test_it_is_over_and_went_well() -> None:
    assert settled(GOOD)
    assert is_ok(GOOD)


@pytest.mark.parametrize(
    "line",
    [
        replace(ACME, depth=1, delivered=6, sink_messages=6),
        replace(ACME, sink_messages=6),
        replace(ACME, delivered=6, sink_messages=6),
    ],
    ids=["a copy waits", "an insurer has not counted it", "a message has no outcome yet"],
)
def test_what_is_under_way_is_waited_for(line: ChannelLine) -> None:
    assert not settled(replace(GOOD, channels=(line,)))
    assert not is_ok(replace(GOOD, channels=(line,)))


def test_an_answer_is_waited_for() -> None:
    assert not settled(replace(GOOD, acknowledged={"AA": 9}))


def test_a_refusal_is_not_well() -> None:
    refused = replace(GOOD, acknowledged={"AA": 9, "AE": 1})
    assert settled(refused)
    assert not is_ok(refused)


def test_a_copy_that_nobody_delivered_is_not_well() -> None:
    too_many = replace(ACME, sink_messages=8)
    assert not is_ok(replace(GOOD, channels=(too_many,)))
    assert is_ok(replace(GOOD, channels=(replace(too_many, duplicates=1),)))


def test_an_outcome_too_many_is_not_well() -> None:
    assert not is_ok(replace(GOOD, channels=(replace(ACME, withheld=3),)))


def test_the_json_is_the_contract() -> None:
    assert as_json(GOOD, {"acme": 4001, "adt": 4002}) == {
        "messages": 10,
        "acknowledged": {"AA": 9, "CA": 1},
        "ports": {"acme": 4001, "adt": 4002},
        "channels": {
            "acme": {
                "delivered": 7,
                "parked": 0,
                "held": 1,
                "withheld": 2,
                "duplicates": 0,
                "sink_messages": 7,
            }
        },
        "ok": True,
    }
