"""`payergate ledger`: verify the chain, account for a patient, what went to a channel.

Law: an accounting and an export are recorded before they are written; identifiers of patients are
written only with `--patients` and a reason.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
from contextlib import suppress
from typing import Any, cast

from engine.archive.account_text import as_html, as_text
from engine.archive.accounting import YEARS, Account, account_of
from engine.archive.audit import audit, read_head
from engine.archive.chain import Finding, Head
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.search import disclosures_of
from engine.archive.signing import public_file, read_verifier
from engine.archive.terms import patient_term
from engine.cli.acting import add_reason
from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient, writing_report
from engine.cli.breach_kit import add_export, add_impermissible
from engine.cli.candidates import add_candidates
from engine.cli.moments import ms, utc, whole_days
from engine.cli.noting import note
from engine.cli.operating import operating_site
from engine.cli.reach import running_store
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Installation
from engine.errors import Exit, StoreError, UsageError
from engine.store.port import Backlog, Unarchived
from engine.store.sealing import Sealer


def register(subparsers: Any) -> None:
    """Add `ledger` and its actions to the command line."""
    parser = subparsers.add_parser(
        "ledger",
        help="the ledger: verify, account, export, impermissible",
        description=(
            "Verifies the ledger, accounts for a patient's disclosures, exports "
            "what went to a channel."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify_ = actions.add_parser("verify", help="say whether anything was changed or removed")
    verify_.add_argument("--expect", action="append", default=[], metavar="SEQ:HASH")
    verify_.add_argument("--public-key", type=pathlib.Path, metavar="FILE")
    add_site_and_json(verify_)
    verify_.set_defaults(run=verify)
    account_ = actions.add_parser("account", help="a patient's accounting of disclosures")
    account_.add_argument("--patient", required=True, metavar="ID", help=PATIENT_HELP)
    account_.add_argument("--authority", default="", metavar="NAME", help="PID-3.4.1")
    account_.add_argument("--from", dest="since", metavar="TIME", help="default: six years back")
    account_.add_argument("--to", dest="until", metavar="TIME", help="default: now")
    account_.add_argument("--all", action="store_true", help="exempt disclosures, too")
    account_.add_argument("--each", action="store_true", help="summarise nothing")
    account_.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write a page")
    account_.add_argument("--pdf", type=pathlib.Path, metavar="FILE", help="write a PDF")
    add_reason(account_, "recorded", default="patient's request")
    add_site_and_json(account_)
    account_.set_defaults(run=account)
    add_export(actions)
    add_impermissible(actions)
    add_candidates(actions)


# --- verify ---


def verify(args: argparse.Namespace) -> int:
    """Every flaw of the chain; 1 if there is any."""
    site = operating_site(args.site)
    expected = [_head(text) for text in args.expect]
    from_store = _head_in_store(site)
    key_file = args.public_key or public_file(signing_key_of(site))
    with open_archive(site) as archive, archive.reading() as connection:
        head = read_head(connection)
        heads = [*expected, *([from_store] if from_store else [])]
        findings = list(audit(connection, read_verifier(key_file), heads))
    if args.json:
        said = [_as_json(finding) for finding in findings]
        witness = {"head": str(head), "store_asked": from_store is not None}
        print(json.dumps({"ok": not findings, **witness, "findings": said}))
        return Exit.FAILED if findings else Exit.OK
    for finding in findings:
        print(f"{finding.flaw.value}: {finding.text}")
    print(f"{'NOT WHOLE' if findings else 'whole'}: {head.seq} rows, head {head}")
    if from_store is None:
        print("the store was not asked for the last head: a cut end may go unseen", file=sys.stderr)
    return Exit.FAILED if findings else Exit.OK


def _head_in_store(site: Installation) -> Head | None:
    with suppress(StoreError, ValueError), running_store(site) as store:
        backlog = cast("Unarchived", store.execute([Backlog()])[0])
        return Head.read(backlog.head)
    return None


def _head(text: str) -> Head:
    try:
        return Head.read(text)
    except ValueError:
        raise UsageError(
            "head", f"{text!r} is no head of a ledger.", "Write SEQ:HASH as verify printed it."
        ) from None


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "flaw": finding.flaw.value,
        "first": finding.first,
        "last": finding.last,
        "text": finding.text,
    }


# --- account ---


def account(args: argparse.Namespace) -> int:
    """The accounting, as text, or as JSON, HTML or PDF."""
    site = load_site(args.site)
    now = SystemClock().now()
    timezone = site.policy.timezone
    since, until = whole_days(args.since, args.until, timezone, now, YEARS)
    named = named_patient(args.patient)
    with open_archive(site) as archive:
        patient = patient_term(Sealer.of(site.keys), named, args.authority)
        with archive.reading() as connection:
            rows = disclosures_of(connection, (patient,), ms(since), ms(until))
        found = account_of(
            rows,
            patient=named,
            made=now,
            since=since,
            until=until,
            timezone=timezone,
            everything=args.all,
            one_by_one=args.each,
            off=site.policy.protections.off,
        )
        whose = (patient.hex(),)
        note(
            site, archive, "accounting", args.reason,
            at=now, patients=whose, disclosures=found.number,
        )  # fmt: skip
    _write(found, args)
    return Exit.OK


def _write(found: Account, args: argparse.Namespace) -> None:
    if args.html:
        with writing_report(args.html, "--html"):
            args.html.write_text(as_html(found), "utf-8")
    if args.pdf:
        from engine.archive.account_pdf import as_pdf

        with writing_report(args.pdf, "--pdf"):
            args.pdf.write_bytes(as_pdf(found))
    if args.json:
        lines = [
            dataclasses.asdict(line) | {"first": utc(line.first), "last": utc(line.last)}
            for line in found.lines
        ]
        period = {"from": utc(found.since), "to": utc(found.until)}
        said = {"number": found.number, **period, "protections_off": dict(found.off)}
        print(json.dumps({**said, "disclosures": lines}))
    elif not (args.html or args.pdf):
        print(as_text(found), end="")
