"""Sealing: what is sealed opens with its key and in its context only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.store.keyfile import KeyFileError, Keys, create_keys, read_keys
from engine.store.sealing import LOOKUP_BYTES, OVERHEAD_BYTES, Sealer, SealError
from tests.support.key_ring import sealer_of

FIRST = Keys({b"aaaa": b"1" * 32}, b"aaaa", b"L" * 32)
ROTATED = Keys({b"aaaa": b"1" * 32, b"bbbb": b"2" * 32}, b"bbbb", b"L" * 32)
SECRET = b"PID|1||12345^^^GOOD HEALTH^MR||DOE^JANE"


@settings(deadline=None)
@given(content=st.binary(max_size=2000), context=st.binary(max_size=40))
def test_what_is_sealed_opens_again(content: bytes, context: bytes) -> None:
    sealer = sealer_of(FIRST)
    blob = sealer.seal(content, context)
    assert len(blob) == len(content) + OVERHEAD_BYTES
    assert sealer.open(blob, context) == content


def test_the_same_content_never_looks_the_same() -> None:
    sealer = sealer_of(FIRST)
    blobs = {sealer.seal(SECRET, b"") for _ in range(1000)}
    assert len(blobs) == 1000
    assert not any(b"DOE" in blob for blob in blobs)


def test_a_copy_for_one_channel_does_not_open_as_anothers() -> None:
    sealer = sealer_of(FIRST)
    blob = sealer.seal(SECRET, b"R1|acme")
    with pytest.raises(SealError) as caught:
        sealer.open(blob, b"R1|beta")
    assert caught.value.code == "sealed-damaged"
    assert "DOE" not in str(caught.value)


def test_every_changed_byte_is_noticed() -> None:
    sealer = sealer_of(FIRST)
    blob = sealer.seal(SECRET, b"R1|acme")
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1
        with pytest.raises(SealError):
            sealer.open(bytes(changed), b"R1|acme")
    for length in range(len(blob)):
        with pytest.raises(SealError):
            sealer.open(blob[:length], b"R1|acme")


def test_after_a_rotation_the_old_opens_and_the_new_seals() -> None:
    old, new = sealer_of(FIRST), sealer_of(ROTATED)
    assert new.open(old.seal(SECRET, b"x"), b"x") == SECRET
    with pytest.raises(SealError) as caught:
        old.open(new.seal(SECRET, b"x"), b"x")
    assert caught.value.code == "sealed-key-unknown"
    assert new.keyed_hash(SECRET) == old.keyed_hash(SECRET)


def test_a_lookup_hash_needs_the_key() -> None:
    hashed = sealer_of(FIRST).keyed_hash(SECRET)
    assert len(hashed) == LOOKUP_BYTES
    assert hashed == sealer_of(FIRST).keyed_hash(SECRET)
    assert hashed != sealer_of(FIRST).keyed_hash(SECRET + b" ")
    other = Keys(FIRST.masters, FIRST.current, b"M" * 32)
    assert hashed != sealer_of(other).keyed_hash(SECRET)


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "keys"
    sealer = Sealer.from_file(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    create_keys(path)  # too late: another process was first
    assert path.read_text() == text
    assert [file.name for file in path.parent.iterdir()] == ["keys"]
    blob = sealer.seal(SECRET, b"")
    assert Sealer.from_file(path, create=True).open(blob, b"") == SECRET


def test_every_sealing_line_opens_and_the_last_one_seals(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    create_keys(path)
    before = read_keys(path)
    other = tmp_path / "other"
    create_keys(other)
    added = next(line for line in other.read_text().splitlines() if line.startswith("seal"))
    path.write_text(path.read_text() + added + "\n\n")
    after = read_keys(path)
    assert set(before.masters) < set(after.masters)
    assert after.current not in before.masters
    assert after.lookup == before.lookup


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    create_keys(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError) as caught:
        read_keys(path)
    assert caught.value.code == "keys-open"
    assert "chmod 600" in caught.value.mend


@pytest.mark.parametrize(
    "text",
    [
        "",
        "payergate-keys 2\n",
        "payergate-keys 1\n",
        "payergate-keys 1\nseal 00000000 AAAA\nlookup AAAA\n",
        "payergate-keys 1\nseal 00000000 !!!\n",
        "payergate-keys 1\nsomething else\n",
        "payergate-keys 1\nseal 00 " + "A" * 43 + "=\nlookup " + "A" * 43 + "=\n",
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(KeyFileError) as caught:
        read_keys(path)
    assert caught.value.code == "keys-damaged"


def test_a_missing_key_file_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as caught:
        Sealer.from_file(tmp_path / "keys")
    assert caught.value.code == "keys-missing"
    assert not (tmp_path / "keys").exists()


def test_keys_do_not_show_themselves() -> None:
    assert "1111" not in repr(FIRST)
