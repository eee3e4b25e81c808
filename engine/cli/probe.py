"""`payergate probe`: whether the counterpart of a channel is there.

Law: nothing clinical is sent, nor anything else.
"""

from __future__ import annotations

import argparse
from typing import Any

from engine.cli.arguments import add_site_and_json, known_channel
from engine.cli.findings import report
from engine.cli.probing import probe
from engine.clock import SystemClock
from engine.config.load import load_site


def register(subparsers: Any) -> None:
    """Add `probe` to the command line."""
    parser = subparsers.add_parser(
        "probe",
        help="connect to a channel's counterpart and say what is there",
        description=(
            "Connects to a channel's counterpart, sends nothing, and says what it found: name,"
            " connection, TLS, certificate. Exit 1 if messages could not be delivered."
        ),
    )
    parser.add_argument("channel", metavar="CHANNEL")
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Probe one channel."""
    site = load_site(args.site)
    delivery = site.deliveries[known_channel(site.policy.channels, args.channel)]
    return report(list(probe(delivery, SystemClock().now())), as_json=args.json)
