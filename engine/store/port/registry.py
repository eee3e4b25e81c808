"""The privacy registry: what patients decided, by keyed hash, under a version that only grows.

Law: a change names the version it expects, and lists every attempt that it came too late for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Enter:
    """Change what the registry holds of one patient; answers `Entered`.

    `patient` is a keyed hash; `sealed` takes the place of what stood there under the version
    `expects` (0: nothing did). Whatever waits for `patient` is released. `record` goes to the
    ledger and is the change's identity, as in `Resolve`. `channels`: whose open attempts to list.
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
    """The registry's version that the change made; 0: `expects` was wrong, nothing was changed.

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

    Ask again from the last of them until there are none.
    """

    patients: tuple[tuple[bytes, int], ...]
    newest: int


@dataclass(frozen=True, slots=True)
class Release:
    """Put whoever waits for `key` on the released list; answers their receipts."""

    key: bytes
