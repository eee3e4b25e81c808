"""`payergate archive erase`: what is kept of one patient, erased because the patient asks.

Law: it is done on a basis alone: that of the site's law (GDPR Art. 17), or one that is named.
Nothing is erased while anything of the patient is still to be sent, or under a legal hold, or while
it is not certain which records are the patient's. What protects the patient stays.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

from engine.archive.database import Database
from engine.archive.entries import act
from engine.archive.learned_of import learned_of
from engine.archive.ledger import Appender
from engine.archive.of_patient import (
    OF_PATIENT,
    Found,
    Whose,
    erase_own,
    find,
    last_with_content,
    refuse_open,
    terms_of,
)
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.retention import ERASED, day_of, proof_of
from engine.archive.search import disclosures_of
from engine.archive.signing import read_signer
from engine.cli.acting import add_reason, as_reason, need_reason, operator
from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient
from engine.cli.moments import ms, shown, utc
from engine.cli.noting import note
from engine.cli.reach import fitting_sealer, rewrite_log, working_store
from engine.cli.table import table
from engine.cli.words import counted
from engine.clock import SystemClock
from engine.config.controllers import RECORDED
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import EngineError, Exit, UsageError
from engine.privacy.patients import Patient
from engine.privacy.persons import all_of, persons_in
from engine.registering import StoredRegistry
from engine.store.port import Backlog, Store, Survey, Unarchived, Unlearn, View
from engine.store.sealing import Sealer

#: The article under which a patient may ask for it, at a site under its pack.
_ARTICLE = "GDPR Art. 17(1)"

#: How long the archive may take to have what has come until now, in seconds.
_ARCHIVED_S = 10.0
_POLL_S = 0.25

_ALWAYS_MS = 2**62


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who has, or may have, received something, to be told of it (GDPR Art. 19)."""

    channel: str
    name: str
    address: str
    disclosures: int
    uncertain: int
    first: str
    last: str


