"""The folder of content keys on a real disk: rotation, destruction, what is missing or damaged."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.intake.receipts import Receipts
from engine.store.keyfile import KeyFileError, Keys, KeysAwayError, create_keys, read_keys
from engine.store.keyfolder import KeyFolder
from engine.store.keykeeping import Doer, KeyKeeper, KeysNotLostError
from engine.store.keynames import KeyClass, KeyName, day_of
from engine.store.keyring import KeyRing, KeysLook
from engine.store.keysource import KeySource
from engine.store.port import StoreUnavailable
from engine.store.sealing import Sealer, SealError

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOER = Doer(AT, "test", "its time was over")
SECRET = b"PID|1||12345^^^EAST^MR||ZQDOE^JANE"


class Site:
    """Keys of a site, and a clock."""

    def __init__(self, root: Path) -> None:
        self.at = AT
        self.source = KeySource.beside(root / "var" / "keys")
        create_keys(root / "var" / "keys")
        KeyFolder(self.source.folder).create()
        self.ring, self.sealer = self.process()

    def process(self) -> tuple[KeyRing, Sealer]:
        """Another process of the engine."""
        ring = KeyRing(self.source, lambda: self.at)
        return ring, Sealer(ring.masters, ring)

    @property
    def keeper(self) -> KeyKeeper:
        return KeyKeeper(self.source, lambda: self.at)

    def message(self, number: int = 0) -> bytes:
        ms = int(self.at.timestamp() * 1000)
        return Receipts(lambda: ms, lambda bits: number).next().encode()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def files(site: Site, ending: str) -> list[Path]:
    return sorted(site.source.folder.glob(f"*.{ending}"))


def test_keys_of_today_and_tomorrow_are_there_for_the_owner_alone(site: Site) -> None:
    site.ring.look()
    today = day_of(AT)
    names = [KeyName.parse(file.stem) for file in files(site, "key")]
    assert sorted((one.class_.value, one.day - today) for one in names) == [
        ("content", 0),
        ("content", 1),
        ("lasting", 0),
    ]
    assert stat.S_IMODE(site.source.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in site.source.folder.iterdir()} == {0o600}


def test_processes_share_the_keys_of_a_day(site: Site) -> None:
    _, other = site.process()
    one, two = site.message(1), site.message(2)
    blobs = site.sealer.seal_message(SECRET, one), other.seal_message(SECRET, two)
    assert len(files(site, "key")) == 1
    assert other.open(blobs[0], one) == SECRET == site.sealer.open(blobs[1], two)


def test_after_a_rotation_the_new_master_key_alone_opens_everything(site: Site) -> None:
    message = site.message()
    blobs = [
        (site.sealer.seal_message(SECRET, message), message),
        (site.sealer.seal(SECRET, b"lasts"), b"lasts"),
    ]
    before = read_keys(site.source.file or Path())
    rotation = site.keeper.rotate()
    after = read_keys(site.source.file or Path())
    assert set(after.masters) == {rotation.master}
    assert rotation.dropped == (before.current,)
    assert after.lookup == before.lookup
    _, fresh = site.process()
    assert [fresh.open(*blob) for blob in blobs] == [SECRET, SECRET]


def test_a_process_that_runs_on_seals_and_opens_across_a_rotation(site: Site) -> None:
    site.ring.look()
    for _ in range(2):
        site.keeper.rotate()
        site.ring.look()
        site.at += timedelta(days=2)  # so that it makes keys under the new master key
        message = site.message()
        blob = site.sealer.seal_message(SECRET, message)
        assert site.process()[1].open(blob, message) == SECRET
        blob = site.process()[1].seal(SECRET, b"x")
        assert site.sealer.open(blob, b"x") == SECRET


def test_a_rotation_that_was_killed_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = site.message()
    blob = site.sealer.seal_message(SECRET, message)
    site.sealer.seal(SECRET, b"x")
    keeper = site.keeper
    written: list[KeyName] = []
    write = keeper.folder.write

    def killed(name: KeyName, key: bytes, keys: Keys) -> None:
        if written:
            raise KeyboardInterrupt
        written.append(name)
        write(name, key, keys)

    monkeypatch.setattr(keeper.folder, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        keeper.rotate()
    assert site.process()[1].open(blob, message) == SECRET
    site.keeper.rotate()
    assert len(read_keys(site.source.file or Path()).masters) == 1
    assert site.process()[1].open(blob, message) == SECRET


def test_a_master_key_that_sealed_content_itself_stays(site: Site) -> None:
    file = site.source.file or Path()
    file.write_text(file.read_text().replace("master", "seal"))
    former = read_keys(file).current
    site.sealer.seal(SECRET, b"x")
    rotation = site.keeper.rotate()
    assert rotation.dropped == ()
    assert set(read_keys(file).masters) == {former, rotation.master}


def test_of_a_destroyed_day_only_what_is_needed_opens(site: Site) -> None:
    parked, done = site.message(1), site.message(2)
    blobs = {one: site.sealer.seal_message(SECRET, one) for one in (parked, done)}
    copy = site.sealer.seal_message(SECRET, parked + b"|acme|0")
    name = KeyName.of_header(copy[:8])
    gone = site.keeper.destroy(name, [parked], DOER)
    assert gone.kept == 1
    for sealer in (site.process()[1], _looked(site)):
        assert sealer.open(blobs[parked], parked) == SECRET
        assert sealer.open(copy, parked + b"|acme|0") == SECRET
        with pytest.raises(SealError) as caught:
            sealer.open(blobs[done], done)
        assert caught.value.code == "sealed-erased"
    assert site.keeper.prune(name, [parked], DOER) == 0
    assert site.keeper.prune(name, [], DOER) == 1
    with pytest.raises(SealError):
        site.process()[1].open(blobs[parked], parked)
    assert not files(site, "kept")
    assert [name.class_ for name, _ in site.keeper.unrecorded()] == [
        KeyClass.CONTENT,
        KeyClass.PARKED,
    ]


def test_what_is_kept_survives_the_sweep_after_a_process_that_was_about_to_replace_it(
    site: Site,
) -> None:
    parked = site.message(1)
    blob = site.sealer.seal_message(SECRET, parked)
    site.keeper.destroy(KeyName.of_header(blob[:8]), [parked], DOER)
    (kept,) = files(site, "kept")
    former = kept.with_name(f".{kept.name}.former")
    former.hardlink_to(kept)  # killed here
    site.keeper.sweep(DOER)
    assert not former.exists()
    assert site.process()[1].open(blob, parked) == SECRET


def _looked(site: Site) -> Sealer:
    """The process that ran all the while, a second later."""
    site.ring.look()
    return Sealer(site.ring.masters, site.ring)


def test_what_is_kept_of_a_day_is_wrapped_anew_when_some_of_it_goes(site: Site) -> None:
    one, two = site.message(1), site.message(2)
    blobs = {message: site.sealer.seal_message(SECRET, message) for message in (one, two)}
    name = KeyName.of_header(blobs[one][:8])
    site.keeper.destroy(name, [one, two], DOER)
    former = site.keeper.folder.read_kept(name).by
    assert site.keeper.prune(name, [two], DOER) == 1
    assert former in site.keeper.folder.names().gone
    site.keeper.rotate()
    sealer = site.process()[1]
    assert sealer.open(blobs[two], two) == SECRET
    with pytest.raises(SealError):
        sealer.open(blobs[one], one)


def test_a_key_whose_end_was_interrupted_is_gone_and_removed_by_the_next(site: Site) -> None:
    message = site.message()
    name = KeyName.of_header(site.sealer.seal_message(SECRET, message)[:8])
    key = files(site, "key")[0].read_bytes()
    site.keeper.destroy(name, [], DOER)
    (site.source.folder / f"{name}.key").write_bytes(key)  # as if it had been killed before
    with pytest.raises(SealError):
        site.process()[1].open(site.sealer.seal_message(SECRET, message), message)
    site.keeper.destroy(name, [], DOER)
    assert name not in site.keeper.folder.names().keys


def _remove(site: Site) -> None:
    site.source.folder.rename(site.source.folder.with_name("elsewhere"))


def _damage(site: Site) -> None:
    for file in files(site, "key"):
        text = bytearray(file.read_bytes())
        text[-6] ^= 1
        file.write_bytes(text)


def _empty(site: Site) -> None:
    for file in files(site, "key"):
        file.write_bytes(b"")


def _open_to_others(site: Site) -> None:
    site.source.folder.chmod(0o755)


def _other_master(site: Site) -> None:
    file = site.source.file or Path()
    file.unlink()
    create_keys(file)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (_remove, "content-keys-missing"),
        (_damage, "content-keys-damaged"),
        (_empty, "content-keys-damaged"),
        (_open_to_others, "content-keys-open"),
        (_other_master, "content-keys-master"),
    ],
)
def test_keys_that_cannot_be_had_seal_and_open_nothing(
    site: Site, harm: Callable[[Site], None], code: str
) -> None:
    message = site.message()
    blob = site.sealer.seal_message(SECRET, message)
    harm(site)
    with pytest.raises(KeysAwayError) as caught:
        site.process()[1].open(blob, message)
    assert caught.value.code == code
    with pytest.raises(KeysAwayError) as caught:
        site.process()[1].seal_message(SECRET, message)
    assert caught.value.code == code


def test_no_key_is_made_under_the_master_key_of_another_site(site: Site) -> None:
    site.ring.look()
    _other_master(site)
    site.at += timedelta(days=5)
    with pytest.raises(KeysAwayError) as caught:
        site.process()[1].seal_message(SECRET, site.message())
    assert caught.value.code == "content-keys-master"
    assert len(files(site, "key")) == 3


def test_a_look_misses_a_key_that_was_taken_away_until_it_is_back(site: Site) -> None:
    look = KeysLook(site.ring.look)
    look(afresh=True)
    look(afresh=False)
    taken = files(site, "key")[0]
    taken.rename(taken.with_suffix(".away"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as caught:
            look(afresh=False)
        assert caught.value.code == "content-keys-missing"
    taken.with_suffix(".away").rename(taken)
    look(afresh=False)


def test_a_look_misses_a_key_whose_file_was_overwritten_in_its_place(site: Site) -> None:
    """The process still has it, but nothing that it seals would open after a restart."""
    site.ring.look()
    first, second = files(site, "key")[:2]
    kept = first.read_bytes()
    for harm in (second.read_bytes(), b"", kept[:-9]):
        first.write_bytes(harm)
        with pytest.raises(KeysAwayError) as caught:
            site.ring.look()
        assert caught.value.code == "content-keys-damaged"
    first.write_bytes(kept)
    site.ring.look()


def test_a_folder_where_nothing_can_be_written_is_said(site: Site) -> None:
    site.ring.look()
    site.at += timedelta(days=5)
    (site.source.folder / "lock").unlink()
    (site.source.folder / "lock").mkdir()
    with pytest.raises(KeysAwayError) as caught:
        site.sealer.seal_message(SECRET, site.message())
    assert caught.value.code == "content-keys-unusable"


def test_master_keys_from_the_environment_and_from_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    blob = site.sealer.seal(SECRET, b"x")
    text = (site.source.file or Path()).read_text()
    monkeypatch.setenv("PG_TEST_KEYS", text.replace("\n", ";"))
    folder = site.source.folder
    by_environment = KeySource(folder, None, "PG_TEST_KEYS")
    by_program = KeySource(folder, None, "", f"cat {site.source.file}")
    for source in (by_environment, by_program):
        assert Sealer.of(source).open(blob, b"x") == SECRET


def test_a_program_of_the_site_prints_the_master_key_and_nothing_else(tmp_path: Path) -> None:
    """It is named from the site's folder, wherever the engine was started."""
    folder, keys = tmp_path / "site", tmp_path / "content-keys"
    folder.mkdir()
    program = folder / "get-key"
    program.write_text(f"#!/bin/sh\necho {'0f' * 32}\n")
    program.chmod(0o700)
    source = KeySource(keys, None, "", "./get-key", folder)
    blob = Sealer.of(source, create=True).seal(SECRET, b"x")
    program.write_text(f"#!/bin/sh\necho {'0f' * 32}\necho {'1e' * 32}\n")
    done = KeyKeeper(source, lambda: AT).rotate()
    assert done.rewrapped == 3
    assert Sealer.of(source).open(blob, b"x") == SECRET


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (KeySource(Path("x"), None, "PG_TEST_NONE"), "keys-env"),
        (KeySource(Path("x"), None, "", "/no/such/program"), "keys-command"),
        (KeySource(Path("x"), None, "", "false"), "keys-command"),
        (KeySource(Path("x"), None, "", "echo nothing"), "keys-damaged"),
        (KeySource(Path("x"), None, "", "'"), "keys-command"),
    ],
)
def test_a_source_that_gives_nothing_is_said_without_what_it_gave(
    source: KeySource, code: str
) -> None:
    with pytest.raises(KeyFileError) as caught:
        source.read()
    assert caught.value.code == code
    assert "nothing" not in str(caught.value)


