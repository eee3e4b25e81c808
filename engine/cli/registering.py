"""The options of the commands about the privacy registry: add, ls, revoke, import.

Law: an option is offered where its sort has the column, and nowhere else. What the actions do is
in `engine.cli.entry_actions`.
"""

from __future__ import annotations

import argparse
import pathlib
from functools import partial
from typing import Any

from engine.cli.arguments import PATIENT_HELP, add_site_and_json
from engine.cli.entry_actions import MANY, add, import_all, ls, revoke
from engine.cli.registry_change import add_why
from engine.config.rows import COLUMNS
from engine.privacy.sorts import Sort

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
        help=f"patients' {MANY[sort]}: add, ls, revoke, import",
        description=(
            f"Keeps patients' {MANY[sort]} in the registry of the engine. A change is in force"
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
