"""What is done with the entries of one sort: add, ls, revoke, import.

Law: nothing is entered of a file one line of which is wrong, and nothing as ended. A patient's
entries are shown only to who names the patient; nothing else that is printed tells who has any.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections import Counter
from collections.abc import Iterable

from engine.cli.arguments import named_patient
from engine.cli.idle_refusals import idle_channels, idle_of, tell_idle
from engine.cli.moments import shown_day
from engine.cli.operating import operating_site
from engine.cli.registered_entries import entry_as_json, missing_elements, state_of
from engine.cli.registry_change import (
    act_of,
    attempts_as_json,
    open_registry,
    tell,
    tell_attempts,
    tell_lacks,
)
from engine.cli.table import table
from engine.cli.words import counted
from engine.clock import SystemClock
from engine.config.load import load_site
from engine.config.rows import COLUMNS, fact_of_row, facts_in_rows
from engine.errors import Exit, UsageError
from engine.privacy.facts import ConsentKind, ItemKind, Restriction, SignedConsent
from engine.privacy.registry import Change
from engine.privacy.sorts import Fact, Sort
from engine.privacy.standing import IN_FORCE, OPEN
from engine.registering import StoredRegistry

#: The largest file that is imported.
MOST_BYTES = 256 * 1024 * 1024

#: Several of a sort.
MANY = {
    Sort.CONSENT: "consents",
    Sort.RESTRICTION: "restrictions",
    Sort.COVERAGE: "coverage",
    Sort.CONFIDENTIAL: "confidential communications",
    Sort.LABEL: "labels",
}


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
    tell_idle([idle_channels(site.policy, fact)])
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
    site = operating_site(args.site)
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
         shown_day(entry.history[0][1].at, site.timezone), entry.history[0][1].by)
        for entry, said in zip(found, entries, strict=True)
    ]  # fmt: skip
    print(table(head, rows) if rows else f"the patient has no {MANY[sort]}")
    if sort is Sort.CONSENT and not site.errors:
        policy = load_site(args.site).policy
        tell_idle(idle_of(policy, entry, SystemClock().now()) for entry in found)
    return Exit.OK


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
        print(f"{whose} with {MANY[sort]}: {counts or 'none'}")
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
    tell_idle(idle_channels(site.policy, fact) for fact in facts)
    attempts = {attempt for change in changes for attempt in change.open_attempts}
    if args.json:
        said = {"lines": len(facts), "new": new, "known": len(facts) - new, "dry_run": args.dry_run}
        print(json.dumps({**said, "lacks": lacks, "open_attempts": attempts_as_json(attempts)}))
        return Exit.OK
    verb = "would be entered" if args.dry_run else "entered"
    print(f"{new} {verb}, {len(facts) - new} there before")
    tell_lacks(lacks)
    tell_attempts(attempts)
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
