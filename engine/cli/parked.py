"""`payergate parked`: dead letters and holds; what they are, and what becomes of them.

Law: content is never shown. A replay runs today's policy and today's facts, so that it may send
less than was cut, or nothing; what a person discards is recorded with the reason.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from engine.cli.acting import add_reason, need_reason, operator
from engine.cli.arguments import add_site_and_json
from engine.cli.deciding import compiled_as_run
from engine.cli.message_names import UNNAMED, MessageName, message_names
from engine.cli.moments import shown
from engine.cli.operating import operating_site
from engine.cli.parked_items import (
    agreed,
    chosen_items,
    item_as_json,
    item_as_text,
    items_of,
    name_of,
)
from engine.cli.reach import working_store
from engine.cli.replaying import Contents, replayed, resolved
from engine.cli.table import table
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.errors import Exit
from engine.redecision.redecide import Redecision
from engine.store.port import Item, Resolve
from engine.store.sealing import Sealer


def register(subparsers: Any) -> None:
    """Add `parked` and its actions to the command line."""
    parser = subparsers.add_parser(
        "parked",
        help="dead letters and holds: ls, show, replay, discard",
        description=(
            "Dead letters and holds: what they are, and what becomes of them. "
            "Content is never shown. A replay decides by today's policy and facts, "
            "so that it may send less than before, or nothing."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, run, text in (
        ("ls", ls, "a line for each item, oldest first"),
        ("show", show, "all that is known of an item but its content"),
        ("replay", replay, "decide again with today's policy, and send what it allows"),
        ("discard", discard, "give an item up; needs a reason"),
    ):
        action = actions.add_parser(name, help=text)
        if name == "ls":
            action.add_argument("only", nargs="?", metavar="CHANNEL", help="the same as --channel")
        else:
            action.add_argument("items", nargs="*", metavar="CHANNEL/ITEM")
        action.add_argument("--channel", metavar="CHANNEL", help="of this channel alone")
        if name in {"replay", "discard"}:
            action.add_argument("--all", action="store_true", help="every item")
            add_reason(action, is_required=name == "discard")
        add_site_and_json(action)
        action.set_defaults(run=run)


def ls(args: argparse.Namespace) -> int:
    """A line for each item."""
    site = operating_site(args.site)
    with working_store(site) as store:
        items = items_of(site.channels, store, agreed(args.only, args.channel))
        names = message_names(site, store, [item.receipt for item in items])
    if args.json:
        print(json.dumps({"items": _as_json(items, names)}))
        return Exit.OK
    head = ("ITEM", "KIND", "REASON", "SINCE", "ATTEMPTS", "TYPE", "CONTROL ID", "RECEIPT", "PART")
    rows = [
        (
            name_of(item),
            item.kind.value,
            item.reason,
            shown(item.since_ms, site.timezone),
            item.attempts,
            names.get(item.receipt, UNNAMED).type,
            names.get(item.receipt, UNNAMED).control_id,
            item.receipt,
            item.part,
        )
        for item in items
    ]
    print(table(head, rows) if rows else "nothing is parked or held")
    return Exit.OK


def show(args: argparse.Namespace) -> int:
    """Everything about items but their content."""
    site = operating_site(args.site)
    with working_store(site) as store:
        items = chosen_items(site.channels, store, args)
        names = message_names(site, store, [item.receipt for item in items])
    if args.json:
        print(json.dumps({"items": _as_json(items, names)}))
        return Exit.OK
    for item in items:
        name = names.get(item.receipt, UNNAMED)
        print(item_as_text(item, name, site.timezone), end="\n\n")
    return Exit.OK


def _as_json(items: Sequence[Item], names: Mapping[str, MessageName]) -> list[dict[str, Any]]:
    return [item_as_json(item, names.get(item.receipt, UNNAMED)) for item in items]


def replay(args: argparse.Namespace) -> int:
    """Decide items again; 1 if any of them could not be."""
    site = load_site(args.site)
    with ExitStack() as stack:
        store = stack.enter_context(working_store(site))
        contents = Contents(store, site, stack)
        sealer = Sealer.of(site.keys)
        redecision = Redecision(compiled_as_run(site, sealer), sealer)
        outcomes = [
            (item, replayed(store, contents, redecision, item, args.reason))
            for item in chosen_items(site.policy.channels, store, args)
        ]
    return _report(outcomes, as_json=args.json)


def discard(args: argparse.Namespace) -> int:
    """Give items up; 1 if any of them was not there any more."""
    need_reason(args.reason, "An item is discarded with a reason only.")
    site = operating_site(args.site)
    with working_store(site) as store:
        outcomes = [
            (item, resolved(store, discarding(item, args.reason), "discarded"))
            for item in chosen_items(site.channels, store, args)
        ]
    return _report(outcomes, as_json=args.json)


def discarding(item: Item, reason: str) -> Resolve:
    """The operation that gives `item` up, with its record."""
    record = {
        "kind": "discarded",
        "receipt": item.receipt,
        "channel": item.channel,
        "part": item.part,
        "item": item.id,
        "was": item.kind.value,
        "was_reason": item.reason,
        "at": SystemClock().now().isoformat(),
        "by": operator(),
        "why": reason,
    }
    encoded = json.dumps(record, separators=(",", ":")).encode()
    return Resolve(item.channel, item.id, encoded, discard=reason)


#: What an item may have come to when all went well.
_GOOD = frozenset({"queued", "held", "withheld", "discarded"})


def _report(outcomes: list[tuple[Item, str]], *, as_json: bool) -> int:
    if as_json:
        said = [{"item": name_of(item), "outcome": outcome} for item, outcome in outcomes]
        print(json.dumps({"items": said}))
    else:
        for item, outcome in outcomes:
            print(f"{name_of(item)}: {outcome}")
        if not outcomes:
            print("nothing is parked or held")
    return Exit.OK if all(outcome in _GOOD for _, outcome in outcomes) else Exit.FAILED
