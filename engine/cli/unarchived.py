"""Records of the ledger that are in the store, as the archive has not taken them yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from engine.archive.entries import read_record
from engine.store.port import ReadLedger, Store

#: How many records one question to the store asks for.
_PAGE = 500


def unarchived(store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its position, in order."""
    after = ""
    while True:
        page = cast("tuple[tuple[str, bytes], ...]", store.execute([ReadLedger(after, _PAGE)])[0])
        for position, encoded in page:
            yield position, read_record(encoded)
        if len(page) < _PAGE:
            return
        after = page[-1][0]
