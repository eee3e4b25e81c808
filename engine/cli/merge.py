"""`payergate merge`: which records are one person's: ls, confirm, part.

Law: a merge that a message reported denies at once and permits less until a person has confirmed
it; to take one back is a person's decision (standards.md B-12).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient
from engine.cli.moments import shown_day
from engine.cli.registered_entries import history_as_json
from engine.cli.registry_change import act_of, add_why, open_registry, tell
from engine.cli.table import table
from engine.config.load import load_site
from engine.errors import Exit
from engine.privacy.acts import Act
from engine.privacy.links import Link
from engine.privacy.patients import Patient
from engine.privacy.registry import Change
from engine.registering import StoredRegistry

#: What a person says of a patient's link.
_Deed = Callable[[StoredRegistry, str, str, Act], Change]


def register(subparsers: Any) -> None:
    """Add `merge` and its actions to the command line."""
    parser = subparsers.add_parser(
        "merge",
        help="records that are one person's: ls, confirm, part",
        description=(
            "Shows which records messages have joined. What one of them restricts or refuses holds"
            " for all; what is permitted counts only where all permit it, until it is confirmed."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", help="the links of a patient's records")
    confirming = actions.add_parser("confirm", help="they are one person's: permits count for all")
    parting = actions.add_parser("part", help="they are two persons': each keeps its own")
    for action, run in ((listing, ls), (confirming, confirm), (parting, part)):
        if action is not listing:
            action.add_argument("link", metavar="LINK", help="its id, as `ls` shows it")
            add_why(action, is_required=True)
        action.add_argument(
            "--patient", required=True, metavar="ID",
            help=PATIENT_HELP,
        )  # fmt: skip
        action.set_defaults(run=run)
        add_site_and_json(action)


def ls(args: argparse.Namespace) -> int:
    """The links of one patient."""
    site = load_site(args.site)
    zone = site.policy.timezone
    with open_registry(site) as registry:
        links = registry.held(named_patient(args.patient)).links
    if args.json:
        print(json.dumps({"links": [_as_json(link) for link in links]}))
        return Exit.OK
    head = ("LINK", "STATE", "KIND", "GOES ON", "BEFORE", "SINCE", "BY")
    rows = [
        (link.id, link.state.value, link.tie.value, _words(link.survivors), _words(link.priors),
         shown_day(link.history[0][1].at, zone), link.history[0][1].by)
        for link in links
    ]  # fmt: skip
    print(table(head, rows) if rows else "the patient's record was joined with no other")
    return Exit.OK


def confirm(args: argparse.Namespace) -> int:
    """They are one person's."""
    return _settle(args, StoredRegistry.confirm, "confirmed")


def part(args: argparse.Namespace) -> int:
    """They are two persons'."""
    return _settle(args, StoredRegistry.part, "parted")


def _settle(args: argparse.Namespace, deed: _Deed, verb: str) -> int:
    site = load_site(args.site)
    act = act_of(args)
    with open_registry(site) as registry:
        change = deed(registry, named_patient(args.patient), args.link, act)
        return tell(change, verb, as_json=args.json)


def _as_json(link: Link) -> dict[str, Any]:
    return {
        "link": link.id,
        "state": link.state.value,
        "kind": link.tie.value,
        "survivors": [{"id": one.id, "authority": one.authority} for one in link.survivors],
        "priors": [{"id": one.id, "authority": one.authority} for one in link.priors],
        "history": history_as_json(link.history),
    }


def _words(patients: tuple[Patient, ...]) -> str:
    return " ".join("^".join(filter(None, (one.id, one.authority))) for one in patients)
