"""Master keys alone: what a KMS or a vault gives."""

from __future__ import annotations

import base64

import pytest

from engine.store.barekeys import bare_keys

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))


def b64(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.mark.parametrize("text", [b64(FIRST), FIRST.hex(), FIRST.hex().upper(), b64(FIRST) + "\n"])
def test_one_key_wraps_and_makes_the_rest(text: str) -> None:
    found = bare_keys(text)
    assert found is not None
    assert found.masters[found.current] == FIRST
    assert len(found.masters) == 1
    assert found.only_wrap == {found.current}
    assert found.lookup not in {FIRST, b""}
    assert found == bare_keys(b64(FIRST))


@pytest.mark.parametrize("between", ["\n", ";", "\r\n"])
def test_the_last_wraps_and_the_first_keeps_its_lookups(between: str) -> None:
    one, both = bare_keys(b64(FIRST)), bare_keys(f"{b64(FIRST)}{between}{SECOND.hex()}")
    assert one is not None
    assert both is not None
    assert both.masters[both.current] == SECOND
    assert both.masters[one.current] == FIRST
    assert both.lookup == one.lookup


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "nothing",
        b64(FIRST[:31]),
        FIRST.hex()[2:],
        f"{b64(FIRST)}\nlookup",
        "x" * 44 + "é",
    ],
)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    assert bare_keys(text) is None
