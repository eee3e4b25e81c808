"""The ledger record of a delivery."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from engine.delivery.record import delivery_record
from engine.store.port import Final, Opened

AT = datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC)


@pytest.mark.parametrize("note", [b"", b"{}", b" {} "])
def test_a_note_without_members_adds_none(note: bytes) -> None:
    opened = Opened("1-0", "r1", 2, b"", note, 3, True, 0)
    record = delivery_record(
        "acme", opened, Final.PARKED, AT, attempts=3, reason="ack-AR", ack="AR"
    )
    assert json.loads(record) == {
        "kind": "parked",
        "receipt": "r1",
        "channel": "acme",
        "part": 2,
        "at": "2026-03-01T12:00:00.005+00:00",
        "attempts": 3,
        "possible_duplicate": True,
        "ack": "AR",
        "reason": "ack-AR",
    }


def test_the_members_of_the_note_follow() -> None:
    opened = Opened("1-0", "r1", 0, b"", b'{"basis":"45 CFR 164.506(c)"}', 1, False, 0)
    record = delivery_record("acme", opened, Final.DELIVERED, AT, attempts=1, ack="AA")
    assert json.loads(record)["basis"] == "45 CFR 164.506(c)"
    assert b"sealed" not in record
