"""The running engine decides on everything that the pure core would decide on.

Random sites, and histories of messages and of entries in the privacy registry. What the engine
makes of a message is compared with `decide` on facts that are the whole registry, all coverage that
was ever taught, and all that was ever disclosed: whoever asks for less than a decision needs, or
asks too late, decides something else. What the last look sends of it afterwards is what both
decisions allow, and what is held is decided again on the same facts.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.delivery.look import ParkIt, Send, Sight, Withhold
from engine.hl7.wire import Message
from engine.intake.admission import Admission, Gate
from engine.intake.recorded import patient_name
from engine.intake.records import outcome_record
from engine.intake.registered import Known, known_of
from engine.intake.sealed import about_copy
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.finished.narrower import is_no_wider
from engine.policy.message.reading import type_of
from engine.policy.model import State
from engine.policy.outcome import Outcome, Verdict
from engine.policy.runnable.events import is_cancel
from engine.privacy.acts import Act
from engine.privacy.concealing import concealing
from engine.privacy.coverage import learn
from engine.privacy.facts import Cover, CoverageKey, Coverages, Disclosed, Facts, Restriction
from engine.privacy.moves import moves_in
from engine.privacy.persons import Rights
from engine.privacy.renumbered import carried_over
from engine.privacy.sorts import Fact
from engine.privacy.standing import IN_FORCE, Standing
from engine.privacy.visit import visit_of
from engine.redecision.last_look import POLICY_CHANGED, LastLook
from engine.redecision.redecide import Redecision
from engine.registering import StoredRegistry
from engine.store.port import Accept, Advance, Claim, Fetch, Final, Opened, Recall, Settle
from tests.support import random_facts
from tests.support.key_ring import any_sealer
from tests.support.looking import looked
from tests.support.random_messages import message as random_message
from tests.support.random_sites import Site, compiled, sites
from tests.unit.intake.test_receive import ADT, Rig

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACT = Act("pat", NOW, "a test")
CHANNELS = random_facts.CHANNELS
SEALER = any_sealer()

#: Everybody whom the messages name: patients, and their numbers with an insurer.
IDS = ("A", "A9", "B", "B9")
NAMES = tuple(patient_name(SEALER, id_) for id_ in IDS)

_PATIENT = re.compile(rb"(PID[^\r]*\r(?:PV1[^\r]*\r)?)")


def _waiting(rights: Rights) -> frozenset[Restriction]:
    """Of what no kept message brings back, that of whose payment people have still to decide."""
    waiting = {replace(one, state=None) for one in rights.restrictions if one.awaits_payment}
    return rights.lifted & waiting


class Everything:
    """The engine over a store in memory, beside all that is known."""

    def __init__(self, policy: CompiledPolicy) -> None:
        self.policy = policy
        gate = Gate(Admission(), "production")
        self.rig = Rig(compiled=policy, gates={"adt": gate}, sealer=SEALER)
        self.registry = StoredRegistry(self.rig.store, SEALER, CHANNELS)
        self.redecision = Redecision(policy, SEALER)
        self.coverages: dict[CoverageKey, Coverages] = {}
        #: Of each channel: visits, each with the receipts of the copies that tell of it.
        self.told: dict[tuple[str, str], set[str]] = {}
        self.then: dict[str, Facts] = {}  # by receipt: what was known when it came
        self.held: list[tuple[str, Message]] = []
        self.number = 0

    def do(self, operation: Any) -> Any:
        return self.rig.store.execute([operation])[0]

    def known(self) -> Known:
        """The whole registry."""
        return known_of(SEALER, NAMES, self.do(Recall((), NAMES)), NOW)

    def facts(self, *, is_kept: bool = False) -> Facts:
        told = frozenset(
            Disclosed(channel, visit) for (channel, visit), by in self.told.items() if by
        )
        rights = self.known().rights
        lifted = rights.lifted if is_kept else _waiting(rights)
        return Facts(
            now=NOW,
            coverages=dict(self.coverages),
            disclosed=told,
            consents=rights.consents,
            restrictions=rights.restrictions,
            units=self.policy.policy.units,
            entered=rights.entered,
            persons=rights.persons,
            undecided=rights.undecided,
            lifted=lifted,
            confidential=rights.confidential,
            sensitivities=rights.sensitivities,
        )

    # --- intake -----------------------------------------------------------------------------

    def receive(self, seed: int) -> None:
        """The engine decides a message as `decide` does on all that is known."""
        self.number += 1
        payload = random_message(Random(seed), disorder=False)
        payload = payload.replace(b"|M1|", b"|N%d|" % self.number, 1)
        if seed % 4 == 1:  # it is about the other patient
            payload = payload.replace(b"|A^^^H^MR~A9^", b"|B^^^H^MR~B9^", 1)
        if seed % 3 == 0 and b"|ORU^R01" in payload:  # of several patients, one is insured
            payload = _PATIENT.sub(rb"\1IN1|1|PA|ACME\r", payload, 1)
        message = Message.parse(payload)
        facts = self.facts()
        outcomes = decide(message, self.policy, facts)
        before = len(self.rig.committed)
        self.rig.answer(payload, ADT)
        (accept,) = self.rig.committed[before:]
        self.compare(accept, outcomes)
        self.then[accept.receipt] = facts
        moves = moves_in(message)
        self.coverages |= carried_over(moves, self.coverages, facts.persons)
        self.coverages |= learn(message, self.policy.identify)
        if accept.holds:
            self.held.append((accept.receipt, message))
        for copy in accept.copies:
            self.tell(message, copy.channel, accept.receipt)

    def tell(self, message: Message, channel: str, receipt: str) -> None:
        visit = visit_of(message)  # of several patients, none is marked
        if visit is not None and not is_cancel(type_of(message)):
            self.told.setdefault((channel, visit.number), set()).add(receipt)

    def compare(self, accept: Accept, outcomes: dict[str, Outcome]) -> None:
        made = json.loads(accept.record)["channels"]
        said = {
            channel: json.loads(json.dumps(outcome_record(outcome, State.LIVE)))
            for channel, outcome in outcomes.items()
        }
        assert made == said
        for channel, outcome in outcomes.items():
            copies = [copy for copy in accept.copies if copy.channel == channel]
            cut = [
                SEALER.open(copy.sealed, about_copy(accept.receipt, channel, copy.part))
                for copy in copies
            ]
            assert cut == [payload.data for payload in outcome.payloads], channel

    # --- the registry -----------------------------------------------------------------------

    def enter(self, fact: Fact) -> None:
        self.registry.add(fact, ACT)

    def end(self, number: int) -> None:
        """Something that stands in the registry is over."""
        standing = [
            (id_, entry)
            for id_ in IDS
            for entry in self.registry.held(id_).entries
            if not entry.is_over
        ]
        if standing:
            id_, entry = standing[number % len(standing)]
            self.registry.end(id_, entry.id, ACT)

    # --- the last look ----------------------------------------------------------------------

    def deliver(self, channel: str) -> None:
        """All that waits for a channel is looked at, and what may go goes."""
        fence = self.do(Claim(channel, "one", 60_000, takeover=True)).fence
        opened, turn = self.do(Advance(channel, fence, 1, 60_000)), 1
        while isinstance(opened, Opened):
            turn += 1
            sight = self.look(channel, opened)
            final = Final.DELIVERED
            if not isinstance(sight, Send):
                final = Final.WITHHELD if isinstance(sight, Withhold) else Final.PARKED
            reason = "" if isinstance(sight, Send) else sight.reason
            close = Settle(opened.entry, final, b"{}", reason)
            opened = self.do(Advance(channel, fence, turn, 60_000, close))

    def look(self, channel: str, opened: Opened) -> Sight:
        def unseal(one: Opened) -> bytes:
            return SEALER.open(one.sealed, about_copy(one.receipt, channel, one.part))

        look = LastLook(
            channel,
            self.redecision,
            self.rig.commit,
            unseal,
            lambda: NOW,
            taken_back=self.rig.intake.marks.taken_back,
        )
        message = self.redecision.case(opened.receipt, self.do(Fetch(opened.receipt))).message
        now = self.facts(is_kept=True)
        then = self.then[opened.receipt]
        # What was taught, or disclosed, since a message came counts where it is looked at anew.
        since = replace(now, coverages=then.coverages, disclosed=then.disclosed)
        sight = looked(look, opened, self.rig.turn)
        cut = unseal(opened)
        assert any(self.is_right(channel, message, cut, one, sight) for one in (now, since)), sight
        if not isinstance(sight, Send):
            for by in (by for (of, _), by in self.told.items() if of == channel):
                by.discard(opened.receipt)
        return sight

    def is_right(
        self, channel: str, message: Message, cut: bytes, facts: Facts, sight: Sight
    ) -> bool:
        """Whether it is what both decisions allow: the one that cut the copy, and today's."""
        today = decide(message, self.policy, facts)[channel]
        if today.verdict is not Verdict.DISCLOSE:
            is_over = today.verdict is Verdict.WITHHOLD
            return sight == (Withhold if is_over else ParkIt)(today.reasons[0].code.value)
        if not isinstance(sight, Send):
            return sight == ParkIt(POLICY_CHANGED)
        sent = Message.parse(sight.payload)
        least = decide(message, self.policy, concealing(facts, message, channel))[channel]
        allowed = (cut, *(one.data for one in (*today.payloads, *least.payloads)))
        narrower = [is_no_wider(sent, Message.parse(one)) for one in allowed]
        return narrower[0] and any(narrower[1:])

    # --- what is held ------------------------------------------------------------------------

    def replay(self) -> None:
        """What is held is decided again on all that is known."""
        for receipt, message in self.held:
            kept = self.do(Fetch(receipt))
            if not isinstance(kept, bytes):
                continue
            case = self.redecision.case(receipt, kept)
            case, recalled = self.redecision.gather(case, self.do)
            outcomes = self.redecision.decide(case, recalled, NOW)
            assert outcomes == decide(message, self.policy, self.facts(is_kept=True))


