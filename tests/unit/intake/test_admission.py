"""What a listener refuses, each by its own name, and that it refuses nothing else."""

from __future__ import annotations

import pytest

from engine.ack.codes import Fault
from engine.hl7.wire import Message
from engine.intake.admission import VERSIONS, Admission, Gate
from engine.policy.vocabulary.conditions import MessageType

HEADER = (
    "MSH|^~\\&|{app}|{facility}|ENG|HUB|20260101120000||{kind}|{control_id}|{processing}|{version}"
)


def _message(
    *,
    app: str = "EPIC",
    facility: str = "GOOD HEALTH",
    kind: str = "ADT^A04^ADT_A01",
    control_id: str = "M1",
    processing: str = "P",
    version: str = "2.5.1",
    rest: str = "PID|1||PATID1234",
) -> Message:
    header = HEADER.format(
        app=app,
        facility=facility,
        kind=kind,
        control_id=control_id,
        processing=processing,
        version=version,
    )
    return Message.parse(f"{header}\r{rest}\r".encode())


OPEN = Gate(Admission(), "production")


def test_an_ordinary_message_is_taken() -> None:
    assert OPEN.fault(_message()) is None


@pytest.mark.parametrize("byte", ["\x0b", "\x1c", "\x1c\x0d\x0b"])
def test_what_could_become_two_messages_at_an_insurer_is_refused(byte: str) -> None:
    assert OPEN.fault(_message(rest=f"PID|1||A{byte}B")) is Fault.UNFRAMEABLE


@pytest.mark.parametrize("part", ["DSC|C1|F", "PID|1||A\rADD|more"])
def test_a_part_of_a_message_is_refused_since_the_rest_of_it_is_another(part: str) -> None:
    """Cut on its own it would tell less than was said, or something else (B-4.4)."""
    assert OPEN.fault(_message(rest=part)) is Fault.CONTINUED


@pytest.mark.parametrize("whole", [{"rest": "DSC"}, {"rest": "DSC||F"}, {"version": "2.5.1||C1"}])
def test_a_message_that_does_not_go_on_is_whole(whole: dict[str, str]) -> None:
    """MSH-14 by itself says nothing: what it would continue was refused, and many misuse it."""
    assert OPEN.fault(_message(**whole)) is None


def test_a_message_without_a_control_id_is_refused() -> None:
    """Nobody could say which message an answer belongs to."""
    assert OPEN.fault(_message(control_id="")) is Fault.CONTROL_ID_MISSING


@pytest.mark.parametrize("version", ["9.9", "", "2", "2.10", "3.0", "v2.5"])
def test_an_unknown_version_is_refused(version: str) -> None:
    assert OPEN.fault(_message(version=version)) is Fault.VERSION_ID


@pytest.mark.parametrize("version", sorted(v.decode() for v in VERSIONS))
def test_every_published_version_is_taken(version: str) -> None:
    assert OPEN.fault(_message(version=version)) is None
    assert OPEN.fault(_message(version=f"{version}^USA")) is None


@pytest.mark.parametrize(
    ("environment", "processing", "fault"),
    [
        ("production", "P", None),
        ("production", "P^T", None),
        ("production", "T", Fault.PROCESSING_ID),
        ("production", "D", Fault.PROCESSING_ID),
        ("production", "", Fault.PROCESSING_ID),
        ("test", "T", None),
        ("test", "D", None),
        ("test", "P", Fault.PROCESSING_ID),
    ],
)
def test_msh_11_must_agree_with_the_environment(
    environment: str, processing: str, fault: Fault | None
) -> None:
    assert Gate(Admission(), environment).fault(_message(processing=processing)) is fault


@pytest.mark.parametrize(
    ("app", "facility", "taken"),
    [
        ("EPIC", "GOOD HEALTH", True),
        ("EPIC^1.2.840.1^ISO", "GOOD HEALTH^^", True),
        ("EPIC", "OTHER", False),
        ("EPICX", "GOOD HEALTH", False),
        ("LAB", "LAB SOUTH", True),
        ("", "", False),
    ],
)
def test_senders(app: str, facility: str, taken: bool) -> None:
    gate = Gate(
        Admission(
            sending=(
                {"MSH-3": "EPIC", "MSH-4": "GOOD HEALTH"},
                {"MSH-3.1": "LAB", "MSH-4": "LAB SOUTH"},
            )
        ),
        "production",
    )
    expected = None if taken else Fault.SENDER
    assert gate.fault(_message(app=app, facility=facility)) is expected


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("ADT^A04^ADT_A01", None),
        ("ADT", None),
        ("ORU^R01", None),
        ("ORU^R30", Fault.EVENT_CODE),
        ("ORU", Fault.EVENT_CODE),
        ("SIU^S12", Fault.MESSAGE_TYPE),
        ("", Fault.MESSAGE_TYPE),
    ],
)
def test_message_types(kind: str, fault: Fault | None) -> None:
    wanted = frozenset({MessageType("ADT"), MessageType("ORU", "R01")})
    gate = Gate(Admission(messages=wanted), "production")
    assert gate.fault(_message(kind=kind)) is fault


def test_without_a_list_every_type_is_taken() -> None:
    assert OPEN.fault(_message(kind="SIU^S12")) is None
