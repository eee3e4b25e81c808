"""The privacy registry in a store: history, idempotence, and that nothing is lost or leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from engine.errors import EngineError
from engine.intake.recorded import entry_id, link_id, patient_name, seal_held, unseal_held
from engine.intake.registered import UNAVAILABLE, Registered, known_of
from engine.privacy.acts import Act, RegistryError, Verb
from engine.privacy.facts import (
    ConsentKind,
    Cover,
    Item,
    ItemKind,
    Level,
    Relation,
    Restriction,
    RestrictionReason,
    Sensitivity,
    SignedConsent,
)
from engine.privacy.held import Held
from engine.privacy.joining import moved
from engine.privacy.links import Tie
from engine.privacy.moves import Move
from engine.privacy.patients import Patient
from engine.privacy.standing import Standing
from engine.registering import StoredRegistry
from engine.store.memory import MemoryStore, Outage
from engine.store.port import (
    Changed,
    Claim,
    Claimed,
    Enter,
    Footing,
    News,
    Operation,
    ReadLedger,
    Recall,
    Result,
    StoreUnavailable,
)
from tests.support.key_ring import any_sealer
from tests.support.store_samples import LEASE_MS, advance, do, message, opened

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACT = Act("ann", NOW, "on paper", "0" * 64)
LATER = Act("bob", NOW + timedelta(days=1), "by letter")
PERSON = Patient("PATID1234", "GOOD HEALTH")
CONSENT = SignedConsent(
    PERSON, ConsentKind.AUTHORIZATION, frozenset({"payment"}), frozenset({"acme"}),
    frozenset({"hiv"}), NOW - timedelta(days=9), NOW + timedelta(days=9), None, Relation.GUARDIAN,
)  # fmt: skip
RESTRICTION = Restriction(
    PERSON, frozenset({Item(ItemKind.VISIT, "VISIT-7001"), Item(ItemKind.ORDER, "7", "LAB")}), None,
    RestrictionReason.SELF_PAY_IN_FULL, date(2026, 1, 1), date(2026, 2, 1),
)  # fmt: skip
LABEL = Sensitivity(PERSON, Item(ItemKind.VISIT, "VISIT-7001"), "hiv")
SEALER = any_sealer()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def registry(store: MemoryStore) -> StoredRegistry:
    return StoredRegistry(store, SEALER, ("acme",))


def test_what_is_entered_is_held_as_it_was_said(registry: StoredRegistry) -> None:
    registry.add(CONSENT, ACT)
    registry.add(RESTRICTION, LATER)
    held = registry.held("PATID1234")
    assert [entry.fact for entry in held.entries] == [CONSENT, RESTRICTION]
    assert [entry.history for entry in held.entries] == [
        ((Verb.ADDED, ACT),),
        ((Verb.ADDED, LATER),),
    ]
    assert registry.held("another") == Held()


def test_sealing_and_opening_give_back_everything() -> None:
    bare = SignedConsent(Patient("1"), ConsentKind.REFUSAL)
    held = Held().added("c-1", CONSENT, ACT).added("c-2", bare, ACT).added("r", RESTRICTION, ACT)
    held = held.ended("c-2", LATER).ended("r", LATER).added("l", LABEL, ACT)
    name = patient_name(SEALER, "1")
    assert unseal_held(SEALER, name, seal_held(SEALER, name, held)) == held
    with pytest.raises(EngineError):
        unseal_held(SEALER, patient_name(SEALER, "2"), seal_held(SEALER, name, held))


def test_the_same_twice_is_one_entry(registry: StoredRegistry) -> None:
    first, again = registry.add(CONSENT, ACT), registry.add(CONSENT, LATER)
    assert (first.version, again.version) == (1, 0)
    assert first.entry == again.entry
    assert registry.add(RESTRICTION, ACT).entry != first.entry
    many = registry.add_all([CONSENT, RESTRICTION, replace(CONSENT, labels=frozenset())], ACT)
    assert [change.version for change in many] == [0, 0, 3]


def test_a_revoked_consent_stays_and_is_not_signed_again_by_chance(
    registry: StoredRegistry,
) -> None:
    id_ = registry.add(CONSENT, ACT).entry
    assert registry.end("PATID1234", id_, LATER).version == 2
    assert registry.end("PATID1234", id_, LATER).version == 0
    assert registry.add(CONSENT, LATER).version == 0
    (entry,) = registry.held("PATID1234").entries
    assert entry.fact == replace(CONSENT, revoked=LATER.at)
    assert [verb for verb, _ in entry.history] == [Verb.ADDED, Verb.REVOKED]


def test_a_consent_that_is_entered_as_revoked_revokes(registry: StoredRegistry) -> None:
    registry.add(CONSENT, ACT)
    assert registry.add(replace(CONSENT, revoked=NOW), LATER).version == 2
    (entry,) = registry.held("PATID1234").entries
    assert entry.fact == replace(CONSENT, revoked=NOW)


def test_a_lifted_restriction_stays_and_may_come_again(registry: StoredRegistry) -> None:
    id_ = registry.add(RESTRICTION, ACT).entry
    registry.end("PATID1234", id_, LATER)
    (entry,) = registry.held("PATID1234").entries
    assert entry.is_over
    registry.add(RESTRICTION, LATER)
    (entry,) = registry.held("PATID1234").entries
    assert not entry.is_over
    assert len(entry.history) == 3


def test_what_is_not_there_cannot_be_ended(registry: StoredRegistry) -> None:
    with pytest.raises(RegistryError, match="no entry"):
        registry.end("PATID1234", "c-none", ACT)


def test_no_record_and_no_name_tells_whom_it_is_about(
    registry: StoredRegistry, store: MemoryStore
) -> None:
    registry.add(RESTRICTION, ACT)
    told = repr(store.execute([ReadLedger(), News(0)]))
    for said in ("PATID1234", "GOOD HEALTH", "VISIT-7001", "self-pay"):
        assert said not in told


def test_many_are_entered_page_by_page_and_counted_beforehand(registry: StoredRegistry) -> None:
    facts = [replace(RESTRICTION, patient=Patient(str(n // 2), f"GH{n % 2}")) for n in range(900)]
    assert registry.would_add(facts[:1], ACT) == 1
    assert list(registry.everyone()) == []
    changes = registry.add_all(facts, ACT)
    assert sum(change.version > 0 for change in changes) == 900
    assert len(list(registry.everyone())) == 450
    assert registry.would_add(facts, ACT) == 0


class FailingStore(MemoryStore):
    """Takes `good` changes; the step that comes after goes as `how` says."""

    def __init__(self, good: int, how: Outage, *, for_ever: bool) -> None:
        super().__init__()
        self.good, self.how, self.for_ever = good, how, for_ever

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        if any(isinstance(one, Enter) for one in batch):
            self.good -= len(batch)
            self.outage = self.how if self.good < 0 else None
        elif not self.for_ever:
            self.outage = None
        return super().execute(batch)


@pytest.mark.parametrize(
    ("how", "for_ever", "said"),
    [
        (Outage.REFUSES, False, "Of 900 entries 400 are there, and 500 are not."),
        (Outage.STOPS_HALFWAY, False, "Of 900 entries 500 are there, and 400 are not."),
        (
            Outage.REFUSES,
            True,
            "the first 400 are entered, of the next 200 it is not known, and the other 300 are not",
        ),
    ],
)
def test_of_many_that_stop_midway_it_is_said_how_many_are_there(
    how: Outage, said: str, *, for_ever: bool
) -> None:
    """And to give them again enters the rest."""
    facts = [replace(RESTRICTION, patient=Patient(str(n), "GH")) for n in range(900)]
    store = FailingStore(400, how, for_ever=for_ever)
    registry = StoredRegistry(store, SEALER, ("acme",), sleep=lambda _: None)
    with pytest.raises(StoreUnavailable) as caught:
        registry.add_all(facts, ACT)
    assert said in caught.value.what
    assert "nothing is entered twice" in caught.value.what
    store.good, store.outage = 10**6, None
    registry.add_all(facts, ACT)
    assert len(list(registry.everyone())) == 900
    assert registry.would_add(facts, ACT) == 0


def test_of_one_that_was_refused_it_is_said_that_nothing_was_entered() -> None:
    store = FailingStore(0, Outage.REFUSES, for_ever=False)
    registry = StoredRegistry(store, SEALER, (), sleep=lambda _: None)
    with pytest.raises(StoreUnavailable, match="Nothing was entered"):
        registry.add(RESTRICTION, ACT)
    assert list(registry.everyone()) == []


def test_of_a_step_without_an_answer_it_is_said_that_nobody_knows() -> None:
    store = FailingStore(10, Outage.LOSES_THE_ANSWER, for_ever=False)
    registry = StoredRegistry(store, SEALER, (), sleep=lambda _: None)
    entry = registry.add(RESTRICTION, ACT).entry
    store.good = 0
    with pytest.raises(StoreUnavailable, match="not known whether the change was made"):
        registry.end("PATID1234", entry, LATER)


def test_a_projection_learns_the_news(registry: StoredRegistry, store: MemoryStore) -> None:
    registered = Registered(SEALER)
    registry.add(CONSENT, ACT)
    assert not registered.learned(cast("Changed", store.execute([registered.news()])[0]))
    name = patient_name(SEALER, "PATID1234")
    assert registered.concerns((name,))
    assert not registered.concerns((patient_name(SEALER, "X"),))
    answers = store.execute([Recall((), (name,))])[0]
    known = registered.known((name,), answers, NOW)  # type: ignore[arg-type]
    assert known.rights.consents == (CONSENT,)
    ends = CONSENT.ends
    assert ends is not None
    assert known.footing == (1, (name,), int(ends.timestamp() * 1000))


def test_what_should_be_there_and_is_not_is_no_answer(registry: StoredRegistry) -> None:
    registry.add(CONSENT, ACT)
    name = patient_name(SEALER, "PATID1234")
    registered = Registered(SEALER)
    registered.learned(Changed(((name, 1),), 1))
    for answer in (None, b"", b"1 garbage", b"x"):
        assert registered.known((name,), (answer,), NOW) == UNAVAILABLE
    assert known_of(SEALER, (name,), (b"",), NOW) == UNAVAILABLE


def test_a_store_that_has_forgotten_is_believed_no_more_until_it_has_caught_up() -> None:
    ann, bob, other = b"a" * 16, b"b" * 16, b"c" * 16
    registered = Registered(SEALER)

    def is_believed() -> bool:
        return registered.known((other,), (None,), NOW) != UNAVAILABLE

    registered.learned(Changed(((ann, 7),), 7))
    assert is_believed()
    assert registered.learned(Changed((), 2))  # read it from its beginning
    assert not is_believed()
    assert not registered.learned(Changed(((bob, 2),), 2))
    assert not is_believed()
    assert registered.concerns((other,))
    assert not registered.learned(Changed(((bob, 8),), 8))
    assert is_believed()
    assert registered.concerns((bob,))
    assert not registered.concerns((other,))


def test_who_reads_again_when_others_were_there(store: MemoryStore) -> None:
    class Raced(MemoryStore):
        """Another command is quicker, once."""

        raced = False

        def execute(self, batch):  # type: ignore[no-untyped-def]
            if not self.raced and isinstance(batch[0], Enter):
                self.raced = True
                StoredRegistry(self, SEALER, ()).add(RESTRICTION, LATER)
            return super().execute(batch)

    registry = StoredRegistry(Raced(), SEALER, ())
    assert registry.add(CONSENT, ACT).version == 2
    assert len(registry.held("PATID1234").entries) == 2


OTHER = Patient("PATID9", "GOOD HEALTH")
LINK_ID = link_id(SEALER, (OTHER, PERSON))


def joined(store: MemoryStore, registry: StoredRegistry) -> None:
    """A message has merged `OTHER` into `PERSON`."""
    said(store, registry, Move(Tie.MERGED, (PERSON,), (OTHER,)))


def said(store: MemoryStore, registry: StoredRegistry, move: Move) -> None:
    """A message has said so of `PERSON` and `OTHER`."""
    before = {one.id: registry.held(one.id) for one in (PERSON, OTHER)}
    after = moved(
        before, [move], ACT, lambda fact: entry_id(SEALER, fact), lambda who: link_id(SEALER, who)
    )
    for id_, held in after.items():
        name = patient_name(SEALER, id_)
        version = cast("bytes | None", store.execute([Recall((), (name,))])[0][0])  # type: ignore[index]
        expects = 0 if version is None else int(version.split(b" ")[0])
        store.execute(
            [
                Enter(
                    name,
                    expects,
                    seal_held(SEALER, name, held),
                    b'{"of":"%b"}' % name.hex().encode(),
                )
            ]
        )


def test_links_and_coverage_are_kept_as_they_were_said(
    store: MemoryStore, registry: StoredRegistry
) -> None:
    cover = Cover(PERSON, "acme", Level.ACCOUNT, "A1", date(2026, 1, 1), None, settles=True)
    registry.add(cover, ACT)
    joined(store, registry)
    held = registry.held(OTHER.id)
    assert [entry.fact for entry in held.entries] == [cover]
    (link,) = held.links
    assert (link.id, link.members, link.history) == (
        LINK_ID, (PERSON, OTHER), ((Verb.JOINED, ACT),),
    )  # fmt: skip


def test_what_is_entered_of_one_stands_under_both_when_it_returns(
    store: MemoryStore, registry: StoredRegistry
) -> None:
    joined(store, registry)
    change = registry.add(RESTRICTION, ACT)
    assert change.version
    assert registry.held(OTHER.id).entries == registry.held(PERSON.id).entries != ()
    assert registry.end(OTHER.id, change.entry, LATER).version
    assert registry.held(PERSON.id).entries[0].is_over
    assert registry.end(PERSON.id, change.entry, LATER).version == 0


VISIT_7, VISIT_8 = (Item(ItemKind.VISIT, number) for number in ("V7", "V8"))
ASKED = Restriction(PERSON, frozenset({VISIT_7}), state=Standing.REQUESTED)


@pytest.mark.parametrize("before", [(), (OTHER,)], ids=["renumbered", "moved"])
@pytest.mark.parametrize("asked_first", [True, False])
def test_what_is_agreed_to_holds_under_all_numbers_of_the_visit(
    store: MemoryStore, registry: StoredRegistry, before: tuple[Patient, ...], asked_first: bool
) -> None:
    move = Move(None, (PERSON,), before, renumbered=((VISIT_7, VISIT_8),))
    entry = registry.add(ASKED, ACT).entry if asked_first else ""
    said(store, registry, move)
    entry = entry or registry.add(ASKED, ACT).entry
    assert registry.step(PERSON.id, entry, Verb.CONFIRMED, LATER).version
    held = registry.held(PERSON.id).entries
    found = [one.stated for one in held if isinstance(one.stated, Restriction)]
    assert {(one.items, one.standing) for one in found} == {
        (frozenset({visit}), Standing.AGREED) for visit in (VISIT_7, VISIT_8)
    }
    assert registry.step(PERSON.id, entry, Verb.CONFIRMED, LATER).version == 0


def on_its_way(store: MemoryStore, receipt: str, patient: bytes) -> None:
    """A copy about a patient is being sent."""
    version = cast("Changed", do(store, News(0))).newest
    do(store, replace(message(receipt, "acme"), footing=Footing(version, (patient,), 0)))
    claimed = cast("Claimed", do(store, Claim("acme", "engine-1", LEASE_MS, takeover=True)))
    opened(do(store, advance("acme", claimed.fence, 1)))


def test_copies_of_former_owners_that_are_on_their_way_are_told_of(
    store: MemoryStore, registry: StoredRegistry
) -> None:
    """What is denied of a moved visit is denied of whose it was: of their copies it is told."""
    said(store, registry, Move(None, (PERSON,), (OTHER,), renumbered=((VISIT_7, VISIT_8),)))
    theirs = patient_name(SEALER, OTHER.id)
    on_its_way(store, "r1", theirs)
    change = registry.add(replace(ASKED, items=frozenset({VISIT_8}), state=None), LATER)
    ((channel, _, receipt, _),) = change.open_attempts
    assert (channel, receipt) == ("acme", "r1")


def test_a_person_confirms_or_parts_once(store: MemoryStore, registry: StoredRegistry) -> None:
    joined(store, registry)
    assert registry.confirm(OTHER.id, LINK_ID, LATER).version
    assert registry.confirm(PERSON.id, LINK_ID, LATER).version == 0
    assert registry.part(PERSON.id, LINK_ID, LATER).version
    assert registry.part(OTHER.id, LINK_ID, LATER).version == 0
    for id_ in (PERSON.id, OTHER.id):
        (link,) = registry.held(id_).links
        assert [verb for verb, _ in link.history] == [Verb.JOINED, Verb.CONFIRMED, Verb.PARTED]
    with pytest.raises(RegistryError, match="no link"):
        registry.part(PERSON.id, "m-nothing", LATER)


def test_the_same_fact_twice_in_one_step_is_new_once(registry: StoredRegistry) -> None:
    assert registry.would_add([RESTRICTION, RESTRICTION], ACT) == 1
    changes = registry.add_all([RESTRICTION, RESTRICTION], ACT)
    assert [change.version > 0 for change in changes] == [True, False]


def test_a_doubted_registry_is_believed_no_more_and_read_anew_once_it_is_settled() -> None:
    ann, bob, other = b"a" * 16, b"b" * 16, b"c" * 16
    registered = Registered(SEALER)
    registered.learned(Changed(((ann, 7),), 7))
    assert not registered.learned(Changed((), 0, b"why"))
    assert registered.is_contradictory
    assert registered.known((other,), (None,), NOW) == UNAVAILABLE
    assert registered.news() == News(7), "nothing is read again and again meanwhile"
    assert registered.learned(Changed((), 2))
    assert registered.news() == News(0)
    assert not registered.learned(Changed(((bob, 2),), 2))
    assert registered.concerns((bob,))
    assert not registered.concerns((ann,)), "of what is lost nobody waits for ever"
    assert registered.version == 2
