"""What is held of joined records (standards.md B-12): denials of all, permits where all permit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from engine.privacy.acts import Act, Verb
from engine.privacy.aliases import MOST_ALIASES
from engine.privacy.facts import (
    ConsentKind,
    Cover,
    CoverageKey,
    CoverageRow,
    Coverages,
    Item,
    ItemKind,
    Level,
    Relation,
    Restriction,
    Sensitivity,
    SignedConsent,
)
from engine.privacy.held import Held
from engine.privacy.joining import added, confirmed, done_between, moved, parted
from engine.privacy.links import Link, Tie
from engine.privacy.moves import Move
from engine.privacy.patients import Patient
from engine.privacy.persons import MOST_PERMITS, Rights, rights_of
from engine.privacy.sorts import Fact

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PERSON = Act("ann", NOW)
LATER = Act("ann", NOW + timedelta(days=1))
MESSAGE = Act("message:1", NOW + timedelta(hours=1))
S, P, Q = (Patient(name, "H") for name in "SPQ")
Records = dict[str, Held]

MERGE = Move(Tie.MERGED, (S,), (P,))
CONSENT = SignedConsent(S, ConsentKind.AUTHORIZATION, frozenset({"payment"}), None)
REFUSAL = SignedConsent(P, ConsentKind.REFUSAL)
VISIT = Item(ItemKind.VISIT, "V1")


def identify(fact: Fact) -> str:
    return repr(replace(fact, revoked=None) if isinstance(fact, SignedConsent) else fact)


def link_id(members: Iterable[Patient]) -> str:
    return "m-" + "".join(sorted(one.id for one in members))


def records(*facts: Fact) -> Records:
    return added({"S": Held(), "P": Held(), "Q": Held()}, facts, PERSON, identify)


def after(before: Records, *moves: Move, act: Act = MESSAGE) -> Records:
    return moved(before, moves, act, identify, link_id)


def rights(records: Records, *ids: str, days: int = 0) -> Rights:
    return rights_of([records[one] for one in ids or ("S",)], NOW + timedelta(days=days))


def link(records: Records, id_: str = "m-PS") -> Link:
    found = records["S"].link(id_)
    assert found is not None
    return found


def permits(records: Records, *ids: str) -> set[str]:
    """The patients whom a consent in force permits something of."""
    found = rights(records, *ids).consents
    return {one.patient.id for one in found if one.kind is not ConsentKind.REFUSAL}


def of(patient: Patient, records: Records) -> set[Restriction]:
    """What is restricted of one identifier."""
    found = rights(records, patient.id).restrictions
    return {one for one in found if one.patient == patient}


def restricted(patient: Patient, item: Item = VISIT) -> Restriction:
    return Restriction(patient, frozenset({item}))


# --- denials -------------------------------------------------------------------------------------


def test_a_restriction_of_either_is_one_of_both() -> None:
    for owner in (S, P):
        joined = after(records(restricted(owner)), MERGE)
        for id_ in ("S", "P"):
            found = {one.patient for one in rights(joined, id_).restrictions}
            assert found == {S, P}, (owner, id_)
        assert joined["Q"] == Held()


def test_a_restriction_without_authority_reaches_as_far() -> None:
    joined = after(records(restricted(Patient("P"))), MERGE)
    assert {one.patient for one in rights(joined).restrictions} == {Patient("P"), S, P}


def test_what_is_of_another_authority_stays_where_it_is() -> None:
    joined = after(records(restricted(Patient("P", "OTHER"))), MERGE)
    assert rights(joined).restrictions == ()
    assert {one.patient.authority for one in rights(joined, "P").restrictions} == {"OTHER"}


def test_a_refusal_of_either_is_one_of_both() -> None:
    joined = after(records(REFUSAL), MERGE)
    assert {one.patient for one in rights(joined).consents} == {S, P}


def test_what_is_lifted_is_lifted_for_both() -> None:
    joined = after(records(restricted(P)), MERGE)
    joined = {**joined, "P": joined["P"].ended(identify(restricted(P)), LATER)}
    joined = added(joined, (), LATER, identify)
    assert rights(joined).restrictions == ()
    assert rights(joined).lifted == {restricted(P), restricted(S)}


def test_a_chain_of_merges_is_one_person() -> None:
    joined = after(records(restricted(Q)), Move(Tie.MERGED, (P,), (Q,)), MERGE)
    assert {one.patient for one in rights(joined).restrictions} == {S, P, Q}
    assert [{one.id for one in members} for members in rights(joined, "Q").persons] == [
        {"S", "P", "Q"}
    ]


# --- permits -------------------------------------------------------------------------------------


def test_a_permit_of_one_alone_permits_nothing_until_it_is_confirmed() -> None:
    joined = after(records(CONSENT), MERGE)
    assert permits(joined) == permits(joined, "P") == set()
    sure = confirmed(joined, link(joined), LATER)
    assert permits(sure) == permits(sure, "P") == {"S", "P"}
    assert confirmed(sure, link(sure), LATER) == sure


def test_where_the_merge_names_no_authority_a_consent_counts_once_it_is_confirmed() -> None:
    joined = after(records(CONSENT), Move(Tie.MERGED, (Patient("S"),), (Patient("P"),)))
    assert permits(joined) == set()
    sure = confirmed(joined, link(joined), LATER)
    assert rights(sure).consents == (CONSENT,)


def test_what_both_permit_is_what_they_have_in_common() -> None:
    other = replace(
        CONSENT, patient=P, purposes=None, channels=frozenset({"acme"}), begins=NOW,
        ends=NOW + timedelta(days=9), labels=frozenset({"hiv"}), signed_by=Relation.SELF,
    )  # fmt: skip
    found = rights(after(records(CONSENT, other), MERGE)).consents
    common = replace(other, purposes=CONSENT.purposes, labels=frozenset(), signed_by=None)
    assert set(found) == {common, replace(common, patient=S)}


@pytest.mark.parametrize(
    "other",
    [
        replace(CONSENT, patient=P, purposes=frozenset({"operations"})),
        replace(CONSENT, patient=P, kind=ConsentKind.PART2_TPO),
        replace(CONSENT, patient=P, revoked=NOW),
        replace(CONSENT, patient=P, ends=NOW),
    ],
)
def test_what_has_nothing_in_common_permits_nothing(other: SignedConsent) -> None:
    assert not any(
        one.revoked is None and one.ends is None
        for one in rights(after(records(CONSENT, other), MERGE)).consents
    )


def test_what_was_revoked_is_told_of_as_revoked() -> None:
    revoked = replace(CONSENT, revoked=NOW)
    assert revoked in rights(after(records(revoked), MERGE)).consents


def test_more_than_can_be_put_together_permits_nothing() -> None:
    many = [
        replace(CONSENT, patient=who, begins=NOW - timedelta(days=n))
        for who in (S, P)
        for n in range(int(MOST_PERMITS**0.5) + 1)
    ]
    assert permits(after(records(*many), MERGE)) == set()
    fewer = [one for one in many if one.begins != NOW - timedelta(days=1)]
    assert permits(after(records(*fewer), MERGE)) == {"S", "P"}


def test_another_name_takes_no_permits_along_until_a_person_has_confirmed_it() -> None:
    """That nothing is held under a name does not say that it is nobody's."""
    renamed = after(records(CONSENT), Move(Tie.RENAMED, (P,), (S,)))
    assert (link(renamed).tie, permits(renamed, "P"), permits(renamed, "S")) == (
        Tie.RENAMED, set(), set(),
    )  # fmt: skip
    assert permits(confirmed(renamed, link(renamed), LATER), "P") == {"S", "P"}


