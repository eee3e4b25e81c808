"""The composition root of a worker process: its keys, its store, and the worker on them.

Law: it is started by the supervisor with the listening sockets already bound, and reports over the
control channel whether it can work. Of the engine's parts this one alone knows which store it is.
"""

from __future__ import annotations

import pickle
import socket
import sys
import time
from collections.abc import Callable

from engine.clock import SystemClock
from engine.errors import EngineError
from engine.intake.receipts import earliest_receipt
from engine.interpreter import settle_in
from engine.logs import Event, Log, bridge_libraries, bridge_twisted
from engine.net.control import Failed, Listening
from engine.net.reactor import monotonic_reactor
from engine.net.worker import Control
from engine.plan import Plan
from engine.stderr import forgive_standard_error
from engine.store.check import SettingsLook, check_keys
from engine.store.client import connect
from engine.store.doubt import may_be_archived
from engine.store.keyring import KeyRing, KeysLook
from engine.store.mark import MarkLook
from engine.store.port import Store
from engine.store.redis import RedisStore
from engine.store.reserve import Reserve, ReservingStore
from engine.store.sealing import Sealer
from engine.store.watched import WatchedStore
from engine.worker import Worker


def _watched(plan: Plan, ring: KeyRing, log: Log) -> Store:
    """The site's store, looked at for as long as it is used."""
    site = plan.site
    client = connect(plan.store_url)
    mark = MarkLook(
        client,
        site.var,
        tuple(site.policy.channels),
        is_ours=plan.takeover,
        now=SystemClock().now,
        before=lambda now: earliest_receipt(int(now.timestamp() * 1000)),
        found=lambda: log(Event.STORE_RESTORED),
        replicas=site.store.replicas,
        is_archived=may_be_archived(site.archive.url, site.root),
    )
    looks = (SettingsLook(client), mark, KeysLook(ring.look))
    store = WatchedStore(RedisStore(client, site.store.replicas), looks, time.monotonic)
    reserve_bytes = site.store.reserve_bytes if plan.takeover else 0  # else the disk is another's
    return ReservingStore(store, Reserve(site.var, reserve_bytes))


def main() -> int:
    """The worker process: the plan on standard input, the control channel's descriptor last."""
    plan: Plan = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own supervisor
    forgive_standard_error()
    log = Log(sys.stderr, SystemClock())
    bridge_libraries(log)
    bridge_twisted(log)
    reactor = monotonic_reactor()
    control_channel = socket.socket(fileno=int(sys.argv[-1]))
    drain: list[Callable[[], object]] = []
    control = Control(reactor, control_channel, lambda: [end() for end in drain])
    try:
        ring = KeyRing(plan.site.keys, SystemClock().now)
        sealing = Sealer(ring.masters, ring)
        store = _watched(plan, ring, log)
        with connect(plan.store_url) as client:
            check_keys(client, sealing.known_by, ring.folder.id())
        worker = Worker(plan, store, sealing, reactor, log)
    except EngineError as error:
        control.report(Failed(error.code, error.what, error.mend, int(error.exit_code)))
        return int(error.exit_code)
    drain.append(worker.drain)
    control.watch()
    settle_in()
    worker.start(lambda: control.report(Listening()))
    reactor.run(installSignalHandlers=False)
    return 0
