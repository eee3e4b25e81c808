"""Parked and held items decided again, by a person's command.

Law: today's policy and today's facts decide, so that less may be sent than was cut, or nothing.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from engine.archive.database import Database
from engine.archive.opening import open_archive
from engine.archive.search import read_content
from engine.cli.acting import operator
from engine.cli.parked_items import name_of
from engine.clock import SystemClock
from engine.config.model import Site
from engine.errors import EngineError
from engine.redecision.kept_message import recalling
from engine.redecision.redecide import Act, Redecision
from engine.store.port import Fetch, Item, Resolve, Store


class Contents:
    """Sealed messages, of the store, or of the archive once they have left the store."""

    def __init__(self, store: Store, site: Site, stack: ExitStack) -> None:
        self._store = store
        self._site = site
        self._stack = stack
        self._archive: Database | None = None

    def find(self, receipt: str) -> bytes | None:
        """The message of a receipt; None where neither has it. Raises `ArchiveError`."""
        sealed = self._store.execute([Fetch(receipt)])[0]
        if isinstance(sealed, bytes):
            return sealed
        if not self._site.archive.url:
            return None
        if self._archive is None:
            self._archive = self._stack.enter_context(open_archive(self._site))
        with self._archive.reading() as connection:
            return read_content(connection, receipt)


def replayed(
    store: Store, contents: Contents, redecision: Redecision, item: Item, reason: str
) -> str:
    """What became of one item, in a word, or the code of the error that kept it where it is."""
    try:
        sealed = contents.find(item.receipt)
        if sealed is None:
            return "gone"
        case = redecision.case(item.receipt, sealed)
        case, recalled = redecision.gather(case, recalling(store))
        now = SystemClock().now()
        outcomes = redecision.decide_kept(case, recalled, now)
        act = Act(operator(), now, reason)
        footing = redecision.footing(case, recalled, now)
        resolve = redecision.resolve(item, case, outcomes, act, footing)
    except EngineError as error:
        print(f"{name_of(item)}: {error}", file=sys.stderr)
        return error.code
    if resolve.copies:
        return resolved(store, resolve, "queued")
    return resolved(store, resolve, "held" if resolve.hold else "withheld")


def resolved(store: Store, resolve: Resolve, word: str) -> str:
    """`word`, or `gone` where the item is not there any more."""
    return word if store.execute([resolve])[0] else "gone"
