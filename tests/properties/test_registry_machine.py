"""The privacy registry against the engine: whatever comes in between, nothing denied is sent.

A worker (intake, projection, lane, last look, releases) over a store in memory, one payer behind
it, and commands beside it. The model is the plainest there is: for each patient what holds now, and
who is joined with whom: a denial of one is one of all, a permit takes one of each record; and who
asked not to be reached at home. A copy about such a patient goes all the same, without the address.
Never is a byte sent that the model denies at that instant, but of attempts that the denying command
listed; and what was never denied while it waited arrives in the end.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred

from engine.commit import GroupCommit
from engine.config.load import load_site
from engine.delivery.answers import Outcome
from engine.delivery.courier import Courier
from engine.delivery.lane import Lane
from engine.delivery.schedule import Schedule
from engine.intake.admission import Admission, Gate
from engine.intake.receipts import Receipts, received_at
from engine.intake.receive import Intake
from engine.intake.recorded import entry_id, link_id
from engine.intake.registered import Registered
from engine.intake.sealed import about_copy
from engine.logs import Log
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.privacy.acts import Act, Verb
from engine.privacy.confidential import Address, Confidential
from engine.privacy.facts import (
    ConsentKind,
    Item,
    ItemKind,
    Restriction,
    RestrictionReason,
    SignedConsent,
)
from engine.privacy.patients import Patient
from engine.privacy.sorts import Fact
from engine.privacy.standing import Standing
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Redecision
from engine.redecision.releases import Releases
from engine.registering import StoredRegistry
from engine.store.memory import MemoryStore
from engine.store.port import Accept, Changed, Survey, Waiting
from tests.support.delivery_rig import BenchClock, ScriptedInsurer, Told, at_once, control_id_in
from tests.support.key_ring import any_sealer

CONFIG = "engine: {name: machine, environment: production}\n"
CHANNEL = """\
channel: acme
name: Acme
kind: payer
identified_by: [{IN1-3.1: ACME}]
agreement: {reference: A-1, expires: 2099-12-31}
purposes: [payment]
ceiling: {messages: [ADT], segments: {EVN: all, PID: all, PV1: all, MRG: all}}
deliver: {to: "tcp:127.0.0.1:9", insecure: true}
"""
RULES = """\
channels: [acme]
purpose: payment
basis: law
consent: %s
rules:
  - name: all
    why: all
    when: {message: [ADT^A01, ADT^A40]}
    disclose: {EVN: all, PID: all, PV1: all, MRG: all}
"""

SEALER = any_sealer()

#: Where every patient lives, and where some want to be written to.
HOME, ELSEWHERE = b"12 Oak St", Address("9 Quiet Ln")
PATIENTS = ("P1", "P2", "P-3")
VISITS = ("V1", "V2", "")

#: Who may be joined, and under which id.
PAIRS = tuple(itertools.combinations(PATIENTS, 2))
LINK_IDS = {pair: link_id(SEALER, [Patient(one, "GH") for one in pair]) for pair in PAIRS}

patients = st.sampled_from(PATIENTS)
visits = st.sampled_from(VISITS)


@dataclass
class Sent:
    """A message as the model sees it."""

    control_id: str
    patient: str
    merged: str
    visit: str
    receipt: str = ""
    allowed: bool = True  # at every instant since it came
    waits: bool = False  # as a copy, for the payer


@dataclass
class Rights:
    """What holds of one patient."""

    consent: str = ""
    ends: datetime | None = None
    restrictions: dict[str, set[str]] = field(default_factory=dict)  # visit or "" → entries
    confidential: set[str] = field(default_factory=set)  # entries
    unpaid: dict[str, set[str]] = field(default_factory=dict)  # visit or "" → entries


@dataclass
class Joined:
    """Two patients' records."""

    state: str  # joined, confirmed or parted
    since: datetime


class Payer(ScriptedInsurer):
    """Tells the model of each byte."""

    def __init__(self, sent: Callable[[bytes], None]) -> None:
        super().__init__()
        self._sent = sent

    def send(self, payload: bytes, may_send: Callable[[], bool] | None = None) -> Deferred[Outcome]:
        before = len(self.offered)
        outcome = super().send(payload, may_send)
        if len(self.offered) > before and (self.usual != "refused" or self.script):
            self._sent(payload)
        return outcome