def add_erase(actions: Any) -> None:
    """Add `erase` to the actions of `archive`."""
    parser = actions.add_parser("erase", help="erase what is kept of one patient (GDPR Art. 17)")
    parser.add_argument("--patient", required=True, metavar="ID", help=PATIENT_HELP)
    parser.add_argument(
        "--authority", default="", metavar="NAME", help="PID-3.4.1; without it whoever gave it"
    )
    add_reason(parser, is_required=True)
    parser.add_argument(
        "--basis", default="", type=as_reason, metavar="TEXT", help="by which law; recorded"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be")
    add_site_and_json(parser)
    parser.set_defaults(run=erase)


def erase(args: argparse.Namespace) -> int:
    """Erase, and say what went, what stays and who is to be told."""
    need_reason(args.reason)
    site = load_site(args.site)
    basis = _basis(site, args.basis)
    asked = Patient(named_patient(args.patient), args.authority)
    with open_archive(site) as archive, working_store(site) as store:
        sealer = fitting_sealer(site)
        whose = _whose(StoredRegistry(store, sealer, tuple(site.policy.channels)), asked)
        _wait_archived(store)
        with archive.reading() as connection:
            found = find(connection, sealer, whose)
        refuse_open(found)
        work = _Work(site, archive, store, sealer, whose, found)
        learned = learned_of(archive, store, sealer, whose.sure, found.own)
        said: dict[str, Any] = {
            "dry_run": args.dry_run,
            "erased": {"messages": len(found.own), "coverage": len(learned)},
            "remaining": {name: getattr(found, name) for name in _REMAINING},
            "identifiers": len(whose.numbers),
            "readable_in_backups_until": work.readable_until(),
            "recipients": [asdict(one) for one in work.recipients()],
        }
        # What is shared goes once all have asked, so that asking is recorded.
        if args.dry_run or not (found.own or learned or found.shared):
            whose_terms = tuple(term.hex() for term in whose.terms(sealer))
            what = "what erasing of a patient would erase"
            note(site, archive, "look", args.reason, patients=whose_terms, what=what)
        else:
            said["erased"] = work.erase(args.reason, basis, learned, said)
        if not args.dry_run:
            said |= work.overwrite()
    print(json.dumps(said) if args.json else _as_text(said, site.policy.timezone))
    return Exit.OK


def _basis(site: Site, named: str) -> str:
    """By which law."""
    if named.strip():
        return named.strip()
    if any(pack.id == RECORDED for pack in site.policy.protections.packs):
        return _ARTICLE
    raise UsageError(
        "erase-basis",
        f"The site is not under `{RECORDED}`: no law that it names lets a patient ask for this.",
        "Name the law that does: --basis TEXT. What must be kept is kept, whoever asks.",
    )


def _whose(registry: StoredRegistry, asked: Patient) -> Whose:
    """All of the person's identifiers, after merges. Raises `EngineError` where that is open."""
    persons = [one for one in persons_in([registry.held(asked.id)]) if one.has(asked)]
    if any(one.is_undecided for one in persons):
        raise EngineError(
            "merge-undecided",
            "it is not settled which records are this person's; nothing was erased.",
            "Say so first: `payergate merge confirm` or `merge part`.",
        )
    members = all_of((asked,), persons)
    sure = tuple(one for one in members if one == asked or one.authority)
    return Whose(sure, frozenset(one.id for one in members if one not in sure))


def _wait_archived(store: Store) -> None:
    """Until the archive has all that came before now: what it does not know is not erased."""
    now_ms = cast("View", store.execute([Survey(())])[0]).now_ms
    for _ in range(int(_ARCHIVED_S / _POLL_S)):
        backlog = cast("Unarchived", store.execute([Backlog()])[0])
        if not backlog.records or backlog.oldest_ms > now_ms:
            return
        time.sleep(_POLL_S)
    raise EngineError(
        "erase-not-archived",
        "the archive does not have all that has come yet; nothing was erased.",
        "Let the engine run until `payergate archive status` has little to take, then try again.",
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """One patient's erasing."""

    site: Site
    archive: Database
    store: Store
    sealer: Sealer
    whose: Whose
    found: Found

    def readable_until(self) -> str | None:
        """The day on which the last key goes that opens any of it in a backup."""
        with self.archive.reading() as connection:
            last = last_with_content(connection, self.found.own)
        if not last:
            return None
        kept = timedelta(days=self.site.retention.content_days + 1)
        return (date.fromisoformat(day_of(last)) + kept).isoformat()

    def recipients(self) -> list[Recipient]:
        """Everybody who received something, by the ledger, which keeps it."""
        terms = tuple(self.whose.terms(self.sealer))
        with self.archive.reading() as connection:
            rows = disclosures_of(connection, terms, 0, _ALWAYS_MS)
        by_channel: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_channel.setdefault(row["channel"], []).append(row)
        return [_recipient(id_, found) for id_, found in sorted(by_channel.items())]

    def erase(
        self, reason: str, basis: str, learned: Sequence[Unlearn], said: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Do it; what went.

        What is learned goes first: it is found by the content, so that whoever was killed in
        between finds the rest again.
        """
        self.store.execute(list(learned))
        own = self.found.own
        with self.archive.reading() as connection:
            terms = terms_of(connection, own)
        now = SystemClock().now()
        with self.archive.writing() as connection:
            refuse_open(find(connection, self.sealer, self.whose))  # as it is now, and stays
            appender = Appender(connection, read_signer(signing_key_of(self.site)))
            gone = erase_own(connection, own, terms)
            members = {
                "class": OF_PATIENT,
                "basis": basis,
                "patients": tuple(term.hex() for term in self.whose.terms(self.sealer)),
                "contents": gone.contents,
                "terms": gone.terms,
                "coverage": len(learned),
                "remaining": said["remaining"],
                "recipients": [one["channel"] for one in said["recipients"]],
            }
            appender.add([act(ERASED, now, operator(), reason, **proof_of(own), **members)])
            appender.finish(ms(now))
        return {**asdict(gone), "coverage": len(learned)}

    def overwrite(self) -> dict[str, bool]:
        """Have the room of it overwritten; also of what was erased by a run that was killed."""
        return {
            "overwritten": self.archive.overwrite_erased(),
            "store_rewritten": rewrite_log(self.site),
        }


def _recipient(channel: str, rows: Sequence[Mapping[str, Any]]) -> Recipient:
    last = rows[-1].get("recipient", {})
    return Recipient(
        channel,
        last.get("name", channel),
        last.get("address", ""),
        len(rows),
        sum(row.get("disclosed") != "yes" for row in rows),
        utc(min(row["at_ms"] for row in rows)),
        utc(max(row["at_ms"] for row in rows)),
    )


# --- for people ---

_REMAINING = {
    "shared": "also names others: it goes when all of them have asked",
    "unsure": "has the number without who gave it: erase without --authority, if it is the patient",
    "set_aside": "could not be archived as it was: see `payergate archive quarantined`",
}


def _as_text(said: Mapping[str, Any], zone: str) -> str:
    went = said["erased"]
    verb = "would be erased" if said["dry_run"] else "erased"
    entries = counted(went["coverage"], "entry", "entries")
    lines = [f"{counted(went['messages'], 'message')} and {entries} of learned coverage {verb}"]
    if not any(went.values()):
        lines = ["nothing of the patient is left to erase"]
    for name, number in said["remaining"].items():
        if number:
            lines.append(f"stays: {counted(number, 'message')}, {_REMAINING[name]}")
    lines.append("stays: consents, refusals and restrictions, and the ledger's rows (Art. 17(3))")
    if said["readable_in_backups_until"]:
        until = said["readable_in_backups_until"]
        lines.append(f"backups from before are readable until their keys go, on {until}")
    if not said.get("overwritten", True):
        lines.append("the database has yet to overwrite the room of it; see the documentation")
    if not said.get("store_rewritten", True):
        lines.append("the store's log was not written anew; it is when it has grown")
    if said["recipients"]:
        head = ("CHANNEL", "NAME", "ADDRESS", "DISCLOSURES", "UNCERTAIN", "FIRST", "LAST")
        lines += ["", "to be told of it (GDPR Art. 19):"]
        rows = [
            [
                *list(one.values())[:-2],
                *(shown(datetime.fromisoformat(one[at]), zone) for at in ("first", "last")),
            ]
            for one in said["recipients"]
        ]
        lines.append(table(head, rows))
    return "\n".join(lines)
