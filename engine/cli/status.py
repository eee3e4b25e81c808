"""`payergate status`: how the engine and every channel stand, and why.

Law: it answers whatever is down, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from engine.cli.arguments import add_site_and_json
from engine.cli.moments import shown
from engine.cli.operating import operating_site
from engine.cli.reach import StoreOff, engine_runs, running_store, store_troubles
from engine.cli.refused_reload import read_refusal
from engine.cli.status_report import StatusReport, status_report, unknown, verdict
from engine.cli.table import table
from engine.cli.words import counted
from engine.config.model import OperatingSite
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

#: The store's state for people.
_STORE = {
    "running": "reachable",
    "off": "off: it starts with the engine",
    "away": "not reachable",
}

_LANE_HEAD = ("CHANNEL", "STATE", "WAITING", "OLDEST S", "DELIVERED IN ALL")
_LANE_TAIL = ("PARKED", "HELD", "LAST ACK", "NEXT ATTEMPT", "REASON")
#: What `top` adds to what came and what was delivered.
_RATE = "A SECOND"


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
    site = operating_site(args.site)
    now = current(site)
    print(json.dumps(now) if args.json else as_text(now, site.timezone))
    return Exit.OK


def current(site: OperatingSite) -> StatusReport:
    """How things stand, whatever is down."""
    try:
        return _report(site)
    except StoreError:
        refused = read_refusal(site.var)
        return status_report(site, None, has_engine=engine_runs(site), refused=refused)


def _verdict(folder: pathlib.Path) -> tuple[int, str]:
    """The verdict for monitoring: also of what keeps us from asking, which is no outage."""
    try:
        site = operating_site(folder)
        return verdict(_report(site))
    except EngineError as error:
        return unknown(error)


def _report(site: OperatingSite) -> StatusReport:
    """How things stand. Raises `StoreError` when the store cannot be asked from here."""
    refused = read_refusal(site.var)
    try:
        with running_store(site) as store:
            asked = (Survey(tuple(site.channels)), Backlog(), News(0, 0))
            view, unarchived, registry = store.execute(asked)
        troubles = store_troubles(site)
        doubt = cast("Changed", registry).doubt
        if doubt:
            troubles.append(Doubt.read(doubt).text(site.timezone))
    except StoreUnavailable as away:
        return status_report(
            site,
            None,
            is_off=isinstance(away, StoreOff),
            has_engine=engine_runs(site),
            refused=refused,
        )
    return status_report(
        site, cast("View", view), cast("Unarchived", unarchived), troubles, refused=refused
    )


def as_text(now: StatusReport, timezone: str) -> str:
    """The status for people, with times of that zone."""
    engine = now["engine"]
    revision = f", policy {engine['revision']}" if engine["revision"] else ""
    troubles = "".join(f"\n{trouble}" for trouble in now["troubles"])
    troubles += _refused(now["reload_refused"], timezone)
    troubles += "".join(
        f"\n{name} is switched off: {why}" for name, why in now["protections"]["off"].items()
    )
    if now["insecure"]:
        troubles += f"\nin the clear (`insecure: true`): {', '.join(now['insecure'])}"
    listeners = table(
        (
            "LISTENER",
            "ADDRESS",
            "CONNECTIONS",
            "RECEIVED SINCE START",
            *_rate_head(now["listeners"]),
        ),
        [
            (
                name,
                listener["address"],
                listener["connections"],
                listener["received"],
                *_rate(listener),
            )
            for name, listener in now["listeners"].items()
        ],
    )
    store = f"store {_STORE[now['store']['state']]}{_archive(now['archive'])}"
    head = f"engine {engine['state']}{revision}; {store}{troubles}"
    return f"{head}\n\n{listeners}\n\n{lanes(now, timezone)}"


def _refused(refused: Mapping[str, Any] | None, timezone: str) -> str:
    """That the files on disk are not in force, and where that begins."""
    if refused is None:
        return ""
    where = f" at {refused['place']}" if refused["place"] else ""
    several = f" ({counted(refused['problems'], 'problem')})" if refused["problems"] else ""
    when = _shown(refused["at"], timezone)
    return (
        f"\nthe files on disk were refused by the reload of {when}:"
        f" {refused['code']}{where}{several}; the engine keeps the site that it had"
    )


def _archive(archive: Mapping[str, int | None] | None) -> str:
    if archive is None:
        return "; no archive"
    if not archive["waiting"]:
        return ""
    return f"; {archive['waiting']} records wait for the archive, {archive['oldest_s']} s"


def lanes(now: StatusReport, timezone: str) -> str:
    """A line for each channel, with times of that zone."""
    return table(
        (*_LANE_HEAD, *_rate_head(now["channels"]), *_LANE_TAIL),
        [
            (
                name,
                channel["state"],
                channel["depth"],
                channel["oldest_s"],
                channel["delivered"],
                *_rate(channel),
                channel["parked"],
                channel["held"],
                channel["last_ack"]["code"],
                _shown(channel["next_attempt"], timezone),
                channel["reason"],
            )
            for name, channel in now["channels"].items()
        ],
    )


def _rate_head(rows: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return (_RATE,) if any("per_second" in row for row in rows.values()) else ()


def _rate(row: Mapping[str, Any]) -> tuple[float | None, ...]:
    return (row["per_second"],) if "per_second" in row else ()


def _shown(utc: str | None, timezone: str) -> str | None:
    return utc and shown(datetime.fromisoformat(utc), timezone)