class Worker:
    """One life of a worker process."""

    def __init__(
        self, machine: RegistryMachine, holder: str, store: MemoryStore, clock: BenchClock
    ) -> None:
        self.machine = machine
        compiled = machine.compiled
        log = Log(io.StringIO(), clock)
        self.registered = Registered(SEALER)
        self.commit = GroupCommit(store, at_once, clock, Told())
        self.intake = Intake(
            compiled=compiled,
            gates={"adt": Gate(Admission(), "production")},
            answer_while_down=frozenset(),
            commit=self.commit,
            sealing=SEALER,
            registered=self.registered,
            receipts=machine.receipts,
            clock=clock,
            log=log,
            committed=self._committed,
            released=self._look_for_releases,
        )
        redecision = Redecision(compiled, SEALER)

        def unseal(opened: Any) -> bytes:
            return SEALER.open(opened.sealed, about_copy(opened.receipt, "acme", opened.part))

        lane = Lane("acme", holder, Schedule(), clock=clock, uniform=lambda: 0.5)
        look = LastLook("acme", redecision, self.commit, unseal, clock.now)
        self.told = Told()
        self.courier = Courier(
            lane, self.commit, machine.payer, look, timer=clock, clock=clock, observer=self.told
        )
        self.releases = Releases(
            self.commit, redecision, ("acme",), clock=clock, log=log, queued=self._queued
        )
        self.registered.learned(cast("Changed", store.execute([self.registered.news()])[0]))
        self.courier.start(takeover=True)

    def _committed(self, accept: Accept) -> None:
        control_id = json.loads(accept.record)["control_id"]
        self.machine.committed(self.machine.messages[control_id], accept.receipt)
        if accept.copies:
            self.courier.wake()

    def _look_for_releases(self) -> None:
        self.releases.wake()

    def _queued(self, _: str) -> None:
        self.courier.wake()

    def beat(self) -> None:
        """What the worker does now and then."""
        asked = self.commit.submit(self.registered.news())
        asked.addCallback(lambda changed: self.registered.learned(cast("Changed", changed)))
        self.releases.wake()


def _paid(patient: Patient, visit: str) -> Restriction:
    item = Item(ItemKind.VISIT, visit) if visit else Item(ItemKind.EVERYTHING)
    return Restriction(patient, frozenset({item}), reason=RestrictionReason.SELF_PAY_IN_FULL)


@dataclass(frozen=True)
class Connection:
    listener: str
    number: int


