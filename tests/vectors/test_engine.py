"""Golden vectors of Part E that are about the wire, the queue and the calendar, each by its number.

Those about one decision stand beside. Where a vector and the contract differ, the contract holds
and the test says so.
"""

from __future__ import annotations

import io
import pathlib
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine.ack.codes import ANSWERS, AckCode, Fault
from engine.ack.reply import acknowledge
from engine.archive.breach import deadlines
from engine.commit import GroupCommit
from engine.delivery.look import Send, Sight, Withhold
from engine.hl7.wire import Message
from engine.intake.acceptance import Acceptances
from engine.intake.admission import Admission, Gate
from engine.intake.receipts import Receipts
from engine.intake.receive import Intake
from engine.intake.registered import PatientNames, Registered
from engine.logs import Log
from engine.mllp.framing import encode
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Verdict
from engine.policy.vocabulary.conditions import MessageType
from engine.privacy.acts import Act
from engine.privacy.facts import Item, ItemKind, Restriction
from engine.privacy.patients import Patient
from engine.privacy.sorts import Fact
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Redecision
from engine.registering import StoredRegistry
from engine.store.memory import MemoryStore
from engine.store.port import Footing, Waiting
from engine.store.sealing import Sealer
from tests.support.cutting import NOW, channel, code, facts, hl7, outcome, policy, rule
from tests.support.delivery_rig import BenchClock, Told, at_once
from tests.support.law_messages import ANY, GENERAL
from tests.support.looking import head_of, looked

AT = datetime(2026, 1, 1, 12, 0, 1, tzinfo=UTC)
STATEMENT = b"42 CFR part 2 prohibits unauthorized use or disclosure of these records."


# --- on the wire ---


def received(version: str = "2.5.1", processing: str = "P") -> Message:
    msh = "MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|20260101120000||ADT^A04^ADT_A01|M1"
    return Message.parse(f"{msh}|{processing}|{version}\r".encode() + b"EVN||20260101\r")


def test_e_1_ack_in_original_mode() -> None:
    answer = acknowledge(received(), AckCode.AA, "E1", AT, None)
    assert answer == (
        b"MSH|^~\\&|ENG|PAYHUB|HIS|HOSP|20260101120001+0000||ACK^A04^ACK|E1|P|2.5.1\rMSA|AA|M1\r"
    )
    assert encode(answer) == b"\x0b" + answer + b"\x1c\x0d"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.VERSION_ID, b"ERR||MSH^1^12|203^Unsupported version id^HL70357|E\r"),
        (Fault.EVENT_CODE, b"ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E\r"),
        (Fault.PROCESSING_ID, b"ERR||MSH^1^11|202^Unsupported processing id^HL70357|E\r"),
    ],
)
def test_e_2_rejects(fault: Fault, error: bytes) -> None:
    assert ANSWERS[fault].code is AckCode.AR
    version = "9.9" if fault is Fault.VERSION_ID else "2.5.1"
    processing = "T" if fault is Fault.PROCESSING_ID else "P"
    message = received(version, processing)
    events = {"A01" if fault is Fault.EVENT_CODE else "A04"}
    gate = Gate(Admission(messages=frozenset(MessageType("ADT", e) for e in events)), "production")
    assert gate.fault(message) is fault
    answer = acknowledge(message, AckCode.AR, "E1", AT, fault)
    assert answer.endswith(b"\rMSA|AR|M1\r" + error)


def test_e_2_the_same_bytes_have_the_first_answer_again_and_are_queued_once(
    tmp_path: pathlib.Path,
) -> None:
    """A reused MSH-10 with other bytes is a new message and an event, not AE 205, by contract."""
    queue = Queue(tmp_path, policy([rule("r", ANY, "PID: [3]")], (channel("insa"),), to="[insa]"))
    raw = hl7("ADT^A04^ADT_A01", "EVN||20260101", "PID|1||A^^^H")
    first = queue.receive(raw)
    assert (queue.receive(raw), queue.waiting()) == (first, 1)
    other = queue.receive(raw.replace(b"|A^^^H", b"|B^^^H"))
    assert (other != first, queue.waiting()) == (True, 2)


