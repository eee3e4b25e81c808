"""`payergate archive`: how it stands, erasing what is due, legal holds, what was set aside.

Law: a hold is in force when its command returns, and both its beginning and its end are rows of the
ledger with who and why.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, cast

import sqlalchemy as sa

from engine.archive import schema
from engine.archive.audit import read_head
from engine.archive.database import Database
from engine.archive.entries import act
from engine.archive.key_erasing import KeyEraser
from engine.archive.ledger import Appender
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.pace import erasing_rest_s
from engine.archive.quarantine import QUARANTINED, unseal_record
from engine.archive.retention import Eraser, active_holds
from engine.archive.search import read_kind
from engine.archive.signing import read_signer
from engine.archive.terms import patient_term
from engine.cli.acting import add_reason, need_reason, operator
from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient
from engine.cli.erasing import add_erase
from engine.cli.moments import ms, shown, utc, whole_days
from engine.cli.noting import note
from engine.cli.reach import running_store
from engine.cli.table import table
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit, StoreError, UsageError
from engine.store.keykeeping import KeyKeeper
from engine.store.port import Backlog, Unarchived
from engine.store.sealing import Sealer

#: A hold without an end.
FOR_EVER_MS = 2**47


def register(subparsers: Any) -> None:
    """Add `archive` and its actions to the command line."""
    parser = subparsers.add_parser(
        "archive",
        help="the archive: status, erasing, legal holds",
        description=(
            "Says how the archive stands, erases what is due, keeps what a legal hold covers."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, run, text in (
        ("status", status, "what it holds, and what it has yet to take"),
        ("prune", prune, "erase now what is due"),
        ("hold", hold, "keep a patient's, or everybody's, of a time"),
        ("release", release, "end a hold"),
        ("holds", holds, "every hold that is in force"),
        ("quarantined", quarantined, "records that could not be archived as they were"),
    ):
        action = actions.add_parser(name, help=text)
        if name == "hold":
            action.add_argument("--patient", default="", metavar="ID", help=PATIENT_HELP)
            action.add_argument("--authority", default="", metavar="NAME", help="PID-3.4.1")
            action.add_argument("--from", dest="since", metavar="TIME", help="default: always")
            action.add_argument("--to", dest="until", metavar="TIME", help="default: for ever")
        if name == "release":
            action.add_argument("id", type=int, metavar="NUMBER")
        if name == "quarantined":
            action.add_argument("--open", type=int, metavar="ROW", help="print the record")
            add_reason(action, "why you look; recorded")
        if name in {"hold", "release"}:
            add_reason(action, is_required=True)
        add_site_and_json(action)
        action.set_defaults(run=run)
    add_erase(actions)


def status(args: argparse.Namespace) -> int:
    """What is archived and what waits."""
    site = load_site(args.site)
    with open_archive(site) as archive, archive.reading() as connection:
        head = read_head(connection)
        numbers = {
            name: connection.execute(sa.select(sa.func.count()).select_from(one)).scalar_one()
            for name, one in (("messages", schema.messages), ("contents", schema.journal))
        }
    waiting: int | None = None
    with suppress(StoreError), running_store(site) as store:
        waiting = cast("Unarchived", store.execute([Backlog()])[0]).records
    said = {**numbers, "ledger_rows": head.seq, "head": str(head), "waiting": waiting}
    if args.json:
        print(json.dumps(said))
    else:
        for name, value in said.items():
            print(f"{name:12} {'-' if value is None else value}")
    return Exit.OK


def prune(args: argparse.Namespace) -> int:
    """Erase what is due."""
    site = load_site(args.site)
    with open_archive(site) as archive:
        eraser = Eraser(
            archive,
            read_signer(signing_key_of(site)),
            site.retention,
            clock=SystemClock(),
            by=operator(),
        )
        eraser.next_round()
        total = sum(_resting(eraser))
        keys = _prune_keys(site, archive)
    if args.json:
        print(json.dumps({"erased": total, "keys": keys}))
        return Exit.OK
    kept = "the store does not run: keys go when it does" if keys is None else f"{keys} keys"
    print(f"{total} erased; {kept}")
    return Exit.OK


def _resting(eraser: Eraser) -> Iterator[int]:
    """Each transaction's rows, with a rest after it: messages come first."""
    began_s = time.monotonic()
    while (number := eraser.step()) is not None:
        yield number
        if number:
            time.sleep(erasing_rest_s(time.monotonic() - began_s))
        began_s = time.monotonic()


def _prune_keys(site: Site, archive: Database) -> int | None:
    """Destroy the keys of which nothing is needed; None without the store that may need them."""
    try:
        with running_store(site) as store:
            eraser = KeyEraser(
                archive,
                read_signer(signing_key_of(site)),
                store,
                KeyKeeper(site.keys, SystemClock().now),
                site.retention,
                clock=SystemClock(),
                by=operator(),
            )
            eraser.next_round()
            return sum(iter(eraser.step, None))
    except StoreError:
        return None