# --- taking back ---------------------------------------------------------------------------------


def test_what_is_parted_leaves_each_its_own_and_both_what_was_denied_since() -> None:
    before = restricted(P, Item(ItemKind.VISIT, "V0"))
    joined = after(records(before, CONSENT), MERGE)
    since = restricted(S)
    joined = added(joined, [since], LATER, identify)
    apart = parted(joined, link(joined), LATER, identify)
    assert of(S, apart) == {since}
    assert of(P, apart) == {before, restricted(P)}
    assert permits(apart) == {"S"}
    assert parted(apart, link(apart), LATER, identify) == apart
    again = after(apart, MERGE, act=LATER)
    assert link(again).state is Verb.JOINED


def test_whoever_else_was_joined_knows_that_two_were_parted() -> None:
    joined = after(records(restricted(S)), Move(Tie.MERGED, (P,), (Q,)), MERGE)
    apart = parted(joined, link(joined), LATER, identify)
    assert of(Q, apart) == of(P, apart) == set()
    assert of(S, apart) == {restricted(S)}


def test_an_unlink_parts_what_was_linked() -> None:
    linked = after(records(restricted(P)), Move(Tie.LINKED, (S,), (P,)))
    assert {one.patient for one in rights(linked).restrictions} == {S, P}
    apart = after(linked, Move(None, (S,), (P,), parts=True), act=LATER)
    assert link(apart).state is Verb.PARTED
    assert (of(S, apart), of(P, apart)) == (set(), {restricted(P)})


def test_an_unlink_of_what_was_merged_asks_a_person() -> None:
    joined = after(records(restricted(P)), MERGE)
    undo = Move(None, (P,), (S,), parts=True)
    asked = after(joined, undo, act=LATER)
    assert link(asked).state is Verb.QUESTIONED
    assert rights(asked).undecided == rights(asked, "P").undecided == {S, P}
    assert after(asked, undo, act=LATER) == asked
    sure = confirmed(asked, link(asked), LATER)
    assert rights(sure).undecided == frozenset()
    assert rights(parted(asked, link(asked), LATER, identify)).undecided == frozenset()


# --- numbers -------------------------------------------------------------------------------------


def renumber(survivor: Patient, *priors: Patient, old: str = "V1", to: str = "V2") -> Move:
    numbers = (Item(ItemKind.VISIT, old), Item(ItemKind.VISIT, to))
    return Move(None, (survivor,), priors, renumbered=(numbers,))


