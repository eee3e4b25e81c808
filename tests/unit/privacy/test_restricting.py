"""LAW-09: the states of a restriction, and the steps from its request to its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from engine.intake.recorded import entry_id
from engine.privacy.acts import Act, RegistryError, Verb
from engine.privacy.duties import Duty, open_duties
from engine.privacy.entries import Entry
from engine.privacy.facts import Item, ItemKind, Restriction, RestrictionReason
from engine.privacy.held import Held
from engine.privacy.joining import added, moved, parted
from engine.privacy.links import Tie
from engine.privacy.moves import Move
from engine.privacy.patients import Patient
from engine.privacy.persons import Rights, rights_of
from engine.privacy.restricting import StepError
from engine.privacy.standing import Standing
from tests.support.key_ring import any_sealer

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, MESSAGE = Act("ann", NOW, "asked"), Act("message:1", NOW)
P = Patient("P", "H")
VISIT = frozenset({Item(ItemKind.VISIT, "V1")})
PAID = Restriction(P, VISIT, reason=RestrictionReason.SELF_PAY_IN_FULL)
ASKED = Restriction(P, VISIT)
STEPS = {
    Verb.CONFIRMED: "confirm",
    Verb.DECLINED: "decline",
    Verb.VOIDED: "void",
    Verb.TERMINATED: "terminate",
    Verb.LIFTED: "lift",
}

#: From (reason, standing) by a step to a standing; what is not here is refused.
MOVES = {
    ("asked", "requested", Verb.CONFIRMED): "agreed",
    ("asked", "requested", Verb.DECLINED): "declined",
    ("asked", "requested", Verb.LIFTED): "terminated_by_patient",
    ("asked", "agreed", Verb.CONFIRMED): "agreed",
    ("asked", "agreed", Verb.TERMINATED): "terminated_by_hospital",
    ("asked", "agreed", Verb.LIFTED): "terminated_by_patient",
    ("asked", "declined", Verb.DECLINED): "declined",
    ("asked", "terminated_by_hospital", Verb.TERMINATED): "terminated_by_hospital",
    ("asked", "terminated_by_hospital", Verb.LIFTED): "terminated_by_patient",
    ("paid", "requested", Verb.CONFIRMED): "mandatory",
    ("paid", "requested", Verb.VOIDED): "void_payment_failed",
    ("paid", "requested", Verb.LIFTED): "terminated_by_patient",
    ("paid", "pending_payment", Verb.CONFIRMED): "mandatory",
    ("paid", "pending_payment", Verb.VOIDED): "void_payment_failed",
    ("paid", "pending_payment", Verb.LIFTED): "terminated_by_patient",
    ("paid", "mandatory", Verb.CONFIRMED): "mandatory",
    ("paid", "mandatory", Verb.VOIDED): "void_payment_failed",
    ("paid", "mandatory", Verb.LIFTED): "terminated_by_patient",
    ("paid", "void_payment_failed", Verb.VOIDED): "void_payment_failed",
}

#: How each standing is reached: the state that it is entered with, and the steps.
WAYS: dict[tuple[str, str], tuple[Standing | None, tuple[Verb, ...]]] = {
    ("asked", "requested"): (Standing.REQUESTED, ()),
    ("asked", "agreed"): (None, ()),
    ("asked", "declined"): (Standing.REQUESTED, (Verb.DECLINED,)),
    ("asked", "terminated_by_hospital"): (None, (Verb.TERMINATED,)),
    ("paid", "requested"): (Standing.REQUESTED, ()),
    ("paid", "pending_payment"): (Standing.PENDING_PAYMENT, ()),
    ("paid", "mandatory"): (None, ()),
    ("paid", "void_payment_failed"): (None, (Verb.VOIDED,)),
}
FACTS = {"asked": ASKED, "paid": PAID}


def step(held: Held, verb: Verb, act: Act = ANN) -> Held:
    return held.ended("r", act) if verb is Verb.LIFTED else held.stepped("r", verb, act)


def at(reason: str, standing: str) -> Held:
    state, steps = WAYS[reason, standing]
    held = Held().added("r", replace(FACTS[reason], state=state), ANN)
    for verb in steps:
        held = step(held, verb)
    assert entry(held).standing is Standing(standing)
    return held


def entry(held: Held) -> Entry:
    (found,) = held.entries
    return found


def rights(held: Held) -> Rights:
    return rights_of([held], NOW)


@pytest.mark.parametrize("verb", STEPS, ids=STEPS.values())
@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_only_the_steps_of_the_table_are_taken(way: tuple[str, str], verb: Verb) -> None:
    held = at(*way)
    leads = MOVES.get((*way, verb))
    if leads is None and verb is Verb.LIFTED:
        assert step(held, verb) is held  # it was over before
    elif leads is None:
        with pytest.raises(StepError) as refused:
            step(held, verb)
        mandatory = way[0] == "paid" and verb in {Verb.DECLINED, Verb.TERMINATED}
        assert refused.value.code == (
            "restriction-mandatory" if mandatory else "restriction-standing"
        )
    else:
        after = step(held, verb)
        assert entry(after).standing is Standing(leads)
        if leads == way[1]:
            assert after is held
        else:
            assert entry(after).history[-1] == (verb, ANN)


def test_what_decisions_use_of_each() -> None:
    def used(reason: str, standing: str) -> list[tuple[str, date | None]]:
        found = rights(at(reason, standing)).restrictions
        return [(one.standing.value, one.until) for one in found]

    assert used("asked", "agreed") == [("agreed", None)]
    assert used("paid", "mandatory") == [("mandatory", None)]
    assert used("paid", "pending_payment") == [("pending_payment", None)]
    assert used("asked", "requested") == [("requested", None)]
    assert used("asked", "declined") == used("paid", "void_payment_failed") == []
    # 164.522(a)(2)(iii): only what is created after the patient knew is free.
    assert used("asked", "terminated_by_hospital") == [("agreed", date(2026, 3, 2))]
    short = Held().added("r", replace(ASKED, until=date(2026, 1, 1)), ANN)
    (one,) = rights(step(short, Verb.TERMINATED)).restrictions
    assert one.until == date(2026, 1, 1)


def test_a_message_says_anew_what_people_ended_but_not_what_they_have_to_decide() -> None:
    for way in WAYS:
        held = at(*way)
        is_people_s = way[1] not in {"requested", "agreed", "mandatory"}
        assert (FACTS[way[0]] in rights(held).lifted) is is_people_s, way
        again = held.added("r", FACTS[way[0]], MESSAGE)
        assert (again is held) is (way[1] in {"agreed", "mandatory", "pending_payment"}), way


def test_entering_it_again_never_weakens_it() -> None:
    for way in WAYS:
        held, fact = at(*way), FACTS[way[0]]
        in_force = held.added("r", fact, ANN)
        assert entry(in_force).fact == fact
        assert entry(in_force).standing in {Standing.AGREED, Standing.MANDATORY}
        assert in_force.added("r", replace(fact, state=Standing.REQUESTED), ANN) is in_force
    waiting = at("paid", "requested").added("r", replace(PAID, state=Standing.PENDING_PAYMENT), ANN)
    assert entry(waiting).standing is Standing.PENDING_PAYMENT
    assert waiting.added("r", replace(PAID, state=Standing.REQUESTED), ANN) is waiting
    failed = at("paid", "void_payment_failed")
    again = failed.added("r", replace(PAID, state=Standing.PENDING_PAYMENT), ANN)
    assert entry(again).standing is Standing.PENDING_PAYMENT
    assert not entry(again).is_over


def test_an_entry_is_known_by_what_it_restricts_and_not_by_where_it_stands() -> None:
    sealer = any_sealer()
    requested = replace(PAID, state=Standing.REQUESTED)
    assert entry_id(sealer, requested) == entry_id(sealer, PAID)


def test_steps_are_of_restrictions_that_are_there() -> None:
    with pytest.raises(RegistryError):
        Held().stepped("r", Verb.CONFIRMED, ANN)


def test_what_is_joined_and_parted_stands_as_it_stood() -> None:
    records = {"P": at("paid", "pending_payment"), "S": Held()}
    merged = moved(records, [Move(Tie.MERGED, (Patient("S", "H"),), (P,))], MESSAGE, repr,
                   lambda _: "m")  # fmt: skip
    found = rights_of([merged["S"]], NOW).restrictions
    assert {one.standing for one in found} == {Standing.PENDING_PAYMENT}
    assert {one.patient.id for one in found} == {"P", "S"}
    later = Act("ann", NOW + timedelta(days=1))
    asked = added(merged, [replace(ASKED, state=Standing.REQUESTED)], later, repr)
    apart = parted(asked, merged["S"].links[0], later, repr)
    stood = {one.standing for one in rights_of([apart["S"]], NOW).restrictions}
    assert Standing.AGREED not in stood
    assert Standing.MANDATORY not in stood


def test_a_renumbered_visit_stands_as_it_stood() -> None:
    records = {"P": at("paid", "pending_payment")}
    old, new = Item(ItemKind.VISIT, "V1"), Item(ItemKind.VISIT, "V2")
    after = moved(
        records, [Move(None, (P,), (), renumbered=((old, new),))], MESSAGE, repr, lambda _: "m"
    )
    found = rights_of([after["P"]], NOW).restrictions
    assert {(next(iter(one.items)).number, one.standing) for one in found} == {
        ("V1", Standing.PENDING_PAYMENT),
        ("V2", Standing.PENDING_PAYMENT),
    }


def test_saying_it_again_adds_nothing_to_the_history() -> None:
    for way in WAYS:
        fact, standing = FACTS[way[0]], Standing(way[1])
        if standing in {Standing.REQUESTED, Standing.PENDING_PAYMENT}:
            for act in (ANN, MESSAGE):
                held = at(*way)
                assert held.added("r", replace(fact, state=standing), act) is held, way


def test_what_is_open_is_somebody_s_duty() -> None:
    assert list(open_duties(entry(at("asked", "requested")))) == [Duty.ANSWER_REQUEST]
    for waits in ("requested", "pending_payment"):
        assert list(open_duties(entry(at("paid", waits)))) == [Duty.CONFIRM_PAYMENT]
    assert list(open_duties(entry(at("paid", "mandatory")))) == []
