"""The worker's end of the control channel.

Law: a worker drains when it is told to and ends in the instant in which its supervisor is gone.
Ending at once is safe: nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReactorFDSet

from engine.net.control import DRAIN, Report, encode

#: The exit code of a worker whose supervisor is gone; nobody reads it.
ORPHANED = 1


class Control(FileDescriptor):
    """Reads the supervisor's orders on the reactor and sends it reports."""

    def __init__(
        self, reactor: IReactorFDSet, channel: socket.socket, drain: Callable[[], object]
    ) -> None:
        super().__init__(reactor)
        channel.setblocking(False)
        self._channel = channel
        self._drain = drain
        self._heard = b""

    def watch(self) -> None:
        """Hear orders from now on."""
        self.startReading()  # type: ignore[no-untyped-call]

    def report(self, report: Report) -> None:
        """Tell the supervisor; reports are few and short, so that they always fit."""
        try:
            self._channel.send(encode(report))
        except OSError:
            os._exit(ORPHANED)

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._channel.fileno()

    def doRead(self) -> None:
        """Orders have come, or the end."""
        try:
            data = self._channel.recv(64)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            os._exit(ORPHANED)
        self._heard += data
        if self._heard.endswith(DRAIN):
            self._heard = b""
            self._drain()
