"""The archive's tables (docs/explanation/archive.md).

Law: no column holds a clinical value or a patient's identifier in clear; patients, accounts and
visits are keyed hashes, content is sealed. Whatever grows with traffic has a key that begins with
time (a receipt tells its own), so that a day is one range: cheap to add to, and cheap to erase.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

#: The revision of the last migration in migrations/versions.
HEAD = "0001"

metadata = MetaData()


def _plain(characters: int) -> TypeEngine[str]:
    """Text that is compared byte by byte, whatever language the database speaks."""
    return String(characters).with_variant(String(characters, collation="C"), "postgresql")


#: What was received and decided. `day` counts from 1970-01-01, UTC. `story` (JSON): patients of
#: each part as hashes, and what each copy kept and lost. `open`: parts that are not final.
messages = Table(
    "messages",
    metadata,
    Column("receipt", _plain(20), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("listener", _plain(64), nullable=False),
    Column("type", _plain(16), nullable=False),
    Column("control_id", _plain(200), nullable=False),
    Column("sha256", _plain(64), nullable=False),
    Column("revision", _plain(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("decided", Text, nullable=False),
    Column("story", Text, nullable=False),
    Index("messages_by_type", "type", "receipt"),
    Index("messages_by_day", "day", "receipt"),
    sqlite_with_rowid=False,
)

#: Sealed content, as it was in the store. `class`: content, or parked while a person may need it.
journal = Table(
    "journal",
    metadata,
    Column("receipt", _plain(20), primary_key=True),
    Column("class", _plain(8), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("journal_by_class", "class", "receipt"),
)

#: Where each message stands in each channel that was to get something of it.
outcomes = Table(
    "outcomes",
    metadata,
    Column("receipt", _plain(20), primary_key=True),
    Column("channel", _plain(64), primary_key=True),
    Column("state", _plain(16), nullable=False),
    Column("waiting", SmallInteger, nullable=False),
    Column("held", SmallInteger, nullable=False),
    Column("parked", SmallInteger, nullable=False),
    Column("delivered", SmallInteger, nullable=False),
    Index("outcomes_by_state", "channel", "state", "receipt"),
    sqlite_with_rowid=False,
)

#: The blind index. A search asks each day in turn, so that no index spans years.
terms = Table(
    "terms",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("term", LargeBinary(16), primary_key=True),
    Column("receipt", _plain(20), primary_key=True),
    sqlite_with_rowid=False,
)

#: Days of which there are messages.
days = Table(
    "days",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

#: The chain: every decision, disclosure, hold, act and look. `body` is what `hash` is made of.
ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", _plain(16), nullable=False),
    Column("receipt", _plain(20), nullable=False),
    Column("channel", _plain(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Index("ledger_by_receipt", "receipt", "seq"),
    Index("ledger_by_channel", "channel", "at_ms"),
)

#: Whose disclosures they were; `ledger verify` compares it with the bodies.
ledger_patients = Table(
    "ledger_patients",
    metadata,
    Column("patient", LargeBinary(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Index("ledger_patients_by_seq", "seq"),
    sqlite_with_rowid=False,
)

#: Signed heads of the chain. `kind`: head, or pruned (rows up to it were erased when their time
#: was over).
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", _plain(8), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("key_id", _plain(16), nullable=False),
    Column("signature", LargeBinary(64), nullable=False),
    sqlite_with_rowid=False,
)

#: One row: the end of the chain, and how far the store's ledger was read. Whoever writes locks it.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("position", _plain(48), nullable=False),
)

#: What each revision of the policy granted, in words; kept as long as the ledger (164.316(b)(2)).
policies = Table(
    "policies",
    metadata,
    Column("revision", _plain(64), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("grants", Text, nullable=False),
)

#: Legal holds: nothing that one covers is erased. `patient` empty: everybody's of that time.
holds = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient", LargeBinary(16), nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("by", _plain(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("lifted_ms", BigInteger, nullable=False),
)

#: History of the privacy registry: each change by the version that it made, with all that was held
#: of the patient (a keyed hash) after it, sealed. Never erased (engine/archive/history.py).
registry = Table(
    "registry",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", _plain(16), nullable=False),
    Column("subject", LargeBinary(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("record", Text, nullable=False),
    Index("registry_by_subject", "subject", "at_ms"),
)
