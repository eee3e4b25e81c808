"""Records are put together from parts, and read as if JSON had been encoded in one piece."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from engine.hl7.wire import Message
from engine.intake.records import Records
from engine.policy.model import State
from engine.policy.outcome import Code, Outcome, Payload, Verdict
from engine.policy.reasons import plain

AT = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
STATES = {"acme": State.LIVE, "beta": State.SHADOW, "gamma": State.LIVE}
DISCLOSED = Outcome("acme", Verdict.DISCLOSE, (), (Payload(b"A", b"1", (0,)),), ("r1", "r2"))
SHADOWED = Outcome("beta", Verdict.DISCLOSE, (), (Payload(b"B", b"1", (0,)),) * 2, ("r1",))
HELD = Outcome("gamma", Verdict.HOLD, (plain(Code.UNKNOWN_PAYER),))


def record(*outcomes: Outcome, control_id: bytes = b"M1", kind: bytes = b"ADT^A01") -> bytes:
    message = Message.parse(b"MSH|^~\\&|||||||" + kind + b"|" + control_id + b"|P|2.5.1\r")
    return Records("rev", STATES).decision(
        receipt="0" * 20,
        at=AT,
        listener='a "quoted" one',
        message=message,
        digest=bytes(32),
        outcomes=outcomes,
    )


def test_a_record_is_the_json_of_its_members() -> None:
    assert record(DISCLOSED, SHADOWED, HELD) == json.dumps(
        {
            "kind": "decision",
            "receipt": "0" * 20,
            "at": "2026-03-01T12:00:00.123+00:00",
            "listener": 'a "quoted" one',
            "control_id": "M1",
            "type": "ADT^A01",
            "sha256": "00" * 32,
            "revision": "rev",
            "channels": {
                "acme": {"verdict": "disclose", "rules": ["r1", "r2"], "parts": 1},
                "beta": {"verdict": "disclose", "rules": ["r1"], "parts": 2, "state": "shadow"},
                "gamma": {"verdict": "hold", "reasons": ["unknown-payer"]},
            },
        },
        separators=(",", ":"),
    ).encode("ascii")


def test_what_is_kept_of_one_outcome_is_never_said_of_another() -> None:
    records = Records("rev", STATES)
    others = (
        Outcome("acme", Verdict.DISCLOSE, (), (Payload(b"A", b"1", (0,)),) * 2, ("r1", "r2")),
        Outcome("acme", Verdict.DISCLOSE, (), (Payload(b"A", b"1", (0,)),), ("r1",)),
        Outcome("acme", Verdict.HOLD, (plain(Code.UNKNOWN_PAYER),)),
        Outcome("acme", Verdict.WITHHOLD, (plain(Code.NO_COVERAGE),)),
        Outcome("gamma", Verdict.WITHHOLD, (plain(Code.NO_COVERAGE),)),
    )
    message = Message.parse(b"MSH|^~\\&|||||||ADT^A01|M1|P|2.5.1\r")

    def members(outcome: Outcome) -> object:
        text = records.decision(
            receipt="R", at=AT, listener="l", message=message, digest=b"", outcomes=[outcome]
        )
        return json.loads(text)["channels"]

    for outcome in (DISCLOSED, *others) * 2:
        assert members(outcome) == json.loads(record(outcome))["channels"]


@pytest.mark.parametrize(
    "control_id", [b'"', b"\\", b'x","kind":"y', b"\x00\x1f", b"\xff", "ü".encode(), b"9" * 300]
)
def test_no_control_id_breaks_out_of_its_record(control_id: bytes) -> None:
    read = json.loads(record(HELD, control_id=control_id))
    assert read["control_id"] == control_id.decode("ascii", "backslashreplace")[:199]
    assert read["kind"] == "decision"


@pytest.mark.parametrize("kind", [b'ADT^A01"', b"SMITH^JOHN", b"adt^A01", b"ADT^A01 "])
def test_what_is_no_type_is_not_repeated(kind: bytes) -> None:
    assert json.loads(record(HELD, kind=kind))["type"] == ""
