"""Channels whose files are gone from the site: what the archive has of them is told all the same.

Law: what went to whom stays told for as long as the ledger has it, and the channel is said to be
removed, so that nobody looks for it in the site.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from sqlalchemy.engine import Connection

from engine.archive.channels import ledger_channels
from engine.cli.arguments import known_channel


def archived_channel(connection: Connection, channels: Collection[str], asked: str) -> str:
    """`asked`, if the site has such a channel, or the ledger; then it is said to be removed.

    Raises `UsageError` where neither has.
    """
    if asked in channels:
        return asked
    known = ledger_channels(connection)
    found = known_channel({*channels, *known}, asked)
    print(f"{found} was removed from the site; the archive tells of it", file=sys.stderr)
    return found
