"""`payergate unlisted`: what arrives and is sent to nobody, and whether any rule speaks of it.

Law: paths, message types, counts and times are told, never a value of a message; codes only where
they are asked for, and then only what can be nothing else. That contents were opened is in the
ledger before the first one is.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.archive.opening import open_archive
from engine.archive.unlisted import Passed, tally_archived
from engine.cli.acting import add_reason
from engine.cli.arguments import add_site_and_json
from engine.cli.deciding import compiled_as_run
from engine.cli.moments import ms, utc, whole_days
from engine.cli.noting import note
from engine.cli.offline import files_in, prepare, read_all
from engine.cli.reach import working_store
from engine.cli.unlisted_words import Report, as_json, as_text
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit, UsageError
from engine.policy.unlisted.named import Standing
from engine.policy.unlisted.tally import Tally, Unsent
from engine.redecision.redecide import Redecision
from engine.store.sealing import Sealer

#: What was first seen in so much of the end of the period, and not before, is new.
NEW = timedelta(days=1)

_SINCE = "7d"


def register(subparsers: Any) -> None:
    """Add `unlisted` to the command line."""
    parser = subparsers.add_parser(
        "unlisted",
        help="say what arrives and is sent to nobody",
        description="Reads archived messages, or a folder of samples, and lists the segments and "
        "fields that are sent to nobody by the rules as they are: those that no rule names, and "
        "those that are granted, but never sent.",
    )
    parser.add_argument("--since", metavar="TIME", help="default: 7d, a week ago")
    parser.add_argument("--until", metavar="TIME", help="default: now")
    parser.add_argument(
        "--over", type=pathlib.Path, metavar="DIR", help="the messages in DIR, not the archive's"
    )
    parser.add_argument(
        "--facts", type=pathlib.Path, metavar="FILE", help="with --over: what would be known"
    )
    parser.add_argument(
        "--codes", action="store_true", help="codes of coded fields, too: see the reference"
    )
    parser.add_argument(
        "--top", type=_number, default=20, metavar="N", help="so many of each list (default: 20)"
    )
    add_reason(parser)
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Count and tell; the exit code."""
    if args.over is None and args.facts is not None:
        raise UsageError("over", "Facts go with a folder.", "Say --over DIR, too.")
    if args.over is not None and (args.since or args.until):
        raise UsageError("over", "A folder has no times.", "Leave --since and --until out.")
    site = load_site(args.site)
    found = _archived(args, site) if args.over is None else _over(args, site)
    report = found.report(args.top)
    print(json.dumps(as_json(report)) if args.json else as_text(report, site.policy.timezone))
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Found:
    """What was counted, by which revision, and of which time."""

    tally: Tally
    revision: str
    passed: Passed
    times: tuple[datetime, datetime] | None = None

    def report(self, top: int) -> Report:
        """The new ones, the latest first; then the others, the most frequent first."""
        every = list(self.tally.unsent())
        listed = [one for one in every if one.standing is not Standing.WITHHELD]
        new = [one for one in listed if self._is_new(one)]
        others = [one for one in listed if not self._is_new(one)]
        new.sort(key=lambda one: (-one.seen.first_ms, one.content))
        others.sort(key=lambda one: (-one.seen.messages, one.content))
        return Report(
            revision=self.revision,
            times=self.times,
            new=new[:top],
            others=others[:top],
            total=len(listed),
            withheld=len(every) - len(listed),
            messages=self.tally.messages,
            unread=self.passed.unread,
            undecided=self.passed.undecided,
            not_held=self.tally.not_held,
        )

    def _is_new(self, one: Unsent) -> bool:
        """A time of no more than a day has no day before with which to compare."""
        if self.times is None or self.times[1] - self.times[0] <= NEW:
            return False
        return one.seen.first_ms >= ms(self.times[1] - NEW)


def _archived(args: argparse.Namespace, site: Site) -> _Found:
    now = SystemClock().now()
    since = args.since or _SINCE
    times = whole_days(since, args.until, site.policy.timezone, now, 0)
    sealer = Sealer.of(site.keys)
    compiled = compiled_as_run(site, sealer)
    tally = Tally(compiled, codes=args.codes)
    with open_archive(site) as archive, working_store(site) as store:
        said = {"revision": compiled.revision, "from": utc(times[0]), "to": utc(times[1])}
        note(site, archive, "unlisted", args.reason, at=now, codes=args.codes, **said)
        span = ms(times[0]), ms(times[1])
        passed = tally_archived(tally, archive, store, Redecision(compiled, sealer), span)
    return _Found(tally, compiled.revision, passed, times)


def _over(args: argparse.Namespace, site: Site) -> _Found:
    """Files that are no HL7 are counted as unread."""
    compiled, facts = prepare(args, site)
    tally, passed = Tally(compiled, codes=args.codes), Passed()
    for file in files_in(args.over):
        for given in read_all([file]):
            if given.message is None:
                passed.unread += 1
                continue
            asked = tally.see(given.message, 0, str(given))
            if asked:
                tally.decide(given.message, facts, asked)
    return _Found(tally, compiled.revision, passed)


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
