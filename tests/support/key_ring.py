"""Content keys in memory, for tests without a folder; it passes the contract of the real ring."""

from __future__ import annotations

import secrets

from engine.store.keyfile import KEY_BYTES, Keys, KeysAwayError
from engine.store.keynames import ID_BYTES, KeyClass, KeyName, message_key
from engine.store.keyring import Current, ErasedKeyError
from engine.store.sealing import Sealer


class MemoryRing:
    """Implements `engine.store.keyring.Ring`. `is_away`: as if the folder were not mounted."""

    def __init__(self) -> None:
        self._current: dict[tuple[KeyClass, int], KeyName] = {}
        self._keys: dict[KeyName, bytes | None] = {}
        self.is_away = False

    def current(self, class_: KeyClass, day: int) -> Current:
        place = class_, 0 if class_ is KeyClass.LASTING else day
        name = self._current.get(place)
        if name is None:
            name = self._current[place] = KeyName(class_, day, secrets.token_bytes(ID_BYTES))
            self._keys[name] = secrets.token_bytes(KEY_BYTES)
        return Current(name, self.find(name), name.header)

    def of_message(self, name: KeyName, message: bytes) -> bytes:
        return message_key(self.find(name), message)

    def find(self, name: KeyName) -> bytes:
        if self.is_away or name not in self._keys:
            raise KeysAwayError("content-keys-missing", "no such key")
        key = self._keys[name]
        if key is None:
            raise ErasedKeyError
        return key

    def destroy(self, name: KeyName) -> None:
        """As if its day were over."""
        self._keys[name] = None
        self._current = {place: one for place, one in self._current.items() if one != name}


def sealer_of(keys: Keys) -> Sealer:
    """A sealer that leaves nothing on the disk."""
    return Sealer(keys, MemoryRing())


def any_sealer() -> Sealer:
    """One with keys of its own."""
    return sealer_of(Keys({bytes(ID_BYTES): bytes(KEY_BYTES)}, bytes(ID_BYTES), bytes(KEY_BYTES)))