@pytest.mark.parametrize(
    ("charset", "name"), [("UNICODE UTF-8", "Ó".encode()), ("GB 18030-2000", b"\xa9\x5c")]
)
def test_e_9_text_leaves_the_number_of_fields_alone(charset: str, name: bytes) -> None:
    raw = hl7("ADT^A01", "PID|1||A^^^H||@^JANE||19800101|F", msh=f"P|2.5.1||||||{charset}")
    message = Message.parse(raw.replace(b"@", name))
    (pid,) = message.all("PID")
    assert len(pid.fields) == 9
    assert message.split(pid.field(5), message.delimiters.component) == [name, b"JANE"]


@pytest.mark.parametrize(
    "raw",
    [
        rb"MSH$%~\&$A$B$C$D$20260101$$ADT%A01$M1$P$2.5.1" + b"\rPID$1$$A%%%H$$$\r",
        b"MSH|^~\\&#|A|B|C|D|20260101||ADT^A01|M1|P|2.7\rPID|1||A|x#||\r",
        b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|M1|P|2.8\rEVN||20240101\r"
        b"PID|1" + b"|" * 49 + b"x\rNTE|1||\\.br\\\\X0D0A\\\\Zabc\\\r",
    ],
)
def test_e_10_delimiters_go_round(raw: bytes) -> None:
    assert Message.parse(raw).raw == raw


# --- in the queue ---


class Queue:
    """One message queued for `insa`, a registry, and the last look before it is sent."""

    listener = "adt"

    def __init__(self, folder: pathlib.Path, compiled: CompiledPolicy) -> None:
        self.clock = BenchClock()
        self.compiled = compiled
        self.sealer = Sealer.from_file(folder / "keys", create=True)
        self.store = MemoryStore(self.clock)
        self.registry = StoredRegistry(self.store, self.sealer, ("insa", "insb"))
        self.commit = GroupCommit(self.store, at_once, self.clock, Told())
        self.version = 0
        self.receipts = Receipts(lambda: 2, lambda bits: 1)

    def enter(self, fact: Fact) -> str:
        """Enter a fact in the registry; its entry's id."""
        change = self.registry.add(fact, ACT)
        self.version = change.version
        return change.entry

    def take(self, raw: bytes, *lines: str) -> None:
        """Decide it on the facts that these lines say, and queue what is disclosed."""
        message = Message.parse(raw)
        names = PatientNames(self.sealer).of(message)
        accept = Acceptances(self.compiled, self.sealer).accept(
            receipt=Receipts(lambda: 1, lambda bits: 1).next(),
            listener="adt",
            message=message,
            outcomes=decide(message, self.compiled, facts(self.compiled, *lines)),
            asked=(),
            taught={},
            footing=Footing(self.version, names),
            patients=names,
        )
        self._do(accept)

    def receive(self, raw: bytes) -> bytes:
        """Take what comes next as the engine does, with what it changes of the registry."""
        registered = Registered(self.sealer)
        registered.learned(self._do(registered.news()))
        intake = Intake(
            compiled=self.compiled, gates={"adt": Gate(Admission(), "production")},
            answer_while_down=frozenset(), commit=self.commit, sealing=self.sealer,
            registered=registered, receipts=self.receipts, clock=self.clock,
            log=Log(io.StringIO(), self.clock), committed=lambda _: None, released=lambda: None,
        )  # fmt: skip
        answers: list[bytes | None] = []
        intake.receive(raw, self).addCallback(answers.append)
        self.clock.turns()
        assert b"MSA|AA" in (answers[0] or b"")
        return answers[0] or b""

    def waiting(self) -> int:
        """How many copies wait for `insa`."""
        return len(self._do(Waiting("insa", 10)))

    def look(self) -> tuple[Sight, bytes]:
        """What the last look says of the head of the queue, and the copy as it was cut."""
        opened, cut = head_of(self.store, self.sealer, "insa")
        redecision = Redecision(self.compiled, self.sealer)
        look = LastLook("insa", redecision, self.commit, lambda _: cut, lambda: NOW)
        return looked(look, opened, self.clock.turns), cut

    def _do(self, operation: Any) -> Any:
        return self.store.execute([operation])[0]


