"""`payergate status`: how the engine and every channel stand, and why.

Law: it answers whatever is down, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.cli.reach import add_site, running_store
from engine.cli.standing import Standing, standing, verdict
from engine.cli.table import table
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit, StoreError
from engine.store.port import Survey, View

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
    add_site(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="one line and an exit code for monitoring: 0 good, 1 warning, 2 critical",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the status; the exit code is 0 unless `--check` asks for more."""
    site = load_site(args.site)
    now = standing(site, _look(site))
    if args.check:
        code, line = verdict(now)
        print(json.dumps({"code": code, "line": line}) if args.json else line)
        return code
    print(json.dumps(now) if args.json else as_text(now))
    return Exit.OK


def _look(site: Site) -> View | None:
    try:
        with running_store(site) as store:
            view = store.execute([Survey(tuple(site.policy.channels))])[0]
    except StoreError:
        return None
    return view if isinstance(view, View) else None


def as_text(now: Standing) -> str:
    """The status for people."""
    engine, store = now["engine"], now["store"]
    revision = f", policy {engine['revision']}" if engine["revision"] else ""
    reachable = "reachable" if store["reachable"] else "not reachable"
    listeners = table(
        ("LISTENER", "ADDRESS", "CONNECTIONS", "RECEIVED"),
        [
            (name, listener["address"], listener["connections"], listener["received"])
            for name, listener in now["listeners"].items()
        ],
    )
    return f"engine {engine['state']}{revision}; store {reachable}\n\n{listeners}\n\n{lanes(now)}"


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
