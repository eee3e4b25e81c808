"""The content keys that a process knows: read from the folder when they are needed, made when due.

Law: what seals is on the disk first. A key that was destroyed is forgotten at the next look; a key
that is merely not to be found is waited for. Keys of a day are made the day before, so that a
backup of the folder once a day misses none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple, Protocol

from engine.store.keyfile import Keys, KeysAwayError
from engine.store.keyfolder import Kept, KeyFolder, Listing, UnknownMasterError
from engine.store.keynames import (
    ID_BYTES,
    KEY_BYTES,
    KeyClass,
    KeyName,
    day_of,
    message_key,
)
from engine.store.keysource import KeySource
from engine.store.port import StoreUnavailable

#: A folder that was changed less than this before a look is read again: its time is coarse.
_COARSE_NS = 1_000_000_000


class ErasedKeyError(Exception):
    """The key was destroyed on purpose."""


class Current(NamedTuple):
    """A key that seals now."""

    name: KeyName
    key: bytes
    header: bytes


class Ring(Protocol):
    """Content keys."""

    def current(self, class_: KeyClass, day: int) -> Current:
        """The key that seals now: of that day; of `LASTING` the latest. Made if there is none."""

    def of_message(self, name: KeyName, message: bytes) -> bytes:
        """A message's key under the key `name`. Raises `ErasedKeyError`, `KeysAwayError`."""

    def find(self, name: KeyName) -> bytes:
        """A key by its name. Raises `ErasedKeyError`, `KeysAwayError`."""


class KeyRing:
    """Implements `Ring` on a folder."""

    def __init__(self, source: KeySource, now: Callable[[], datetime]) -> None:
        self._source = source
        self._now = now
        self.folder = KeyFolder(source.folder)
        self._masters: Keys | None = None
        self._listing = Listing()
        self._stamp = -1
        self._found: dict[KeyName, bytes] = {}
        self._current: dict[tuple[KeyClass, int], Current] = {}
        self._kept: dict[KeyName, Kept] = {}

    # --- what seals -----------------------------------------------------------------------------

    def current(self, class_: KeyClass, day: int) -> Current:
        """As `Ring.current`."""
        if class_ is KeyClass.LASTING:
            day = -1
        found = self._current.get((class_, day))
        if found is None:
            name = self._in_use(class_, day) or self._made(class_, day)
            found = self._current[class_, day] = Current(name, self.find(name), name.header)
        return found

    def _in_use(self, class_: KeyClass, day: int) -> KeyName | None:
        """The key of that class that is in use, by what the folder holds now."""
        self._read_listing()
        usable = self._listing.keys - self._listing.gone
        found = [one for one in usable if one.class_ is class_ and day in {one.day, -1}]
        return max(found, key=lambda one: (one.day, one.id), default=None)

    def _made(self, class_: KeyClass, day: int) -> KeyName:
        """A new key, unless another process is quicker."""
        with self.folder.locked():
            name = self._in_use(class_, day)
            if name is None:
                self._masters = self._source.read()  # they may have been rotated
                self._see_that_they_fit(self._masters)
                made_on = day_of(self._now()) if day < 0 else day
                name = self.make(class_, made_on)
        return name

    def _see_that_they_fit(self, masters: Keys) -> None:
        """The newest key opens with them: another site's master keys must wrap nothing here."""
        newest = max(self._listing.keys, key=lambda one: (one.day, one.id), default=None)
        if newest is not None:
            self.folder.read(newest, masters.masters)

    def make(self, class_: KeyClass, day: int) -> KeyName:
        """A new key. The folder's lock is the caller's, and so are fresh master keys."""
        name = KeyName(class_, day, secrets.token_bytes(ID_BYTES))
        key = secrets.token_bytes(KEY_BYTES)
        self.folder.write(name, key, self.masters)
        self._found[name] = key
        return name

    # --- what opens -----------------------------------------------------------------------------

    def find(self, name: KeyName) -> bytes:
        """As `Ring.find`."""
        found = self._found.get(name)
        if found is not None:
            return found
        if name not in self._listing.keys | self._listing.gone:
            self._read_listing()
        if name in self._listing.gone:
            raise ErasedKeyError
        key = self._found[name] = self._read(name)
        return key

    def of_message(self, name: KeyName, message: bytes) -> bytes:
        """As `Ring.of_message`."""
        try:
            return message_key(self.find(name), message)
        except ErasedKeyError:
            if name not in self._listing.kept:
                raise
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = self.folder.read_kept(name)
        if message not in kept.wrapped:
            raise ErasedKeyError
        return self.folder.unwrap_kept(name, kept, self.find(kept.by), message)

    def _read(self, name: KeyName) -> bytes:
        try:
            return self.folder.read(name, self.masters.masters)
        except UnknownMasterError:
            self._masters = self._source.read()
            return self.folder.read(name, self.masters.masters)

    @property
    def masters(self) -> Keys:
        """The master keys, as they were when they were last read."""
        if self._masters is None:
            self._masters = self._source.read()
        return self._masters

    def read_masters(self) -> Keys:
        """The master keys as they are now."""
        self._masters = self._source.read()
        return self._masters

    # --- what the folder holds ------------------------------------------------------------------

    def _read_listing(self) -> None:
        stamp = self.folder.stamp()
        self._listing = self.folder.names()
        self._kept = {}
        is_settled = stamp + _COARSE_NS < int(self._now().timestamp() * 1_000_000_000)
        self._stamp = stamp if is_settled else -1

    def look(self) -> None:
        """See what others have changed; have the keys of today and tomorrow.

        Raises `KeysAwayError`; also for a key that was known and is not there, nor noted as gone,
        and for one that seals and whose file no longer has it: after a restart nothing would open.
        """
        if self.folder.stamp() != self._stamp:
            before = self._listing
            self._read_listing()
            missed = before.keys - self._listing.keys - self._listing.gone
            if missed:
                self._listing = before
                self._stamp = -1
                raise KeysAwayError(
                    "content-keys-missing",
                    f"the content key {min(map(str, missed))} is not there any more.",
                    "Put it back from its backup; if there is none, `payergate keys shred` gives"
                    " it up.",
                )
            self._forget(self._listing)
        today = day_of(self._now())
        for class_, day in (
            (KeyClass.CONTENT, today),
            (KeyClass.CONTENT, today + 1),
            (KeyClass.LASTING, today),
        ):
            self._read(self.current(class_, day).name)

    def _forget(self, listing: Listing) -> None:
        """Let go of what was destroyed, and of what seals no more."""
        for name in listing.gone & self._found.keys():
            del self._found[name]
        lasting = [one for one in listing.keys if one.class_ is KeyClass.LASTING]
        newest = max(lasting, key=lambda one: (one.day, one.id), default=None)
        for place, (name, _, _) in list(self._current.items()):
            is_former = name.class_ is KeyClass.LASTING and name != newest
            if name in listing.gone or is_former:
                del self._current[place]


class KeysLook:
    """Implements `engine.store.watched.Look`: without its keys a store is not used."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def __call__(self, *, afresh: bool) -> None:
        """Raises `StoreUnavailable` while a key is missing."""
        del afresh
        try:
            self._look()
        except KeysAwayError as away:
            raise StoreUnavailable(away.code, away.what, away.mend) from away
