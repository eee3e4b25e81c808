"""The archiver's process: its composition root, and its life.

Law: it may be killed at any instant and begins where the archive says that it ended. While store or
archive is away it waits and tries again; nothing is let go meanwhile, and nothing waits for it. It
is started with a lower priority than its neighbours and rests between its steps
(engine.archive.pace): what it does can be done later.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
from collections.abc import Callable

from engine.archive.archiver import Archiver
from engine.archive.database import ArchiveUnavailableError
from engine.archive.entries import Clerk
from engine.archive.grants import grants_of
from engine.archive.key_erasing import KeyEraser, KeysNeededError
from engine.archive.opening import database_of, signing_key_of
from engine.archive.pace import erasing_rest_s, rest_s
from engine.archive.rebuild import Rebuilder
from engine.archive.retention import Eraser
from engine.archive.signing import (
    create_signing_key,
    public_file,
    read_signer,
    read_verifier,
)
from engine.archive.story import Scribe
from engine.clock import Clock, SystemClock
from engine.config.model import Site
from engine.errors import EngineError
from engine.logs import Event, Log, bridge_libraries
from engine.net.control import Failed, Listening, encode
from engine.plan import ArchivePlan
from engine.policy.compile import compile_policy
from engine.stderr import forgive_standard_error
from engine.store.client import connect
from engine.store.keyfile import KeysAwayError
from engine.store.keykeeping import KeyKeeper
from engine.store.keyring import KeyRing, KeysLook
from engine.store.opening import EMBEDDED, url_of
from engine.store.port import StoreUnavailable
from engine.store.redis import RedisStore
from engine.store.reserve import Reserve
from engine.store.sealing import Sealer
from engine.store.watched import WatchedStore

#: How often the store is asked when there was nothing, in seconds.
POLL_S = 0.25

#: Between attempts while store or archive is away, doubling from the first to the last.
FIRST_WAIT_S = 0.5
LAST_WAIT_S = 15.0

#: How often it is looked whether the privacy registry must be rebuilt, in seconds.
REBUILD_S = 1.0

#: How often what is due is erased, in seconds.
ROUND_S = 3600.0

_SHORT = "its disk is full"

#: What passes: wait, and try again.
_AWAY = (StoreUnavailable, ArchiveUnavailableError, KeysAwayError, KeysNeededError)


class Control:
    """The archiver's end of the control channel."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.finishing = False

    def report(self, report: Listening | Failed) -> None:
        """Tell the supervisor."""
        self._channel.sendall(encode(report))

    def wait(self, seconds: float) -> None:
        """Until an order comes, or for so long. Ends the process when the supervisor is gone."""
        self._channel.settimeout(max(seconds, 0.001))
        try:
            heard = self._channel.recv(64)
        except TimeoutError:
            return
        except OSError:
            heard = b""
        if not heard:
            os._exit(1)
        self.finishing = True


class Erasing:
    """What is due, in turn: rows first, then the keys of what they held."""

    def __init__(self, rows: Eraser, keys: KeyEraser) -> None:
        self._parts = (rows, keys)

    def next_round(self) -> None:
        """Look at everything again."""
        for part in self._parts:
            part.next_round()

    def step(self) -> int | None:
        """One transaction; how many, or None when the round is over."""
        for part in self._parts:
            number = part.step()
            if number is not None:
                return number
        return None


