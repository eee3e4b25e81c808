"""From a payload to its acknowledgment: refusals, repetitions, order, and what a fault leads to.

The reference site's policy over a store in memory. That nothing is acknowledged before it is
durable has a file of its own, under tests/invariants.
"""

from __future__ import annotations

import io
import itertools
import json
import pathlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from engine.commit import GroupCommit
from engine.config.load import load_site
from engine.errors import EngineError
from engine.hl7.wire import Message
from engine.intake.admission import Gate
from engine.intake.receipts import Receipts, received_ms
from engine.intake.receive import Intake
from engine.intake.sealed import about_copy
from engine.logs import Log
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.store.keyfile import KEY_BYTES, Keys
from engine.store.memory import MemoryStore
from engine.store.port import (
    Accept,
    Copy,
    Items,
    Kept,
    ReadLedger,
    Result,
    StoreUnavailable,
)
from engine.store.sealing import Sealer
from tests.support.key_ring import MemoryRing, any_sealer

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SITE = load_site(REPOSITORY)
SEALER = any_sealer()
START_MS = 1_772_409_600_000
GATES = {
    listener.name: Gate(listener.admission, SITE.policy.environment) for listener in SITE.listeners
}


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Connection:
    """Where a message comes from."""

    listener: str = "adt"
    number: int = 0


ADT = Connection("adt")
LAB = Connection("results")


class Unwatched:
    def store_down(self, error: StoreUnavailable) -> None:
        """Nobody is told."""

    def store_up(self) -> None:
        """Nobody is told."""


