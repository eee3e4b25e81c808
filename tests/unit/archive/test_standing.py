"""How a message stands in a channel, as its history tells."""

from __future__ import annotations

from typing import Any

import pytest

from engine.archive.standing import Standing, standings

Row = dict[str, Any]

DISCLOSE = {"verdict": "disclose", "rules": ["r"], "parts": 1}
TWO = DISCLOSE | {"parts": 2}
HOLD = {"verdict": "hold", "reasons": ["unknown-payer"]}
WITHHOLD = {"verdict": "withhold", "reasons": ["no-coverage"]}


def row(kind: str, **said: Any) -> Row:
    return {"kind": kind, "receipt": "R1", "channel": "acme", "part": 0, **said}


def again(was: str, verdict: Row, **said: Any) -> Row:
    return row("redecided", was=was, **verdict, **said)


DELIVERED = row("delivered", ack="AA", attempts=1)
PARKED = row("parked", ack="AR", attempts=1, reason="ack-AR")
CUT_OFF = row("withheld", reason="restricted", attempts=0)
DISCARDED = row("discarded", was="parked", was_reason="ack-AR")


@pytest.mark.parametrize(
    ("decided", "moves", "outcome", "reasons"),
    [
        (DISCLOSE, [], "waiting", ()),
        (HOLD, [], "held", ("unknown-payer",)),
        (WITHHOLD, [], "withheld (no-coverage)", ("no-coverage",)),
        (DISCLOSE, [DELIVERED], "delivered", ()),
        (DISCLOSE, [PARKED], "parked", ("ack-AR",)),
        (DISCLOSE, [CUT_OFF], "withheld (restricted)", ("restricted",)),
        (DISCLOSE, [PARKED, DISCARDED], "discarded (ack-AR)", ("ack-AR",)),
        (DISCLOSE, [PARKED, again("parked", DISCLOSE)], "waiting", ()),
        (DISCLOSE, [PARKED, again("parked", HOLD)], "held", ("unknown-payer",)),
        (HOLD, [again("held", WITHHOLD)], "withheld (no-coverage)", ("no-coverage",)),
        (HOLD, [again("held", TWO), DELIVERED], "waiting", ()),
        (HOLD, [again("held", DISCLOSE), DELIVERED], "delivered", ()),
        (TWO, [DELIVERED, CUT_OFF | {"part": 1}], "delivered", ()),
        (WITHHOLD, [again("withheld", DISCLOSE, time=0)], "waiting", ()),
        (WITHHOLD, [again("withheld", HOLD, time=0)], "held", ("unknown-payer",)),
        (WITHHOLD, [again("withheld", TWO, time=0), DELIVERED, DELIVERED], "delivered", ()),
        (DISCLOSE | {"state": "shadow"}, [], "shadow (disclose)", ("disclose",)),
        (DISCLOSE | {"state": "shadow"}, [again("never", DISCLOSE, time=0)], "waiting", ()),
    ],
)
def test_one_word_and_why(
    decided: Row, moves: list[Row], outcome: str, reasons: tuple[str, ...]
) -> None:
    found = standings({"acme": decided}, moves)["acme"]
    assert (found.outcome, found.reasons) == (outcome, reasons)


def test_a_channel_that_was_not_there_stands_as_it_was_taken_up() -> None:
    found = standings({}, [again("never", DISCLOSE, time=0), DELIVERED])
    assert found == {"acme": Standing("delivered", (), delivered=1, may_have=True, time=1)}


@pytest.mark.parametrize(
    ("moves", "may_have"),
    [
        ([], False),
        ([CUT_OFF], False),
        ([CUT_OFF | {"attempts": 1}], True),  # a byte of an earlier attempt may have arrived
        ([PARKED, DISCARDED], True),  # refused, and so received
        ([DELIVERED], True),
    ],
)
def test_it_is_known_what_a_channel_may_have(moves: list[Row], *, may_have: bool) -> None:
    assert standings({"acme": DISCLOSE}, moves)["acme"].may_have is may_have


def test_it_counts_how_often_it_was_taken_up() -> None:
    moves = [again("withheld", WITHHOLD, time=0), again("withheld", WITHHOLD, time=1)]
    assert standings({"acme": WITHHOLD}, moves)["acme"].time == 2
