"""What a message is called by its sender, for lists that know its receipt alone.

Law: type and control id (MSH-9, MSH-10), no other value of a message; and a list never fails for
want of them: what neither archive nor store can say is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from engine.archive.naming import read_names
from engine.archive.opening import open_archive
from engine.cli.unarchived import unarchived
from engine.config.model import Installation
from engine.errors import EngineError
from engine.store.port import Store


@dataclass(frozen=True, slots=True)
class MessageName:
    """`type` as MSH-9 has it, `control_id` MSH-10; None where it is not known."""

    type: str | None = None
    control_id: str | None = None


UNNAMED = MessageName()


def message_names(
    site: Installation, store: Store, receipts: Collection[str]
) -> Mapping[str, MessageName]:
    """By receipt, as far as it is known: of the archive, and of what it has not taken yet."""
    found: dict[str, MessageName] = {}
    wanted = sorted(set(receipts))
    if wanted and site.archive.url:
        with (
            suppress(EngineError),
            open_archive(site) as archive,
            archive.reading() as connection,
        ):
            named = read_names(connection, wanted)
            found = {receipt: MessageName(*one) for receipt, one in named.items()}
    missing = set(wanted) - found.keys()
    for _, record in unarchived(store) if missing else ():
        receipt = str(record.get("receipt", ""))
        if record["kind"] == "decision" and receipt in missing:
            found[receipt] = MessageName(
                str(record.get("type", "")), str(record.get("control_id", ""))
            )
            missing.discard(receipt)
            if not missing:
                break
    return found
