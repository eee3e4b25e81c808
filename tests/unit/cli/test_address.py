"""`HOST:PORT`."""

from __future__ import annotations

import pytest

from engine.cli.address import host_and_port
from engine.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:2575", ("127.0.0.1", 2575)),
        ("payer.example:0", ("payer.example", 0)),
        ("[::1]:2575", ("::1", 2575)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert host_and_port(text) == expected


@pytest.mark.parametrize("text", ["", "host", ":2575", "host:", "host:x", "host:65536", "h:-1"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError):
        host_and_port(text)
