"""The store's server and the room kept for it on the disk, where they are ours to run.

Law: a server that dies is started again, later each time while it dies young; a start that fails
is tried again, unless it was the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.errors import EngineError
from engine.logs import Event, Log
from engine.net.process import Restarts


class StoreServer(Protocol):
    """The store's server process, where it is ours to run."""

    @property
    def pid(self) -> int:
        """Its process id; 0 when it does not run."""

    @property
    def adopted(self) -> bool:
        """It was found running, orphaned by an engine that was killed."""

    def start(self) -> None:
        """Start it, or adopt the one that runs; raises `StoreError`."""

    def alive(self) -> bool:
        """It runs."""

    def stop(self) -> None:
        """End it in order: everything on disk, then gone."""


class DiskReserve(Protocol):
    """Room on the store's disk that is kept for deliveries."""

    def look_after(self, *, store_ended: bool = False) -> bool | None:
        """Give it up (False) or take it back (True), if it is time."""


class KeptStore:
    """Keeps `server` alive; does nothing where there is none."""

    def __init__(
        self,
        server: StoreServer | None,
        reserve: DiskReserve | None,
        log: Log,
        monotonic: Callable[[], float],
    ) -> None:
        self._server = server
        self._reserve = reserve
        self._log = log
        self._monotonic = monotonic
        self._restarts = Restarts()
        self._started_s = 0.0
        self._again_at_s: float | None = None  # set while it is down

    def begin(self) -> None:
        """The first start. Raises `EngineError` when it fails."""
        self._look_after_reserve()
        if self._server is not None:
            self._start(self._server)

    def look_after(self) -> None:
        """See how it does; called often."""
        self._look_after_reserve()
        server, now_s = self._server, self._monotonic()
        if server is None or (self._again_at_s is None and server.alive()):
            return
        if self._again_at_s is None:
            lived_s = now_s - self._started_s
            self._log(Event.STORE_ENDED, seconds=round(lived_s, 3))
            self._look_after_reserve(ended=True)
            self._again_at_s = now_s + self._restarts.wait_s(lived_s)
        if now_s >= self._again_at_s:
            try:
                self._start(server)
            except EngineError as error:
                self._log.failure(Event.STORE_ENDED, error)
                self._look_after_reserve(ended=True)
                self._again_at_s = self._monotonic() + self._restarts.wait_s(0.0)

    def stop(self) -> None:
        """End it in order."""
        if self._server is not None:
            self._server.stop()

    def _start(self, server: StoreServer) -> None:
        server.start()
        self._started_s = self._monotonic()
        self._again_at_s = None
        self._log(Event.STORE_ADOPTED if server.adopted else Event.STORE_STARTED, pid=server.pid)

    def _look_after_reserve(self, *, ended: bool = False) -> None:
        if self._reserve is None:
            return
        is_back = self._reserve.look_after(store_ended=ended)
        if is_back is not None:
            self._log(Event.DISK_RESERVED if is_back else Event.DISK_FULL)
