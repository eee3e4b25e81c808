"""What the commands about the privacy registry have in common: add, ls, revoke, import.

Law: a change is in force when the command returns: whatever is sent from then on is looked at with
it, but for attempts that were open at that moment, which the command lists. A patient's entries
are shown only to who names the patient; nothing else that is printed tells who has any.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from engine.cli.acting import as_reason, operator
from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient
from engine.cli.moments import shown_day
from engine.cli.reach import fitting_sealer, working_store
from engine.cli.registered_entries import entry_as_json, missing_elements, state_of
from engine.cli.table import table
from engine.cli.words import counted
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.model import Site
from engine.config.rows import COLUMNS, fact_of_row, facts_in_rows
from engine.errors import Exit, UsageError
from engine.privacy.facts import ConsentKind, ItemKind, Restriction, SignedConsent
from engine.privacy.registry import Act, Change, Fact
from engine.privacy.sorts import Sort
from engine.privacy.standing import IN_FORCE, OPEN
from engine.registering import StoredRegistry

#: The largest file that is imported.
MOST_BYTES = 256 * 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")

#: Several of a sort.
_MANY = {
    Sort.CONSENT: "consents",
    Sort.RESTRICTION: "restrictions",
    Sort.COVERAGE: "coverage",
    Sort.CONFIDENTIAL: "confidential communications",
    Sort.LABEL: "labels",
}

#: Options of `add` that say yes.
_FLAGS = frozenset({"everything", "settles"})

#: What each option of `add` is; those of the other sort are not offered.
_HELP = {
    "patient": PATIENT_HELP,
    "authority": "who gave it (PID-3.4.1); without it nothing is permitted",
    "kind": "authorization, part2-tpo or refusal",
    "purposes": "purposes, or all",
    "channels": "channel ids, or all",
    "labels": "specially protected content that it covers",
    "label": "what is protected",
    "given": "the first day",
    "expires": "the last day",
    "revoked": "since when it no longer holds",
    "signed_by": "self, personal-representative, guardian or parent",
    "signer": "who signed",
    "signer_authority": "by which authority, where it is not the patient",
    "mode": "written, or verbal, which permits nothing",
    "event": "the event that ends it, where no day does",
    "description": "of the information, specific and meaningful",
    "statements": "what it tells: revocation, conditioning, redisclosure",
    "visit": "a visit (PV1-19)",
    "account": "an account (PID-18)",
    "order": "an order (ORC or OBR-2, -3)",
    "charge": "a charge (FT1-2)",
    "reason": "self-pay-in-full or patient-request",
    "state": "requested, or pending_payment; in force unless said",
    "channel": "the channel of the insurer",
    "settles": "on those days, counts instead of what messages said",
    "everything": "all of the patient's care",
    "from": "the first date of service",
    "to": "the last date of service",
}


def register(subparsers: Any, sort: Sort) -> Any:
    """Add the command of one sort and its actions to the command line; the actions."""
    name = sort.value
    parser = subparsers.add_parser(
        name,
        help=f"patients' {_MANY[sort]}: add, ls, revoke, import",
        description=(
            f"Keeps patients' {_MANY[sort]} in the registry of the engine. A change is in force"
            " when the command returns; attempts that were open at that moment are listed."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help=f"enter a {name}; the same twice is one")
    for column in COLUMNS[sort]:
        option = f"--{column.replace('_', '-')}"
        if column in _FLAGS:
            adding.add_argument(
                option, dest=f"of_{column}", action="store_const", const="true", default="",
                help=_HELP[column],
            )  # fmt: skip
        else:
            adding.add_argument(
                option, dest=f"of_{column}", default="", required=column == "patient",
                metavar="TEXT", help=_HELP[column],
            )  # fmt: skip
    add_why(adding, is_required=False)
    adding.set_defaults(run=partial(add, sort=sort))
    add_site_and_json(adding)
    add_others(actions, sort, "revoke")
    return actions


def add_others(actions: Any, sort: Sort, ends: str) -> None:
    """Add what every sort has beside `add`: ls, import, and what `ends` an entry."""
    listing = actions.add_parser("ls", help="a patient's entries; of nobody, how many there are")
    listing.add_argument("--patient", default="", metavar="ID", help=PATIENT_HELP)
    listing.set_defaults(run=partial(ls, sort=sort))
    ending = actions.add_parser(ends, help="end an entry, from now on; it stays in the history")
    add_entry(ending)
    ending.set_defaults(run=partial(revoke, sort=sort))
    importing = actions.add_parser("import", help="enter all lines of a CSV file, or none")
    importing.add_argument("file", type=pathlib.Path, metavar="FILE")
    importing.add_argument("--dry-run", action="store_true", help="say what would be")
    add_why(importing, is_required=False)
    importing.set_defaults(run=partial(import_all, sort=sort))
    for action in (listing, ending, importing):
        add_site_and_json(action)


def add_entry(parser: argparse.ArgumentParser) -> None:
    """Add which entry of which patient is changed, and why."""
    parser.add_argument("entry", metavar="ENTRY", help="its id, as `ls` shows it")
    parser.add_argument("--patient", required=True, metavar="ID", help=PATIENT_HELP)
    add_why(parser, is_required=True)


def add_why(parser: argparse.ArgumentParser, *, is_required: bool) -> None:
    """Add what is recorded with a change."""
    parser.add_argument(
        "--why", type=as_reason, default="", required=is_required, help="recorded with the change"
    )
    parser.add_argument("--document", default="", metavar="SHA256", help="digest of the evidence")


def add(args: argparse.Namespace, sort: Sort) -> int:
    """Enter one fact."""
    site = load_site(args.site)
    row = {column: getattr(args, f"of_{column}") for column in COLUMNS[sort]}
    row["patient"] = named_patient(row["patient"])
    if sort is Sort.RESTRICTION and not any(row[kind.value] for kind in ItemKind):
        raise UsageError(
            "registry-input",
            "Nothing says what is restricted; nothing was changed.",
            "Say --everything, or one of --visit, --account, --order and --charge.",
        )
    fact, act = fact_of_row(sort, row, site.policy), act_of(args)
    _refuse_ended([fact])
    lacks = missing_elements([fact], is_required=site.requires_elements)
    with open_registry(site) as registry:
        change = registry.add(fact, act)
    if (
        isinstance(fact, SignedConsent)
        and fact.kind is not ConsentKind.REFUSAL
        and not fact.patient.authority
    ):
        print("Without --authority it permits nothing.", file=sys.stderr)
    return tell(change, "entered", as_json=args.json, lacks=lacks)


def revoke(args: argparse.Namespace, sort: Sort) -> int:
    """End one entry."""
    site = load_site(args.site)
    act = act_of(args)
    with open_registry(site) as registry:
        patient = named_patient(args.patient)
        known_sort(registry, patient, args.entry, sort)
        verb = "ended" if sort is Sort.CONFIDENTIAL else "revoked"
        return tell(registry.end(patient, args.entry, act), verb, as_json=args.json)


def known_sort(registry: StoredRegistry, patient: str, id_: str, sort: Sort) -> None:
    """Raises `UsageError` where the entry is of another sort; whether it is there others say."""
    entry = registry.held(patient).entry(id_)
    if entry is not None and entry.sort is not sort:
        raise UsageError(
            "wrong-entry",
            f"The entry is of another sort: {entry.sort.value}.",
            f"Use `payergate {entry.sort.value}`.",
        )


def ls(args: argparse.Namespace, sort: Sort) -> int:
    """The entries of a patient, or how many entries there are."""
    site = load_site(args.site)
    with open_registry(site) as registry:
        if args.patient:
            held = registry.held(named_patient(args.patient))
            found = [entry for entry in held.entries if entry.sort is sort]
        else:
            return _count(registry, sort, as_json=args.json)
    entries = [entry_as_json(entry, SystemClock().now()) for entry in found]
    if args.json:
        print(json.dumps({"entries": entries}))
        return Exit.OK
    head = ("ENTRY", "STATE", "WHAT", "CHANNELS", "ADDED", "BY")
    rows = [
        (said["entry"], said["state"], said["what"], said["channels"],
         shown_day(entry.history[0][1].at, site.policy.timezone), entry.history[0][1].by)
        for entry, said in zip(found, entries, strict=True)
    ]  # fmt: skip
    print(table(head, rows) if rows else f"the patient has no {_MANY[sort]}")
    return Exit.OK


def import_all(args: argparse.Namespace, sort: Sort) -> int:
    """Enter all lines of a file, or none if any of them is wrong."""
    site = load_site(args.site)
    facts = facts_in_rows(sort, _text(args.file), args.file.name, site.policy)
    act = act_of(args)
    _refuse_ended(facts)
    lacks = missing_elements(facts, is_required=site.requires_elements)
    with open_registry(site) as registry:
        if args.dry_run:
            new = registry.would_add(facts, act)
            changes: list[Change] = []
        else:
            changes = registry.add_all(facts, act)
            new = sum(change.version > 0 for change in changes)
    attempts = {attempt for change in changes for attempt in change.open_attempts}
    if args.json:
        said = {"lines": len(facts), "new": new, "known": len(facts) - new, "dry_run": args.dry_run}
        print(json.dumps({**said, "lacks": lacks, "open_attempts": _attempts(tuple(attempts))}))
        return Exit.OK
    verb = "would be entered" if args.dry_run else "entered"
    print(f"{new} {verb}, {len(facts) - new} there before")
    _tell_lacks(lacks)
    _tell_attempts(tuple(attempts))
    return Exit.OK


def _refuse_ended(facts: Iterable[Fact]) -> None:
    """Nothing is entered as ended, so that its history says who ended it."""
    if any(isinstance(one, Restriction) and one.standing not in IN_FORCE | OPEN for one in facts):
        raise UsageError(
            "registry-input",
            "A restriction is entered as `requested`, as `pending_payment`, or as in force; nothing"
            " was changed.",
            "Enter it so, then decline it, void it or end it.",
        )


@contextmanager
def open_registry(site: Site, *, create: bool = True) -> Iterator[StoredRegistry]:
    """The registry of a site's store, whether its engine runs or not.

    `create`: make the site's keys, if nothing of it was ever sealed.
    """
    with working_store(site) as store:
        sealer = fitting_sealer(site, create=create)
        yield StoredRegistry(store, sealer, tuple(site.policy.channels))


def act_of(args: argparse.Namespace) -> Act:
    """Who does it, when and why, as the command line says."""
    if args.document and not _SHA256.fullmatch(args.document):
        raise UsageError(
            "registry-input",
            "`--document` is no SHA-256 in hexadecimal.",
            "Give the digest of the signed paper's scan, such as `sha256sum` prints.",
        )
    return Act(operator(), SystemClock().now(), args.why, args.document)


def _text(file: pathlib.Path) -> str:
    try:
        with file.open("rb") as opened:
            found = opened.read(MOST_BYTES + 1)
        if len(found) > MOST_BYTES:
            raise UsageError(
                "file-too-large",
                f"{file} has more than {MOST_BYTES // 1024**2} MiB; nothing was read.",
                "Import it in parts, each with the line that names the columns.",
            )
        return found.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "file-unreadable",
            f"{file} cannot be read ({type(error).__name__}).",
            "Give the path of a CSV file in UTF-8.",
        ) from error


def tell(
    change: Change, verb: str, *, as_json: bool, lacks: Mapping[str, int] | None = None
) -> int:
    """Say what became of a change."""
    attempts = change.open_attempts
    if as_json:
        said: dict[str, Any] = {
            "entry": change.entry,
            "new": change.version > 0,
            "version": change.version,
        }
        said |= {} if lacks is None else {"lacks": sorted(lacks)}
        print(json.dumps({**said, "open_attempts": _attempts(attempts)}))
        return Exit.OK
    print(f"{change.entry}: {verb if change.version else f'was {verb} before'}")
    _tell_lacks(lacks or {})
    _tell_attempts(attempts)
    return Exit.OK


def _tell_lacks(lacks: Mapping[str, int]) -> None:
    if lacks:
        print("The law wants more of the form: 45 CFR 164.508(c), 42 CFR 2.31(a).", file=sys.stderr)
    for element, number in sorted(lacks.items()):
        print(f"lacks {element}" + (f" ({number} lines)" if number > 1 else ""), file=sys.stderr)


def _attempts(attempts: tuple[tuple[str, str, str, int], ...]) -> list[dict[str, Any]]:
    names = ("channel", "entry", "receipt", "since_ms")
    return [dict(zip(names, attempt, strict=True)) for attempt in sorted(attempts)]


def _tell_attempts(attempts: tuple[tuple[str, str, str, int], ...]) -> None:
    for channel, entry, receipt, _ in sorted(attempts):
        print(f"on its way already: {channel}, entry {entry}, receipt {receipt}")


def _count(registry: StoredRegistry, sort: Sort, *, as_json: bool) -> int:
    patients, states = 0, Counter[str]()
    for held in registry.everyone():
        found = [entry for entry in held.entries if entry.sort is sort]
        patients += bool(found)
        states.update(state_of(entry, SystemClock().now()) for entry in found)
    said = {"patients": patients, "entries": dict(sorted(states.items()))}
    if as_json:
        print(json.dumps(said))
    else:
        counts = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        whose = counted(patients, "identifier")
        print(f"{whose} with {_MANY[sort]}: {counts or 'none'}")
    return Exit.OK
