"""The synthetic hospital: repeatable, plausible, and with enough variety to show every outcome."""

from collections import Counter
from datetime import UTC, datetime

from engine.demo.hospital import CONTROL_ID_LIMIT, FOREIGN, Header, Hospital, Insurer, Sent
from engine.hl7.wire import Message

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACME = Insurer("ACME HEALTH", {3: "ACME01"})
BETA = Insurer("BETA MUTUAL", {3: "BETA01"})


def day(seed: int, messages: int = 300) -> list[Sent]:
    hospital = Hospital((ACME, BETA), seed, START)
    return [hospital.next() for _ in range(messages)]


def segments(sent: Sent, name: str) -> list[list[bytes]]:
    return [each.fields for each in Message.parse(sent.data).segments if each.id == name]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert day(7) == day(7)
    assert day(7) != day(8)


def test_control_ids_are_unique_and_fit_every_version() -> None:
    ids = [sent.control_id for sent in day(1)]
    assert len(set(ids)) == len(ids)
    assert all(len(each) <= CONTROL_ID_LIMIT for each in ids)


def test_what_is_said_of_a_message_is_what_it_says() -> None:
    for sent in day(2):
        msh = Message.parse(sent.data).msh
        assert msh.field(10).decode() == sent.control_id
        assert msh.field(9).decode().startswith(sent.type + "^")


def test_all_kinds_of_messages_come() -> None:
    kinds = {sent.type for sent in day(3)}
    assert kinds == {"ADT^A01", "ADT^A03", "ADT^A04", "ADT^A08", "DFT^P03", "ORU^R01"}


def test_each_insurer_and_a_foreign_one_have_patients() -> None:
    named = Counter(fields[3] for sent in day(4) for fields in segments(sent, "IN1"))
    assert set(named) == {b"ACME01", b"BETA01", FOREIGN.insurance[3].encode()}
    assert min(named[b"ACME01"], named[b"BETA01"]) > named[FOREIGN.insurance[3].encode()] // 2


def test_some_patients_have_two_insurers() -> None:
    assert any(len(segments(sent, "IN1")) == 2 for sent in day(5))


def test_a_result_names_no_insurer_so_its_visit_must_be_known() -> None:
    taught: set[bytes] = set()
    known = unknown = 0
    for sent in day(6):
        visit = segments(sent, "PV1")[0][19]
        if sent.type == "ORU^R01":
            assert not segments(sent, "IN1")
            known, unknown = known + (visit in taught), unknown + (visit not in taught)
        elif segments(sent, "IN1"):
            taught.add(visit)
    assert known > 10 * unknown > 0


def test_a_site_without_payers_still_gets_messages() -> None:
    hospital = Hospital((), 1, START)
    assert any(segments(hospital.next(), "IN1") for _ in range(20))


def test_the_header_is_the_hospitals_own() -> None:
    sent = Hospital((ACME,), 1, START, Header("LAB", "EAST", "T")).next()
    msh = Message.parse(sent.data).msh
    assert [msh.field(n) for n in (3, 4, 11)] == [b"LAB", b"EAST", b"T"]
