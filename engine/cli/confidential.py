"""`payergate confidential`: how patients asked not to be reached, and what goes instead.

Law: a reasonable request is accommodated, and nobody asks why (45 CFR 164.522(b)). An address never
stands on a command line, where a list of processes shows it, and is never printed.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any

from engine.cli.arguments import PATIENT_HELP, add_site_and_json, named_patient
from engine.cli.registering import add_others
from engine.cli.registry_change import act_of, add_why, open_registry, tell
from engine.config.alternates import confidential_in
from engine.config.load import load_site
from engine.config.yaml_source import MOST_BYTES
from engine.errors import UsageError
from engine.privacy.sorts import Sort


def register(subparsers: Any) -> None:
    """Add `confidential` and its actions to the command line."""
    parser = subparsers.add_parser(
        "confidential",
        help="patients' confidential communications: add, ls, end, import",
        description=(
            "Keeps in the registry of the engine how patients asked not to be reached by insurers,"
            " and what insurers are told instead. A change is in force when the command returns;"
            " attempts that were open at that moment are listed."
        ),
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="enter a confidential communication; twice is one")
    adding.add_argument("--patient", required=True, metavar="ID", help=PATIENT_HELP)
    adding.add_argument(
        "--authority", default="", metavar="TEXT",
        help="who gave it (PID-3.4.1); without it nothing goes instead",
    )  # fmt: skip
    adding.add_argument(
        "--channels",
        default="",
        metavar="TEXT",
        help="channel ids, or all; every payer unless said",
    )
    adding.add_argument(
        "--from", dest="source", default="", metavar="FILE",
        help="a YAML file with `address` and `phone`; - reads it from standard input",
    )  # fmt: skip
    add_why(adding, is_required=False)
    adding.set_defaults(run=add)
    add_site_and_json(adding)
    add_others(actions, Sort.CONFIDENTIAL, "end")


def add(args: argparse.Namespace) -> int:
    """Enter one."""
    site = load_site(args.site)
    if args.patient == args.source == "-":
        raise UsageError(
            "registry-input",
            "Patient and addresses cannot both come from standard input; nothing was changed.",
            "Give --from a file.",
        )
    row = {
        "patient": named_patient(args.patient),
        "authority": args.authority,
        "channels": args.channels,
    }
    fact, act = confidential_in(_read(args.source), row, site.policy), act_of(args)
    if (fact.address or fact.phone) and not fact.patient.authority:
        print("Without --authority nothing goes instead.", file=sys.stderr)
    with open_registry(site) as registry:
        return tell(registry.add(fact, act), "entered", as_json=args.json)


def _read(source: str) -> bytes:
    if not source:
        return b""
    try:
        if source == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with pathlib.Path(source).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            "file-unreadable",
            f"The file of --from cannot be read ({type(error).__name__}).",
            "Give the path of a YAML file, or - for standard input.",
        ) from error