#: As what a restriction may be entered; what ended it comes later, and of somebody's doing.
_ENTERED = IN_FORCE | {Standing.REQUESTED, Standing.PENDING_PAYMENT}

covers = st.builds(
    Cover,
    patient=random_facts.patients,
    channel=st.sampled_from(["acme", "beta"]),
    settles=st.booleans(),
)
entries = st.one_of(
    random_facts.consents,
    random_facts.refusals,
    random_facts.restrictions.filter(lambda one: one.standing in _ENTERED),
    random_facts.confidential,
    random_facts.sensitivities,
    covers,
)
steps = st.one_of(
    st.tuples(st.just("receive"), st.integers(0, (1 << 32) - 1)),
    st.tuples(st.just("receive"), st.integers(0, (1 << 32) - 1)),
    st.tuples(st.just("enter"), entries),
    st.tuples(st.just("end"), st.integers(0, 9)),
    st.tuples(st.just("deliver"), st.sampled_from(CHANNELS)),
)


@given(
    sites(),
    st.sampled_from(["any", "own", "own", "none"]),
    st.lists(steps, min_size=3, max_size=12),
)
def test_the_engine_decides_as_the_core_does_on_all_that_is_known(
    site: Site, coverage: str, history: list[tuple[str, Any]]
) -> None:
    if coverage != "any":
        site.rules()[0]["when"]["coverage"] = coverage
    everything = Everything(compiled(site))
    for step, what in history:
        getattr(everything, step)(what)
    for channel in CHANNELS:
        everything.deliver(channel)
    everything.replay()
