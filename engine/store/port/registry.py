"""The privacy registry: what patients decided, by keyed hash, under a version that only grows.

Law: a change names the version it expects, and lists every attempt that it came too late for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Enter:
    """Change what the registry holds of one patient; answers `Entered`.

    `patient` is a keyed hash; `sealed` takes the place of what stood there under the version
    `expects` (0: nothing did). Whatever waits for `patient` is released. `record`, a JSON object,
    is the change's identity, as in `Resolve`; in the ledger the new version is its first member,
    `version`. `channels`: whose open attempts to list. A doubted registry is not changed.
    """

    patient: bytes
    expects: int
    sealed: bytes
    record: bytes
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that was open when a change came: of this entry a byte may still leave."""

    channel: str
    entry: str
    receipt: str
    since_ms: int


@dataclass(frozen=True, slots=True)
class Entered:
    """The registry's version that the change made; 0: nothing was changed.

    Then `expects` was wrong, or the registry is doubted (`Changed`).

    `open`: attempts on copies about this patient that were open at that moment. Any that is opened
    later is looked at with the change.
    """

    version: int
    open: tuple[OpenAttempt, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """Ask which patients were changed last after the version `since`; answers `Changed`."""

    since: int
    limit: int = 10_000


@dataclass(frozen=True, slots=True)
class Changed:
    """Up to `limit` patients with their versions, oldest first, and the registry's newest version.

    Ask again from the last of them until there are none. `doubt`: why the registry is not known to
    hold all that it must (JSON: since_ms, noted, is_new, and what an archive has `found`); empty
    when it is believed. While it is doubted, what is decided of anybody is stale, and `Recall` has
    no answer about anybody.
    """

    patients: tuple[tuple[bytes, int], ...]
    newest: int
    doubt: bytes = b""


class Snapshot(NamedTuple):
    """What an archive has of one patient: the keyed hash, the version, what `Enter` sealed."""

    patient: bytes
    version: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Put back into a doubted registry what is older there or lost; in order of the versions.

    `doubt`, unless empty, is why it is doubted from now on. Answers how many were put back, or -1
    when the registry is not doubted: then nothing is done.
    """

    snapshots: tuple[Snapshot, ...] = ()
    doubt: bytes = b""


@dataclass(frozen=True, slots=True)
class Trust:
    """Believe the registry again; `record` goes to the ledger. Answers whether it was doubted."""

    record: bytes


@dataclass(frozen=True, slots=True)
class Release:
    """Put whoever waits for `key` on the released list; answers their receipts."""

    key: bytes
