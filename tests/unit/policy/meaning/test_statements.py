"""What is known of statements: which follow from which (rules.md §10.13 to §10.15)."""

from __future__ import annotations

import pytest

from engine.hl7.path import Path
from engine.policy.meaning.statements import FACTS, Compared
from engine.policy.vocabulary.codesets import CodeSet
from engine.policy.vocabulary.conditions import Exists, InSet, Matcher, OneOf

CODE = Path("DG1", 3)
IN_SET = InSet((CodeSet("s", "I10", frozenset({"I21"})),))


def asked(
    matcher: Matcher, *, permits: bool | None = None, of: str = "DG1", every: bool = False
) -> Compared:
    return Compared(of, CODE, matcher, every, permits)


CERTAIN, POSSIBLE = asked(IN_SET, permits=True), asked(IN_SET, permits=False)
SOME = asked(Exists(True))


@pytest.mark.parametrize(
    ("one", "other", "follows"),
    [
        (CERTAIN, CERTAIN, True),
        (POSSIBLE, POSSIBLE, True),
        (CERTAIN, POSSIBLE, True),
        (POSSIBLE, CERTAIN, False),
        (CERTAIN, SOME, True),
        (POSSIBLE, SOME, True),
        (SOME, POSSIBLE, False),
        (asked(OneOf(frozenset({"I21"}))), CERTAIN, False),  # of no system
        (CERTAIN, asked(IN_SET, permits=False, of=""), True),
        (POSSIBLE, asked(IN_SET, permits=True, of=""), False),
        (CERTAIN, asked(IN_SET, permits=False, of="OBX"), False),
        (asked(IN_SET, permits=True, every=True), POSSIBLE, True),
        (CERTAIN, asked(IN_SET, permits=False, every=True), False),
    ],
)
def test_what_follows_of_a_code_that_is_or_may_be_in_a_set(
    one: Compared, other: Compared, follows: bool
) -> None:
    assert FACTS.entails(one, other) is follows
