"""Decisions see coverage in the order of commits, whatever is still under way."""

from __future__ import annotations

from engine.intake.coverages import FRESH_S, KnownCoverages
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Level

KEY = CoverageKey(Level.VISIT, "PATID1234", "GOOD HEALTH", "V0001")
OTHER = CoverageKey(Level.PATIENT, "PATID1234", "GOOD HEALTH")
ACME = Coverages((CoverageRow("acme"),))
BETA = Coverages((CoverageRow("beta"),))


class HandTime:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_what_nobody_told_must_be_asked() -> None:
    known = KnownCoverages(HandTime())
    assert known.missing([KEY, OTHER]) == (KEY, OTHER)
    assert known.look_up([KEY]) == {}


def test_what_was_learned_is_known_before_it_is_committed() -> None:
    known = KnownCoverages(HandTime())
    known.learned({KEY: ACME})
    assert known.missing([KEY, OTHER]) == (OTHER,)
    assert known.look_up([KEY, OTHER]) == {KEY: ACME}


def test_uncommitted_knowledge_does_not_age() -> None:
    """While the store is down, commits may be hours away."""
    time = HandTime()
    known = KnownCoverages(time)
    known.learned({KEY: ACME})
    time.now_s += 3600
    assert known.missing([KEY]) == ()


def test_committed_knowledge_ages() -> None:
    time = HandTime()
    known = KnownCoverages(time)
    known.learned({KEY: ACME})
    known.committed([KEY])
    assert known.missing([KEY]) == ()
    time.now_s += FRESH_S
    assert known.missing([KEY]) == (KEY,)


def test_the_last_that_was_learned_wins_whatever_is_committed_first() -> None:
    known = KnownCoverages(HandTime())
    known.learned({KEY: ACME})
    known.learned({KEY: BETA})
    known.committed([KEY])
    assert known.look_up([KEY]) == {KEY: BETA}
    assert known.missing([KEY]) == ()


def test_an_answer_of_the_store_is_older_than_what_was_learned_meanwhile() -> None:
    known = KnownCoverages(HandTime())
    known.learned({KEY: BETA})
    known.recalled({KEY: ACME})
    assert known.look_up([KEY]) == {KEY: BETA}


def test_that_the_store_knows_nothing_is_knowledge() -> None:
    known = KnownCoverages(HandTime())
    known.recalled({KEY: None})
    assert known.missing([KEY]) == ()
    assert known.look_up([KEY]) == {}


def test_what_was_not_stored_after_all_must_be_asked() -> None:
    """A message that turns out to be a duplicate teaches nothing."""
    known = KnownCoverages(HandTime())
    known.learned({KEY: ACME})
    known.refused([KEY])
    assert known.missing([KEY]) == (KEY,)


def test_memory_is_bounded_and_drops_only_what_is_committed() -> None:
    known = KnownCoverages(HandTime(), remembered=10)
    known.learned({KEY: ACME})
    for number in range(100):
        known.recalled({CoverageKey(Level.VISIT, "P", "A", str(number)): ACME})
    assert known.look_up([KEY]) == {KEY: ACME}
    found = known.look_up(CoverageKey(Level.VISIT, "P", "A", str(n)) for n in range(100))
    assert len(found) <= 10


def test_a_message_of_very_many_identifiers_stops_nobody() -> None:
    """None of it may be dropped before its commit; to look again and again takes for ever."""
    known = KnownCoverages(HandTime(), remembered=10)
    keys = [CoverageKey(Level.VISIT, f"P{n}", "A", "V1") for n in range(50_000)]
    known.learned(dict.fromkeys(keys, ACME))
    assert len(known.look_up(keys)) == len(keys)
    known.committed(keys)
    for number in range(10_000):
        known.recalled({CoverageKey(Level.VISIT, "P", "A", str(number)): ACME})
    assert len(known.look_up(keys)) == 0
