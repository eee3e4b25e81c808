"""What every ring of content keys must do (engine/store/keyring.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.store.keyfile import KeysAwayError
from engine.store.keykeeping import Doer, KeyKeeper
from engine.store.keynames import KeyClass, KeyName
from engine.store.keyring import ErasedKeyError, KeyRing, Ring
from engine.store.keysource import KeySource
from engine.store.sealing import Sealer
from tests.support.key_ring import MemoryRing

DAY = 20_000
AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Subject:
    """A ring under test, and the end of a key."""

    ring: Ring
    destroy: Callable[[KeyName], object]


@pytest.fixture(params=["memory", "folder"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    if request.param == "memory":
        memory = MemoryRing()
        yield Subject(memory, memory.destroy)
        return
    source = KeySource.beside(tmp_path / "keys")
    Sealer.of(source, create=True)
    ring = KeyRing(source, lambda: AT)
    keeper = KeyKeeper(source, lambda: AT)

    def destroy(name: KeyName) -> None:
        keeper.destroy(name, (), Doer(AT, "test", "over"))
        ring.look()

    yield Subject(ring, destroy)


def test_a_class_and_day_has_one_key(subject: Subject) -> None:
    name, key, _ = subject.ring.current(KeyClass.CONTENT, DAY)
    assert (name.class_, name.day) == (KeyClass.CONTENT, DAY)
    assert subject.ring.current(KeyClass.CONTENT, DAY) == (name, key, name.header)
    assert subject.ring.find(name) == key
    assert len(key) == 32
    other, other_key, _ = subject.ring.current(KeyClass.CONTENT, DAY + 1)
    assert other != name
    assert other_key != key


def test_what_lasts_has_one_key_whatever_the_day(subject: Subject) -> None:
    assert subject.ring.current(KeyClass.LASTING, 0) == subject.ring.current(KeyClass.LASTING, 9)


def test_each_message_has_a_key(subject: Subject) -> None:
    name, key, _ = subject.ring.current(KeyClass.CONTENT, DAY)
    keys = [subject.ring.of_message(name, message) for message in (b"A", b"B", b"A")]
    assert keys[0] == keys[2]
    assert len({key, *keys}) == 3


def test_a_destroyed_key_is_erased_and_another_one_seals_from_then_on(subject: Subject) -> None:
    name, _, _ = subject.ring.current(KeyClass.CONTENT, DAY)
    subject.destroy(name)
    with pytest.raises(ErasedKeyError):
        subject.ring.find(name)
    with pytest.raises(ErasedKeyError):
        subject.ring.of_message(name, b"A")
    assert subject.ring.current(KeyClass.CONTENT, DAY).name != name


def test_an_unknown_key_may_be_back(subject: Subject) -> None:
    with pytest.raises(KeysAwayError):
        subject.ring.find(KeyName(KeyClass.CONTENT, DAY, b"\0\0\0\1"))
