"""What is written leaves at once, in order, and what the socket does not take leaves later."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection

from engine.net.promptly import sending_now


class Turns:
    """A reactor that notes who wants to write, and never turns by itself."""

    def __init__(self) -> None:
        self.writers: set[object] = set()

    def addReader(self, reader: object) -> None:  # noqa: N802 - Twisted's name
        """Not of interest."""

    def addWriter(self, writer: object) -> None:  # noqa: N802 - Twisted's name
        """It waits for its turn."""
        self.writers.add(writer)

    def removeWriter(self, writer: object) -> None:  # noqa: N802 - Twisted's name
        """It has nothing to write any more."""
        self.writers.discard(writer)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def _transport(end: socket.socket, reactor: Turns) -> Any:
    made: Any = cast("Any", Connection)(end, Protocol(), reactor)
    made.connected = 1
    return made


def _read(end: socket.socket) -> bytes:
    found = b""
    while True:
        try:
            found += end.recv(1 << 20)
        except BlockingIOError:
            return found


def test_it_leaves_before_the_reactor_turns(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    reactor = Turns()
    transport = _transport(ours, reactor)
    transport.write(b"reply")
    sending_now(transport)()
    assert _read(theirs) == b"reply"
    assert not reactor.writers


def test_what_the_socket_does_not_take_leaves_later_in_order(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = ends
    reactor = Turns()
    transport = _transport(ours, reactor)
    said = b"".join(b"%07d\n" % number for number in range(100_000))
    transport.write(said)
    send_now = sending_now(transport)
    send_now()
    assert reactor.writers == {transport}
    transport.write(b"last")
    found = b""
    while reactor.writers:
        found += _read(theirs)
        send_now()
    assert found + _read(theirs) == said + b"last"


def test_an_error_is_left_to_the_reactor(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    reactor = Turns()
    transport = _transport(ours, reactor)
    theirs.close()
    transport.write(b"reply")
    sending_now(transport)()
    assert reactor.writers == {transport}


def test_another_transport_sends_by_itself() -> None:
    sending_now(object())()
