"""`payergate ledger export` and `impermissible`: what went to a channel between two times.

Law: what was no permitted disclosure is named so on record, and is accounted for from then on;
patients are counted, and named only with `--patients` and a reason; the export is in the chain
before its first byte is written.
"""

from __future__ import annotations

import argparse
import csv
import json
import pathlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from engine.archive.breach import Affected, Deadlines, affected, deadlines, mark
from engine.archive.candidates import open_candidates
from engine.archive.ledger import Appender
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.search import already_named, disclosures
from engine.archive.signing import read_signer
from engine.archive.story import unseal_people
from engine.cli.acting import add_reason, need_reason, operator
from engine.cli.arguments import add_site_and_json, writing
from engine.cli.moments import day, ms, shown, utc, whole_days
from engine.cli.noting import note
from engine.cli.removed import archived_channel
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.errors import Exit, UsageError
from engine.store.sealing import Sealer

#: What `disclosures.csv` tells; `impermissible`: whether it was named so since.
COLUMNS = (
    "at", "receipt", "part", "control_id", "type", "disclosed", "ack", "attempts",
    "possible_duplicate", "impermissible", "description", "purpose", "basis", "rules", "revision",
    "states", "sha256",
)  # fmt: skip

#: Where a cell would begin with what spreadsheets take for the beginning of a formula.
_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


def add_export(actions: Any) -> None:
    """Add `export` to the actions of `ledger`."""
    parser = actions.add_parser("export", help="everything that went to a channel in a time")
    parser.add_argument("--channel", required=True, metavar="CHANNEL")
    parser.add_argument("--from", dest="since", required=True, metavar="TIME")
    parser.add_argument("--to", dest="until", metavar="TIME", help="default: now")
    parser.add_argument("--discovered", metavar="DAY", help="compute the dates of a breach")
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write files there")
    parser.add_argument("--patients", action="store_true", help="write whom it concerns, too")
    add_reason(parser)
    add_site_and_json(parser)
    parser.set_defaults(run=export)


def add_impermissible(actions: Any) -> None:
    """Add `impermissible` to the actions of `ledger`."""
    parser = actions.add_parser(
        "impermissible", help="name disclosures a breach: they are accountable from then on"
    )
    parser.add_argument("receipts", nargs="*", metavar="RECEIPT", help="default: all of the time")
    parser.add_argument("--channel", required=True, metavar="CHANNEL")
    parser.add_argument("--from", dest="since", required=True, metavar="TIME")
    parser.add_argument("--to", dest="until", metavar="TIME", help="default: now")
    parser.add_argument("--discovered", metavar="DAY", help="when it was discovered")
    add_reason(parser, is_required=True)
    add_site_and_json(parser)
    parser.set_defaults(run=impermissible)


def impermissible(args: argparse.Namespace) -> int:
    """Name disclosures to a channel impermissible; those that are already are passed over."""
    need_reason(args.reason, "It is named so for a reason only.")
    site = load_site(args.site)
    now = SystemClock().now()
    since, until = whole_days(args.since, args.until, site.policy.timezone, now, 0)
    on = day(args.discovered) if args.discovered else None
    signer = read_signer(signing_key_of(site))
    with open_archive(site) as archive, archive.writing() as connection:
        channel = archived_channel(connection, site.policy.channels, args.channel)
        rows = list(disclosures(connection, channel, ms(since), ms(until)))
        unknown = set(args.receipts) - {row["receipt"] for row in rows}
        if unknown:
            raise UsageError(
                "unknown-message",
                f"Nothing went to {channel} in this time of {', '.join(sorted(unknown))}.",
                "See `ledger export` of the same time.",
            )
        chosen = [row for row in rows if not args.receipts or row["receipt"] in args.receipts]
        known = already_named(connection, channel, ms(since))
        entries = [
            mark(row, now, operator(), args.reason, on) for row in chosen if row["seq"] not in known
        ]
        if entries:
            appender = Appender(connection, signer)
            appender.add(entries)
            appender.finish(ms(now))
    said = {"channel": channel, "named": len(entries), "before": len(chosen) - len(entries)}
    if args.json:
        print(json.dumps(said))
    else:
        print(f"{said['named']} named impermissible, {said['before']} were before")
    return Exit.OK


