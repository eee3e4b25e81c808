"""`payergate parked`: dead letters and holds; what they are, and what becomes of them.

Law: content is never shown. A replay runs today's policy and today's facts, so that it may send
less than was cut, or nothing; what a person discards is recorded with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, cast

from engine.archive.database import Database
from engine.archive.opening import open_archive
from engine.archive.search import read_content
from engine.cli.acting import need_reason
from engine.cli.arguments import add_site_and_json, chosen_channels, known_channel
from engine.cli.reach import operator, working_store
from engine.cli.reach import reason as as_reason
from engine.cli.table import table
from engine.cli.words import visible
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import EngineError, Exit, UsageError
from engine.intake.sealed import hash_key
from engine.policy.compile import compile_policy
from engine.policy.meaning.revision import revision
from engine.policy.reasons import TEXTS
from engine.redecision.redecide import Act, Answers, Redecision
from engine.store.port import Fetch, Item, Items, Resolve, Store
from engine.store.sealing import Sealer

#: What a reason that is a decision's means, in words.
_MEANS = {code.value: text for code, text in TEXTS.items()}

#: How many items one question to the store asks for.
_PAGE = 100


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
        if name != "ls":
            action.add_argument("items", nargs="*", metavar="CHANNEL/ITEM")
        action.add_argument("--channel", metavar="CHANNEL", help="of this channel alone")
        if name in {"replay", "discard"}:
            action.add_argument("--all", action="store_true", help="every item")
            action.add_argument(
                "--reason",
                type=as_reason,
                required=name == "discard",
                default="",
                help="why; it is recorded",
            )
        add_site_and_json(action)
        action.set_defaults(run=run)


def ls(args: argparse.Namespace) -> int:
    """A line for each item."""
    site = load_site(args.site)
    with working_store(site) as store:
        items = _of_channels(site, store, args.channel)
    if args.json:
        print(json.dumps({"items": [as_json(item) for item in items]}))
        return Exit.OK
    head = ("ITEM", "KIND", "REASON", "SINCE", "ATTEMPTS", "RECEIPT", "PART")
    rows = [
        (
            _name(item),
            item.kind.value,
            item.reason,
            _time(item),
            item.attempts,
            item.receipt,
            item.part,
        )
        for item in items
    ]
    print(table(head, rows) if rows else "nothing is parked or held")
    return Exit.OK


def show(args: argparse.Namespace) -> int:
    """Everything about items but their content."""
    site = load_site(args.site)
    with working_store(site) as store:
        items = _chosen(site, store, args)
    if args.json:
        print(json.dumps({"items": [as_json(item) for item in items]}))
        return Exit.OK
    for item in items:
        print(_as_text(item), end="\n\n")
    return Exit.OK


def replay(args: argparse.Namespace) -> int:
    """Decide items again; 1 if any of them could not be."""
    site = load_site(args.site)
    with ExitStack() as stack:
        store = stack.enter_context(working_store(site))
        contents = _Contents(store, site, stack)
        sealer = Sealer.of(site.keys)
        compiled = compile_policy(site.policy, revision(site.policy), hash_key(sealer))
        redecision = Redecision(compiled, sealer)
        outcomes = [
            (item, _replayed(store, contents, redecision, item, args.reason))
            for item in _chosen(site, store, args)
        ]
    return _report(outcomes, as_json=args.json)


def discard(args: argparse.Namespace) -> int:
    """Give items up; 1 if any of them was not there any more."""
    need_reason(args.reason, "An item is discarded with a reason only.")
    site = load_site(args.site)
    with working_store(site) as store:
        outcomes = [
            (item, _resolved(store, discarding(item, args.reason), "discarded"))
            for item in _chosen(site, store, args)
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


def as_json(item: Item) -> dict[str, Any]:
    """An item without its content; the note says which rules it rests on."""
    return {
        "item": _name(item),
        "kind": item.kind.value,
        "reason": item.reason,
        "channel": item.channel,
        "receipt": item.receipt,
        "part": item.part,
        "since": _time(item),
        "attempts": item.attempts,
        "bytes": len(item.sealed),
        "note": json.loads(item.note) if item.note else {},
    }


def _as_text(item: Item) -> str:
    """The same for people; of a reason that is a decision's, what it means."""
    said = as_json(item)
    said |= said.pop("note")
    if item.reason in _MEANS:
        said["means"] = _MEANS[item.reason]
    return "\n".join(
        f"{key:12} {visible(', '.join(map(str, value)) if isinstance(value, list) else str(value))}"
        for key, value in said.items()
    )


