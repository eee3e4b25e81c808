"""What becomes of a day's content key, and of what is needed longer."""

from __future__ import annotations

from typing import cast

import pytest

from engine import durable
from engine.archive import schema
from engine.archive.key_erasing import KeyEraser, KeysNeededError
from engine.archive.story import Scribe
from engine.config.model import Retention
from engine.intake.sealed import about_message
from engine.store.keyfile import KeysAwayError
from engine.store.keyfolder import KeyFolder
from engine.store.keykeeping import Doer, KeyKeeper
from engine.store.keynames import KeyClass, KeyName
from engine.store.port import Final
from engine.store.sealing import Sealer, SealError
from tests.integration.archive.test_retention import DAY_S, erase, hold, is_whole
from tests.support.archive_rig import Rig, adt


def key_eraser(rig: Rig) -> KeyEraser:
    keeper = KeyKeeper(rig.site.keys, rig.clock.now)
    retention = Retention(content_days=7, parked_days=30)
    return KeyEraser(rig.database, rig.signer, rig.store, keeper, retention, clock=rig.clock)


def erase_all(rig: Rig) -> int:
    """As the archiver does every hour: rows first, then keys; how many keys."""
    erase(rig)
    eraser, total = key_eraser(rig), 0
    eraser.next_round()
    while (number := eraser.step()) is not None:
        total += number
    return total


def sealed(rig: Rig, receipt: str) -> bytes:
    """A message as a backup has it that is made now."""
    return cast("bytes", rig.fetch(receipt) or _archived(rig, receipt))


def _archived(rig: Rig, receipt: str) -> bytes | None:
    return next((row.sealed for row in rig.rows(schema.journal) if row.receipt == receipt), None)


def opens(rig: Rig, receipt: str, blob: bytes) -> bool:
    """Whether a backup's content opens with today's keys."""
    try:
        Sealer.of(rig.site.keys).open(blob, about_message(receipt))
    except SealError as error:
        if error.code == "sealed-erased":
            return False
        raise
    return True


def proofs(rig: Rig) -> list[tuple[str, int]]:
    found = [body for body in rig.bodies() if body.get("method") == "key destroyed"]
    return [(body["class"], body["kept"]) for body in found]


def delivered(rig: Rig, control_id: str, patient: str = "P1") -> tuple[str, bytes]:
    receipt = rig.take(adt(control_id, patient))
    backup = sealed(rig, receipt)
    rig.end("acme")
    return receipt, backup


def parked(rig: Rig, control_id: str) -> tuple[str, bytes]:
    receipt = rig.take(adt(control_id))
    backup = sealed(rig, receipt)
    rig.end("acme", Final.PARKED, ack="AR", reason="refused")
    return receipt, backup


def test_a_key_outlives_its_day_by_the_time_of_content(rig: Rig) -> None:
    message = delivered(rig, "M1")
    rig.archive()
    rig.clock.pass_s(7 * DAY_S)
    assert erase_all(rig) == 0
    assert opens(rig, *message)
    rig.clock.pass_s(DAY_S)
    assert erase_all(rig) == 1
    assert not opens(rig, *message)
    assert proofs(rig) == [("content", 0)]
    assert erase_all(rig) == 0
    assert is_whole(rig)


def test_what_is_parked_opens_until_it_is_done_with(rig: Rig) -> None:
    done, waiting = delivered(rig, "M1"), parked(rig, "M2")
    rig.archive()
    rig.clock.pass_s(8 * DAY_S)
    assert erase_all(rig) == 1
    assert not opens(rig, *done)
    assert opens(rig, *waiting)
    assert rig.scribe.open(waiting[0], sealed(rig, waiting[0])) is not None
    rig.clock.pass_s(90 * DAY_S)  # it waits in the store for as long as nobody decides
    erase_all(rig)
    assert opens(rig, *waiting)
    rig.discard("acme")
    rig.archive()
    assert erase_all(rig) == 1
    assert not opens(rig, *waiting)
    assert proofs(rig) == [("content", 1), ("parked", 0)]


def test_what_waits_in_a_lane_keeps_its_key(rig: Rig) -> None:
    receipt = rig.take(adt("M1"))
    backup = sealed(rig, receipt)
    rig.archive()
    rig.clock.pass_s(8 * DAY_S)
    erase_all(rig)
    assert opens(rig, receipt, backup)
    rig.end("acme")
    rig.archive()
    erase_all(rig)
    assert not opens(rig, receipt, backup)


def test_a_legal_hold_keeps_a_patients_keys_and_nobody_elses(rig: Rig) -> None:
    held, other = delivered(rig, "M1", "P1"), delivered(rig, "M2", "P2")
    rig.archive()
    hold(rig, "P1")
    rig.clock.pass_s(8 * DAY_S)
    erase_all(rig)
    assert opens(rig, *held)
    assert not opens(rig, *other)
    with rig.database.writing() as connection:
        connection.execute(schema.holds.update().values(lifted_ms=1))
    erase_all(rig)
    assert not opens(rig, *held)


