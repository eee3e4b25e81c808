"""`payergate messages`: find archived messages; the whole story of one.

Law: nothing of a message's content is shown without a reason, and the look is in the ledger before
anything is printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from engine.archive.channels import ledger_channels
from engine.archive.database import Database
from engine.archive.opening import open_archive
from engine.archive.search import (
    Found,
    read_content,
    read_message,
    read_rows,
    search,
)
from engine.archive.standing import WORDS
from engine.archive.story import Scribe
from engine.archive.telling import told
from engine.cli.acting import add_reason, need_reason
from engine.cli.arguments import add_site_and_json, known_channel
from engine.cli.deciding import compiled_as_run
from engine.cli.finding import add_search, asked_query
from engine.cli.moments import shown
from engine.cli.noting import note
from engine.cli.operating import operating_site
from engine.cli.reach import running_store
from engine.cli.removed import archived_channel
from engine.cli.table import table
from engine.cli.taking_up import replay
from engine.cli.words import visible
from engine.config.load import load_site
from engine.config.model import OperatingSite, Site
from engine.errors import EngineError, Exit, StoreError, UsageError
from engine.intake.receipts import received_at
from engine.intake.sealed import about_message
from engine.redecision.kept_message import Answers, KeptMessage, recalling
from engine.store.sealing import Sealer


def register(subparsers: Any) -> None:
    """Add `messages` and its actions to the command line."""
    parser = subparsers.add_parser(
        "messages",
        help="archived messages: search, show, replay",
        description=(
            "Finds archived messages, tells the whole story of one, and decides again what was "
            "withheld. Content is shown for a reason only, and the look is recorded first."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    find = actions.add_parser("search", help="messages by identifier, type, channel or time")
    add_search(find)
    find.add_argument("--channel", default="", metavar="CHANNEL")
    find.add_argument("--outcome", default="", choices=WORDS)
    find.add_argument("--limit", type=int, default=100, metavar="N")
    add_site_and_json(find)
    find.set_defaults(run=search_messages)
    story = actions.add_parser("show", help="the whole story of one message")
    story.add_argument("receipt", metavar="RECEIPT")
    story.add_argument("--content", action="store_true", help="what was received; needs --reason")
    story.add_argument("--copy", metavar="CHANNEL", help="what went there; needs --reason")
    add_reason(story, "why you look; recorded")
    add_site_and_json(story)
    story.set_defaults(run=show)
    _register_replay(actions)


def _register_replay(actions: Any) -> None:
    again = actions.add_parser(
        "replay",
        help="decide messages that were withheld again, and send what today's policy allows",
        description=(
            "Messages that were withheld are decided again by the policy of the running engine and"
            " by today's facts. What is parked or held is replayed by `parked replay`."
        ),
    )
    again.add_argument("receipts", nargs="*", metavar="RECEIPT")
    add_search(again)
    again.add_argument("--withheld-for", default="", metavar="CODE", help="those, by reason code")
    again.add_argument(
        "--channel", default="", metavar="CHANNEL", help="this one, even if it was not live then"
    )
    again.add_argument("--again", action="store_true", help="also what the channel has already")
    again.add_argument("--dry-run", action="store_true", help="say what would be")
    add_reason(again, is_required=True)
    add_site_and_json(again)
    again.set_defaults(run=replay)


def search_messages(args: argparse.Namespace) -> int:
    """A line for each message, the latest first."""
    site = operating_site(args.site)
    zone = site.timezone
    query = asked_query(args, site, zone)
    with open_archive(site) as archive, archive.reading() as connection:
        if args.channel:
            archived_channel(connection, site.channels, args.channel)
        known = {*site.channels, *ledger_channels(connection)}
        query = dataclasses.replace(
            query,
            channel=args.channel,
            outcome=args.outcome,
            limit=max(1, args.limit),
            channels=tuple(sorted(known)),
        )
        found = search(connection, query)
    removed = sorted({channel for one in found for channel in one.outcomes} - site.channels.keys())
    if args.json:
        messages = [dataclasses.asdict(one) for one in found]
        print(json.dumps({"messages": messages, "removed": removed}))
        return Exit.OK
    head = ("RECEIPT", "RECEIVED", "TYPE", "CONTROL ID", "OUTCOMES")
    rows = [
        (one.receipt, shown(one.at_ms, zone), one.type, one.control_id, _outcomes(one, removed))
        for one in found
    ]
    print(table(head, rows) if rows else "no message is found")
    return Exit.OK


def show(args: argparse.Namespace) -> int:
    """Everything that is known of a message, or for a reason its content and nothing else."""
    if args.content or args.copy:
        return _show_content(args)
    site = operating_site(args.site)
    with open_archive(site) as archive:
        found, rows = _known(archive, args.receipt)
    if args.json:
        _print_json(found, rows, None)
    else:
        _print_story(found, rows, site)
    return Exit.OK


def _show_content(args: argparse.Namespace) -> int:
    need_reason(args.reason, "Content is shown for a reason only.")
    site = load_site(args.site)
    with open_archive(site) as archive:
        found, rows = _known(archive, args.receipt)
        with archive.reading() as connection:
            sealed = read_content(connection, args.receipt)
        content = _look(archive, site, args, sealed)
    if args.json:
        _print_json(found, rows, content)
    else:
        lines = content.replace(b"\r", b"\n")
        if sys.stdout.isatty():
            print(lines.decode("utf-8", "backslashreplace"), end="")
        else:  # for a file or another program: as it is
            sys.stdout.buffer.write(lines)
    return Exit.OK


def _known(archive: Database, receipt: str) -> tuple[Found | None, list[dict[str, Any]]]:
    """The message and its rows. Raises `UsageError` where there is nothing of it."""
    with archive.reading() as connection:
        found = read_message(connection, receipt)
        rows = read_rows(connection, receipt)
    if found is None and not rows:
        raise UsageError(
            "unknown-message",
            "The archive has no such message.",
            "Give a receipt as `messages search` shows; the latest may not be archived yet.",
        )
    return found, rows


def _look(archive: Database, site: Site, args: argparse.Namespace, sealed: bytes | None) -> bytes:
    """The content, once the look at it is in the ledger."""
    what = "received message"
    if args.copy:
        what = f"copy for {known_channel(site.policy.channels, args.copy)}"
    note(site, archive, "look", args.reason, receipt=args.receipt, what=what)
    if sealed is None:
        raise EngineError(
            "content-erased",
            "The content of this message is not kept any more.",
            "See `retention` in config.yaml; the ledger has the proof of its erasure.",
        )
    if args.copy:
        return _copy(archive, site, args, sealed)
    return Sealer.of(site.keys).open(sealed, about_message(args.receipt))


def _copy(archive: Database, site: Site, args: argparse.Namespace, sealed: bytes) -> bytes:
    """The bytes that went to a channel, made again; only if they are the very ones."""
    with archive.reading() as connection:
        rows = read_rows(connection, args.receipt)
    sent = [str(row.get("sha256", "")) for row in rows if row["channel"] == args.copy]
    sealer = Sealer.of(site.keys)
    scribe = Scribe(compiled_as_run(site, sealer), sealer)
    kept = scribe.open(args.receipt, sealed)
    data: list[bytes] = []
    if kept is not None:
        kept, recalled = _recalled(site, scribe, kept)
        copies = scribe.copies(kept, (args.copy,), recalled, received_at(args.receipt))
        made = [copy.data for copy in copies[args.copy]]
        data = [one for one in made if hashlib.sha256(one).hexdigest() in sent]
    if not data:
        raise EngineError(
            "copy-unknown",
            "The copy cannot be made again: nothing went there, or the policy has changed since.",
            "The ledger has its digest, and what it kept and lost.",
        )
    return b"".join(data)


def _recalled(site: Site, scribe: Scribe, kept: KeptMessage) -> tuple[KeptMessage, Answers]:
    """What the store knows of the message's coverage and patients; nothing where it is down."""
    with suppress(StoreError), running_store(site) as store:
        return scribe.gather(kept, recalling(store))
    return kept, (None,) * (len(kept.names) + len(kept.patients))


def _outcomes(found: Found, removed: Collection[str]) -> str:
    return ", ".join(
        f"{channel}{' (removed)' if channel in removed else ''} {found.told(channel)}"
        for channel in found.outcomes
    )


def _print_json(found: Found | None, rows: list[dict[str, Any]], content: bytes | None) -> None:
    text = None if content is None else content.decode("utf-8", "backslashreplace")
    message = None if found is None else dataclasses.asdict(found)
    print(json.dumps({"message": message, "history": rows, "content": text}))


def _print_story(found: Found | None, rows: list[dict[str, Any]], site: OperatingSite) -> None:
    zone = site.timezone
    if found is not None:
        print(visible(f"{found.receipt}  {found.type}  control id {found.control_id}"))
        print(f"received by {found.listener} at {shown(found.at_ms, zone)}")
        for channel in found.outcomes:
            removed = "" if channel in site.channels else "; removed from the site"
            print(visible(f"  {channel:20} {found.told(channel)}{removed}"))
        print()
    for row in rows:
        print(f"{shown(row['at_ms'], zone)}  row {row['seq']:<8} {visible(told(row))}")
