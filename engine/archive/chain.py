"""The ledger's chain, as a value: how a row is linked, and what is wrong with a list of rows. Pure.

Law: a row's hash is SHA-256 over the hash before it and the row's body, which holds every column;
a checkpoint is a signed hash. Whoever changes, removes, moves or adds a row without the signing key
is found out, and the row is named. What is cut off the end is found by the last checkpoint, by the
head that the store keeps, or by one that somebody wrote down; a chain alone cannot know its end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

_ROW = b"payergate-ledger-1\n"
_CHECKPOINT = b"payergate-checkpoint-1\n"

#: The hash before the first row.
GENESIS = hashlib.sha256(b"payergate-ledger").digest()

_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode


class Mark(Enum):
    """What a checkpoint is: the head at some time, or the end of what was erased in due time."""

    HEAD = "head"
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> Head:
        """The head that `str` wrote; raises `ValueError`."""
        seq, _, digest = text.partition(":")
        if len(digest) != 64:
            raise ValueError(text)
        return cls(int(seq), bytes.fromhex(digest))


BEGINNING = Head(0, GENESIS)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is stored."""

    seq: int
    body: bytes
    hash: bytes
    columns: Mapping[str, object]  # what the body must say, too
    patients: frozenset[str] = frozenset()  # as indexed, in hexadecimal


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed head."""

    mark: Mark
    seq: int
    hash: bytes
    at_ms: int
    key_id: str
    signature: bytes

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is of."""
        return signed_bytes(self.mark, Head(self.seq, self.hash), self.at_ms)


#: Whether a checkpoint's signature is good.
Verify = Callable[[Checkpoint], bool]


class Flaw(Enum):
    """What may be wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    MOVED = "moved"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    FORGED = "forged-checkpoint"
    UNSIGNED = "unsigned"
    INDEX = "index-differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the rows `first` to `last`."""

    flaw: Flaw
    first: int
    last: int
    text: str


def body_of(seq: int, members: Mapping[str, object]) -> bytes:
    """A row's body: canonical JSON with its number in it."""
    return _encode({**members, "seq": seq}).encode("ascii")


def link(before: bytes, body: bytes) -> bytes:
    """The hash of the row that has `body` and follows the row with the hash `before`."""
    return hashlib.sha256(_ROW + before + body).digest()


def signed_bytes(mark: Mark, head: Head, at_ms: int) -> bytes:
    """What a checkpoint's signature is of."""
    return _CHECKPOINT + f"{mark.value} {head.seq} {head.hash.hex()} {at_ms}".encode("ascii")


def verify(
    rows: Iterable[Row],
    checkpoints: Sequence[Checkpoint],
    is_good: Verify,
    expected: Iterable[Head] = (),
) -> Iterator[Finding]:
    """Everything that is wrong with a whole chain, in order of its rows.

    `expected`: heads that the chain must contain, from the store or from somebody's notes.
    """
    good = [one for one in checkpoints if is_good(one)]
    for one in checkpoints:
        if one not in good:
            text = f"the checkpoint of row {one.seq} is not signed by a key of this ledger"
            yield Finding(Flaw.FORGED, one.seq, one.seq, text)
    pruned = max((one for one in good if one.mark is Mark.PRUNED), key=_seq, default=None)
    start = BEGINNING if pruned is None else Head(pruned.seq, pruned.hash)
    heads = {head.seq: head.hash for head in expected}
    marks = {one.seq: one.hash for one in good if one.mark is Mark.HEAD}
    last = start.seq
    befores: tuple[bytes, ...] = (start.hash,)
    for row in rows:
        if row.seq <= start.seq:
            continue  # erasing goes on in batches; the checkpoint says that it may
        if row.seq > last + 1:
            yield _missing(last + 1, row.seq - 1)
            befores = ()
        yield from _of_row(row, befores)
        befores = tuple(dict.fromkeys((row.hash, *(link(before, row.body) for before in befores))))
        for known, where in ((marks, "a signed checkpoint"), (heads, "the head kept elsewhere")):
            if row.seq in known and known[row.seq] != row.hash:
                text = f"the chain up to row {row.seq} is not the one that {where} was made of"
                yield Finding(Flaw.REWRITTEN, row.seq, row.seq, text)
        last = row.seq
    end = max((seq for seq in (*marks, *heads) if seq > start.seq), default=start.seq)
    if end > last:
        text = f"rows {last + 1} to {end} are gone from the end"
        yield Finding(Flaw.TRUNCATED, last + 1, end, text)
    signed = max(marks, default=start.seq)
    if last > signed:
        text = f"rows {signed + 1} to {last} are under no good checkpoint"
        yield Finding(Flaw.UNSIGNED, signed + 1, last, text)


def _of_row(row: Row, befores: tuple[bytes, ...]) -> Iterator[Finding]:
    members = _members(row.body)
    said = members.get("seq")
    if isinstance(said, int) and said != row.seq:
        text = f"row {row.seq} holds what was written as row {said}"
        yield Finding(Flaw.MOVED, row.seq, row.seq, text)
        return
    if befores and row.hash not in {link(before, row.body) for before in befores}:
        yield Finding(Flaw.CHANGED, row.seq, row.seq, f"row {row.seq} was changed")
        return
    wrong = [name for name, value in row.columns.items() if members.get(name, "") != value]
    if wrong:
        text = f"row {row.seq} was changed: {', '.join(wrong)}"
        yield Finding(Flaw.CHANGED, row.seq, row.seq, text)
    patients = members.get("patients", [])
    if frozenset(patients if isinstance(patients, list) else ()) != row.patients:
        text = f"row {row.seq} is indexed under other patients than it names"
        yield Finding(Flaw.INDEX, row.seq, row.seq, text)


def _missing(first: int, last: int) -> Finding:
    text = f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"
    return Finding(Flaw.MISSING, first, last, text)


def _members(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seq(checkpoint: Checkpoint) -> int:
    return checkpoint.seq
