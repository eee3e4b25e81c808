"""`payergate duties`: what people still have to do about patients' rights, merges and insurers.

Law: duties are listed by entry and time; whom they concern, and the event in the words of whoever
entered it, is told for a reason only, and that is in the ledger first. That a patient was told is a
row of the entry's history, for good.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from engine.archive.candidates import open_candidates
from engine.archive.database import ArchiveError
from engine.archive.opening import open_archive
from engine.cli.acting import add_reason, as_reason, need_reason, operator
from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient
from engine.cli.moments import shown_day, today
from engine.cli.noting import note
from engine.cli.registry_change import open_registry
from engine.cli.table import table
from engine.clock import SystemClock
from engine.config.assessing import overdue
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit
from engine.privacy.acts import Act
from engine.privacy.duties import Duty, open_duties
from engine.privacy.persons import newest_entries
from engine.registering import StoredRegistry
from engine.store.sealing import Sealer

#: What is told of a duty only with a reason.
_OF_PATIENTS = ("event", "patient")


@dataclass(frozen=True, slots=True)
class Due:
    """One open duty. `entry` is the channel, or the change, where it is of no entry."""

    duty: str
    entry: str
    since: str
    signed_by: str = ""
    event: str = ""
    patient: str = ""


def register(subparsers: Any) -> None:
    """Add `duties` and its actions to the command line."""
    parser = subparsers.add_parser(
        "duties",
        help="what people still have to do about consents and restrictions",
        description=(
            "Lists what people still have to do: tell a patient for whom another signed, watch for"
            " the event that ends a consent, answer a request for a restriction, confirm a payment,"
            " judge what a wrong merge or a denial that came too late has let through, assess a"
            " counterpart again."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", help="the open duties, the oldest change first")
    listing.add_argument(
        "--patients",
        action="store_true",
        help="say whom they concern and until which event; needs --reason",
    )
    add_reason(listing)
    add_site_and_json(listing)
    listing.set_defaults(run=ls)
    ending = actions.add_parser("done", help="note that the patient was told of an entry")
    ending.add_argument("entry", metavar="ENTRY")
    ending.add_argument(
        "--patient", required=True, metavar="ID",
        help=PATIENT_HELP,
    )  # fmt: skip
    ending.add_argument("--why", type=as_reason, required=True, help="how and when; recorded")
    add_site_and_json(ending)
    ending.set_defaults(run=done)


def ls(args: argparse.Namespace) -> int:
    """The open duties."""
    if args.patients:
        need_reason(args.reason, "Patients are named for a reason only.")
    site = load_site(args.site)
    if args.patients:
        with open_archive(site) as archive:
            note(site, archive, "look", args.reason, what="patients of open duties")
    with open_registry(site, create=False) as registry:
        found = list(duties_of(registry, site.policy.timezone))
    found += _of_counterparts(site)
    found += _to_judge(site)
    found.sort(key=lambda one: one.since)
    kept_back = () if args.patients else _OF_PATIENTS
    told = [{name: v for name, v in asdict(one).items() if name not in kept_back} for one in found]
    if args.json:
        print(json.dumps({"duties": told}))
        return Exit.OK
    head = ("DUTY", "ENTRY", "SINCE", "SIGNED BY", *(["UNTIL", "PATIENT"] if args.patients else []))
    rows = [tuple(one.values()) for one in told]
    print(table(head, rows) if rows else "there is nothing to do")
    return Exit.OK


def _of_counterparts(site: Site) -> Iterator[Due]:
    """Whom to assess again; the channel stands in the place of the entry."""
    for channel, due in overdue(site.policy, today(site.policy.timezone)):
        since = "" if due == date.min else due.isoformat()
        yield Due(Duty.REASSESS_COUNTERPART.value, channel.id, since)


def _to_judge(site: Site) -> list[Due]:
    """One for each merge or change that left disclosures to judge (`ledger candidates`)."""
    if not site.archive.url:
        return []
    try:
        with open_archive(site) as archive, archive.reading() as connection:
            found = open_candidates(connection, Sealer.of(site.keys))
    except ArchiveError as error:
        print(f"the archive was not asked what is to be judged: {error}", file=sys.stderr)
        return []
    first: dict[str, int] = {}
    for row in found:
        first.setdefault(str(row["of"]), int(row["at_ms"]))
    zone = site.policy.timezone
    return [
        Due(Duty.JUDGE_DISCLOSURES.value, of, shown_day(at_ms, zone)) for of, at_ms in first.items()
    ]


def done(args: argparse.Namespace) -> int:
    """Note that the patient was told."""
    site = load_site(args.site)
    patient = named_patient(args.patient)
    noted = Act(operator(), SystemClock().now(), args.why)
    with open_registry(site, create=False) as registry:
        change = registry.told(patient, args.entry, noted)
    if args.json:
        said = {"entry": change.entry, "new": change.version > 0, "version": change.version}
        print(json.dumps(said))
    else:
        print(f"{change.entry}: {'noted' if change.version else 'was noted before'}")
    return Exit.OK


def duties_of(registry: StoredRegistry, timezone: str) -> Iterator[Due]:
    """Each once, also where it stands under several identifiers of one person."""
    for entry in newest_entries(registry.everyone()):
        for duty in open_duties(entry):
            fact = entry.fact
            signer = getattr(fact, "signed_by", None)
            yield Due(
                duty.value,
                entry.id,
                shown_day(entry.history[0][1].at, timezone),
                "" if signer is None else signer.value,
                str(getattr(fact, "event", "")),
                fact.patient.id,
            )
