"""Disclosures that may have been impermissible, until a person has judged them.

Law: what was disclosed while two records were wrongly one may have told one patient's insurer of
the other (standards.md B-12.6; 45 CFR 164.402), and so may what was on its way when a message
denied it. They are listed, never judged: a person names them impermissible or clears them, and both
stay in the ledger. The archiver finds them in the order of the records, so that none is missed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from engine.archive import schema
from engine.archive.breach import IMPERMISSIBLE
from engine.archive.entries import Entry, act, time_of
from engine.archive.history import CHANGED
from engine.archive.search import disclosures_of
from engine.archive.terms import patient_term
from engine.intake.recorded import unseal_held
from engine.intake.sealed import Sealing
from engine.privacy.acts import BY_MESSAGE, Verb
from engine.privacy.held import Held
from engine.privacy.links import Link
from engine.privacy.persons import all_of, persons_in

#: The kinds of such rows.
CANDIDATE, CLEARED = "candidate", "cleared"

#: What makes a candidate: a merge that is taken back, or a denial that came too late.
MERGE, LATE = "merge", "late"

_TAKEN_BACK = frozenset({Verb.PARTED.value, Verb.QUESTIONED.value})
_JUDGED = frozenset({IMPERMISSIBLE, CLEARED})


def candidates_of(
    connection: Connection, sealing: Sealing, record: Mapping[str, Any]
) -> Iterator[Entry]:
    """The rows that one record of the store's ledger brings."""
    if record["kind"] != CHANGED:
        return
    links = [id_ for id_, verb in record.get("entries", ()) if verb in _TAKEN_BACK]
    is_by_message = str(record.get("by", "")).startswith(BY_MESSAGE)
    late = record.get("open", ()) if is_by_message else ()
    if not (links or late):
        return
    known = {(row["receipt"], row["channel"]) for row in open_candidates(connection, sealing)}
    found = [(LATE, str(record["by"]), {"receipt": receipt, "channel": channel})
             for channel, _, receipt in late]  # fmt: skip
    if links:
        name = bytes.fromhex(record["patient"])
        held = unseal_held(sealing, name, base64.b64decode(record["sealed"]))
        for link in held.links:
            if link.id in links:
                rows = _of_link(connection, sealing, held, link, record)
                found += [(MERGE, link.id, row) for row in rows if not row.get("impermissible")]
    for cause, of, row in found:
        if (row["receipt"], row["channel"]) not in known:
            known.add((row["receipt"], row["channel"]))
            yield _candidate(sealing, record, cause, of, row)


def _of_link(
    connection: Connection,
    sealing: Sealing,
    held: Held,
    link: Link,
    record: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What went of anybody who was one person by it, since they were joined."""
    joined = next(act.at for verb, act in reversed(link.history) if verb is Verb.JOINED)
    since_ms, until_ms = int(joined.timestamp() * 1000), time_of(record, "") + 1
    ids = sorted({one.id for one in all_of(link.members, persons_in([held]))})
    terms = [patient_term(sealing, id_) for id_ in ids]
    return disclosures_of(connection, terms, since_ms, until_ms)


def _candidate(
    sealing: Sealing, record: Mapping[str, Any], cause: str, of: str, row: Mapping[str, Any]
) -> Entry:
    members: dict[str, object] = {"cause": cause, "of": of, "by": record.get("by", "")}
    if "at_ms" in row:
        members |= {"went_ms": row["at_ms"], "control_id": row.get("control_id", "")}
    patients = (*row.get("patients", ()), _term(sealing).hex())
    at_ms = time_of(record, "")
    return Entry(CANDIDATE, at_ms, row["receipt"], row["channel"], patients, members)


def _term(sealing: Sealing) -> bytes:
    """What all candidates are found by, as the rows of one patient are."""
    return sealing.keyed_hash(b"archive\x1ccandidates")


def open_candidates(
    connection: Connection, sealing: Sealing, channel: str = ""
) -> list[dict[str, Any]]:
    """Those that nobody has judged, the oldest first; each message and channel once."""
    ledger, patients = schema.ledger, schema.ledger_patients
    later = ledger.alias()
    judged = sa.select(later.c.seq).where(
        later.c.receipt == ledger.c.receipt,
        later.c.channel == ledger.c.channel,
        later.c.seq > ledger.c.seq,
        later.c.kind.in_(sorted(_JUDGED)),
    )
    asked = (
        sa.select(ledger.c.body)
        .select_from(patients.join(ledger, ledger.c.seq == patients.c.seq))
        .where(patients.c.patient == _term(sealing), ~judged.exists())
        .order_by(patients.c.seq)
    )
    if channel:
        asked = asked.where(ledger.c.channel == channel)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for body in connection.execute(asked).scalars():
        row = json.loads(body)
        found.setdefault((row["receipt"], row["channel"]), row)
    return list(found.values())


def cleared(
    rows: Iterable[Mapping[str, Any]], at: datetime, by: str, reason: str
) -> Iterator[Entry]:
    """The rows that say that these were permitted after all. `at` is aware."""
    for row in rows:
        said = {"receipt": row["receipt"], "channel": row["channel"], "of": row["seq"]}
        yield act(CLEARED, at, by, reason, **said)
