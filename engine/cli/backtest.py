"""`payergate backtest --rules DIR`: what other rules would have disclosed of archived traffic.

Law: nothing of a message is shown but paths and counts. That contents were opened is in the ledger
before the first one is.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from engine.archive.backtest import Side, Tally, backtest
from engine.archive.opening import open_archive
from engine.cli.acting import add_reason
from engine.cli.arguments import add_site_and_json
from engine.cli.deciding import compiled_as_run
from engine.cli.moments import ms, utc, whole_days
from engine.cli.noting import note
from engine.cli.reach import working_store
from engine.cli.words import counted
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit, UsageError
from engine.redecision.redecide import Redecision
from engine.store.sealing import Sealer

#: What a site consists of, beside its rules.
_SITE_FILE, _CHANNELS, _RULES = "config.yaml", "channels", "rules"


def register(subparsers: Any) -> None:
    """Add `backtest` to the command line."""
    parser = subparsers.add_parser(
        "backtest",
        help="say what other rules would have disclosed of archived messages",
        description="Decides archived messages under this site and under a candidate, on the same "
        "facts. Exit 0: the candidate would have disclosed the same or less of them; 8: more.",
    )
    parser.add_argument(
        "--rules",
        type=pathlib.Path,
        required=True,
        metavar="DIR",
        help="a site's folder, or a folder of rules in the place of this site's",
    )
    parser.add_argument("--since", default="7d", metavar="TIME", help="default: 7d, a week ago")
    parser.add_argument("--until", metavar="TIME", help="default: now")
    parser.add_argument(
        "--receipts", action="store_true", help="with --json: name the messages that change"
    )
    add_reason(parser)
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decide again; the exit code."""
    if args.receipts and not args.json:
        raise UsageError("receipts", "Receipts are named in JSON only.", "Say --json, too.")
    site = load_site(args.site)
    with _candidate(args.site, args.rules) as folder:
        candidate = load_site(folder)
    now = SystemClock().now()
    since, until = whole_days(args.since, args.until, site.policy.timezone, now, 0)
    sealer = Sealer.of(site.keys)
    old, new = _side(site, sealer), _side(candidate, sealer)
    with open_archive(site) as archive, working_store(site) as store:
        said = {"revision": old.compiled.revision, "candidate": new.compiled.revision}
        times = {"from": utc(since), "to": utc(until)}
        note(site, archive, "backtest", args.reason, at=now, **said, **times)
        tally = backtest(archive, store, (old, new), ms(since), ms(until))
    if args.json:
        print(json.dumps(_as_json(tally, old, new, (since, until), receipts=args.receipts)))
    else:
        print("\n".join(_as_text(tally, old, new)))
    return Exit.WIDER if tally.is_wider else Exit.OK


def _side(site: Site, sealer: Sealer) -> Side:
    compiled = compiled_as_run(site, sealer)
    return Side(compiled, Redecision(compiled, sealer))


@contextmanager
def _candidate(site: pathlib.Path, named: pathlib.Path) -> Iterator[pathlib.Path]:
    """The candidate's folder; where only rules are given, a copy of the site with these."""
    if not named.is_dir():
        raise UsageError("no-folder", f"{named} is no folder.", "Give a site, or its rules.")
    if (named / _SITE_FILE).is_file():
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="payergate-backtest-") as folder:
        copy = pathlib.Path(folder)
        shutil.copy(site / _SITE_FILE, copy)
        if (site / _CHANNELS).is_dir():
            shutil.copytree(site / _CHANNELS, copy / _CHANNELS)
        shutil.copytree(named, copy / _RULES)
        yield copy


# --- words -------------------------------------------------------------------------------------


def _as_text(tally: Tally, old: Side, new: Side) -> Iterator[str]:
    changes = list(tally.changes())
    for title, numbers in (
        ("newly disclosed", [(one, one.newly) for one in changes if one.newly]),
        ("newly withheld", [(one, one.withheld) for one in changes if one.withheld]),
    ):
        if numbers:
            yield title
        for one, number in numbers:
            times = counted(number, "message")
            yield f"  {one.channel}: {one.path} of {one.type or 'other messages'}, {times}"
    total = counted(tally.messages, "message")
    unread = f"; {tally.unread} without content" if tally.unread else ""
    undecided = f"; {tally.undecided} could not be compared" if tally.undecided else ""
    yield f"{tally.changed} of {total} would have left otherwise{unread}{undecided}"
    more = "more" if tally.newly else "perhaps more" if tally.is_wider else "no more"
    yield f"{new.compiled.revision} would have disclosed {more} than {old.compiled.revision}."


def _as_json(
    tally: Tally, old: Side, new: Side, times: tuple[datetime, datetime], *, receipts: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "wider": tally.is_wider,
        "old": {"revision": old.compiled.revision},
        "new": {"revision": new.compiled.revision},
        "from": utc(times[0]),
        "to": utc(times[1]),
        "messages": tally.messages,
        "unread": tally.unread,
        "undecided": tally.undecided,
        "changed": tally.changed,
        "channels": {
            name: {"newly_disclosed": tally.newly[name], "newly_withheld": tally.withheld[name]}
            for name in sorted({*tally.newly, *tally.withheld})
        },
        "changes": [
            {
                "channel": one.channel,
                "type": one.type,
                "path": one.path,
                "newly_disclosed": one.newly,
                "newly_withheld": one.withheld,
            }
            for one in tally.changes()
        ],
    }
    return said | ({"receipts": tally.receipts} if receipts else {})