class _Contents:
    """Sealed messages, of the store, or of the archive once they have left the store."""

    def __init__(self, store: Store, site: Site, stack: ExitStack) -> None:
        self._store = store
        self._site = site
        self._stack = stack
        self._archive: Database | None = None

    def find(self, receipt: str) -> bytes | None:
        """The message of a receipt; None where neither has it. Raises `ArchiveError`."""
        sealed = self._store.execute([Fetch(receipt)])[0]
        if isinstance(sealed, bytes):
            return sealed
        if not self._site.archive.url:
            return None
        if self._archive is None:
            self._archive = self._stack.enter_context(open_archive(self._site))
        with self._archive.reading() as connection:
            return read_content(connection, receipt)


def _replayed(
    store: Store, contents: _Contents, redecision: Redecision, item: Item, reason: str
) -> str:
    """What became of one item, in a word, or the code of the error that kept it where it is."""
    try:
        sealed = contents.find(item.receipt)
        if sealed is None:
            return "gone"
        case = redecision.case(item.receipt, sealed)
        case, recalled = redecision.gather(
            case, lambda recall: cast("Answers", store.execute([recall])[0])
        )
        now = SystemClock().now()
        outcomes = redecision.decide_kept(case, recalled, now)
        act = Act(operator(), now, reason)
        footing = redecision.footing(case, recalled, now)
        resolve = redecision.resolve(item, case, outcomes, act, footing)
    except EngineError as error:
        print(f"{_name(item)}: {error}", file=sys.stderr)
        return error.code
    if resolve.copies:
        return _resolved(store, resolve, "queued")
    return _resolved(store, resolve, "held" if resolve.hold else "withheld")


def _resolved(store: Store, resolve: Resolve, word: str) -> str:
    return word if store.execute([resolve])[0] else "gone"


#: What an item may have come to when all went well.
_GOOD = frozenset({"queued", "held", "withheld", "discarded"})


def _report(outcomes: list[tuple[Item, str]], *, as_json: bool) -> int:
    if as_json:
        said = [{"item": _name(item), "outcome": outcome} for item, outcome in outcomes]
        print(json.dumps({"items": said}))
    else:
        for item, outcome in outcomes:
            print(f"{_name(item)}: {outcome}")
        if not outcomes:
            print("nothing is parked or held")
    return Exit.OK if all(outcome in _GOOD for _, outcome in outcomes) else Exit.FAILED


def _chosen(site: Site, store: Store, args: argparse.Namespace) -> list[Item]:
    """The items that the command names. Raises `UsageError` when it names none, or unknown ones."""
    everything = getattr(args, "all", False)
    if bool(args.items) == everything:
        raise UsageError(
            "items", "Which items?", "Name CHANNEL/ITEM as `parked ls` shows, or --all."
        )
    if everything:
        return _of_channels(site, store, args.channel)
    wanted = [_split(site, name, args.channel) for name in args.items]
    found = {
        (item.channel, item.id): item
        for channel in dict.fromkeys(channel for channel, _ in wanted)
        for item in _every(store, channel)
    }
    missing = [f"{channel}/{item}" for channel, item in wanted if (channel, item) not in found]
    if missing:
        raise UsageError("unknown-item", f"No such item: {', '.join(missing)}.", "See `parked ls`.")
    return [found[key] for key in dict.fromkeys(wanted)]


def _split(site: Site, name: str, channel: str | None) -> tuple[str, str]:
    before, slash, item = name.rpartition("/")
    if not slash and channel is None:
        raise UsageError("items", f"Of which channel is {name!r}?", "Write CHANNEL/ITEM.")
    return known_channel(site.policy.channels, before or cast("str", channel)), item


def _of_channels(site: Site, store: Store, asked: str | None) -> list[Item]:
    channels = chosen_channels(site.policy.channels, asked)
    return [item for channel in channels for item in _every(store, channel)]


def _every(store: Store, channel: str) -> Iterator[Item]:
    after = ""
    while True:
        page = cast("tuple[Item, ...]", store.execute([Items(channel, after, _PAGE)])[0])
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _name(item: Item) -> str:
    return f"{item.channel}/{item.id}"


def _time(item: Item) -> str:
    return datetime.fromtimestamp(item.since_ms / 1000, UTC).isoformat(timespec="seconds")