class RegistryMachine(RuleBasedStateMachine):
    """Messages, consents, restrictions, time, crashes; a payer who works or does not."""

    needs_consent: bool

    def __init__(self, policies: dict[bool, CompiledPolicy]) -> None:
        super().__init__()
        self.policies = policies
        self.clock = BenchClock()
        self.store = MemoryStore(self.clock)
        self.registry = StoredRegistry(self.store, SEALER, ("acme",))
        numbers = itertools.count(1)
        self.receipts = Receipts(
            lambda: int(self.clock.now().timestamp() * 1000) + next(numbers), lambda _: 1
        )
        self.links: dict[frozenset[str], Joined] = {}
        self.added_at: dict[str, datetime] = {}
        self.paid: set[str] = set()  # entries of what was paid in full
        self.payer = Payer(self.byte_left)
        self.rights = {patient: Rights() for patient in PATIENTS}
        self.messages: dict[str, Sent] = {}
        self.exempt: set[str] = set()  # receipts of attempts that were open when a denial came
        self.delivered: set[str] = set()
        self.denied_and_sent: list[str] = []
        self.number = 0

    @initialize(needs_consent=st.booleans())
    def begin(self, needs_consent: bool) -> None:
        self.needs_consent = needs_consent
        self.compiled = self.policies[needs_consent]
        self.worker = Worker(self, "0", self.store, self.clock)
        self.turn()

    # --- the model ---

    def joined_with(self, patient: str, *states: str) -> set[str]:
        """Everybody whom links in these states join with the patient."""
        found, left = {patient}, [patient]
        while left:
            one = left.pop()
            for pair, link in self.links.items():
                if one in pair and link.state in states:
                    left += pair - found
                    found |= pair
        return found

    def consents(self, patient: str) -> bool:
        """Whether each record of the person has a consent in force."""
        now = self.clock.now()
        for one in self.joined_with(patient, "joined", "confirmed"):
            record = [self.rights[who] for who in self.joined_with(one, "confirmed")]
            if not any(r.consent and (r.ends is None or now < r.ends) for r in record):
                return False
        return True

    def verdict(self, message: Sent) -> str:
        """allow, hold or deny, at this instant."""
        held = False
        for named in {message.patient, message.merged} - {""}:
            for patient in self.joined_with(named, "joined", "confirmed"):
                for visit in self.rights[patient].restrictions:
                    if visit in {"", message.visit}:
                        return "deny"
                    held = held or not message.visit
                for visit in self.rights[patient].unpaid:
                    held = held or visit in {"", message.visit} or not message.visit
        if held:
            return "hold"
        return "allow" if not self.needs_consent or self.consents(message.patient) else "deny"

    def is_confidential(self, message: Sent) -> bool:
        """Whether anybody whom it is about asked not to be reached at home."""
        return any(
            self.rights[patient].confidential
            for named in {message.patient, message.merged} - {""}
            for patient in self.joined_with(named, "joined", "confirmed")
        )

    def committed(self, message: Sent, receipt: str) -> None:
        """It is stored: if it merges, that is so from now on."""
        message.receipt = receipt
        message.waits = self.verdict(message) == "allow"
        pair = frozenset({message.patient, message.merged})
        if not message.merged or len(pair) < 2:
            return
        link = self.links.get(pair)
        if link is None or link.state == "parted":
            self.links[pair] = Joined("joined", received_at(receipt))
            self.exempt |= self.open_now()
            self.note()

    def open_now(self) -> set[str]:
        """Whose attempt is open: of this a byte may leave."""
        lane = cast("Any", self.store.execute([Survey(("acme",))])[0]).lanes[0]
        entries = cast("Any", self.store.execute([Waiting("acme")])[0])
        return {one.receipt for one in entries if one.entry == lane.open_entry}

    def note(self) -> None:
        """After every change of what holds: whoever is denied now may be withheld for good.

        A copy that waits and is to be held now is parked: a person must look.
        """
        for message in self.messages.values():
            verdict = self.verdict(message)
            if verdict == "deny" or (verdict == "hold" and message.waits):
                message.allowed = False
            message.waits = message.waits or (verdict == "allow" and bool(message.receipt))

    def byte_left(self, payload: bytes) -> None:
        control_id = control_id_in(payload).decode()
        message = self.messages[control_id]
        tells = HOME in payload and self.is_confidential(message)
        if (tells or self.verdict(message) != "allow") and message.receipt not in self.exempt:
            self.denied_and_sent.append(control_id)
        self.delivered.add(control_id)

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(0)

    def change(self, change: Any) -> str:
        """A command: in force when it returns, but for the attempts that it lists."""
        self.exempt = {receipt for _, _, receipt, _ in change.open_attempts}
        return cast("str", change.entry)

    def act(self) -> Act:
        return Act("ann", self.clock.now(), "because")

    def add(self, fact: Fact) -> str:
        return self.change(self.registry.add(fact, self.act()))

    # --- what happens ---

    @rule(
        patient=patients,
        merged=st.one_of(st.just(""), patients),
        visit=visits,
        turns=st.integers(0, 3),
        source=st.integers(0, 1),
    )
    def message(self, patient: str, merged: str, visit: str, turns: int, source: int) -> None:
        self.number += 1
        control_id = f"M{self.number}"
        trigger = "A40" if merged else "A01"
        lines = [
            f"MSH|^~\\&|HIS|GH|PG|PG|20260301||ADT^{trigger}|{control_id}|P|2.5.1",
            "EVN||20260301",
            f"PID|1||{patient}^^^GH||||||||{HOME.decode()}^^Town",
            f"MRG|{merged}^^^GH" if merged else "",
            f"PV1|1|I|{'|' * 16}{visit}",
            "IN1|1|P|ACME",
        ]
        payload = "".join(f"{line}\r" for line in lines if line).encode()
        sent = Sent(control_id, patient, merged, visit)
        self.messages[control_id] = sent
        self.note()
        answers: list[bytes | None] = []
        self.worker.intake.receive(payload, Connection("adt", source)).addCallback(answers.append)
        self.turn(turns)

    @rule(patient=patients, seconds=st.sampled_from([0, 20, 100_000]))
    @precondition(lambda self: self.needs_consent)
    def consent(self, patient: str, seconds: int) -> None:
        rights = self.rights[patient]
        if rights.consent:
            return
        end = self.clock.now() + timedelta(seconds=seconds, microseconds=self.number)
        ends = end if seconds else None
        self.number += 1
        fact = SignedConsent(
            Patient(patient, "GH"), ConsentKind.AUTHORIZATION, frozenset({"payment"}),
            frozenset({"acme"}), begins=self.clock.now() - timedelta(days=self.number), ends=ends,
        )  # fmt: skip
        rights.consent, rights.ends = self.add(fact), ends

    @rule(patient=patients, turns=st.integers(0, 3))
    def revoke(self, patient: str, turns: int) -> None:
        rights = self.rights[patient]
        if not rights.consent:
            return
        self.turn(turns)
        self.change(self.registry.end(patient, rights.consent, self.act()))
        rights.consent = ""
        self.note()

    @rule(patient=patients, visit=st.sampled_from(["", "V1"]), turns=st.integers(0, 4))
    def restrict(self, patient: str, visit: str, turns: int) -> None:
        self.turn(turns)
        item = Item(ItemKind.VISIT, visit) if visit else Item(ItemKind.EVERYTHING)
        fact = Restriction(Patient(patient), frozenset({item}))
        self.restricted(patient, visit, self.add(fact))
        self.note()

    def restricted(self, patient: str, visit: str, entry: str) -> None:
        unpaid = self.rights[patient].unpaid
        if entry in unpaid.get(visit, set()):
            unpaid[visit].discard(entry)
            if not unpaid[visit]:
                del unpaid[visit]
        entries = self.rights[patient].restrictions.setdefault(visit, set())
        if entry not in entries:
            entries.add(entry)
            self.added_at[entry] = self.clock.now()

    @rule(patient=patients, visit=st.sampled_from(["", "V1"]))
    def lift(self, patient: str, visit: str) -> None:
        exempt = self.exempt
        for entry in self.rights[patient].restrictions.pop(visit, set()):
            self.change(self.registry.end(patient, entry, self.act()))
            self.exempt |= exempt

    @rule(
        patient=patients,
        authority=st.sampled_from(["GH", ""]),
        address=st.sampled_from([None, ELSEWHERE]),
        turns=st.integers(0, 4),
    )
    def ask_elsewhere(
        self, patient: str, authority: str, address: Address | None, turns: int
    ) -> None:
        self.turn(turns)
        entry = self.add(Confidential(Patient(patient, authority), None, address))
        self.asked_elsewhere(patient, entry)

    def asked_elsewhere(self, patient: str, entry: str) -> None:
        if entry not in self.rights[patient].confidential:
            self.rights[patient].confidential.add(entry)
            self.added_at[entry] = self.clock.now()

    @rule(patient=patients, visit=st.sampled_from(["", "V1"]), turns=st.integers(0, 4))
    def promise_to_pay(self, patient: str, visit: str, turns: int) -> None:
        """Until it is known whether it was paid, it waits."""
        self.turn(turns)
        fact = replace(_paid(Patient(patient), visit), state=Standing.PENDING_PAYMENT)
        if entry_id(SEALER, fact) in self.rights[patient].restrictions.get(visit, set()):
            return
        self.not_paid_yet(patient, visit, self.add(fact))
        self.note()

    def not_paid_yet(self, patient: str, visit: str, entry: str) -> None:
        if entry in self.rights[patient].restrictions.get(visit, set()):
            return
        entries = self.rights[patient].unpaid.setdefault(visit, set())
        if entry not in entries:
            entries.add(entry)
            self.added_at[entry] = self.clock.now()

    @rule(patient=patients, visit=st.sampled_from(["", "V1"]), is_paid=st.booleans())
    def payment(self, patient: str, visit: str, is_paid: bool) -> None:
        exempt = self.exempt
        for entry in self.rights[patient].unpaid.pop(visit, set()):
            verb = Verb.CONFIRMED if is_paid else Verb.VOIDED
            self.change(self.registry.step(patient, entry, verb, self.act()))
            self.exempt |= exempt
            if is_paid:
                entries = self.rights[patient].restrictions.setdefault(visit, set())
                entries.add(entry)
                self.paid.add(entry)
        self.note()

    @rule(patient=patients)
    def ask_no_more(self, patient: str) -> None:
        exempt = self.exempt
        for entry in self.rights[patient].confidential:
            self.change(self.registry.end(patient, entry, self.act()))
            self.exempt |= exempt
        self.rights[patient].confidential = set()

    @rule(pair=st.sampled_from(PAIRS), turns=st.integers(0, 3))
    def confirm(self, pair: tuple[str, str], turns: int) -> None:
        self.turn(turns)
        link = self.links.get(frozenset(pair))
        if link is None or link.state != "joined":
            return
        exempt = self.exempt
        self.change(self.registry.confirm(pair[0], LINK_IDS[pair], self.act()))
        self.exempt |= exempt
        link.state = "confirmed"

    @rule(pair=st.sampled_from(PAIRS), turns=st.integers(0, 3))
    def part(self, pair: tuple[str, str], turns: int) -> None:
        """Each keeps its own, and what was denied since, of either."""
        self.turn(turns)
        link = self.links.get(frozenset(pair))
        if link is None or link.state == "parted":
            return
        exempt = self.exempt
        self.change(self.registry.part(pair[1], LINK_IDS[pair], self.act()))
        self.exempt |= exempt
        both = [
            (other, visit, entry in self.paid)
            for one, other in (pair, pair[::-1])
            for visit, entries in self.rights[one].restrictions.items()
            for entry in entries
            if self.added_at[entry] >= link.since
        ]
        asked = [
            other
            for one, other in (pair, pair[::-1])
            if any(self.added_at[entry] >= link.since for entry in self.rights[one].confidential)
        ]
        for other in asked:
            asked_for = Confidential(Patient(other, "GH"))
            self.asked_elsewhere(other, entry_id(SEALER, asked_for))
        also: list[tuple[str, str]] = []
        for other, visit, is_paid in both:
            item = Item(ItemKind.VISIT, visit) if visit else Item(ItemKind.EVERYTHING)
            fact = Restriction(Patient(other, "GH"), frozenset({item}))
            if is_paid:
                fact = _paid(Patient(other, "GH"), visit)
                self.paid.add(entry_id(SEALER, fact))
            self.restricted(other, visit, entry_id(SEALER, fact))
        for one, other in (pair, pair[::-1]):
            for visit, entries in list(self.rights[one].unpaid.items()):
                if any(self.added_at[entry] >= link.since for entry in entries):
                    also.append((other, visit))
        for other, visit in also:
            fact = _paid(Patient(other, "GH"), visit)
            self.not_paid_yet(other, visit, entry_id(SEALER, fact))
        link.state = "parted"
        self.note()

    @invariant()
    def nothing_denied_was_sent(self) -> None:
        assert not self.denied_and_sent

    @rule(works=st.booleans())
    def payer_works(self, works: bool) -> None:
        self.payer.usual = "AA" if works else "refused"

    @rule(turns=st.integers(1, 6))
    def turns(self, turns: int) -> None:
        self.turn(turns)

    @rule(seconds=st.sampled_from([0.25, 2.0, 30.0, 86_400.0]))
    def time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.note()
        self.worker.beat()
        self.turn(8)
        self.exempt = set()  # whatever was open has been closed

    @rule()
    def crash(self) -> None:
        self.exempt = set()
        for call in list(self.clock.getDelayedCalls()):
            call.cancel()  # type: ignore[misc]
        self.payer.forget()
        self.number += 1
        self.worker = Worker(self, str(self.number), self.store, self.clock)
        self.turn(3)

    def teardown(self) -> None:
        if not hasattr(self, "worker"):
            return
        self.payer.usual = "AA"
        for patient in PATIENTS:
            self.lift(patient, "V1")  # what was held may go now
            self.payment(patient, "V1", is_paid=False)
        for _ in range(60):
            self.worker.beat()
            self.turn(12)
            self.clock.advance(20.0)
            self.note()
        view = cast("Any", self.store.execute([Survey(("acme",))])[0]).lanes[0]
        assert view.depth == 0, view
        assert not self.worker.told.failures
        assert not self.denied_and_sent
        for message in self.messages.values():
            if message.receipt and message.allowed and self.verdict(message) == "allow":
                assert message.control_id in self.delivered, message


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, CompiledPolicy]:
    """The policy that asks for consent, and the one that does not."""
    found = {}
    for needs_consent, word in ((True, "required"), (False, "not-required")):
        site = Path(tmp_path_factory.mktemp("site"))
        (site / "channels").mkdir()
        (site / "rules").mkdir()
        (site / "config.yaml").write_text(CONFIG)
        (site / "channels" / "acme.yaml").write_text(CHANNEL)
        (site / "rules" / "all.yaml").write_text(RULES % word)
        found[needs_consent] = compile_policy(load_site(site).policy, word)
    return found


def test_nothing_denied_is_sent_and_nothing_permitted_withheld(
    policies: dict[bool, CompiledPolicy],
) -> None:
    class Machine(RegistryMachine):
        def __init__(self) -> None:
            super().__init__(policies)

    run_state_machine_as_test(Machine, settings=settings(stateful_step_count=30))
