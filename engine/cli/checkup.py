"""The single checks of `payergate doctor`, each a function to findings.

Law: a check that cannot be made says so; none changes anything.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import stat
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from engine.archive.opening import open_archive, signing_key_of
from engine.cli.findings import Finding, bad, of_error, ok, warning
from engine.cli.reach import disk_troubles, engine_runs, running_store
from engine.config.addresses import is_loopback
from engine.config.assessing import overdue, since_when
from engine.config.model import Listener, Site, StoreFailureAnswer
from engine.errors import EngineError
from engine.policy.language import Mistake
from engine.policy.model import State
from engine.store.check import check_server
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.keyfolder import KeyFolder
from engine.store.machine import find_server
from engine.store.opening import EMBEDDED, url_of
from engine.store.port import Survey, View

#: Share of a disk in use at which to warn, and from which on messages are at risk.
DISK = (0.70, 0.85)

#: How far the clocks of engine and store may be apart, in seconds.
CLOCK_S = 2.0

#: Days before its end at which an agreement is worth a word.
AGREEMENT_DAYS = 30

#: What the engine needs besides one descriptor for each connection.
SPARE_FILES = 128


def user() -> Iterator[Finding]:
    """Nobody runs it as root."""
    if os.geteuid() == 0:
        yield warning("user", "This is root.", "Run the engine as a user of its own.")
    else:
        yield ok("user", "Not root.")


def disk(site: Site) -> Iterator[Finding]:
    """Room for what waits, and a folder that is the engine's alone."""
    folder = site.var if site.var.exists() else site.root
    usage = shutil.disk_usage(folder)
    share = 1 - usage.free / usage.total
    said = f"{share:.0%} of the disk of {folder} is in use."
    troubles = disk_troubles(site)
    if troubles:
        yield bad("disk", troubles[0], "See docs/how-to/when-the-disk-is-full.md.")
    elif share >= DISK[1]:
        yield bad("disk", said, "Make room: a store that cannot write takes no messages.")
    elif share >= DISK[0]:
        yield warning("disk", said, "Make room before it is full.")
    else:
        yield ok("disk", said)
    yield var_folder(site)


def var_folder(site: Site) -> Finding:
    """Whether the engine can work in its folder, and nobody else."""
    if not os.path.lexists(site.var):
        return ok("var", "Not there yet; made at the first start.")
    if not site.var.is_dir():
        return bad("var", f"{site.var} is no folder.", "Remove it; the engine makes its own.")
    if site.var.stat().st_uid != os.geteuid():
        return bad("var", f"{site.var} is another user's.", "Run this as the engine's user.")
    if not os.access(site.var, os.W_OK | os.X_OK):
        return bad(
            "var",
            f"{site.var} cannot be written.",
            "Mount its disk for writing, and let the engine's user write there.",
        )
    if stat.S_IMODE(site.var.stat().st_mode) & 0o077:
        return warning("var", f"{site.var} is open to others.", "Take their rights: `chmod 700`.")
    return ok("var", "For its owner alone.")


def _unmade(name: str, site: Site) -> Finding:
    """What is not there yet: before the first start, or while an engine is at it."""
    if engine_runs(site):
        said = "Not there yet: an engine has begun here, and makes it as it starts. Look again."
        return ok(name, said)
    return ok(name, "Not there yet; made at the first start.")


def files_limit(site: Site) -> Iterator[Finding]:
    """A descriptor for each connection that the site admits."""
    connections = sum(listener.limits.connections for listener in site.listeners)
    needed = connections + len(site.deliveries) + SPARE_FILES
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < needed:
        mend = "Raise it (`ulimit -n`, LimitNOFILE), or lower `limits.connections`."
        yield bad("files", f"A process may open {limit} files, {needed} are needed.", mend)
    else:
        yield ok("files", f"Enough for {connections} connections.")


def keys(site: Site) -> Iterator[Finding]:
    """The master keys are there and nobody else's, and every content key opens with them."""
    if site.keys.is_unmade:
        yield _unmade("keys", site)
        return
    try:
        masters = site.keys.read()
        folder = KeyFolder(site.keys.folder)
        folder.stamp()
        folder.id()
        listing = folder.names()
        for name in listing.keys - listing.gone:
            folder.read(name, masters.masters)
        for name in listing.kept:
            folder.read_kept(name)
    except EngineError as error:
        yield of_error("keys", error)
    else:
        said = f"They can be read, and {len(listing.keys)} content keys open."
        yield ok("keys", f"{said} Back them up apart from store and archive.")


def store(site: Site) -> tuple[list[Finding], View | None]:
    """The store keeps what it acknowledges; and what it says of itself, if it runs."""
    try:
        url = url_of(site.store)
        if url == EMBEDDED:
            program = find_server()
            url = EmbeddedServer(site.var).url
            if not Path(EmbeddedServer(site.var).socket_path).exists():
                return [ok("store", f"It does not run; {program} is there to be it.")], None
        return _running(site, url)
    except EngineError as error:
        return [of_error("store", error)], None