def export(args: argparse.Namespace) -> int:
    """The rows, who is concerned, and what is due when."""
    if args.patients and not (args.reason.strip() and args.out):
        raise UsageError(
            "reason", "Patients are named in files only, for a reason.", "Say --reason and --out."
        )
    site = load_site(args.site)
    now, zone = SystemClock().now(), site.policy.timezone
    since, until = whole_days(args.since, args.until, zone, now, 0)
    if args.out:
        _need_empty(args.out)
    with open_archive(site) as archive:
        with archive.reading() as connection:
            channel = archived_channel(connection, site.policy.channels, args.channel)
            found = list(disclosures(connection, channel, ms(since), ms(until)))
            bad = already_named(connection, channel, ms(since))
            unjudged = open_candidates(connection, Sealer.of(site.keys), channel)
        rows = [{**row, "impermissible": row["seq"] in bad} for row in found]
        said = {"rows": len(rows), "patients_named": args.patients}
        times = {"from": utc(since), "to": utc(until)}
        note(site, archive, "export", args.reason, at=now, channel=channel, **said, **times)
    summary = _summary(channel, since, until, affected(rows), args.discovered)
    summary["removed"] = channel not in site.policy.channels
    receipts = {row["receipt"] for row in unjudged}
    summary["candidates"] = sum(row["receipt"] in receipts for row in rows)
    if args.out:
        with writing(args.out, _ADVICE):
            args.out.mkdir(parents=True, exist_ok=True)
            _write(args.out / "disclosures.csv", COLUMNS, map(_row, rows))
            (args.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
            if args.patients:
                people = _people(rows, Sealer.of(site.keys))
                _write(args.out / "patients.csv", ("id", "authority", "state", "receipt"), people)
    if args.json:
        print(json.dumps(summary))
    else:
        print(as_text(summary, shown(since, zone), shown(until, zone)))
    return Exit.OK


_ADVICE = "Give --out a folder that is not there yet, or is empty, and that you may write."


def _need_empty(folder: pathlib.Path) -> None:
    """An export is evidence: none is written over."""
    with writing(folder, _ADVICE):
        if folder.exists() and any(folder.iterdir()):
            raise UsageError("export-not-empty", f"{folder} holds files.", _ADVICE)


def _summary(
    channel: str, since: datetime, until: datetime, who: Affected, discovered: str | None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "channel": channel,
        "from": utc(since),
        "to": utc(until),
        "disclosures": who.disclosures,
        "uncertain": who.uncertain,
        "possible_duplicates": who.possible_duplicates,
        "impermissible": who.impermissible,
        "answers": who.answers,
        "patients": who.persons,
        "patients_by_state": who.by_state,
    }
    if discovered:
        on = day(discovered)
        found["breach"] = {"discovered": on.isoformat()} | _due(
            deadlines(on, who.persons, who.by_state)
        )
    return found


def _due(due: Deadlines) -> dict[str, Any]:
    return {
        "individuals_by": due.individuals.isoformat(),
        "hhs_by": due.hhs.isoformat(),
        "hhs_with_the_notice": due.hhs_at_once,
        "media": {state: due.individuals.isoformat() for state in due.media},
    }


def as_text(summary: dict[str, Any], since: str, until: str) -> str:
    """The summary for people, of the time between `since` and `until`."""
    states = ", ".join(f"{state} {n}" for state, n in summary["patients_by_state"].items())
    answers = ", ".join(f"{code} {n}" for code, n in summary["answers"].items())
    doubts = f"{summary['uncertain']} may not have been received"
    doubts += f", {summary['possible_duplicates']} may have been received twice"
    if summary["impermissible"]:
        doubts += f", {summary['impermissible']} named impermissible"
    channel = summary["channel"] + (" (removed)" if summary.get("removed") else "")
    lines = [
        f"to {channel} from {since} to {until}:",
        f"  disclosures  {summary['disclosures']} ({doubts})",
        f"  answers      {answers or '-'}",
        f"  patients     {summary['patients']} ({states or '-'})",
        f"  candidates   {summary['candidates']} (`ledger candidates` lists them)",
    ]
    breach = summary.get("breach")
    if breach:
        media = ", ".join(breach["media"]) or "none"
        with_notice = "with the notice" if breach["hhs_with_the_notice"] else "yearly report"
        lines += [
            f"if this is a breach, discovered {breach['discovered']}:",
            f"  individuals  by {breach['individuals_by']} (164.404)",
            f"  HHS          by {breach['hhs_by']}, {with_notice} (164.408)",
            f"  media        {media} (164.406)",
        ]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> list[object]:
    said = {**row, "at": utc(row["at_ms"])}
    return [_cell(said.get(name, "")) for name in COLUMNS]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _people(rows: Iterable[dict[str, Any]], sealer: Sealer) -> Iterator[list[object]]:
    """Everybody concerned, each identifier once."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        states = row.get("states", [])
        for who in row.get("who", ()):
            for number, authority in unseal_people(sealer, row["receipt"], who):
                if (number, authority) not in seen:
                    seen.add((number, authority))
                    state = states[0] if len(states) == 1 else ""
                    yield [number, authority, state, row["receipt"]]


def _write(path: pathlib.Path, head: Iterable[str], rows: Iterable[list[object]]) -> None:
    """A table that no spreadsheet takes for formulas, for its owner alone."""
    path.touch(mode=0o600)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for row in rows:
            writer.writerow([harmless(value) for value in row])


def harmless(value: object) -> object:
    """Also where a spreadsheet separates by `;`, as it does in half of Europe, or by tabs."""
    return _FORMULA.sub("'", value) if isinstance(value, str) else value