def hold(args: argparse.Namespace) -> int:
    """Begin a hold."""
    need_reason(args.reason)
    site = load_site(args.site)
    now = SystemClock().now()
    _, until = whole_days(None, args.until, site.policy.timezone, now, 0)
    since, _ = whole_days(args.since, None, site.policy.timezone, now, 0)
    term = b""
    if args.patient:
        term = patient_term(Sealer.of(site.keys), named_patient(args.patient), args.authority)
    row = {
        "patient": term,
        "from_ms": ms(since) if args.since else 0,
        "to_ms": ms(until) if args.until else FOR_EVER_MS,
        "at_ms": ms(now),
        "by": operator(),
        "reason": args.reason,
        "lifted_ms": 0,
    }
    with open_archive(site) as archive, archive.writing() as connection:
        appender = Appender(connection, read_signer(signing_key_of(site)))
        number = connection.execute(
            schema.holds.insert().returning(schema.holds.c.id), row
        ).scalar_one()
        said = {"hold": number, "from_ms": row["from_ms"], "to_ms": row["to_ms"]}
        patients = (term.hex(),) if term else ()
        appender.add([act("hold", now, operator(), args.reason, patients=patients, **said)])
        appender.finish(ms(now))
    print(json.dumps({"hold": number}) if args.json else f"hold {number} is in force")
    return Exit.OK


def release(args: argparse.Namespace) -> int:
    """End a hold."""
    need_reason(args.reason)
    site = load_site(args.site)
    now = SystemClock().now()
    held = schema.holds
    with open_archive(site) as archive, archive.writing() as connection:
        if args.id not in {one.id for one in active_holds(connection)}:
            raise UsageError(
                "unknown-hold", f"No hold {args.id} is in force.", "See archive holds."
            )
        appender = Appender(connection, read_signer(signing_key_of(site)))
        connection.execute(held.update().where(held.c.id == args.id).values(lifted_ms=ms(now)))
        appender.add([act("hold-released", now, operator(), args.reason, hold=args.id)])
        appender.finish(ms(now))
    print(json.dumps({"released": args.id}) if args.json else f"hold {args.id} is released")
    return Exit.OK


def holds(args: argparse.Namespace) -> int:
    """Every hold in force."""
    site = load_site(args.site)
    with open_archive(site) as archive, archive.reading() as connection:
        found = active_holds(connection)
    at = utc if args.json else partial(shown, timezone=site.policy.timezone)
    said = [
        {
            "hold": one.id,
            "whose": "one patient's" if one.patient else "everybody's",
            "from": at(one.from_ms) if one.from_ms else None,
            "to": at(one.to_ms) if one.to_ms < FOR_EVER_MS else None,
            "by": one.by,
            "reason": one.reason,
        }
        for one in found
    ]
    if args.json:
        print(json.dumps({"holds": said}))
    elif said:
        print(table([name.upper() for name in said[0]], [list(one.values()) for one in said]))
    else:
        print("no hold is in force")
    return Exit.OK


def quarantined(args: argparse.Namespace) -> int:
    """A line for each row that stands for a record; the record itself only for a reason."""
    site = load_site(args.site)
    if args.open is not None:
        need_reason(args.reason)
    with open_archive(site) as archive:
        with archive.reading() as connection:
            rows = read_kind(connection, QUARANTINED)
        if args.open is not None:
            return _open_record(archive, site, args, rows)
    names = ("seq", "at_ms", "of", "fault", "receipt", "channel")
    said = [{name: row[name] for name in names} for row in rows]
    if args.json:
        print(json.dumps({"quarantined": said}))
    elif said:
        zone = site.policy.timezone
        cells = [[*one.values()] for one in said]
        cells = [[seq, shown(at_ms, zone), *rest] for seq, at_ms, *rest in cells]
        print(table(("ROW", "AT", "KIND", "FAULT", "RECEIPT", "CHANNEL"), cells))
    else:
        print("nothing is quarantined")
    return Exit.OK


def _open_record(
    archive: Database, site: Site, args: argparse.Namespace, rows: list[dict[str, Any]]
) -> int:
    """Print one record, once the look is in the ledger."""
    row = next((row for row in rows if row["seq"] == args.open), None)
    if row is None:
        raise UsageError(
            "unknown-row", f"Row {args.open} is of no such record.", "See archive quarantined."
        )
    what = f"quarantined record of row {args.open}"
    note(site, archive, "look", args.reason, receipt=row["receipt"], what=what)
    print(json.dumps(unseal_record(Sealer.of(site.keys), row)))
    return Exit.OK
