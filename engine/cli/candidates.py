"""`payergate ledger candidates` and `clear`: what may have been impermissible, and what was not.

Law: a person judges, with a reason, and the judgment is a row of the ledger; what was named
impermissible or cleared is no candidate any more, and its rows stay.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine.archive.candidates import cleared, open_candidates
from engine.archive.ledger import Appender
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.signing import read_signer
from engine.cli.acting import add_reason, need_reason, operator
from engine.cli.arguments import add_site_and_json
from engine.cli.moments import ms, shown
from engine.cli.removed import archived_channel
from engine.cli.table import table
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.errors import Exit, UsageError
from engine.store.sealing import Sealer


def add_candidates(actions: Any) -> None:
    """Add `candidates` and `clear` to the actions of `ledger`."""
    listing = actions.add_parser(
        "candidates", help="disclosures that may have been impermissible, for a person to judge"
    )
    listing.add_argument("--channel", default="", metavar="CHANNEL")
    add_site_and_json(listing)
    listing.set_defaults(run=candidates)
    clearing = actions.add_parser("clear", help="say that candidates were permitted after all")
    clearing.add_argument("receipts", nargs="+", metavar="RECEIPT")
    clearing.add_argument("--channel", required=True, metavar="CHANNEL")
    add_reason(clearing)
    add_site_and_json(clearing)
    clearing.set_defaults(run=clear)


def candidates(args: argparse.Namespace) -> int:
    """Those that nobody has judged."""
    site = load_site(args.site)
    with open_archive(site) as archive, archive.reading() as connection:
        channel = args.channel or ""
        if channel:
            archived_channel(connection, site.policy.channels, channel)
        found = open_candidates(connection, Sealer.of(site.keys), channel)
    if args.json:
        names = ("channel", "receipt", "control_id", "cause", "of", "went_ms", "at_ms")
        rows = [{name: row[name] for name in names if name in row} for row in found]
        print(json.dumps({"candidates": rows}))
        return Exit.OK
    head = ("CHANNEL", "SENT", "CONTROL ID", "RECEIPT", "CAUSE", "OF")
    zone = site.policy.timezone
    cells = [
        (row["channel"], shown(row["went_ms"], zone) if "went_ms" in row else "-",
         row.get("control_id", "-"), row["receipt"], row["cause"], row["of"])
        for row in found
    ]  # fmt: skip
    print(table(head, cells) if cells else "there is nothing to judge")
    return Exit.OK


def clear(args: argparse.Namespace) -> int:
    """They were permitted."""
    need_reason(args.reason, "It is cleared for a reason only.")
    site = load_site(args.site)
    now = SystemClock().now()
    signer = read_signer(signing_key_of(site))
    with open_archive(site) as archive, archive.writing() as connection:
        channel = archived_channel(connection, site.policy.channels, args.channel)
        found = open_candidates(connection, Sealer.of(site.keys), channel)
        chosen = [row for row in found if row["receipt"] in args.receipts]
        unknown = set(args.receipts) - {row["receipt"] for row in chosen}
        if unknown:
            raise UsageError(
                "unknown-message",
                f"There is no candidate for {channel} of {', '.join(sorted(unknown))}.",
                "See `ledger candidates`.",
            )
        appender = Appender(connection, signer)
        appender.add(cleared(chosen, now, operator(), args.reason))
        appender.finish(ms(now))
    said = {"channel": channel, "cleared": len(chosen)}
    print(json.dumps(said) if args.json else f"{len(chosen)} cleared")
    return Exit.OK
