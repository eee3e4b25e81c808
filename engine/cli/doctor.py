"""`payergate doctor`: whether this machine, with this site, is fit to run the engine.

Law: it changes nothing and can be run at any time, beside the engine too.
"""

from __future__ import annotations

import argparse
from typing import Any

from engine.cli.arguments import add_site_and_json
from engine.cli.checkup import (
    agreements,
    archive,
    clock,
    disk,
    files_limit,
    keys,
    ports,
    protections,
    settings,
    store,
    user,
)
from engine.cli.findings import report
from engine.clock import SystemClock
from engine.config.load import load_site


def register(subparsers: Any) -> None:
    """Add `doctor` to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="check machine, store, keys and settings",
        description=(
            "Checks the machine, the store, the keys, agreements and unsafe settings of a site."
            " Exit 1 if something is bad."
        ),
    )
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at everything; the exit code."""
    site = load_site(args.site)
    now = SystemClock().now()
    found, view = store(site)
    findings = [
        *user(),
        *disk(site),
        *files_limit(site),
        *keys(site),
        *found,
        *archive(site),
        *clock(view, now),
        *ports(site, view),
        *settings(site),
        *protections(site),
        *agreements(site, now),
    ]
    return report(findings, as_json=args.json)