class Rig:
    """An intake over `store`; `turn` lets the group commit do what is waiting."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        compiled: CompiledPolicy | None = None,
        answer_while_down: frozenset[str] = frozenset(),
        sealer: Sealer = SEALER,
        gates: Mapping[str, Gate] | None = None,
    ) -> None:
        self.store = store or MemoryStore()
        self.clock = Clock()
        self.commit = GroupCommit(self.store, self._run, self.clock, Unwatched())
        self.sealer = sealer
        self.log = io.StringIO()
        self.committed: list[Accept] = []
        self.releases = 0
        numbers = itertools.count()
        self.intake = Intake(
            compiled=compiled or compile_policy(SITE.policy, "rev"),
            gates=GATES if gates is None else gates,
            answer_while_down=answer_while_down,
            commit=self.commit,
            sealing=self.sealer,
            receipts=Receipts(lambda: START_MS + next(numbers), secrets.randbits),
            clock=FixedClock(),
            log=Log(self.log, FixedClock()),
            committed=self.committed.append,
            released=self._count_release,
        )

    def _run(self, work: Callable[[], list[Result]]) -> Deferred[list[Result]]:
        try:
            return succeed(work())
        except EngineError as error:
            return fail(error)

    def _count_release(self) -> None:
        self.releases += 1

    def send(self, payload: bytes, source: Connection = ADT) -> list[bytes | None]:
        """Hand a payload over; the list fills when it is answered."""
        answers: list[bytes | None] = []
        self.intake.receive(payload, source).addCallback(answers.append)
        return answers

    def turn(self) -> None:
        for _ in range(5):
            self.clock.advance(0)

    def answer(self, payload: bytes, source: Connection = ADT) -> bytes | None:
        answers = self.send(payload, source)
        self.turn()
        (answer,) = answers
        return answer

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def ledger(self) -> list[dict[str, Any]]:
        (records,) = self.store.execute([ReadLedger()])
        assert isinstance(records, tuple)
        return [json.loads(entry[1]) for entry in records]  # type: ignore[index, arg-type]

    def channels_of(self, number: int) -> list[str]:
        """Who gets a copy of the n-th committed message."""
        return [copy.channel for copy in self.committed[number].copies]


def sample(name: str, **header: str) -> bytes:
    """A message of the reference site; `f10="X"` sets MSH-10."""
    payload = (REPOSITORY / "rules" / "samples" / f"{name}.hl7").read_bytes()
    payload = payload.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    line, _, rest = payload.partition(b"\r")
    fields = line.split(b"|")
    for key, value in header.items():
        number = int(key.removeprefix("f"))
        fields += [b""] * (number - len(fields))
        fields[number - 1] = value.encode()
    return b"|".join(fields) + b"\r" + rest


def msa(answer: bytes | None) -> bytes:
    assert answer is not None
    return next(line for line in answer.split(b"\r") if line.startswith(b"MSA"))


def test_an_acknowledgment_is_addressed_back_and_made_from_its_receipt() -> None:
    rig = Rig()
    answer = rig.answer(sample("adt-a01", f10="M1"))
    assert answer is not None
    header = Message.parse(answer).msh
    receipt = header.field(10).decode()
    assert (header.field(3), header.field(5), header.field(6)) == (
        b"PAYERGATE",
        b"REG",
        b"GOOD HEALTH",
    )
    assert header.field(9) == b"ACK^A01^ACK"
    assert received_ms(receipt) == START_MS
    assert receipt == rig.committed[0].receipt
    assert msa(answer) == b"MSA|AA|M1"


def test_each_copy_is_sealed_to_its_own_channel() -> None:
    rig = Rig()
    rig.answer(sample("adt-a01"))
    (accept,) = rig.committed
    copy: Copy = next(copy for copy in accept.copies if copy.channel == "acme")
    opened = rig.sealer.open(copy.sealed, about_copy(accept.receipt, "acme", 0))
    assert b"ACME01" in opened
    assert b"GAMMA" not in opened
    with pytest.raises(EngineError):
        rig.sealer.open(copy.sealed, about_copy(accept.receipt, "state-medicaid", 0))


def test_the_record_names_every_channel_s_outcome_and_no_value_of_the_message() -> None:
    rig = Rig()
    rig.answer(sample("adt-a01", f10="M1"))
    (record,) = rig.ledger()
    assert set(record["channels"]) == set(SITE.policy.channels)
    assert record["channels"]["state-medicaid"]["verdict"] == "withhold"
    assert (record["type"], record["control_id"]) == ("ADT^A01^ADT_A01", "M1")
    text = json.dumps(record)
    assert not any(value in text for value in ("ALMA", "MR100001", "ACM7780011", "R07.9"))


def test_a_repeated_message_is_answered_as_the_first_time_and_stored_once() -> None:
    rig = Rig()
    first = rig.answer(sample("adt-a01"))
    again = rig.answer(sample("adt-a01"), Connection("adt", 1))
    assert again == first
    assert len(rig.committed) == 1
    (record,) = rig.ledger()
    (event,) = rig.events()
    assert (event["event"], event["level"]) == ("duplicate_received", "info")
    assert (event["listener"], event["receipt"]) == ("adt", record["receipt"])


def test_what_is_not_repeated_is_no_event() -> None:
    rig = Rig()
    rig.answer(sample("adt-a01"))
    assert rig.events() == []


def test_so_it_is_by_the_next_engine_on_the_same_store() -> None:
    rig = Rig()
    first = rig.answer(sample("adt-a01"))
    assert Rig(rig.store).answer(sample("adt-a01")) == first


def test_a_control_id_with_other_content_is_a_new_message_and_an_event() -> None:
    rig = Rig()
    rig.answer(sample("adt-a01", f10="M1"))
    assert msa(rig.answer(sample("adt-a01-psychiatric", f10="M1"))) == b"MSA|AA|M1"
    assert len(rig.committed) == 2
    assert [event["event"] for event in rig.events()] == ["control_id_reused"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"f10": ""}, b"AE"),
        ({"f11": "T"}, b"AR"),
        ({"f12": "9.9"}, b"AR"),
        ({"f9": "SIU^S12"}, b"AR"),
    ],
)
def test_what_a_resend_cannot_mend_is_refused_and_not_stored(
    header: dict[str, str], code: bytes
) -> None:
    rig = Rig()
    answer = rig.answer(sample("adt-a01", **header))
    assert msa(answer).split(b"|")[1] == code
    assert answer is not None
    assert b"\rERR|" in answer
    assert rig.ledger() == []


def test_what_is_not_hl7_has_nobody_to_answer() -> None:
    rig = Rig()
    assert rig.answer(b"GET / HTTP/1.1\r\n\r\n") is None
    assert rig.events()[0]["code"] == "unreadable"


ENVELOPE = b"FHS|^~\\&|HIS|GH\r", b"BHS|^~\\&|HIS|GH|||||||||||||V\r", b"BTS|1\rFTS|1\r"


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("header", [*ENVELOPE[:2], b"".join(ENVELOPE[:2]), b"\n  BHS|^~\\&|A\n"])
def test_a_batch_is_refused_by_name_since_its_header_may_protect_what_is_in_it(
    header: bytes, number: int
) -> None:
    rig = Rig()
    messages = [sample("adt-a01", f10=f"M{n}") for n in range(1, number + 1)]
    answer = rig.answer(header + b"".join(messages) + ENVELOPE[2])
    assert msa(answer) == b"MSA|AR|M1"
    assert b"Batches are not taken" in (answer or b"")
    assert (rig.events()[0]["code"], rig.ledger()) == ("batch", [])


def test_a_batch_of_nothing_has_nobody_to_answer() -> None:
    rig = Rig()
    assert rig.answer(ENVELOPE[0] + ENVELOPE[1] + ENVELOPE[2]) is None
    assert rig.events()[0]["code"] == "batch"


def test_what_comes_before_a_message_and_is_no_envelope_is_passed_over() -> None:
    rig = Rig()
    for before in (b"\r\n", b"BHSX\r", b"a note on BHS|\r"):
        assert b"MSA|AA|" in (rig.answer(before + sample("adt-a01", f10=f"M{len(before)}")) or b"")


def test_two_messages_in_one_frame_are_refused_to_the_sender_of_the_first() -> None:
    answer = Rig().answer(sample("adt-a01", f10="M1") + sample("adt-a08", f10="M2"))
    assert msa(answer) == b"MSA|AE|M1"


@pytest.mark.parametrize(
    ("accept", "application", "answered"), [("AL", "NE", True), ("NE", "NE", False)]
)
def test_enhanced_mode_is_honoured(accept: str, application: str, answered: bool) -> None:
    rig = Rig()
    answer = rig.answer(sample("adt-a01", f10="M1", f15=accept, f16=application))
    if answered:
        assert msa(answer) == b"MSA|CA|M1"
    else:
        assert answer == b""
    assert len(rig.committed) == 1


def test_results_follow_the_coverage_of_an_admission_that_is_not_yet_committed() -> None:
    rig = Rig()
    rig.send(sample("adt-a01"))
    rig.send(sample("oru-r01"), LAB)
    rig.turn()
    assert "acme" in rig.channels_of(1)


def test_what_cannot_be_sealed_now_is_not_answered_and_stays_the_hospitals() -> None:
    ring = MemoryRing()
    keys = Keys({bytes(4): bytes(KEY_BYTES)}, bytes(4), bytes(KEY_BYTES))
    rig = Rig(sealer=Sealer(keys, ring))
    ring.is_away = True
    assert rig.answer(sample("adt-a01", f10="M1")) is None
    assert rig.committed == []
    event = json.loads(rig.log.getvalue().splitlines()[-1])
    assert (event["event"], event["code"]) == ("intake_failed", "content-keys-missing")
    ring.is_away = False
    assert msa(rig.answer(sample("adt-a01", f10="M1"))) == b"MSA|AA|M1"


def test_results_follow_the_coverage_that_only_the_store_knows() -> None:
    before = Rig()
    before.answer(sample("adt-a01"))
    rig = Rig(before.store)
    assert msa(rig.answer(sample("oru-r01", f10="R1"), LAB)) == b"MSA|AA|R1"
    assert "acme" in rig.channels_of(0)


def test_what_follows_on_a_connection_waits_behind_the_question_and_keeps_its_order() -> None:
    rig = Rig()
    for control_id in ("R1", "R2", "R3"):
        rig.send(sample("oru-r01", f10=control_id), LAB)
    rig.turn()
    assert [record["control_id"] for record in rig.ledger()] == ["R1", "R2", "R3"]


def test_results_of_nobody_known_are_held_and_released_by_the_coverage_that_comes() -> None:
    rig = Rig()
    rig.answer(sample("oru-r01"), LAB)
    (held,) = rig.store.execute([Items("acme")])
    assert [(item.kind, item.reason) for item in held] == [  # type: ignore[union-attr]
        (Kept.HELD, "unknown-payer")
    ]
    assert rig.releases == 0
    rig.answer(sample("adt-a01"))
    assert rig.releases == 1


def test_a_fault_in_deciding_is_answered_and_told_and_ends_nothing() -> None:
    class Broken(CompiledPolicy):
        broken = True

        def asks_coverage(self, message: Message) -> bool:
            if self.broken:
                raise ZeroDivisionError("ALMA")
            return super().asks_coverage(message)

    compiled = Broken(SITE.policy, "rev")
    rig = Rig(compiled=compiled)
    answer = rig.answer(sample("oru-r01", f10="R1"), LAB)
    assert msa(answer) == b"MSA|AE|R1"
    (event,) = rig.events()
    assert (event["event"], event["error"]) == ("intake_failed", "ZeroDivisionError")
    assert "ALMA" not in rig.log.getvalue()
    assert rig.ledger() == []
    compiled.broken = False
    assert msa(rig.answer(sample("oru-r01", f10="R2"), LAB)) == b"MSA|AA|R2"


def test_a_listener_that_says_so_answers_ae_while_the_store_is_down() -> None:
    """Only that one: the others are silent, so that the hospital's queue waits."""
    rig = Rig(answer_while_down=frozenset({"results"}))
    rig.intake.store_is_down = True
    assert msa(rig.answer(sample("oru-r01", f10="R1"), LAB)) == b"MSA|AE|R1"
    assert rig.ledger() == []


def test_while_the_engine_stops_nothing_is_answered() -> None:
    rig = Rig()
    rig.commit.stop()
    assert rig.answer(sample("adt-a01")) is None
    assert rig.answer(sample("oru-r01"), LAB) is None
    assert rig.events() == []


def test_the_insurance_of_one_patient_does_not_stand_for_another_in_the_message() -> None:
    """Of the other, who names none, the registry of coverage is asked."""
    rig = Rig()
    for name in (b"MR100001", b"MR100002"):
        admission = sample("adt-a01", f10=f"M{name.decode()}").replace(b"MR100001", name)
        rig.answer(admission.replace(b"V100001", b"V" + name))
    head, _, part = sample("oru-r01", f10="M3").partition(b"\r")
    one = part.replace(b"V100001", b"VMR100001")
    other = part.replace(b"MR100001", b"MR100002").replace(b"V100001", b"VMR100002")
    insured = one.replace(b"\rORC|", b"\rIN1|1|P1|ACME01|ACME\rORC|", 1)
    rig.answer(head + b"\r" + insured + other, LAB)
    parts = [copy.part for copy in rig.committed[-1].copies if copy.channel == "acme"]
    assert parts == [0, 1]