def test_a_program_whose_keys_were_rotated_is_asked_again(tmp_path: Path) -> None:
    site = Site(tmp_path)
    program = KeySource(site.source.folder, None, "", f"cat {site.source.file}")
    ring = KeyRing(program, lambda: AT)
    sealer = Sealer(ring.masters, ring)
    site.keeper.rotate()
    blob = site.process()[1].seal(SECRET, b"x")
    assert sealer.open(blob, b"x") == SECRET


def test_nothing_in_the_folder_is_a_key_in_clear(site: Site) -> None:
    name, key, _ = site.ring.current(KeyClass.CONTENT, 20_000)
    found = b"".join(file.read_bytes() for file in site.source.folder.iterdir())
    assert key not in found
    assert key.hex().encode() not in found
    assert (site.source.folder / f"{name}.key").exists()


def test_kept_keys_whose_file_is_damaged_can_be_given_up(site: Site) -> None:
    """Else nothing that is over its time would go any more."""
    one = site.message(1)
    blob = site.sealer.seal_message(SECRET, one)
    (name,) = [KeyName.parse(file.stem) for file in files(site, "key")]
    site.keeper.destroy(name, [one], DOER)
    (kept,) = files(site, "kept")
    (parked,) = files(site, "key")
    kept.write_bytes(b"\xff")
    with pytest.raises(KeyFileError, match=r"content-keys-damaged.*--lost"):
        site.keeper.prune(name, (), DOER)
    assert site.keeper.give_up(name, DOER) == (KeyName.parse(parked.stem),)
    assert not files(site, "kept")
    assert not files(site, "key")
    assert {file.stem for file in files(site, "gone")} == {str(name), parked.stem}
    _, other = site.process()
    with pytest.raises(SealError):
        other.open(blob, one)