ACT = Act("ann", NOW, "by letter")
CONSENT = (
    "consents:",
    "  - {patient: {id: A, authority: H}, kind: part2-tpo, channels: [insa], given: 2026-01-01}",
)


@pytest.mark.parametrize("is_revoked", [False, True])
def test_e_7_a_revocation_between_enqueue_and_send(
    tmp_path: pathlib.Path, is_revoked: bool
) -> None:
    compiled = policy(
        [rule("r", ANY, "PID: [3], OBR: all, OBX: all")],
        (channel("insa"),),
        to="[insa]",
        config="units: {SUD1: part2}\n",
    )
    queue = Queue(tmp_path, compiled)
    (signed,) = facts(compiled, GENERAL, *CONSENT).consents
    entry = queue.enter(signed)
    order = ("OBR|1|P1|F1|24331-1^Lipid^LN", "OBX|1|NM|2093-3^Chol^LN||180")
    raw = hl7("ORU^R01", "PID|1||A^^^H^MR", "PV1|1|I|SUD1^1", *order)
    queue.take(raw, GENERAL, *CONSENT)
    if is_revoked:
        queue.registry.end("A", entry, ACT)
    sight, cut = queue.look()
    assert STATEMENT in cut
    assert sight == Withhold("labelled-sud") if is_revoked else isinstance(sight, Send)


@pytest.mark.parametrize("restricted", ["111", "222"])
def test_e_8_a_restriction_reaches_what_is_queued_under_either_number(
    tmp_path: pathlib.Path, restricted: str
) -> None:
    """What is queued names both identifiers, as a hospital sends them after a merge."""
    compiled = policy([rule("r", ANY, "PID: [3], FT1: all")], (channel("insa"),), to="[insa]")
    queue = Queue(tmp_path, compiled)
    queue.take(hl7("DFT^P03", "PID|1||111^^^H~222^^^H", "FT1|1|T1||20260101||CG|99213"))
    mandatory = Restriction(
        Patient(restricted, "H"), frozenset({Item(ItemKind.EVERYTHING)}), frozenset({"insa"})
    )
    queue.enter(mandatory)
    sight, cut = queue.look()
    assert b"FT1|1|T1" in cut
    assert sight == Withhold("restricted")


PAIR = ("PID|1||222^^^H", "MRG|111^^^H")
GROUPS = ("PID|1||444^^^H", "MRG|333^^^H", "PID|2||222^^^H", "MRG|111^^^H")


@pytest.mark.parametrize("is_restricted_before", [True, False])
@pytest.mark.parametrize(("event", "groups"), [("A40", PAIR), ("A39", PAIR), ("A39", GROUPS)])
def test_e_8_what_is_queued_under_the_old_number_alone_is_decided_again(
    tmp_path: pathlib.Path, event: str, groups: tuple[str, ...], is_restricted_before: bool
) -> None:
    """The restriction stands under the new number only, and the copy names the old one only."""
    compiled = policy([rule("r", ANY, "PID: [3], FT1: all")], (channel("insa"),), to="[insa]")
    queue = Queue(tmp_path, compiled)
    queue.take(hl7("DFT^P03", "PID|1||111^^^H", "FT1|1|T1||20260101||CG|99213"))
    mandatory = Restriction(
        Patient("222", "H"), frozenset({Item(ItemKind.EVERYTHING)}), frozenset({"insa"})
    )
    merge = hl7(f"ADT^{event}^ADT_A39", "EVN||20260101", *groups).replace(b"|M1|", b"|M2|")
    if is_restricted_before:
        queue.enter(mandatory)
    queue.receive(merge)
    if not is_restricted_before:
        queue.enter(mandatory)
    sight, cut = queue.look()
    assert b"FT1|1|T1" in cut
    assert sight == Withhold("restricted")


