"""MSH-12 as numbers."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.message.reading import version_of
from tests.support.cutting import hl7


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("2.5.1", (2, 5)),
        ("2.7", (2, 7)),
        ("2.10^USA^x", (2, 10)),
        ("", (0, 0)),
        ("2", (0, 0)),
        ("new", (0, 0)),
        ("2." + "9" * 5000, (0, 0)),
    ],
)
def test_what_cannot_be_read_is_old(said: str, version: tuple[int, int]) -> None:
    assert version_of(Message.parse(hl7("ADT^A01", "PID|1||A", msh=f"P|{said}"))) == version