def _running(site: Site, url: str) -> tuple[list[Finding], View]:
    client = connect(url)
    try:
        concerns = check_server(client)
    finally:
        client.close()
    with running_store(site) as opened:
        view = cast("View", opened.execute([Survey(tuple(site.policy.channels))])[0])
    found = [warning("store", concern.what, concern.mend) for concern in concerns]
    return found or [ok("store", "It runs, and syncs to disk before it answers.")], view


def archive(site: Site) -> Iterator[Finding]:
    """It answers; one that was there and is no more has taken the ledger along."""
    if not site.archive.url:
        yield ok("archive", "The site keeps none.")
        return
    try:
        with open_archive(site):
            yield ok("archive", "It answers.")
    except EngineError as error:
        if error.code == "archive-missing" and not signing_key_of(site).exists():
            yield _unmade("archive", site)
        else:
            yield of_error("archive", error)


def clock(view: View | None, now: datetime) -> Iterator[Finding]:
    """Both clocks tell the same time; without a store there is nothing to compare with."""
    if view is None:
        return
    apart_s = abs(now.timestamp() - view.now_ms / 1000)
    if apart_s > CLOCK_S:
        mend = "Have both machines keep time by NTP: receipts and leases rest on it."
        yield bad("clock", f"It is {apart_s:.1f} s apart from the store's.", mend)
    else:
        yield ok("clock", "It agrees with the store's.")


def ports(site: Site, view: View | None) -> Iterator[Finding]:
    """Without an engine: its listeners' ports are free."""
    if view is not None and view.engines:
        yield ok("ports", "An engine runs and has them.")
        return
    for listener in site.listeners:
        problem = _cannot_listen(listener)
        if problem:
            mend = "End what listens there, or choose another port."
            yield bad("ports", f"{listener.name}: {listener.listen}: {problem}.", mend)
        else:
            yield ok("ports", f"{listener.name}: {listener.listen} is free.")


def _cannot_listen(listener: Listener) -> str:
    host, port = listener.listen.host, listener.listen.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()
    return ""


def settings(site: Site) -> Iterator[Finding]:
    """What the site takes upon itself."""
    good = True
    for found in _unsafe(site):
        good = False
        yield found
    if good:
        yield ok("settings", "Nothing unsafe.")


def _unsafe(site: Site) -> Iterator[Finding]:
    for listener in site.listeners:
        if not is_loopback(listener.listen) and not listener.listen.tls:
            mend = "Put a VPN or a TLS proxy before it."
            yield warning(
                "settings", f"The listener {listener.name} takes messages in clear.", mend
            )
        if not is_loopback(listener.listen) and not listener.admission.networks:
            mend = "Name the senders' networks in `accept.from`."
            yield warning("settings", f"The listener {listener.name} admits any address.", mend)
        if listener.store_failure is StoreFailureAnswer.NAK:
            mend = "See that the sender keeps a message that is answered AE; most give it up."
            yield warning("settings", f"{listener.name} answers AE while the store is away.", mend)
    for name, delivery in site.deliveries.items():
        if not is_loopback(delivery.to) and not delivery.to.tls:
            mend = "Agree on TLS with the counterpart, or put a VPN in between."
            yield warning("settings", f"The channel {name} sends in clear.", mend)
    for problem in site.warnings:
        if problem.code == Mistake.INSECURE.value:
            continue  # said above, with what else is to be seen to
        yield warning("settings", f"{problem.place}: {problem.text}", problem.mend)


def protections(site: Site) -> Iterator[Finding]:
    """Which packs of statutes hold, and what is switched off of them, with the reason."""
    held = ", ".join(pack.id for pack in site.policy.protections.packs) or "None"
    yield ok("protections", f"{held}.")
    for name, reason in sorted(site.policy.protections.off.items()):
        yield warning(
            "protections", f"{name} is switched off: {reason}", "Have counsel confirm it."
        )


def agreements(site: Site, now: datetime) -> Iterator[Finding]:
    """Agreements that have ended hold every message; some end soon; some are to be assessed."""
    today = now.astimezone(ZoneInfo(site.policy.timezone)).date()
    for name, channel in sorted(site.policy.channels.items()):
        if channel.agreement_expires is None or channel.state is State.DRAFT:
            continue
        days = (date.fromisoformat(channel.agreement_expires) - today).days
        if days < 0:
            yield bad("agreement", f"{name}: it has ended; messages are held.", "Renew it.")
        elif days <= AGREEMENT_DAYS:
            yield warning("agreement", f"{name}: it ends in {days} days.", "Renew it in time.")
    for channel, due in overdue(site.policy, today):
        text = f"{channel.id}: the counterpart is to be assessed again: {since_when(due)}."
        yield warning("agreement", text, "Assess it, then write the day as `assessed`.")
