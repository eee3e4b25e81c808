"""What earlier messages have taught of one patient's coverage, as far as it can be found.

Law: it stands under keyed hashes, which are found by the numbers alone that they were made of: the
patient's, and those of visits and accounts in messages that still open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from engine.archive.database import Database
from engine.archive.search import read_content
from engine.errors import EngineError
from engine.hl7.wire import Message
from engine.intake.sealed import Sealing, about_message, coverage_name
from engine.privacy.coverage import coverage_keys
from engine.privacy.facts import CoverageKey, Level
from engine.privacy.patients import Patient
from engine.store.keyfile import KeysAwayError
from engine.store.port import Recall, Store, Unlearn


def learned_of(
    archive: Database,
    store: Store,
    sealing: Sealing,
    patients: Iterable[Patient],
    receipts: Sequence[str],
) -> list[Unlearn]:
    """What takes it back: of one person's identifiers, and of messages of that person alone.

    Raises `KeysAwayError` where a message may be read again that cannot be now.
    """
    keys = [
        CoverageKey(Level.PATIENT, one.id, one.authority, "") for one in patients if one.authority
    ]
    for receipt in receipts:
        with archive.reading() as connection:
            sealed = read_content(connection, receipt)
        if sealed is not None:
            keys += _keys(sealing, receipt, sealed)
    names = tuple(coverage_name(sealing, key) for key in dict.fromkeys(keys))
    if not names:
        return []
    stands = cast("tuple[bytes | None, ...]", store.execute([Recall(names)])[0])
    return [Unlearn(name, one) for name, one in zip(names, stands, strict=True) if one]


def _keys(sealing: Sealing, receipt: str, sealed: bytes) -> tuple[CoverageKey, ...]:
    try:
        return coverage_keys(Message.parse(sealing.open(sealed, about_message(receipt))))
    except KeysAwayError:
        raise  # it is needed, and may open again
    except EngineError:  # the key of its day is gone, and so is what it said
        return ()