def test_e_8_a_merge_of_others_leaves_what_is_queued_alone(tmp_path: pathlib.Path) -> None:
    compiled = policy([rule("r", ANY, "PID: [3], FT1: all")], (channel("insa"),), to="[insa]")
    queue = Queue(tmp_path, compiled)
    queue.take(hl7("DFT^P03", "PID|1||111^^^H", "FT1|1|T1||20260101||CG|99213"))
    queue.enter(Restriction(Patient("444", "H"), frozenset({Item(ItemKind.EVERYTHING)})))
    queue.receive(hl7("ADT^A39^ADT_A39", "EVN||20260101", *GROUPS).replace(b"|M1|", b"|M2|"))
    assert isinstance(queue.look()[0], Send)


@pytest.mark.parametrize("number", ["111", "222", "333", "444"])
def test_e_8_two_patients_of_one_merge(number: str) -> None:
    """An A39 of two groups cannot be one patient's alone: it holds, and any restriction denies."""
    compiled = policy(
        [rule("r", f"message: ADT^A39, {ANY}", "PID: [3], MRG: all")],
        (channel("insa"),),
        to="[insa]",
    )
    groups = ("PID|1||222^^^H", "MRG|111^^^H", "PID|2||444^^^H", "MRG|333^^^H")
    raw = hl7("ADT^A39^ADT_A39", "EVN||20260101", *groups)
    assert outcome(compiled, raw, of="insa").verdict is Verdict.HOLD
    person = f"{{id: '{number}', authority: H}}"
    restricted = f"  - {{patient: {person}, items: {{everything: true}}}}"
    known = facts(compiled, "restrictions:", restricted)
    assert code(compiled, raw, known, of="insa") == "restricted"


def test_e_4_whoever_sends_what_is_suppressed_is_answered_all_the_same(
    tmp_path: pathlib.Path,
) -> None:
    withheld = "    withhold: {labels: [hiv]}\n"
    rules = [rule("r", ANY, "PID: [3], OBR: all, OBX: all", withheld)]
    queue = Queue(tmp_path, policy(rules, (channel("insa"),), to="[insa]"))
    hiv = ("OBR|1|P2|F2|7918-6^HIV^LN", "OBX|1|ST|7918-6^HIV^LN||Neg", "NTE|1||HIV screening")
    answer = queue.receive(hl7("ORU^R01", "PID|1||A^^^H^MR", *hiv))
    assert answer.endswith(b"\rMSA|AA|M1\r")
    assert queue.waiting() == 0


# --- on the calendar ---


def test_e_15_breach_maths() -> None:
    discovered = date(2026, 11, 24)
    assert deadlines(discovered, 499, {}).individuals == date(2027, 1, 23)
    assert deadlines(discovered, 499, {}).hhs == date(2027, 3, 1)
    assert deadlines(discovered, 500, {}).hhs_at_once
    assert deadlines(discovered, 900, {"NY": 500}).media == ()
    assert deadlines(discovered, 900, {"NY": 501}).media == ("NY",)
    # Sixty days after a year of which the next has a 29 February (LAW-17).
    assert deadlines(date(2027, 1, 1), 1, {}).hhs == date(2028, 2, 29)


# --- the list ---


def test_every_vector_is_here_by_its_number() -> None:
    """E-1 to E-15."""
    named = re.compile(r"def test_e_?(\d+)_")
    text = "".join(file.read_text() for file in pathlib.Path(__file__).parent.glob("test_*.py"))
    assert {int(number) for number in named.findall(text)} == set(range(1, 16))
