"""`HOST:PORT`."""

from __future__ import annotations

import pytest

from engine.cli.address import host_and_port
from engine.errors import EngineError, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:2575", ("127.0.0.1", 2575)),
        ("payer.example:0", ("payer.example", 0)),
        ("[::1]:2575", ("::1", 2575)),
        ("tcp:127.0.0.1:2575", ("127.0.0.1", 2575)),
        ("tcp:[::1]:2575", ("::1", 2575)),
        ("tcp:2575", ("tcp", 2575)),
    ],
)
def test_addresses(text: str, expected: tuple[str, int]) -> None:
    assert host_and_port(text) == expected


@pytest.mark.parametrize(
    "text", ["", "host", ":2575", "host:", "host:x", "host:65536", "h:-1", "tcp::1", "tls:h:"]
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError):
        host_and_port(text)


@pytest.mark.parametrize("port", ["65536", "99999", "9" * 5000])
def test_a_port_that_there_is_not_is_said_to_be_out_of_range(port: str) -> None:
    with pytest.raises(UsageError, match="out of range"):
        host_and_port(f"localhost:{port}")
    assert host_and_port("localhost:65535") == ("localhost", 65535)
    assert host_and_port("localhost:000080") == ("localhost", 80)


@pytest.mark.parametrize("text", ["tls:payer.example:6661", "tls:[::1]:6661"])
def test_who_asks_for_tls_gets_nothing_in_the_clear(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        host_and_port(text)
    assert caught.value.code == "tls-unavailable"
