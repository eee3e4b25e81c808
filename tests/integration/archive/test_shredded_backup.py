"""A day that was shredded cannot be read from backups that were made before, with today's keys."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.intake.sealed import about_copy, about_message
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.keynames import KeyName
from engine.store.keys import JOURNAL, out
from engine.store.port import Final
from engine.store.redis import RedisStore
from engine.store.sealing import Sealer, SealError
from tests.support.archive_rig import Rig, adt
from tests.support.commanding import payergate

DAY = "2026-03-01"
DAY_S = 86_400.0


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """On a real store and a real archive; its clock is in March, the machine's is later."""
    server = EmbeddedServer(tmp_path / "site" / "var")
    server.start()
    rig = Rig(tmp_path / "site", store=RedisStore(connect(server.url)))
    yield rig
    rig.close()
    server.stop()


class Backup:
    """Copies of the archive's file and the store's folder, as somebody made them then."""

    def __init__(self, site: Path, place: Path) -> None:
        self._place = place
        shutil.copytree(site / "var" / "store", place / "var" / "store")
        with sqlite3.connect(site / "var" / "archive.db") as source:
            copy = sqlite3.connect(place / "archive.db")
            source.backup(copy)
            copy.close()
        source.close()

    def archived(self) -> dict[str, bytes]:
        """The contents in the database's file."""
        archive = sqlite3.connect(self._place / "archive.db")
        found = dict(archive.execute("SELECT receipt, sealed FROM journal").fetchall())
        archive.close()
        return found

    def stored(self, channel: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Messages and copies in the AOF, as a server reads it."""
        server = EmbeddedServer(self._place / "var")
        server.start()
        client: Any = connect(server.url)
        journal = client.hgetall(JOURNAL)
        journal.pop(b"archive", None)
        messages = {receipt.decode(): blob for receipt, blob in journal.items()}
        entries = client.xrange(out(channel))
        copies = {entry[b"r"].decode(): entry[b"s"] for _, entry in entries}
        client.close()
        server.stop()
        return messages, copies

    def bytes(self) -> bytes:
        """Everything that there is of it."""
        return b"".join(file.read_bytes() for file in self._place.rglob("*") if file.is_file())


def opens(sealer: Sealer, blob: bytes, context: bytes) -> bool:
    try:
        return b"ZQSURNAME" in sealer.open(blob, context)
    except SealError as error:
        if error.code != "sealed-erased":
            raise
        return False


SHRED = ("keys", "shred", "--class", "content", "--day", DAY, "--reason", "patients' request")


def test_a_backup_made_before_has_nothing_of_a_shredded_day(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = [rig.take(adt(f"M{n}")) for n in range(3)]
    waiting = rig.take(adt("M3"))
    before = Backup(rig.root, tmp_path / "before")  # copies of all four wait in the store
    for _ in done:
        rig.end("acme")
    rig.archive()
    after = Backup(rig.root, tmp_path / "after")  # three have left it for the archive
    rig.clock.pass_s(DAY_S)
    later = rig.take(adt("M4"))
    messages, copies = before.stored("acme")
    archived = after.archived()
    assert set(messages) == set(copies) == set(archived) == {*done, waiting}
    sealer = Sealer.of(rig.site.keys)
    for receipt in messages:
        assert opens(sealer, messages[receipt], about_message(receipt))
        assert opens(sealer, archived[receipt], about_message(receipt))
        assert opens(sealer, copies[receipt], about_copy(receipt, "acme", 0))

    said = payergate(capsys, rig.root, *SHRED)
    assert (len(said["destroyed"]), said["kept"]) == (1, 1)

    sealer = Sealer.of(rig.site.keys)
    for receipt in done:
        assert not opens(sealer, messages[receipt], about_message(receipt))
        assert not opens(sealer, archived[receipt], about_message(receipt))
        assert not opens(sealer, copies[receipt], about_copy(receipt, "acme", 0))
    assert opens(sealer, messages[waiting], about_message(waiting)), "it is yet to be delivered"
    assert opens(sealer, copies[waiting], about_copy(waiting, "acme", 0))
    fetched = rig.fetch(later)
    assert fetched is not None
    assert opens(sealer, fetched, about_message(later)), "other days are as they were"
    for backup in (before, after):
        assert b"ZQSURNAME" not in backup.bytes()
    row = rig.bodies()[-1]
    assert (row["kind"], row["class"], row["day"], row["kept"]) == ("erased", "content", DAY, 1)
    assert row["why"] == "patients' request"
    shown = ("messages", "show", done[0], "--content", "--reason", "test")
    assert "sealed-erased" in payergate(capsys, rig.root, *shown, code=1)

    rig.end("acme", Final.DELIVERED)
    rig.archive()
    parked = ("keys", "shred", "--class", "parked", "--day", DAY, "--reason", "done with")
    assert len(payergate(capsys, rig.root, *parked)["destroyed"]) == 1
    sealer = Sealer.of(rig.site.keys)
    assert not opens(sealer, messages[waiting], about_message(waiting))
    assert payergate(capsys, rig.root, "ledger", "verify")["ok"]


def test_what_is_needed_is_not_shredded(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = rig.take(adt("M1"))
    rig.archive()
    payergate(capsys, rig.root, *SHRED)
    parked = ("keys", "shred", "--class", "parked", "--day", DAY, "--reason", "no more")
    assert "keys-needed" in payergate(capsys, rig.root, *parked, code=1)
    blob = rig.fetch(receipt)
    assert blob is not None
    assert opens(Sealer.of(rig.site.keys), blob, about_message(receipt))


def test_what_cannot_be_shredded_is_said(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.take(adt("M1"))
    payergate(capsys, rig.root, *SHRED)
    assert "unknown-key" in payergate(capsys, rig.root, *SHRED, code=2)
    today = datetime.now(UTC).date().isoformat()
    args = ("keys", "shred", "--class", "content", "--day", today, "--reason", "now")
    assert "keys-day-not-over" in payergate(capsys, rig.root, *args, code=1)


def test_keys_are_listed_and_rotated_by_command(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = rig.take(adt("M1"))
    blob = rig.fetch(receipt)
    assert blob is not None
    before = payergate(capsys, rig.root, "keys", "ls")
    done = payergate(capsys, rig.root, "keys", "rotate", "--reason", "yearly")
    after = payergate(capsys, rig.root, "keys", "ls")
    assert done["dropped"] == [before["masters"][0]["id"]]
    assert after["masters"] == [{"id": done["master"], "current": True, "opens_content": False}]
    assert {key["master"] for key in after["keys"]} == {done["master"]}
    assert opens(Sealer.of(rig.site.keys), blob, about_message(receipt))
    row = rig.bodies()[-1]
    assert (row["kind"], row["why"], row["master"]) == ("keys-rotated", "yearly", done["master"])
    key = (rig.root / "var" / "keys").read_text().split()[4]
    assert key not in json.dumps([before, done, after, row])
    assert main(["keys", "ls", "--site", str(rig.root)]) == 0
    assert key not in capsys.readouterr().out


def test_a_key_that_is_lost_is_given_up_by_its_id(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = rig.take(adt("M1"))
    blob = rig.fetch(receipt)
    assert blob is not None
    name = KeyName.of_header(blob[:8])
    (rig.site.keys.folder / f"{name}.key").unlink()
    said = payergate(capsys, rig.root, *SHRED, "--lost", name.id.hex())
    assert said == {"destroyed": [str(name)], "kept": 0}
    assert not opens(Sealer.of(rig.site.keys), blob, about_message(receipt))
    assert "unknown-key" in payergate(capsys, rig.root, *SHRED, "--lost", "x", code=2)


def test_a_lost_key_of_archived_content_is_given_up_by_its_id(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = rig.take(adt("M1"))
    blob = rig.fetch(receipt)
    assert blob is not None
    rig.archive()
    name = KeyName.of_header(blob[:8])
    (rig.site.keys.folder / f"{name}.key").unlink()
    said = payergate(capsys, rig.root, *SHRED, "--lost", name.id.hex())
    assert said == {"destroyed": [str(name)], "kept": 0}


def test_a_key_that_there_never_was_is_not_given_up_and_nothing_is_written(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.take(adt("M1"))
    rig.archive()
    before = rig.bodies(), sorted(rig.site.keys.folder.iterdir())
    refused = payergate(capsys, rig.root, *SHRED, "--lost", "0badcafe", code=2)
    assert "unknown-key" in refused
    assert (rig.bodies(), sorted(rig.site.keys.folder.iterdir())) == before


def test_a_mistyped_id_gives_up_nothing_that_still_opens(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--lost` does not get round what is refused while it is needed."""
    receipt = rig.take(adt("M1"))
    rig.archive()
    blob = rig.fetch(receipt)
    assert blob is not None
    id_ = KeyName.of_header(blob[:8]).id.hex()
    assert "keys-not-lost" in payergate(capsys, rig.root, *SHRED, "--lost", id_, code=1)
    assert payergate(capsys, rig.root, *SHRED)["kept"] == 1
    parked = ("keys", "shred", "--class", "parked", "--day", DAY, "--reason", "damaged")
    assert "keys-not-lost" in payergate(capsys, rig.root, *parked, "--lost", id_, code=1)
    assert opens(Sealer.of(rig.site.keys), blob, about_message(receipt))
    (kept,) = rig.site.keys.folder.glob("*.kept")
    kept.write_bytes(b"damaged")
    assert len(payergate(capsys, rig.root, *parked, "--lost", id_)["destroyed"]) == 1
    assert not opens(Sealer.of(rig.site.keys), blob, about_message(receipt))
