"""Content keys that go missing: nothing is acknowledged, and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from engine.store.keyfolder import KeyFolder
from tests.faults.test_unfit_store import told, wait_until
from tests.support.estate import CHANNELS, PAYERGATE, REPOSITORY, Estate
from tests.support.hospital import ask, make_messages


def test_without_its_keys_nothing_is_taken_and_with_others_nothing_starts(
    tmp_path: Path,
) -> None:
    first, second = make_messages(0, 2, seed=1)
    with Estate(tmp_path) as estate:
        assert ask(estate.listener_port, first)
        folder = estate.site / "var" / "content-keys"
        folder.rename(tmp_path / "elsewhere")
        wait_until(lambda: told(estate, "listener_held"))
        assert not ask(estate.listener_port, second, 2.0)
        assert not folder.exists(), "no keys are made in the place of those that are missed"
        (tmp_path / "elsewhere").rename(folder)
        wait_until(lambda: told(estate, "listener_released"))
        assert ask(estate.listener_port, second)
        estate.wait_until_empty(30)
        wanted = {name: sum(name in one.channels for one in (first, second)) for name in CHANNELS}
        assert {name: len(estate.received(name)) for name in CHANNELS} == wanted
        assert not told(estate, "unexpected")

        estate.stop_engine()
        folder.rename(tmp_path / "elsewhere")
        said = estate.command("doctor", code=1)
        assert "content-keys-missing" in str(said)
        refused = subprocess.run(
            [*PAYERGATE, "run", "--site", str(estate.site)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert refused.returncode == 1
        assert "content-keys-missing" in refused.stderr
        assert not folder.exists(), "a start makes none either"
        folder.mkdir(mode=0o700)  # the place of a mount, without its mount
        assert "content-keys-missing" in str(estate.command("doctor", code=1))
        refused = subprocess.run(
            [*PAYERGATE, "run", "--site", str(estate.site)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert refused.returncode == 1
        assert "content-keys-missing" in refused.stderr
        assert list(folder.iterdir()) == []


def test_nothing_is_entered_and_no_key_dropped_while_the_folder_is_another(tmp_path: Path) -> None:
    (sent,) = make_messages(0, 1, seed=1)
    entering = ("restriction", "add", "--patient", "P1", "--everything", "--why", "asked")
    with Estate(tmp_path) as estate:
        assert ask(estate.listener_port, sent)
        estate.wait_until_empty(30)
        estate.ledger()
        estate.stop_engine()
        keys, folder = (estate.site / "var" / name for name in ("keys", "content-keys"))
        master = keys.read_bytes()
        folder.rename(tmp_path / "elsewhere")
        for command in (entering, ("keys", "rotate")):
            estate.command(*command, code=1)
            assert not folder.exists(), "no keys are made in the place of those that are missed"
        KeyFolder(folder).create()
        for command in (entering, ("keys", "rotate")):
            estate.command(*command, code=1)
            assert keys.read_bytes() == master
            assert not list(folder.glob("*.key"))
        shutil.rmtree(folder)
        (tmp_path / "elsewhere").rename(folder)
        assert estate.command(*entering)["new"]
        estate.command("keys", "rotate")
        estate.start_engine()
        assert ask(estate.listener_port, make_messages(1, 1, seed=1)[0])


def test_erasing_that_cannot_go_on_is_told_and_keeps_nothing_from_the_archive(
    tmp_path: Path,
) -> None:
    first, second = make_messages(0, 2, seed=1)
    with Estate(tmp_path) as estate:
        estate.stop_engine()
        kept = estate.site / "var" / "content-keys" / "content-2020-01-01-00000000.kept"
        kept.write_bytes(bytes(100))
        estate.start_engine()
        wait_until(lambda: told(estate, "archive_unavailable", "content-keys-damaged"))
        for sent in (first, second):  # with a time between them in which there is nothing to do
            assert ask(estate.listener_port, sent)
            estate.wait_until_empty(30)
            wait_until(lambda: not estate.unarchived())
        wait_until(lambda: told(estate, "archive_back"))
        assert len(told(estate, "archive_unavailable")) == 1
