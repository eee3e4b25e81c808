"""Confidential communications of joined records: kept back of all, told of who is certainly one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.privacy.acts import Act
from engine.privacy.confidential import Address, Confidential, Phone
from engine.privacy.facts import Facts
from engine.privacy.held import Held
from engine.privacy.joining import added, confirmed, moved, parted
from engine.privacy.links import Tie
from engine.privacy.moves import Move
from engine.privacy.patients import Patient
from engine.privacy.persons import rights_of
from engine.privacy.sorts import Fact
from engine.privacy.supposing import Supposed, supposing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACT = Act("ann", NOW)
LATER = Act("ann", NOW + timedelta(days=1))
S, P = Patient("S", "H"), Patient("P", "H")
ASKED = Confidential(P, frozenset({"acme"}), Address("9 Quiet Ln"), Phone("702-555-0199"))
BARE = Confidential(S, frozenset({"acme"}))


def known(records: dict[str, Held]) -> set[Confidential]:
    return set(rights_of([records["S"]], NOW).confidential)


def joined(tie: Tie = Tie.MERGED, fact: Fact = ASKED) -> dict[str, Held]:
    records = added({"S": Held(), "P": Held()}, [fact], ACT, repr)
    move = Move(tie, (S,), (P,))
    return moved(records, [move], ACT, repr, lambda _: "m")


def test_a_merge_keeps_back_and_tells_nothing_until_it_is_confirmed() -> None:
    records = joined()
    assert known(records) == {ASKED, BARE}
    sure = confirmed(records, records["S"].links[0], ACT)
    assert known(sure) == {ASKED, ASKED.known_as(S, is_sure=True)}


def test_another_name_is_told_once_a_person_has_confirmed_it() -> None:
    records = joined(Tie.RENAMED)
    assert known(records) == {ASKED, BARE}
    assert known(confirmed(records, records["S"].links[0], ACT)) == {
        ASKED, ASKED.known_as(S, is_sure=True),
    }  # fmt: skip


def test_what_was_entered_before_stays_with_its_record_when_they_are_parted() -> None:
    records = joined()
    apart = parted(records, records["S"].links[0], LATER, repr)
    later = rights_of([apart["S"]], NOW).confidential
    # Entered when they were joined: it may be meant for either, its alternates for one alone.
    assert {one for one in later if one.patient == S} == {BARE}


def test_what_is_over_says_nothing() -> None:
    records = joined()
    (entry,) = records["P"].entries
    assert rights_of([records["P"].ended(entry.id, LATER)], NOW).confidential == ()


def test_it_may_be_supposed() -> None:
    facts = supposing(Facts(NOW), Supposed(added=(ASKED,)))
    assert facts.confidential == (ASKED,)
    assert supposing(facts, Supposed(ended=(ASKED,))).confidential == ()
