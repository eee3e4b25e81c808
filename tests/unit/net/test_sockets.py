"""Ports: had before anything starts, or refused in words that say what to do."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from engine.config.model import Address, Listener
from engine.errors import EngineError
from engine.net.sockets import AGAIN_S, Patience, bind_all


class HandTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.wakes = 0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.wakes += 1


def _patience(time: HandTime) -> Patience:
    return Patience(time.monotonic, time.sleep, seconds=1.0)


def _listener(name: str, port: int, host: str = "127.0.0.1") -> Listener:
    return Listener(name, Address(host, port))


@pytest.fixture
def taken() -> Iterator[int]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


def test_port_zero_is_any_free_port_and_is_told() -> None:
    (bound,) = bind_all([_listener("adt", 0)], _patience(HandTime()))
    with contextlib.closing(bound.socket):
        host, port = bound.address.split(":")
        assert host == "127.0.0.1"
        with socket.create_connection((host, int(port)), timeout=5):
            pass


def test_a_port_that_stays_taken_is_refused_by_name_after_some_patience(taken: int) -> None:
    time = HandTime()
    with pytest.raises(EngineError) as caught:
        bind_all([_listener("adt", taken)], _patience(time))
    assert caught.value.code == "port-in-use"
    assert "adt" in caught.value.what
    assert "config.yaml" in caught.value.mend
    assert time.wakes >= 0.9 / AGAIN_S


def test_a_port_that_becomes_free_is_taken() -> None:
    """The worker of a killed engine holds the port for a moment after it."""
    time = HandTime()
    attempts = []

    def sleep(seconds: float) -> None:
        attempts.append(seconds)
        time.sleep(seconds)
        blocker.close()

    blocker = socket.create_server(("127.0.0.1", 0))
    port = blocker.getsockname()[1]
    (bound,) = bind_all([_listener("adt", port)], Patience(time.monotonic, sleep, seconds=1.0))
    bound.socket.close()
    assert len(attempts) == 1


def test_when_one_port_fails_none_stays_bound(taken: int) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free = probe.getsockname()[1]
    with pytest.raises(EngineError):
        bind_all([_listener("a", free), _listener("b", taken)], _patience(HandTime()))
    (bound,) = bind_all([_listener("a", free)], _patience(HandTime()))
    bound.socket.close()


def test_an_address_of_another_machine_is_refused_at_once() -> None:
    time = HandTime()
    with pytest.raises(EngineError) as caught:
        bind_all([_listener("adt", 2575, host="192.0.2.1")], _patience(time))
    assert caught.value.code == "address-unusable"
    assert time.wakes == 0
