"""`payergate patient`: what a patient's insurers receive and why, and what would change.

Law: the request is in the ledger before anything is printed, and messages are opened for a reason
only, each look at one in its own row. A registry that does not answer is no empty registry: then
there is no report. What is supposed is entered nowhere.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.archive.opening import open_archive
from engine.cli.acting import add_reason
from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient, writing_report
from engine.cli.patient_inquiry import Inquiry
from engine.cli.patient_page import report_as_page, report_as_text
from engine.cli.patient_report import report_as_json
from engine.cli.reach import fitting_sealer, working_store
from engine.config.facts import read_facts
from engine.config.load import load_site
from engine.config.model import Site
from engine.config.rows import COLUMNS, fact_of_row
from engine.errors import Exit, UsageError
from engine.privacy.acts import RegistryError
from engine.privacy.entries import Entry
from engine.privacy.facts import Cover
from engine.privacy.patients import Patient, may_be, may_be_any
from engine.privacy.persons import all_of, persons_in
from engine.privacy.sorts import Fact, Sort
from engine.privacy.supposing import Supposed
from engine.registering import StoredRegistry

#: What of a consent may be supposed on the command line; the patient is the report's.
_SUPPOSED = tuple(name for name in COLUMNS[Sort.CONSENT] if name not in ("patient", "authority"))


def register(subparsers: Any) -> None:
    """Add `patient` to the command line."""
    parser = subparsers.add_parser(
        "patient",
        help="what a patient's insurers receive and why",
        description=(
            "Says in plain words what a patient's insurers receive and why, what is withheld and"
            " why, and what would change if something were signed or revoked."
        ),
    )
    parser.add_argument("patient", metavar="ID", help=PATIENT_HELP)
    parser.add_argument("--authority", default="", metavar="NAME", help="who gave it (PID-3.4.1)")
    add_reason(parser, "opens the messages for it; recorded")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many")
    parser.add_argument(
        "--html", type=pathlib.Path, metavar="FILE", help="write a page to read or to print"
    )
    supposing_ = parser.add_argument_group("what would change", "these need --reason")
    supposing_.add_argument(
        "--if-added", type=pathlib.Path, metavar="FILE", help="a facts file with what is supposed"
    )
    supposing_.add_argument(
        "--if-revoked", action="append", default=[], metavar="ENTRY", help="an entry that is over"
    )
    for name in _SUPPOSED:
        supposing_.add_argument(
            f"--{name.replace('_', '-')}", dest=f"of_{name}", default="", metavar="TEXT",
            help=f"of a supposed consent: as `consent add --{name.replace('_', '-')}`",
        )  # fmt: skip
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the report; the exit code."""
    patient = Patient(named_patient(args.patient), args.authority)
    given = {name: getattr(args, f"of_{name}") for name in _SUPPOSED}
    if (args.if_added or args.if_revoked or any(given.values())) and not args.reason.strip():
        raise UsageError(
            "reason",
            "What would change is told of the messages themselves.",
            "Say --reason TEXT; it is recorded.",
        )
    site = load_site(args.site)
    with open_archive(site) as archive, working_store(site) as store:
        sealer = fitting_sealer(site)
        held = StoredRegistry(store, sealer, tuple(site.policy.channels)).held(patient.id)
        others = all_of((patient,), persons_in([held]))
        entries = tuple(one for one in held.entries if may_be_any(one.fact.patient, others))
        own = tuple(one for one in entries if may_be(patient, one.fact.patient))
        supposed = Supposed(
            _added(args.if_added, given, patient, site), _ended(args.if_revoked, own)
        )
        inquiry = Inquiry(site, sealer, store, archive, patient, args.reason.strip())
        report = inquiry.report(entries, supposed, max(1, args.limit))
        report = replace(report, joined=len({one.id for one in others} - {patient.id}))
    if args.html is not None:
        with writing_report(args.html, "--html"):
            args.html.write_text(report_as_page(report), "utf-8")
    if args.json:
        print(json.dumps(report_as_json(report)))
    elif args.html is None:
        print(report_as_text(report, shutil.get_terminal_size((80, 0)).columns), end="")
    return Exit.OK


# --- what is supposed ---


def _added(
    file: pathlib.Path | None, given: dict[str, str], patient: Patient, site: Site
) -> tuple[Fact, ...]:
    found: list[Fact] = []
    if file is not None:
        facts = read_facts(file, site.policy)
        found = [*facts.consents, *facts.restrictions, *facts.sensitivities, *facts.confidential]
        found = [fact for fact in found if may_be(patient, fact.patient)]
        if not found:
            raise UsageError(
                "registry-input",
                "The file of --if-added has nothing of this patient.",
                "Write `consents`, `restrictions`, `labels` or `confidential`, as in a facts file.",
            )
    if any(given.values()):
        row = {"patient": patient.id, "authority": patient.authority, **given}
        found.append(fact_of_row(Sort.CONSENT, row, site.policy))
    return tuple(found)


def _ended(asked: Sequence[str], entries: tuple[Entry, ...]) -> tuple[Fact, ...]:
    known = {entry.id: entry.stated for entry in entries}
    for id_ in asked:
        if id_ not in known:
            raise RegistryError(
                "unknown-entry",
                "No entry of that id was made under this identifier.",
                "List the entries: `payergate patient` without --if-revoked; for one that was"
                " entered under another identifier, ask for the report of that.",
            )
        if isinstance(known[id_], Cover):  # what else is known of coverage is not told apart
            raise UsageError(
                "wrong-entry",
                "The entry is a coverage: what would change without it cannot be told.",
                "Name any other entry.",
            )
    return tuple(known[id_] for id_ in asked)
