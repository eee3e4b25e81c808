"""Which archived messages a command means: by identifiers, type and time.

Law: an identifier is looked for by its keyed hash, and stands nowhere in clear.
"""

from __future__ import annotations

import argparse

from engine.archive.search import Query
from engine.archive.terms import account_term, control_term, patient_term, visit_term
from engine.cli.arguments import PATIENT_HELP, named_patient
from engine.cli.moments import moment, ms
from engine.clock import SystemClock
from engine.config.model import Installation
from engine.store.sealing import Sealer


def add_search(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which messages."""
    parser.add_argument("--control", default="", metavar="ID", help="MSH-10")
    parser.add_argument("--patient", default="", metavar="ID", help=PATIENT_HELP)
    parser.add_argument("--authority", default="", metavar="NAME", help="PID-3.4.1")
    parser.add_argument("--account", default="", metavar="ID", help="PID-18.1")
    parser.add_argument("--visit", default="", metavar="ID", help="PV1-19.1")
    parser.add_argument("--type", default="", metavar="TYPE", help="ADT, or ADT^A01")
    parser.add_argument("--from", dest="since", metavar="TIME")
    parser.add_argument("--to", dest="until", metavar="TIME")


def names_a_message(args: argparse.Namespace) -> bool:
    """Whether any identifier is said."""
    return bool(args.control or args.patient or args.account or args.visit)


def asked_query(args: argparse.Namespace, site: Installation, timezone: str) -> Query:
    """What the options ask for; a time without a zone is one of `timezone`."""
    now = SystemClock().now()
    return Query(
        _terms(args, site),
        args.type,
        from_ms=ms(moment(args.since, timezone, now)) if args.since else 0,
        to_ms=ms(moment(args.until, timezone, now)) if args.until else Query().to_ms,
    )


def _terms(args: argparse.Namespace, site: Installation) -> tuple[bytes, ...]:
    if not names_a_message(args):
        return ()
    sealer = Sealer.of(site.keys)
    made = (
        (args.control, control_term),
        (args.account, account_term),
        (args.visit, visit_term),
    )
    terms = [term(sealer, number) for number, term in made if number]
    if args.patient:
        terms.append(patient_term(sealer, named_patient(args.patient), args.authority))
    return tuple(terms)