class Life:
    """What the archiver does: `begin` once, then over and over the rest.

    `is_short`: the disk's last room is for deliveries.
    """

    def __init__(
        self,
        archiver: Archiver,
        eraser: Erasing,
        rebuilder: Rebuilder,
        control: Control,
        log: Log,
        *,
        begin: Callable[[], bool],
        is_short: Callable[[], bool],
    ) -> None:
        self._begin = begin
        self._is_short = is_short
        self._archiver = archiver
        self._eraser = eraser
        self._rebuilder = rebuilder
        self._control = control
        self._log = log
        self._clock = SystemClock()
        self._is_away = self._is_erasing = False
        self._wait_s = FIRST_WAIT_S
        self._round_at_s = self._rebuild_at_s = self._clock.monotonic()

    def run(self) -> None:
        """Until told to finish, and then until there is nothing left."""
        while self._attempt(self._begin) is None:
            if self._control.finishing:
                return
        while True:
            self._rebuild()
            began_s = self._clock.monotonic()
            number = self._attempt(self._archiver.step)
            if number:
                took_s = self._clock.monotonic() - began_s
                rest = 0.0 if self._control.finishing else rest_s(took_s, self._archiver.oldest_s)
                self._control.wait(rest)
                continue
            if self._control.finishing:
                return
            began_s = self._clock.monotonic()
            if number is not None and self._erase():
                self._control.wait(erasing_rest_s(self._clock.monotonic() - began_s))
            elif number is not None:
                self._control.wait(POLL_S)

    def _leave_room(self) -> None:
        if self._is_short():
            raise ArchiveUnavailableError(_SHORT)

    def _rebuild(self) -> None:
        """Make the registry again, if its store has lost something; it cannot wait for the rest."""
        now_s = self._clock.monotonic()
        if now_s < self._rebuild_at_s:
            return
        self._rebuild_at_s = now_s + REBUILD_S
        is_settled = self._attempt(self._rebuilder.step)
        if is_settled is not None:
            self._log(Event.REGISTRY_REBUILT if is_settled else Event.REGISTRY_UNSETTLED)

    def _erase(self) -> bool:
        """One transaction of erasing, when it is time; whether there is more."""
        now_s = self._clock.monotonic()
        if now_s >= self._round_at_s:
            self._round_at_s = now_s + ROUND_S
            self._eraser.next_round()
            self._is_erasing = True
        if not self._is_erasing:
            return False
        number = self._attempt(self._eraser.step)
        self._is_erasing = number is not None  # what fails now fails in the next moment, too
        if number:
            self._log(Event.ARCHIVE_ERASED, count=number)
        return number is not None

    def _attempt(self, do: Callable[[], int | None]) -> int | None:
        """None when store or archive is away, after a wait."""
        try:
            self._leave_room()
            found = do()
        except _AWAY as error:
            if not self._is_away:
                self._is_away = True
                self._log.failure(Event.ARCHIVE_UNAVAILABLE, error)
            self._control.wait(self._wait_s)
            self._wait_s = min(self._wait_s * 2, LAST_WAIT_S)
            return None
        if self._is_away:
            self._is_away = False
            self._log(Event.ARCHIVE_BACK)
        self._wait_s = FIRST_WAIT_S
        return found


def _shortness(site: Site) -> Callable[[], bool]:
    """Whether the archive would take the room that deliveries need: both are on one disk."""
    if url_of(site.store) != EMBEDDED or not site.archive.url.startswith("sqlite:"):
        return lambda: False
    return Reserve(site.var, site.store.reserve_bytes).is_short


def _life(plan: ArchivePlan, control: Control, clock: Clock, log: Log) -> Life:
    """What the plan asks for, put together. Raises `EngineError` when it cannot be."""
    site = plan.site
    compiled = compile_policy(site.policy, plan.revision)
    ring = KeyRing(site.keys, clock.now)
    sealing = Sealer(ring.masters, ring)
    bare = RedisStore(connect(plan.store_url), site.store.replicas)
    store = WatchedStore(bare, (KeysLook(ring.look),), clock.monotonic)
    key_file = signing_key_of(site)
    create_signing_key(key_file)
    signer = read_signer(key_file)
    database = database_of(site)
    archiver = Archiver(
        database,
        store,
        Scribe(compiled, sealing),
        Clerk(site.policy, compiled.rules),
        signer,
        clock=clock,
        quarantined=lambda receipt, fault: log.failure(
            Event.ARCHIVE_QUARANTINED, fault, receipt=receipt
        ),
    )
    eraser = Erasing(
        Eraser(database, signer, site.retention, clock=clock),
        KeyEraser(
            database,
            signer,
            store,
            KeyKeeper(site.keys, clock.now),
            site.retention,
            clock=clock,
        ),
    )
    rebuilder = Rebuilder(database, store, read_verifier(public_file(key_file)), clock)

    def begin() -> bool:
        database.migrate()
        if not archiver.begin(grants_of(site.policy)):
            log(Event.ARCHIVE_GAP)
        return True

    is_short = _shortness(site)
    return Life(archiver, eraser, rebuilder, control, log, begin=begin, is_short=is_short)


def main() -> int:
    """The archiver process: the plan on standard input, the control channel's descriptor last."""
    plan: ArchivePlan = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own supervisor
    clock = SystemClock()
    forgive_standard_error()
    log = Log(sys.stderr, clock)
    bridge_libraries(log)
    control = Control(socket.socket(fileno=int(sys.argv[-1])))
    try:
        life = _life(plan, control, clock, log)
        control.report(Listening())
        life.run()
    except EngineError as error:
        control.report(Failed(error.code, error.what, error.mend, int(error.exit_code)))
        return int(error.exit_code)
    return 0