def test_a_restriction_follows_its_visit_to_another_number() -> None:
    found = rights(after(records(restricted(S)), renumber(S))).restrictions
    assert set(found) == {restricted(S), restricted(S, Item(ItemKind.VISIT, "V2"))}


def test_a_restriction_follows_its_visit_to_another_owner() -> None:
    joined = after(records(restricted(P)), renumber(S, P, to="V1"))
    assert rights(joined).restrictions == (restricted(S),)
    assert rights(joined).persons == ()


@pytest.mark.parametrize("sensitive", [False, True])
def test_what_is_denied_after_the_event_is_of_both_numbers(sensitive: bool) -> None:
    def denial(patient: Patient, number: str) -> Restriction | Sensitivity:
        item = Item(ItemKind.VISIT, number)
        return Sensitivity(patient, item, "hiv") if sensitive else restricted(patient, item)

    def known(found: Records, who: Patient) -> set[Restriction | Sensitivity]:
        held = rights(found, who.id)
        return {*held.restrictions, *held.sensitivities}

    moves = (renumber(S), renumber(S, P, old="V2", to="V2"))  # P's V2 was S's V1
    later = after(records(), *moves)
    both = {denial(S, "V1"), denial(S, "V2")}
    for number, owner in (("V1", S), ("V2", S), ("V2", P)):
        found = added(later, [denial(owner, number)], LATER, identify)
        assert known(found, S) == both
        assert known(found, P) == {denial(P, "V2")}
    unconcerned = added(later, [denial(S, "V3")], LATER, identify)
    assert known(unconcerned, S) == {denial(S, "V3")}
    assert known(unconcerned, P) == set()


def test_what_stands_under_the_new_number_is_of_the_old_one_which_waits() -> None:
    new = restricted(S, Item(ItemKind.VISIT, "V2"))
    assert set(rights(after(records(new), renumber(S))).restrictions) == {new, restricted(S)}


def test_of_a_dummy_s_numbers_the_last_are_kept() -> None:
    moves = [renumber(S, P, old=f"V{n}", to=f"V{n}") for n in range(MOST_ALIASES + 9)]
    held = after(records(), *moves)["P"]
    assert len(held.aliases) == MOST_ALIASES
    assert held.aliases[-1].old.number == f"V{MOST_ALIASES + 8}"
    assert after({"S": Held(), "P": held}, *moves[-9:])["P"].aliases == held.aliases


def test_what_is_denied_follows_a_long_chain_of_numbers_and_is_said_once_of_each() -> None:
    held = records(restricted(S))
    for n in range(1, MOST_ALIASES):
        held = after(held, renumber(S, old=f"V{n}", to=f"V{n + 1}"))
    assert [len(entry.history) for entry in held["S"].entries] == [1] * MOST_ALIASES
    assert after(held, renumber(S)) == held


def test_coverage_follows_a_visit_but_not_to_another_owner() -> None:
    cover = Cover(S, "acme", Level.VISIT, "V1")
    assert set(rights(after(records(cover), renumber(S))).entered) == {
        CoverageKey(Level.VISIT, "S", "H", number) for number in ("V1", "V2")
    }
    assert rights(after(records(cover), renumber(P, S)), "P").entered == {}


# --- coverage ------------------------------------------------------------------------------------


def test_coverage_that_people_entered_is_found_by_each_identifier() -> None:
    own, other = Cover(S, "acme", settles=True), Cover(P, "beta", since=date(2026, 1, 1))
    found = rights(after(records(own, other, Cover(Patient("P"), "gamma")), MERGE)).entered
    snapshots = (
        Coverages((CoverageRow("acme"),), settled=((None, None),)),
        Coverages((CoverageRow("beta", date(2026, 1, 1)),)),
    )
    for id_ in ("S", "P"):
        assert set(found[CoverageKey(Level.PATIENT, id_, "H")]) == set(snapshots)


# --- for the record ------------------------------------------------------------------------------


def test_what_is_denied_anew_is_in_force_again_whoever_says_it() -> None:
    held = Held().added("x", restricted(S), MESSAGE).ended("x", PERSON)
    for act in (MESSAGE, PERSON):
        (entry,) = held.added("x", restricted(S), act).entries
        assert (entry.is_over, [verb for verb, _ in entry.history]) == (
            False, [Verb.ADDED, Verb.LIFTED, Verb.ADDED],
        )  # fmt: skip


def test_a_message_never_brings_back_what_permits() -> None:
    cover = Cover(S, "acme", Level.VISIT, "V1")
    held = Held().added("x", cover, PERSON).ended("x", PERSON)
    assert held.added("x", cover, MESSAGE) is held
    assert held.added("x", cover, PERSON) is not held


def test_what_was_done_is_told_in_order() -> None:
    before = records()["S"]
    joined = after(records(restricted(S)), MERGE)
    assert done_between(before, joined["S"]) == [
        (identify(restricted(S)), Verb.ADDED),
        ("m-PS", Verb.JOINED),
    ]
