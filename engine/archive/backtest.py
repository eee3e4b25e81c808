"""What other rules would have disclosed of archived traffic, counted.

Law: content is opened one message at a time and forgotten at once; both policies decide on the
same facts. What is told are channels, types, paths and counts: never a value, nor a control id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from engine.archive.contents import contents, kept_facts
from engine.archive.database import Database
from engine.archive.quarantine import FAULTS
from engine.errors import EngineError
from engine.intake.receipts import received_at
from engine.policy.compare.over import MessageChange, over
from engine.policy.compile import CompiledPolicy
from engine.privacy.facts import Facts
from engine.redecision.kept_message import KeptMessage
from engine.redecision.redecide import Redecision
from engine.store.keyfile import KeysAwayError
from engine.store.port import Store

#: How many receipts of changed messages are kept.
RECEIPTS = 1000

#: `DG1[2]-3.1` is counted as `DG1-3.1`: which of several it was is a matter of the one message.
_WHICH = re.compile(r"\[\d+\]|(?<=^line) \d+")


@dataclass(frozen=True, slots=True)
class Side:
    """A policy, and what opens messages and finds facts for it."""

    compiled: CompiledPolicy
    redecision: Redecision


@dataclass(frozen=True, slots=True)
class Change:
    """So many messages of a type in which a channel newly gets, or no longer gets, a path."""

    channel: str
    type: str
    path: str
    newly: int
    withheld: int


@dataclass(slots=True)
class Tally:
    """What was found so far.

    `unread`: messages whose content was erased, or does not open. `undecided`: those that could not
    be compared, so that more of them may have gone.
    """

    messages: int = 0
    unread: int = 0
    undecided: int = 0
    receipts: list[str] = field(default_factory=list)
    newly: Counter[str] = field(default_factory=Counter)  # messages, by channel
    withheld: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    _newly: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _withheld: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def is_wider(self) -> bool:
        """Whether anything would have gone, or may have, to anybody that did not."""
        return bool(self.newly or self.undecided)

    def changes(self) -> Iterator[Change]:
        """Every path that changes, by channel and message type."""
        for key in sorted({*self._newly, *self._withheld}):
            yield Change(*key, self._newly[key], self._withheld[key])

    def add(self, receipt: str, type_: str, changes: Iterable[MessageChange]) -> None:
        """Count one message."""
        self.messages += 1
        changed = False
        for one in changes:
            changed = True
            for paths, found, counted in (
                (one.newly, self._newly, self.newly),
                (one.withheld, self._withheld, self.withheld),
            ):
                counted.update({one.channel} if paths else ())
                found.update({(one.channel, type_, _WHICH.sub("", path)) for path in paths})
        self.changed += changed
        if changed and len(self.receipts) < RECEIPTS:
            self.receipts.append(receipt)


def backtest(
    database: Database, store: Store, sides: tuple[Side, Side], from_ms: int, to_ms: int
) -> Tally:
    """Decide every message of a time under both, the old and the new.

    Raises `StoreUnavailable`, `ArchiveError`, `KeysAwayError`.
    """
    tally = Tally()
    old, new = sides
    for receipt, type_, sealed in contents(database, from_ms, to_ms):
        cases = None if sealed is None else _cases(old, new, receipt, sealed)
        if cases is None:
            tally.unread += 1
            continue
        facts = _facts(store, old, cases[0], new, cases[1])
        try:
            changes = over(cases[0].message, old.compiled, new.compiled, facts)
        except FAULTS:
            tally.undecided += 1
        else:
            tally.add(receipt, type_, changes)
    return tally


def _cases(
    old: Side, new: Side, receipt: str, sealed: bytes
) -> tuple[KeptMessage, KeptMessage] | None:
    """One message, for either policy; None if it does not open, or may not be decided."""
    try:
        return old.redecision.case(receipt, sealed), new.redecision.case(receipt, sealed)
    except KeysAwayError:
        raise
    except EngineError:
        return None


def _facts(store: Store, old: Side, before: KeptMessage, new: Side, after: KeptMessage) -> Facts:
    """What is known now, of whatever either policy asks, as at the time of receipt."""
    at = received_at(before.receipt)
    known = kept_facts(old.redecision, store, before, at)
    others = kept_facts(new.redecision, store, after, at)
    return replace(
        others,
        coverages={**known.coverages, **others.coverages},
        disclosed=known.disclosed | others.disclosed,
    )
