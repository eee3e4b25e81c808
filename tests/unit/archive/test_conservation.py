"""The checker of conservation notices whatever does not add up."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support.conservation import conserved

COPY, OTHER = b"one copy", b"another copy"


def delivered(receipt: str, data: bytes, *, twice: bool = False) -> dict[str, Any]:
    return {
        "kind": "delivered",
        "receipt": receipt,
        "channel": "acme",
        "part": 0,
        "sha256": hashlib.sha256(data).hexdigest(),
        "possible_duplicate": twice,
    }


def decision(receipt: str, acme: str = "disclose") -> dict[str, Any]:
    said = {"acme": {"verdict": acme, "parts": 1}, "beta": {"verdict": "withhold"}}
    return {"kind": "decision", "receipt": receipt, "control_id": f"C{receipt}", "channels": said}


def check(rows: list[dict[str, Any]], *files: bytes, acked: str = "12", **more: int) -> str:
    view = {"depth": 0, "held": 0, "delivered": 0}
    sent = sum(row["kind"] == "delivered" for row in rows)
    status = {"channels": {"acme": view | {"delivered": sent} | more, "beta": view}}
    received = {"acme": list(files), "beta": []}
    return conserved([f"C{one}" for one in acked], rows, received, status)


WHOLE = [decision("1"), delivered("1", COPY), decision("2"), delivered("2", OTHER)]


def test_what_adds_up_is_counted() -> None:
    assert "2 decisions for 2 acknowledged" in check(WHOLE, COPY, OTHER)
    assert "2 in queues" in check([decision("1", "hold"), decision("2")], depth=1, held=1)


def test_a_parked_copy_that_was_replayed_ends_once() -> None:
    parked = delivered("1", COPY) | {"kind": "parked"}
    again = parked | {"kind": "redecided", "was": "parked", "verdict": "disclose", "parts": 1}
    assert "1 final rows" in check([decision("1"), parked, again, WHOLE[1]], COPY, acked="1")
    assert "1 final rows" in check(
        [decision("1"), parked, parked | {"kind": "discarded", "was": "parked"}], acked="1"
    )


@pytest.mark.parametrize(
    ("rows", "files"),
    [
        (WHOLE[:2], (COPY,)),  # a message without a decision
        ([*WHOLE, decision("1")], (COPY, OTHER)),  # decided twice
        (WHOLE[:3], (COPY,)),  # a disclosure without an end, in no queue
        ([*WHOLE, delivered("2", OTHER)], (COPY, OTHER)),  # two ends
        ([*WHOLE[:3], delivered("2", OTHER)], (COPY,)),  # a row without a file
        (WHOLE, (COPY, OTHER, b"a third")),  # a file without a row
        (WHOLE, (COPY, OTHER, OTHER)),  # twice without the mark
    ],
)
def test_what_does_not_is_found(rows: list[dict[str, Any]], files: tuple[bytes, ...]) -> None:
    with pytest.raises(AssertionError):
        check(rows, *files)


def test_twice_with_the_mark_is_no_loss() -> None:
    check([*WHOLE[:3], delivered("2", OTHER, twice=True)], COPY, OTHER, OTHER)