def kept_of(site: Site, number: int) -> tuple[KeyName, bytes, bytes]:
    """A content key of the day that was destroyed but for a message: its name, message, content."""
    one = site.message(number)
    before = set(files(site, "gone"))
    blob = site.process()[1].seal_message(SECRET, one)
    name = KeyName.of_header(blob[:8])
    site.keeper.destroy(name, [one], DOER)
    assert set(files(site, "gone")) > before
    return name, one, blob


def damage(site: Site, name: KeyName) -> None:
    (site.source.folder / f"{name}.kept").write_bytes(b"\xff")


def test_two_damaged_files_of_a_day_are_given_up_one_after_the_other(site: Site) -> None:
    """Which keys wrapped either cannot be told: they go with the last of them."""
    (first, _, _), (second, one, blob) = kept_of(site, 1), kept_of(site, 2)
    parked = {KeyName.parse(file.stem) for file in files(site, "key")}
    assert len(parked) == 2
    damage(site, first)
    damage(site, second)
    assert site.keeper.give_up(first, DOER) == ()
    assert [file.stem for file in files(site, "kept")] == [str(second)]
    assert set(site.keeper.give_up(second, DOER)) == parked
    assert not files(site, "kept")
    assert not files(site, "key")
    with pytest.raises(SealError):
        site.process()[1].open(blob, one)


