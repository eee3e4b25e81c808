"""A connection in memory: what a protocol of ours sees of Twisted, and what its peer sees of it."""

from __future__ import annotations

from typing import Any


class Peer:
    """The far end of a connection. It is a `Wire` to the protocol, and as strict as a socket is.

    `deaf`: nothing that is written is ever taken, so closing waits for ever.
    """

    def __init__(self, protocol: Any, *, deaf: bool = False) -> None:
        self._protocol = protocol
        self._deaf = deaf
        self._heard = bytearray()
        self._reads = True
        self._closing = False
        self._lost = False
        self._told_the_end = False
        self._aborts_later = False
        self._producer: Any = None
        self._streams = False
        self._takes = True
        self._protocol.makeConnection(self)

    # --- the peer's side ---------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        """Send bytes; a protocol that does not read gets none."""
        assert self._reads
        assert not self._closing
        self._protocol.dataReceived(data)

    def heard(self) -> bytes:
        """All that was sent to it."""
        return bytes(self._heard)

    def stop_sending(self) -> None:
        """Close its sending side only."""
        self._protocol.readConnectionLost()

    def hang_up(self) -> None:
        """Close the connection."""
        self._lose()

    def stop_taking(self) -> None:
        """Take nothing, so that more is written than leaves."""
        self._takes = False
        if self._streams:
            self._producer.pauseProducing()

    def take_all(self) -> None:
        """Take what has piled up."""
        self._takes = True
        self._producer.resumeProducing()

    def abort_later(self) -> None:
        """From now on an abort takes until `hang_up`, as on a socket it takes a turn."""
        self._aborts_later = True

    def reads(self) -> bool:
        """The protocol reads."""
        return self._reads and not self._closing

    def closed(self) -> bool:
        """The protocol has closed the connection, or wants to."""
        return self._closing

    def told_the_end(self) -> bool:
        """The protocol has closed its side."""
        return self._told_the_end or self._lost

    def lost(self) -> bool:
        """The connection is gone."""
        return self._lost

    # --- the protocol's side -----------------------------------------------------------------

    def write(self, data: bytes) -> None:
        assert not self._closing
        assert not self._told_the_end
        self._heard += data
        if self._takes and self._producer is not None and not self._streams:
            self._producer.resumeProducing()

    def loseConnection(self) -> None:
        self._closing = True
        if not self._deaf and self._producer is None:
            self._lose()

    def loseWriteConnection(self) -> None:
        self._told_the_end = True
        self._protocol.writeConnectionLost()

    def abortConnection(self) -> None:
        self._closing = True
        if not self._aborts_later:
            self._lose()

    def pauseProducing(self) -> None:
        assert not self._lost
        self._reads = False

    def resumeProducing(self) -> None:
        assert not self._closing
        self._reads = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self._producer is None
        self._producer, self._streams = producer, streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self._producer = None

    def _lose(self) -> None:
        self._closing = True
        if not self._lost:
            self._lost = True
            self._protocol.connectionLost()
