"""`payergate queue`: look at the channels' queues, and order them about.

Law: an order is durable before the command says so, recorded with who gave it, and in force at
the lane's next step; nothing that waits is ever lost by one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, cast

from engine.cli.acting import add_reason, operator
from engine.cli.arguments import add_site_and_json, chosen_channels, known_channel
from engine.cli.message_names import UNNAMED, message_names
from engine.cli.moments import shown
from engine.cli.operating import operating_site
from engine.cli.reach import working_store
from engine.cli.status import lanes
from engine.cli.status_report import StatusReport, status_report
from engine.cli.table import table
from engine.clock import SystemClock
from engine.config.model import OperatingSite
from engine.errors import Exit
from engine.store.port import Control, Entry, Order, Store, Survey, View, Waiting

#: How often `drain` looks.
_DRAIN_POLL_S = 0.5

#: How long `drain` waits for an engine that it saw at work to come back, in seconds.
_RESTART_S = 60.0

_ORDERS = {
    "pause": (Order.PAUSE, "send nothing until resumed; the exchange under way may end"),
    "resume": (Order.RESUME, "deliver again, the head of the queue at once"),
    "kill": (Order.KILL, "stop a payer: within a second nothing more leaves, nothing is lost"),
}
_DONE = {"pause": "paused", "resume": "resumed", "kill": "killed"}


def register(subparsers: Any) -> None:
    """Add `queue` and its actions to the command line."""
    parser = subparsers.add_parser(
        "queue",
        help="look at queues; pause, resume, drain or kill one",
        description=(
            "Shows the channels' queues, and stops, resumes or drains one. Orders "
            "are recorded with who gave them; nothing that waits is lost by one."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", help="a line for each channel")
    listing.add_argument("channel", metavar="CHANNEL", nargs="?", help="this one alone")
    add_site_and_json(listing)
    listing.set_defaults(run=ls)
    showing = actions.add_parser("show", help="what waits for one channel, head first")
    showing.add_argument("channel", metavar="CHANNEL")
    showing.add_argument("--limit", type=int, default=100, metavar="N", help="entries at most")
    add_site_and_json(showing)
    showing.set_defaults(run=show)
    for name, (_, text) in _ORDERS.items():
        ordering = actions.add_parser(name, help=text)
        ordering.add_argument("channel", metavar="CHANNEL")
        add_reason(ordering, "shown in status, and recorded")
        add_site_and_json(ordering)
        ordering.set_defaults(run=order)
    draining = actions.add_parser("drain", help="wait until a queue is empty")
    draining.add_argument("channel", metavar="CHANNEL")
    draining.add_argument(
        "--timeout", type=float, default=None, metavar="S", help="give up after so many seconds"
    )
    add_site_and_json(draining)
    draining.set_defaults(run=drain)


def ls(args: argparse.Namespace) -> int:
    """A line for each channel, or for one."""
    site = operating_site(args.site)
    chosen = chosen_channels(site.channels, args.channel)
    with working_store(site) as store:
        now = _report(site, store)
    now["channels"] = {channel: now["channels"][channel] for channel in chosen}
    print(json.dumps({"channels": now["channels"]}) if args.json else lanes(now, site.timezone))
    return Exit.OK


def show(args: argparse.Namespace) -> int:
    """The entries of one lane; never their content."""
    site = operating_site(args.site)
    channel = known_channel(site.channels, args.channel)
    with working_store(site) as store:
        now = _report(site, store)
        found = cast("tuple[Entry, ...]", store.execute([Waiting(channel, args.limit)])[0])
        names = message_names(site, store, [entry.receipt for entry in found])
    entries = [
        {
            "entry": entry.entry,
            "receipt": entry.receipt,
            "type": names.get(entry.receipt, UNNAMED).type,
            "control_id": names.get(entry.receipt, UNNAMED).control_id,
            "part": entry.part,
            "bytes": entry.size_bytes,
            "since_ms": entry.since_ms,
        }
        for entry in found
    ]
    if args.json:
        print(json.dumps({"channel": channel, **now["channels"][channel], "entries": entries}))
        return Exit.OK
    now["channels"] = {channel: now["channels"][channel]}
    head = ("ENTRY", "SINCE", "TYPE", "CONTROL ID", "RECEIPT", "PART", "BYTES")
    rows = [
        (
            entry.entry,
            shown(entry.since_ms, site.timezone),
            names.get(entry.receipt, UNNAMED).type,
            names.get(entry.receipt, UNNAMED).control_id,
            entry.receipt,
            entry.part,
            entry.size_bytes,
        )
        for entry in found
    ]
    print(f"{lanes(now, site.timezone)}\n\n{table(head, rows)}")
    return Exit.OK


def order(args: argparse.Namespace) -> int:
    """Pause, resume or kill one lane."""
    site = operating_site(args.site)
    channel = known_channel(site.channels, args.channel)
    control = control_of(channel, _ORDERS[args.action][0], args.reason)
    with working_store(site) as store:
        effective = bool(store.execute([control])[0])
    if args.json:
        said = {"channel": channel, "order": args.action, "effective": effective}
        print(json.dumps(said))
    elif effective:
        print(f"{channel}: {_DONE[args.action]}")
    else:
        print(f"{channel}: stays killed; nothing leaves until it is resumed")
    return Exit.OK


def control_of(channel: str, order: Order, reason: str) -> Control:
    """The order, with its record."""
    record = {
        "kind": "order",
        "channel": channel,
        "order": order.value,
        "reason": reason,
        "at": SystemClock().now().isoformat(),
        "by": operator(),
    }
    return Control(channel, order, reason, json.dumps(record, separators=(",", ":")).encode())


def drain(args: argparse.Namespace) -> int:
    """Wait until nothing waits; 1 if that cannot be, or not in time."""
    site = operating_site(args.site)
    channel = known_channel(site.channels, args.channel)
    started_s = time.monotonic()
    seen_s: float | None = None  # when an engine was last seen at work
    with working_store(site) as store:
        while True:
            now = _report(site, store)["channels"][channel]
            waited_s = time.monotonic() - started_s
            if now["state"] != "stopped":
                seen_s = waited_s
            is_away = seen_s is None or waited_s - seen_s > _RESTART_S
            ended = _ended(now, waited_s, args.timeout, is_away=is_away)
            if ended is not None:
                break
            time.sleep(_DRAIN_POLL_S)
    drained = not ended
    if args.json:
        said = {"channel": channel, "drained": drained, "depth": now["depth"], "why": ended or None}
        print(json.dumps({**said, "seconds": round(waited_s, 1)}))
    elif drained:
        print(f"{channel}: empty after {waited_s:.1f} s")
    else:
        print(f"not-drained: {channel}: {now['depth']} still wait: {ended}", file=sys.stderr)
    return Exit.OK if drained else Exit.FAILED


def _ended(
    now: dict[str, Any], waited_s: float, timeout_s: float | None, *, is_away: bool
) -> str | None:
    """Empty text: it is empty. Other text: why waiting is over all the same. None: go on.

    `is_away`: there is no engine, and none is about to come back.
    """
    if now["depth"] == 0:
        return ""
    if now["state"] in {"paused", "killed"} or (now["state"] == "stopped" and is_away):
        return f"the channel is {now['state']}"
    if timeout_s is not None and waited_s >= timeout_s:
        return now["reason"] or "no time left"
    return None


def _report(site: OperatingSite, store: Store) -> StatusReport:
    view = store.execute([Survey(tuple(site.channels))])[0]
    return status_report(site, cast("View", view))