def test_a_healthy_file_of_the_day_outlives_what_is_given_up_beside_it(site: Site) -> None:
    (first, _, _), (_, one, blob) = kept_of(site, 1), kept_of(site, 2)
    (by,) = {site.keeper.folder.read_kept(first).by}
    damage(site, first)
    assert site.keeper.give_up(first, DOER) == (by,)
    assert site.process()[1].open(blob, one) == SECRET


def test_what_still_opens_is_not_given_up(site: Site) -> None:
    name, one, blob = kept_of(site, 1)
    with pytest.raises(KeysNotLostError) as caught:
        site.keeper.give_up(name, DOER)
    assert caught.value.code == "keys-not-lost"
    assert site.process()[1].open(blob, one) == SECRET


def test_a_folder_that_is_open_to_others_makes_nothing_lost(site: Site) -> None:
    name, one, blob = kept_of(site, 1)
    site.source.folder.chmod(0o750)
    with pytest.raises(KeysNotLostError):
        site.keeper.give_up(name, DOER)
    site.source.folder.chmod(0o700)
    assert site.process()[1].open(blob, one) == SECRET


def test_without_master_keys_nothing_counts_as_lost(site: Site, tmp_path: Path) -> None:
    """The keys of the folder are as good as before once the file is back."""
    name, one, blob = kept_of(site, 1)
    assert site.source.file is not None
    away = site.source.file.rename(tmp_path / "away")
    with pytest.raises(KeyFileError) as caught:
        site.keeper.give_up(name, DOER)
    assert caught.value.code == "keys-missing"
    away.rename(site.source.file)
    assert site.process()[1].open(blob, one) == SECRET


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[: text.index(b"\n", text.index(b"by ")) + 1],  # no message left
        lambda text: text[:-5] + b"AAAA\n",  # the key of a message does not unwrap
        lambda text: text.replace(b"by parked-2026", b"by parked-2025"),  # a key that is not there
    ],
)
def test_a_file_that_reads_and_does_not_open_is_lost(
    site: Site, harm: Callable[[bytes], bytes]
) -> None:
    name, _, _ = kept_of(site, 1)
    (kept,) = files(site, "kept")
    before = kept.read_bytes()
    kept.write_bytes(harm(before))
    assert kept.read_bytes() != before
    assert len(site.keeper.give_up(name, DOER)) == 1
    assert not files(site, "kept")


def test_a_kept_key_that_does_not_unwrap_is_told_as_damage(site: Site) -> None:
    """Whoever erases what is due goes on with the next key."""
    name, one, _ = kept_of(site, 1)
    (kept,) = files(site, "kept")
    line = kept.read_bytes().splitlines(keepends=True)[-1]
    kept.write_bytes(kept.read_bytes()[:-5] + b"AAAA\n" + line.replace(one, b"another"))
    with pytest.raises(KeysAwayError, match=r"content-keys-damaged.*--lost"):
        site.keeper.prune(name, [one], DOER)


def test_a_content_key_that_still_opens_is_not_lost(site: Site) -> None:
    one = site.message(1)
    blob = site.sealer.seal_message(SECRET, one)
    name = KeyName.of_header(blob[:8])
    with pytest.raises(KeysNotLostError):
        site.keeper.destroy(name, (), DOER, is_lost=True)
    assert site.process()[1].open(blob, one) == SECRET
    (site.source.folder / f"{name}.key").write_bytes(b"\xff")
    assert site.keeper.destroy(name, (), DOER, is_lost=True).kept == 0
    assert not files(site, "key")
