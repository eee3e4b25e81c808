"""`payergate status`: how the engine and every channel stand, and why.

Law: it answers whatever is down, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from collections.abc import Mapping
from typing import Any, cast

from engine.cli.arguments import add_site_and_json
from engine.cli.reach import running_store, store_troubles
from engine.cli.standing import Standing, standing, unknown, verdict
from engine.cli.table import table
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import EngineError, Exit, StoreError
from engine.store.doubt import Doubt
from engine.store.port import (
    Backlog,
    Changed,
    News,
    StoreUnavailable,
    Survey,
    Unarchived,
    View,
)
from engine.store.varlock import is_in_use

_LANE_HEAD = (
    "CHANNEL",
    "STATE",
    "WAITING",
    "OLDEST S",
    "DELIVERED",
    "PARKED",
    "HELD",
    "LAST ACK",
    "NEXT ATTEMPT",
    "REASON",
)


def register(subparsers: Any) -> None:
    """Add `status` to the command line."""
    parser = subparsers.add_parser(
        "status",
        help="how the engine and its channels stand",
        description="Says how the engine and every channel stand, and why a queue does not move.",
    )
    add_site_and_json(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="one line and an exit code for monitoring: 0 good, 1 warning, 2 critical, 3 unknown",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status; the exit code is 0 unless `--check` asks for more."""
    if args.check:
        code, line = _verdict(args.site)
        print(json.dumps({"code": code, "line": line}) if args.json else line)
        return code
    site = load_site(args.site)
    try:
        found = _look(site)
    except StoreError:
        found = None, None, []
    now = standing(site, *found, is_in_use=is_in_use(site.var))
    print(json.dumps(now) if args.json else as_text(now))
    return Exit.OK


def _verdict(folder: pathlib.Path) -> tuple[int, str]:
    """The verdict for monitoring: also of what keeps us from asking, which is no outage."""
    try:
        site = load_site(folder)
        return verdict(standing(site, *_look(site)))
    except EngineError as error:
        return unknown(error)


def _look(site: Site) -> tuple[View | None, Unarchived | None, list[str]]:
    """What the store says; None while it is away. `StoreError`: it cannot be asked from here."""
    try:
        with running_store(site) as store:
            asked = (Survey(tuple(site.policy.channels)), Backlog(), News(0, 0))
            view, unarchived, registry = store.execute(asked)
        troubles = store_troubles(site)
        doubt = cast("Changed", registry).doubt
        if doubt:
            troubles.append(Doubt.read(doubt).text)
    except StoreUnavailable:
        return None, None, []
    return cast("View", view), cast("Unarchived", unarchived), troubles


def as_text(now: Standing) -> str:
    """The status for people."""
    engine, store = now["engine"], now["store"]
    revision = f", policy {engine['revision']}" if engine["revision"] else ""
    reachable = "reachable" if store["reachable"] else "not reachable"
    troubles = "".join(f"\n{trouble}" for trouble in now["troubles"])
    troubles += "".join(
        f"\n{name} is switched off: {why}" for name, why in now["protections"]["off"].items()
    )
    listeners = table(
        ("LISTENER", "ADDRESS", "CONNECTIONS", "RECEIVED"),
        [
            (name, listener["address"], listener["connections"], listener["received"])
            for name, listener in now["listeners"].items()
        ],
    )
    head = f"engine {engine['state']}{revision}; store {reachable}{_archive(now['archive'])}"
    return f"{head}{troubles}\n\n{listeners}\n\n{lanes(now)}"


def _archive(archive: Mapping[str, int | None] | None) -> str:
    if archive is None:
        return "; no archive"
    if not archive["waiting"]:
        return ""
    return f"; {archive['waiting']} records wait for the archive, {archive['oldest_s']} s"


def lanes(now: Standing) -> str:
    """A line for each channel."""
    return table(
        _LANE_HEAD,
        [
            (
                name,
                channel["state"],
                channel["depth"],
                channel["oldest_s"],
                channel["delivered"],
                channel["parked"],
                channel["held"],
                channel["last_ack"]["code"],
                channel["next_attempt"],
                channel["reason"],
            )
            for name, channel in now["channels"].items()
        ],
    )
