"""What is done to content keys: rotation, and destruction that keeps what is still needed.

Law: a key is destroyed only when the keys of those of its messages that are still needed are
durable under another one, or when it cannot be had any more. A master key is dropped only when
nothing is wrapped by it. Every step may be repeated by whoever comes after one that was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from engine import durable
from engine.errors import EngineError
from engine.store.keyfile import KeysAwayError, replace_keys, rotated, without_former
from engine.store.keyfolder import Gone, Kept
from engine.store.keynames import KeyClass, KeyName, day_of, message_key, wrap
from engine.store.keyring import KeyRing
from engine.store.keysource import KeySource


class KeysNotLostError(EngineError):
    """What is said to be lost still opens."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation came to. `rewrapped`: content keys under the new master key."""

    master: bytes
    rewrapped: int
    dropped: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Doer:
    """Who destroys a key, when and why."""

    at: datetime
    by: str
    why: str


class KeyKeeper:
    """Works on the folder of one source."""

    def __init__(self, source: KeySource, now: Callable[[], datetime]) -> None:
        self._source = source
        self._now = now
        self.ring = KeyRing(source, now)
        self.folder = self.ring.folder

    # --- rotation -------------------------------------------------------------------------------

    def rotate(self) -> Rotation:
        """A new master key in the key file, all content keys wrapped by it, a new lasting key.

        Where the master key is not in a file, whoever keeps it has added the new one: then this
        wraps by that. Former master keys that only wrapped leave the file.
        """
        with self.folder.locked():
            before = keys = self.ring.read_masters()
            self._wipe_drafts()
            if self._source.file is not None:
                keys = rotated(keys)
                replace_keys(self._source.file, keys)
                keys = self.ring.read_masters()
            names = sorted(self.folder.names().keys, key=str)
            moved = [name for name in names if self.folder.master_of(name) != keys.current]
            for name in moved:
                self.folder.write(name, self.folder.read(name, keys.masters), keys)
            today = day_of(self._now())
            lasting = [name for name in names if name.class_ is KeyClass.LASTING]
            if all(name.day != today for name in lasting):
                self.ring.make(KeyClass.LASTING, today)
            for name in names:  # nothing is dropped before everything opens without it
                self.folder.read(name, {keys.current: keys.masters[keys.current]})
            if self._source.file is not None:
                replace_keys(self._source.file, without_former(keys))
            left = self.ring.read_masters()
        dropped = tuple(sorted(before.masters.keys() - left.masters.keys()))
        return Rotation(left.current, len(moved), dropped)

    # --- destruction ----------------------------------------------------------------------------

    def destroy(
        self, name: KeyName, needed: Iterable[bytes], doer: Doer, *, is_lost: bool = False
    ) -> Gone:
        """Destroy a day's content key; of the messages `needed`, the keys are kept.

        Raises `KeysAwayError` if the key cannot be read and any is needed; `KeysNotLostError` if it
        can be, though it `is_lost`.
        """
        wanted = sorted(set(needed))
        with self.folder.locked():
            listing = self.folder.names()
            if name in listing.gone:
                self.folder.destroy(name, self.folder.read_gone(name))  # it may have been killed
                return self.folder.read_gone(name)
            if is_lost and self._opens(name):
                raise _not_lost(f"The key {name}")
            if wanted:
                key = self.ring.find(name)
                keys = {message: message_key(key, message) for message in wanted}
                self._keep(name, keys)
            gone = Gone(doer.at.isoformat(timespec="milliseconds"), doer.by, doer.why, len(wanted))
            self.folder.destroy(name, gone)
        return gone

    def sweep(self, doer: Doer) -> None:
        """Finish what killed processes have left: keys that are gone, or of which none is needed.

        A key of the class `parked` under which nothing is kept any more opens what copies of the
        folder from before have kept.
        """
        with self.folder.locked():
            self._wipe_drafts()
            listing = self.folder.names()
            used, unclear = self._used(listing.kept)
            said = Gone(doer.at.isoformat(timespec="milliseconds"), doer.by, doer.why, 0)
            for name in sorted(listing.keys, key=str):
                if name in listing.gone:
                    self.folder.destroy(name, self.folder.read_gone(name))
                elif name.class_ is KeyClass.PARKED and not (name in used or name.day in unclear):
                    self.folder.destroy(name, said)

    def _used(self, kept: Iterable[KeyName]) -> tuple[set[KeyName], set[int]]:
        """The keys under which something is kept; days of which that cannot be read."""
        used, unclear = set(), set()
        for name in kept:
            try:
                used.add(self.folder.read_kept(name).by)
            except KeysAwayError:
                unclear.add(name.day)
        return used, unclear

    def _wipe_drafts(self) -> None:
        """What killed processes have left of content keys and of the master keys' file."""
        self.folder.wipe_drafts()
        if self._source.file is not None:
            durable.wipe_drafts(self._source.file)

    def _keep(self, name: KeyName, keys: dict[bytes, bytes]) -> None:
        """Keep the keys of single messages, under a new key of the class for that."""
        self.ring.read_masters()
        by = self.ring.make(KeyClass.PARKED, name.day)
        wrapping = self.ring.find(by)
        wrapped = {one: wrap(wrapping, key, name.header + one) for one, key in keys.items()}
        self.folder.write_kept(name, Kept(by, wrapped))

    def prune(self, name: KeyName, needed: Iterable[bytes], doer: Doer) -> int:
        """Of the messages whose keys were kept, keep the `needed` ones; how many went.

        The rest is wrapped by a new key, and the former one is destroyed.
        """
        with self.folder.locked():
            if name not in self.folder.names().kept:
                return 0
            kept = self.folder.read_kept(name)
            left = set(needed) & kept.wrapped.keys()
            gone = len(kept.wrapped) - len(left)
            if not gone:
                return 0
            if left:
                key, opened = self.ring.find(kept.by), self.folder.unwrap_kept
                self._keep(name, {one: opened(name, kept, key, one) for one in sorted(left)})
            else:
                self.folder.wipe_kept(name)
            said = Gone(doer.at.isoformat(timespec="milliseconds"), doer.by, doer.why, len(left))
            self.folder.destroy(kept.by, said)
        return gone

    def give_up(self, name: KeyName, doer: Doer) -> tuple[KeyName, ...]:
        """Let go of what was kept of a day in a file that cannot be read; the keys that went.

        Which key wrapped it stood in that file: any of that day which wraps nothing else. While
        another file of that day cannot be read either, none goes. Raises `KeysNotLostError` if all
        that was kept still opens.
        """
        with self.folder.locked():
            listing = self.folder.names()
            if name in listing.kept and self._opens_kept(name):
                raise _not_lost(f"What was kept of {name}")
            used, unclear = self._used(one for one in listing.kept - {name} if one.day == name.day)
            of_day = {(KeyClass.PARKED, name.day)}
            found = {one for one in listing.keys if (one.class_, one.day) in of_day}
            gone = set() if unclear else found - used
            self.folder.wipe_kept(name)
            for one in gone:
                self.folder.destroy(
                    one, Gone(doer.at.isoformat(timespec="milliseconds"), doer.by, doer.why, 0)
                )
        return tuple(sorted(gone, key=str))

    def _opens(self, name: KeyName) -> bool:
        """Whether a key can be had; raises `KeyFileError` where there are no master keys to try."""
        masters = self.ring.read_masters().masters
        try:
            self.folder.read(name, masters)
        except KeysAwayError:
            return False
        return True

    def _opens_kept(self, name: KeyName) -> bool:
        """Whether each key that was kept of a day can be had; raises as `_opens`."""
        masters = self.ring.read_masters().masters
        try:
            kept = self.folder.read_kept(name)
            by = self.folder.read(kept.by, masters)
            return bool([self.folder.unwrap_kept(name, kept, by, one) for one in kept.wrapped])
        except KeysAwayError:
            return False

    # --- the record of it -----------------------------------------------------------------------

    def unrecorded(self) -> list[tuple[KeyName, Gone]]:
        """Keys that were destroyed and of which the ledger has nothing yet."""
        found = [(name, self.folder.read_gone(name)) for name in self.folder.names().gone]
        return sorted(((n, g) for n, g in found if not g.recorded), key=lambda one: str(one[0]))

    def recorded(self, name: KeyName) -> None:
        """The ledger has it."""
        with self.folder.locked():
            self.folder.write_gone(name, replace(self.folder.read_gone(name), recorded=True))


def _not_lost(what: str) -> KeysNotLostError:
    return KeysNotLostError(
        "keys-not-lost",
        f"{what} still opens: nothing was given up.",
        "See that the id is the one that the error names; without `--lost`, `payergate keys shred`"
        " destroys what is not needed.",
    )
