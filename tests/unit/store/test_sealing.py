"""Sealing: what is sealed opens with its key and in its context only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.intake.receipts import Receipts
from engine.store.keyfile import KeyFileError, Keys, KeysAwayError, create_keys, read_keys
from engine.store.keynames import KeyName
from engine.store.sealing import LOOKUP_BYTES, OVERHEAD_BYTES, Sealer, SealError
from tests.support.key_ring import MemoryRing, sealer_of

FIRST = Keys({b"aaaa": b"1" * 32}, b"aaaa", b"L" * 32)
ROTATED = Keys({b"aaaa": b"1" * 32, b"bbbb": b"2" * 32}, b"bbbb", b"L" * 32)
DAY_MS = 86_400_000
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
        with pytest.raises(EngineError):
            sealer.open(bytes(changed), b"R1|acme")
    for length in range(len(blob)):
        with pytest.raises(SealError):
            sealer.open(blob[:length], b"R1|acme")


def sealed_by_master(id_: bytes, content: bytes, context: bytes) -> bytes:
    """As content was sealed before there were content keys: version 1."""
    header, nonce = b"\x01" + id_, bytes(12)
    cipher = AESGCM(ROTATED.masters[id_])
    return header + nonce + cipher.encrypt(nonce, content, header + context)


def test_what_a_master_key_sealed_itself_still_opens() -> None:
    first, both = sealer_of(FIRST), sealer_of(ROTATED)
    assert first.open(sealed_by_master(b"aaaa", SECRET, b"x"), b"x") == SECRET
    assert both.open(sealed_by_master(b"aaaa", SECRET, b"x"), b"x") == SECRET
    with pytest.raises(SealError) as caught:
        first.open(sealed_by_master(b"bbbb", SECRET, b"x"), b"x")
    assert caught.value.code == "sealed-key-unknown"
    assert first.keyed_hash(SECRET) == both.keyed_hash(SECRET)


def test_a_master_key_that_only_wraps_opens_nothing_that_claims_to_be_sealed_by_it() -> None:
    keys = Keys(FIRST.masters, FIRST.current, FIRST.lookup, frozenset({b"aaaa"}))
    with pytest.raises(SealError):
        sealer_of(keys).open(sealed_by_master(b"aaaa", SECRET, b"x"), b"x")


def receipt(day: int, number: int = 0) -> str:
    return Receipts(lambda: day * DAY_MS + 5, lambda bits: number).next()


def test_a_message_has_a_key_of_its_own_and_all_of_it_the_same() -> None:
    ring = MemoryRing()
    sealer = Sealer(FIRST, ring)
    one, another = receipt(20_000, 1).encode(), receipt(20_000, 2).encode()
    blobs = {
        context: sealer.seal_message(SECRET, context)
        for context in (one, one + b"|acme|0", another, one + b"|beta|0")
    }
    assert all(sealer.open(blob, context) == SECRET for context, blob in blobs.items())
    assert len({blob[:8] for blob in blobs.values()}) == 1
    with pytest.raises(SealError):
        sealer.open(blobs[one], another)
    with pytest.raises(SealError):
        sealer.open(blobs[one + b"|acme|0"], one + b"|beta|0")


def test_a_day_is_erased_with_its_key_and_other_days_are_not() -> None:
    ring = MemoryRing()
    sealer = Sealer(FIRST, ring)
    monday, tuesday = receipt(20_000).encode(), receipt(20_001).encode()
    old, new = sealer.seal_message(SECRET, monday), sealer.seal_message(SECRET, tuesday)
    lasting = sealer.seal(SECRET, b"x")
    ring.destroy(KeyName.of_header(old[:8]))
    with pytest.raises(SealError) as caught:
        Sealer(FIRST, ring).open(old, monday)
    assert caught.value.code == "sealed-erased"
    assert sealer.open(new, tuesday) == SECRET
    assert sealer.open(lasting, b"x") == SECRET


def test_content_whose_key_is_not_to_be_found_is_not_taken_for_erased() -> None:
    blob = sealer_of(FIRST).seal(SECRET, b"x")
    with pytest.raises(KeysAwayError):
        sealer_of(FIRST).open(blob, b"x")


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
    assert {file.name for file in path.parent.iterdir()} == {"keys", "content-keys"}
    blob = sealer.seal(SECRET, b"")
    assert Sealer.from_file(path, create=True).open(blob, b"") == SECRET


def test_every_master_line_opens_and_the_last_one_wraps(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    create_keys(path)
    before = read_keys(path)
    other = tmp_path / "other"
    create_keys(other)
    added = next(line for line in other.read_text().splitlines() if line.startswith("master"))
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
