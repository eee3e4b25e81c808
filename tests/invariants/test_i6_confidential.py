"""I6: how a patient asked not to be reached counts for what is queued, and never stops it.

What was cut with one address and would be cut with another today goes with neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.commit import GroupCommit
from engine.delivery.look import Send, Sight
from engine.hl7.wire import Message
from engine.intake.acceptance import Acceptances
from engine.intake.receipts import Receipts
from engine.intake.registered import PatientNames
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.privacy.acts import Act
from engine.privacy.confidential import Address, Confidential
from engine.privacy.facts import Facts
from engine.privacy.patients import Patient
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Redecision
from engine.registering import StoredRegistry
from engine.store.memory import MemoryStore
from engine.store.port import Footing
from engine.store.sealing import Sealer
from tests.support.delivery_rig import BenchClock, Told, at_once
from tests.support.looking import head_of, looked
from tests.support.reference_site import NOW, reference_site, sample

SITE = reference_site()
COMPILED = compile_policy(SITE.policy, "revision-1")
PATIENT = Patient("MR100001", "GOOD HEALTH")
HOME, ELSEWHERE = b"^^EXAMPLETON^NY^10001", b"^^ELSEWHERE^NV^89101"
ASKED = Confidential(PATIENT, None, Address("9 QUIET LN", "", "ELSEWHERE", "NV", "89101"))
OTHER = Confidential(PATIENT, None, Address("8 QUIET LN", "", "BEYOND", "NV", "89102"))
ACT = Act("ann", NOW, "asked")


@dataclass
class Bench:
    """A store with one copy for acme, cut while `known` held; the registry may say otherwise."""

    folder: Path
    known: tuple[Confidential, ...] = ()
    clock: BenchClock = field(default_factory=BenchClock)

    def __post_init__(self) -> None:
        self.sealer = Sealer.from_file(self.folder / "keys", create=True)
        self.store = MemoryStore(self.clock)
        self.registry = StoredRegistry(self.store, self.sealer, ("acme",))
        self.ids = [self.registry.add(one, ACT).entry for one in self.known]
        message = Message.parse(sample("adt-a01"))
        names = PatientNames(self.sealer).of(message)
        accept = Acceptances(COMPILED, self.sealer).accept(
            receipt=Receipts(lambda: int(NOW.timestamp() * 1000), lambda _: 1).next(),
            listener="adt",
            message=message,
            outcomes=decide(message, COMPILED, Facts(NOW, confidential=self.known)),
            asked=(),
            taught={},
            footing=Footing(len(self.known), names),
            patients=names,
        )
        self.store.execute([accept])

    def look(self) -> tuple[Sight, bytes, bytes]:
        """What would be sent, what was cut, and the note that it was cut with."""
        opened, cut = head_of(self.store, self.sealer, "acme")
        commit = GroupCommit(self.store, at_once, self.clock, Told())
        redecision = Redecision(COMPILED, self.sealer)
        look = LastLook("acme", redecision, commit, lambda _: cut, lambda: NOW)
        return looked(look, opened, self.clock.turns), cut, opened.note


def without_address(sight: Sight, cut: bytes) -> bool:
    """Whether what is sent is what was cut, but for PID-11 and the trailing separators."""
    assert isinstance(sight, Send)
    sent, before = Message.parse(sight.payload), Message.parse(cut)
    assert [one.id for one in sent.segments] == [one.id for one in before.segments]
    for one, other in zip(sent.segments, before.segments, strict=True):
        if one.id != "PID":
            assert one.raw == other.raw
        elif one.field(11):
            return False
    return True


def test_an_alternate_goes_while_nothing_changes(tmp_path: Path) -> None:
    sight, cut, note = Bench(tmp_path, (ASKED,)).look()
    assert isinstance(sight, Send)
    assert sight.payload == cut
    assert ELSEWHERE in cut
    assert HOME not in cut
    assert b'"applied":["confidential-communication"]' in note


@pytest.mark.parametrize("asked", [ASKED, Confidential(PATIENT), Confidential(Patient(PATIENT.id))])
def test_who_asks_while_a_copy_waits_is_not_told_of_in_it(
    tmp_path: Path, asked: Confidential
) -> None:
    bench = Bench(tmp_path)
    bench.registry.add(asked, ACT)
    sight, cut, _ = bench.look()
    assert HOME in cut
    assert without_address(sight, cut)
    assert isinstance(sight, Send)
    assert sight.note is not None
    assert b"confidential-communication" in sight.note


def test_once_it_is_over_a_copy_that_waits_has_neither_address(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (ASKED,))
    bench.registry.end(PATIENT.id, bench.ids[0], ACT)
    sight, cut, _ = bench.look()
    assert ELSEWHERE in cut
    assert without_address(sight, cut)


def test_who_names_another_address_is_told_of_with_neither(tmp_path: Path) -> None:
    bench = Bench(tmp_path, (ASKED,))
    bench.registry.end(PATIENT.id, bench.ids[0], ACT)
    bench.registry.add(OTHER, ACT)
    sight, cut, _ = bench.look()
    assert without_address(sight, cut)
