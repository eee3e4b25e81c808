"""What of archived traffic was sent to nobody, by the rules as they are now.

Law: as `engine.archive.backtest`: one content at a time, facts as the store knows them now. A
message is decided only where `Tally` asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.archive.contents import contents, kept_facts
from engine.archive.database import Database
from engine.archive.quarantine import FAULTS
from engine.errors import EngineError
from engine.intake.receipts import received_at
from engine.policy.unlisted.tally import Tally
from engine.redecision.redecide import Redecision
from engine.store.keyfile import KeysAwayError
from engine.store.port import Store


@dataclass(slots=True)
class Passed:
    """Messages that could not be told of.

    `unread`: the content was erased, or does not open; nothing of it was seen. `undecided`: it was
    seen, and whether something of it is sent is not known.
    """

    unread: int = 0
    undecided: int = 0


def tally_archived(
    tally: Tally,
    database: Database,
    store: Store,
    redecision: Redecision,
    times_ms: tuple[int, int],
) -> Passed:
    """Count every message of a time.

    Raises `StoreUnavailable`, `ArchiveError`, `KeysAwayError`.
    """
    passed = Passed()
    for receipt, _, sealed in contents(database, *times_ms):
        try:
            kept = None if sealed is None else redecision.case(receipt, sealed)
        except KeysAwayError:
            raise
        except EngineError:
            kept = None
        if kept is None:
            passed.unread += 1
            continue
        at = received_at(receipt)
        at_ms = int(at.timestamp() * 1000)
        asked = tally.see(kept.message, at_ms, receipt)
        if asked:
            facts = kept_facts(redecision, store, kept, at)
            try:
                tally.decide(kept.message, facts, asked)
            except FAULTS:
                passed.undecided += 1
    return passed
