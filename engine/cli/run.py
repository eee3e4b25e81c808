"""`payergate run`: the engine.

Law: whatever cannot work is said before anything is started, the ports first: a message is never
received by an engine that could not store or deliver it. Standard output has one line, when the
engine takes connections; everything else is events on standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import pickle
import sys
import time
from typing import Any

import engine
from engine.cli.arguments import add_site_and_json
from engine.cli.first_start import make_keys_ready
from engine.cli.reloading import RunningSite
from engine.cli.runnable import refuse_what_cannot_run
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.logs import Event, Log
from engine.net.companion import Companion
from engine.net.process import WorkerProcess
from engine.net.sockets import Bound, Patience, bind_all
from engine.net.supervisor import Supervisor
from engine.plan import ArchivePlan, ListenerSocket, Plan
from engine.policy.meaning.revision import revision
from engine.store.check import check_server
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.opening import EMBEDDED, url_of
from engine.store.reserve import Reserve
from engine.store.varlock import PATIENCE_S, VarLock

#: What the archiver's process adds to its niceness, from its first instruction on.
ARCHIVER_NICENESS = 10


def register(subparsers: Any) -> None:
    """Add `run` to the command line."""
    parser = subparsers.add_parser(
        "run",
        help="run the engine",
        description=(
            "Runs the engine: receives, decides, delivers. SIGTERM or Ctrl-C lets what was received"
            " be answered and ends it; a second one ends it at once. SIGHUP loads the site again."
            " What it prints is JSON anyway."
        ),
    )
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the engine until it is told to end; its exit code."""
    started_s = time.monotonic()
    site = load_site(args.site)
    refuse_what_cannot_run(site)
    running = RunningSite(site)
    log = Log(sys.stderr, SystemClock())
    lock = VarLock(site.var, PATIENCE_S)
    bound: tuple[Bound, ...] = ()
    try:
        bound = bind_all(site.listeners, Patience(time.monotonic, time.sleep))
        make_keys_ready(site)
        running.begin()
        _say_what_should_be_known(site, log)
        server = _store_server(site)
        announce = _Announcement(bound, log, started_s)
        supervisor = Supervisor(
            sockets=[one.socket for one in bound],
            store=server,
            spawn=_Spawn(running, bound, server),
            announce=announce,
            log=log,
            monotonic=time.monotonic,
            reloads=running,
            beside=_archiver(running, server, log),
            reserve=None if server is None else Reserve(site.var, site.store.reserve_bytes),
        )
        return supervisor.run()
    finally:
        for one in bound:
            one.socket.close()
        lock.release()


def _say_what_should_be_known(site: Site, log: Log) -> None:
    log(
        Event.ENGINE_STARTING,
        engine=site.engine,
        pid=os.getpid(),
        revision=revision(site.policy),
    )
    if os.geteuid() == 0:
        log(Event.RUNNING_AS_ROOT)
    for problem in site.warnings:
        log(Event.SITE_WARNING, code=problem.code, place=str(problem.place))


def _store_server(site: Site) -> EmbeddedServer | None:
    """The embedded server, not yet started; None once the server of a URL has passed its check."""
    url = url_of(site.store)
    if url == EMBEDDED:
        return EmbeddedServer(site.var)
    client = connect(url)
    try:
        check_server(client)
    finally:
        client.close()
    return None


def _archiver(running: RunningSite, server: EmbeddedServer | None, log: Log) -> Companion | None:
    """The process that takes what is done with to the archive, if the site keeps one."""
    if not running.site.archive.url:
        return None

    def spawn() -> WorkerProcess:
        site = running.site
        url = site.store.url if server is None else server.url
        plan = ArchivePlan(site, running.revision, url)
        return _process("engine.archiving", [], pickle.dumps(plan), ARCHIVER_NICENESS)

    return Companion(spawn, log, time.monotonic)


def _process(module: str, inherited: list[int], plan: bytes, niceness: int = 0) -> WorkerProcess:
    """A process of this very engine, whatever folder it is started from."""
    root = pathlib.Path(engine.__file__).parents[1]
    code = f"import os, sys; os.nice({niceness}); sys.path.insert(0, {str(root)!r});"
    code += f"from engine.net.orphan import end_with; end_with({os.getpid()});"
    code += f"from {module} import main;"
    command = [sys.executable, "-P", "-c", f"{code} sys.exit(main())"]
    return WorkerProcess(command, inherited=inherited, plan=plan)


class _Announcement:
    """Says once, on standard output, that the engine takes connections."""

    def __init__(self, bound: tuple[Bound, ...], log: Log, started_s: float) -> None:
        self._listeners = {one.listener: one.address for one in bound}
        self._log = log
        self._started_s = started_s

    def __call__(self) -> None:
        line = {"event": "engine_ready", "listeners": self._listeners, "console": None}
        print(json.dumps(line), flush=True)
        self._log(Event.ENGINE_READY, seconds=round(time.monotonic() - self._started_s, 3))


class _Spawn:
    """Starts a worker with the site that is in force.

    With a store of its own nobody else can hold a lane, so a new worker takes over what its dead
    predecessor held; on a shared store it waits until that lease has run out.
    """

    def __init__(
        self, running: RunningSite, bound: tuple[Bound, ...], server: EmbeddedServer | None
    ) -> None:
        self._running = running
        self._bound = bound
        self._server = server
        self._url = url_of(running.site.store) if server is None else ""

    def __call__(self) -> WorkerProcess:
        plan = Plan(
            site=self._running.site,
            revision=self._running.revision,
            sockets=tuple(
                ListenerSocket(one.listener, one.socket.fileno(), one.family, one.address)
                for one in self._bound
            ),
            store_url=self._url if self._server is None else self._server.url,
            takeover=self._server is not None,
        )
        inherited = [one.socket.fileno() for one in self._bound]
        return _process("engine.app", inherited, pickle.dumps(plan))