def test_a_day_that_is_not_over_keeps_its_key(rig: Rig) -> None:
    _, backup = delivered(rig, "M1")
    rig.archive()
    name = KeyName.of_header(backup[:8])
    assert name.class_ is KeyClass.CONTENT
    with pytest.raises(KeysNeededError) as caught:
        key_eraser(rig).destroy(name)
    assert caught.value.code == "keys-day-not-over"


def test_a_day_that_is_not_archived_keeps_its_key(rig: Rig) -> None:
    _, backup = delivered(rig, "M1")
    rig.clock.pass_s(2 * DAY_S)
    with pytest.raises(KeysNeededError) as caught:
        key_eraser(rig).destroy(KeyName.of_header(backup[:8]))
    assert caught.value.code == "keys-not-archived"


def test_the_end_of_a_key_is_recorded_by_whoever_comes_after_one_that_was_killed(rig: Rig) -> None:
    _, backup = delivered(rig, "M1")
    rig.archive()
    rig.clock.pass_s(2 * DAY_S)
    keeper = KeyKeeper(rig.site.keys, rig.clock.now)
    keeper.destroy(KeyName.of_header(backup[:8]), [], Doer(rig.clock.now(), "test", "killed"))
    assert proofs(rig) == []
    erase_all(rig)
    assert proofs(rig) == [("content", 0)]


def test_the_archiver_waits_for_keys_that_are_away_and_archives_nothing_untold(rig: Rig) -> None:
    receipt = rig.take(adt("M1"))
    rig.scribe = Scribe(rig.compiled, Sealer.of(rig.site.keys))
    archiver = rig.new_archiver()
    elsewhere = rig.root / "elsewhere"
    rig.site.keys.folder.rename(elsewhere)
    with pytest.raises(KeysAwayError):
        archiver.step()
    assert rig.rows(schema.messages) == []
    elsewhere.rename(rig.site.keys.folder)
    assert archiver.step() == 1
    assert [row.receipt for row in rig.rows(schema.messages)] == [receipt]
    assert rig.rows(schema.terms), "it was opened, and is found by what it says"


@pytest.mark.parametrize(("where", "killed"), [(KeyFolder, "write_gone"), (durable, "wipe")])
def test_a_key_whose_destruction_was_killed_goes_while_messages_of_its_day_are_kept(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, where: object, killed: str
) -> None:
    """What is kept may be kept for years: the key of its whole day must not be."""
    message, waiting = delivered(rig, "M1"), parked(rig, "M2")
    rig.archive()
    rig.clock.pass_s(9 * DAY_S)
    rig.archive()
    with monkeypatch.context() as patched:
        patched.setattr(where, killed, _Killed())
        with pytest.raises(KeyboardInterrupt):
            erase_all(rig)
    for _ in range(2):  # what the first round makes anew, the second sweeps
        erase_all(rig)
        assert not opens(rig, *message)
        assert opens(rig, *waiting)
    listing = KeyKeeper(rig.site.keys, rig.clock.now).folder.names()
    assert listing.keys.isdisjoint(listing.gone)
    used = [name for name in listing.keys if name.class_ is KeyClass.PARKED]
    assert len(used) == len(listing.kept) == 1


def test_a_draft_of_a_killed_process_is_no_copy_of_a_key_that_is_gone(rig: Rig) -> None:
    message = delivered(rig, "M1")
    folder = KeyKeeper(rig.site.keys, rig.clock.now).folder
    (key,) = [name for name in folder.names().keys if _is_of(rig, name)]
    draft = folder.path / f".{key}.key.0badcafe"
    draft.write_bytes((folder.path / f"{key}.key").read_bytes())
    rig.archive()
    rig.clock.pass_s(9 * DAY_S)
    erase_all(rig)
    assert not opens(rig, *message)
    assert not draft.exists()


def _is_of(rig: Rig, name: KeyName) -> bool:
    """Whether it is the content key of the day that it is."""
    today = int(rig.clock.now().timestamp() // DAY_S)
    return name.class_ is KeyClass.CONTENT and name.day == today


class _Killed:
    """In the place of a method, the end of the process."""

    def __call__(self, *given: object) -> None:
        raise KeyboardInterrupt


def test_kept_keys_that_are_damaged_keep_no_other_key_from_its_end(rig: Rig) -> None:
    """The retention of all later days would be over on paper alone."""
    parked(rig, "M1")
    rig.archive()
    rig.clock.pass_s(8 * DAY_S)
    assert erase_all(rig) == 1
    (kept,) = rig.site.keys.folder.glob("*.kept")
    kept.write_bytes(b"\xff")
    later = delivered(rig, "M2")
    rig.archive()
    rig.clock.pass_s(8 * DAY_S)
    with pytest.raises(KeysAwayError, match="content-keys-damaged"):
        erase_all(rig)
    assert not opens(rig, *later)
    assert proofs(rig)[-1] == ("content", 0)
