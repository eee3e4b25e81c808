"""`payergate init`: the site that it makes loads, discloses and delivers as it is."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli.main import main
from tests.support.estate import PAYERGATE, REPOSITORY, free_port

SAMPLES = "rules/samples"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "new" / "site"
    assert main(["init", str(folder)]) == 0
    return folder


def test_it_loads_without_a_warning_and_keeps_its_promises(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["check", "--site", str(site)]) == 0
    assert "0 warnings" in capsys.readouterr().out
    sample = str(site / SAMPLES / "adt-a01.hl7")
    assert main(["disclose", sample, "--channel", "harbor", "--site", str(site)]) == 0
    copy = capsys.readouterr().out
    assert "HM5550001" in copy
    assert not any(word in copy for word in ("SAMPLE STREET", "I10", "OT7770001"))
    other = str(site / SAMPLES / "adt-a01-other-insurer.hl7")
    assert main(["disclose", other, "--channel", "harbor", "--site", str(site)]) == 10
    assert "no-coverage" in capsys.readouterr().err


def test_it_says_what_it_made_and_overwrites_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()  # an empty one will do
    assert main(["init", str(folder), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["files"]
    there = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
    assert made == sorted(there)
    (folder / "config.yaml").write_text("mine")
    assert main(["init", str(folder)]) == 2
    assert "init-not-empty" in capsys.readouterr().err
    assert (folder / "config.yaml").read_text() == "mine"


def test_before_the_first_start_there_are_no_keys_and_that_is_well(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also once a command has started the store for the while."""
    for _ in range(2):
        capsys.readouterr()
        assert main(["keys", "ls", "--site", str(site)]) == 0
        assert capsys.readouterr().out == "there are no keys yet: the first start makes them\n"
        main(["doctor", "--site", str(site), "--json"])
        findings = json.loads(capsys.readouterr().out)["findings"]
        assert [one["level"] for one in findings if one["of"] == "keys"] == ["ok"]
        assert main(["queue", "ls", "--site", str(site)]) == 0


def test_it_says_what_to_try_and_all_of_it_is_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "our site"
    assert main(["init", str(folder)]) == 0
    first, cd, *commands = capsys.readouterr().out.splitlines()
    assert first.startswith("A site of 7 files in ")
    assert cd.strip() == f"cd '{folder}'"
    monkeypatch.chdir(folder)
    parsed = [shlex.split(command, comments=True)[1:] for command in commands]
    assert [words[0] for words in parsed] == ["check", "explain", "test", "demo", "run"]
    assert [main(words) for words in parsed[:3]] == [0, 0, 0]


def test_a_message_can_be_piped_in(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    lines = (site / SAMPLES / "adt-a01.hl7").read_bytes().replace(b"\r", b"\n")
    for command in ("explain", "disclose"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
        assert main([command, "-", "--channel", "harbor", "--site", str(site)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("-, message 1: ADT^A01")
    assert "harbor: disclose (granted)." in printed


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 2


def test_it_runs_and_delivers(site: Path, tmp_path: Path) -> None:
    ports = {"2575": str(free_port()), "6661": str(free_port())}
    for file, port in (("config.yaml", "2575"), ("channels/harbor.yaml", "6661")):
        text = (site / file).read_text()
        (site / file).write_text(text.replace(f'127.0.0.1:{port}"', f'127.0.0.1:{ports[port]}"'))
    received = tmp_path / "received"
    address = f"127.0.0.1:{ports['6661']}"
    sink = subprocess.Popen(
        [*PAYERGATE, "sink", "--listen", address, "--out", str(received)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
    )
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine", "run", "--site", str(site)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert engine.stdout is not None
        with engine.stdout as output:
            assert b"engine_ready" in output.readline()
        messages = [str(path) for path in sorted((site / SAMPLES).glob("*.hl7"))]
        sent = [*PAYERGATE, "send", *messages, "--to", f"127.0.0.1:{ports['2575']}"]
        assert subprocess.run(sent, cwd=REPOSITORY, check=False).returncode == 0
        deadline = time.monotonic() + 15
        while not list(received.glob("*.hl7")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert b"HM5550001" in next(received.glob("*.hl7")).read_bytes()
    finally:
        engine.terminate()
        sink.terminate()
        assert engine.wait(30) == 0
        sink.wait(10)
