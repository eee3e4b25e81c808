"""A change of the privacy registry by a command: who makes it, and what became of it.

Law: a change is in force when the command returns: whatever is sent from then on is looked at with
it, but for attempts that were open at that moment, which the command lists.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.cli.acting import as_reason, operator
from engine.cli.reach import fitting_sealer, working_store
from engine.clock import SystemClock
from engine.config.model import OperatingSite, Site
from engine.errors import Exit, UsageError
from engine.privacy.acts import Act
from engine.privacy.registry import Change
from engine.registering import StoredRegistry

#: One of `Change.open_attempts`.
_Attempt = tuple[str, str, str, int]

_SHA256 = re.compile(r"[0-9a-f]{64}")


@contextmanager
def open_registry(site: Site | OperatingSite, *, create: bool = True) -> Iterator[StoredRegistry]:
    """The registry of a site's store, whether its engine runs or not.

    `create`: make the site's keys, if nothing of it was ever sealed.
    """
    channels = site.channels if isinstance(site, OperatingSite) else site.policy.channels
    with working_store(site) as store:
        sealer = fitting_sealer(site, create=create)
        yield StoredRegistry(store, sealer, tuple(channels))


def add_why(parser: argparse.ArgumentParser, *, is_required: bool) -> None:
    """Add what is recorded with a change."""
    parser.add_argument(
        "--why", type=as_reason, default="", required=is_required, help="recorded with the change"
    )
    parser.add_argument("--document", default="", metavar="SHA256", help="digest of the evidence")


def act_of(args: argparse.Namespace) -> Act:
    """Who does it, when and why, as the command line says."""
    if args.document and not _SHA256.fullmatch(args.document):
        raise UsageError(
            "registry-input",
            "`--document` is no SHA-256 in hexadecimal.",
            "Give the digest of the signed paper's scan, such as `sha256sum` prints.",
        )
    return Act(operator(), SystemClock().now(), args.why, args.document)


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
        print(json.dumps({**said, "open_attempts": attempts_as_json(attempts)}))
        return Exit.OK
    print(f"{change.entry}: {verb if change.version else f'was {verb} before'}")
    tell_lacks(lacks or {})
    tell_attempts(attempts)
    return Exit.OK


def tell_lacks(lacks: Mapping[str, int]) -> None:
    """Say what consents lack of their form, and how many of them."""
    if lacks:
        print("The law wants more of the form: 45 CFR 164.508(c), 42 CFR 2.31(a).", file=sys.stderr)
    for element, number in sorted(lacks.items()):
        print(f"lacks {element}" + (f" ({number} lines)" if number > 1 else ""), file=sys.stderr)


def tell_attempts(attempts: Iterable[_Attempt]) -> None:
    """Say of what a byte may still leave."""
    for channel, entry, receipt, _ in sorted(attempts):
        print(f"on its way already: {channel}, entry {entry}, receipt {receipt}")


def attempts_as_json(attempts: Iterable[_Attempt]) -> list[dict[str, Any]]:
    """The same as JSON."""
    names = ("channel", "entry", "receipt", "since_ms")
    return [dict(zip(names, attempt, strict=True)) for attempt in sorted(attempts)]
