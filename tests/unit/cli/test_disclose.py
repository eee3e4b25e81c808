"""`disclose --json`: the same bytes, with the verdict of each channel."""

from __future__ import annotations

import base64
import json
import pathlib

import pytest

from engine.cli.main import main
from engine.errors import Exit
from tests.support.reference_site import ROOT

SAMPLE = str(ROOT / "rules" / "samples" / "adt-a01.hl7")
SITE = ("--site", str(ROOT))


def test_json_holds_the_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    words = ["disclose", SAMPLE, "--channel", "acme", *SITE]
    assert main(words) == Exit.OK
    plain = capfdbinary.readouterr().out
    assert main([*words, "--json"]) == Exit.OK
    (line,) = capfdbinary.readouterr().out.splitlines()
    said = json.loads(line)
    assert (said["file"], said["index"], said["channel"]) == (SAMPLE, 1, "acme")
    assert said["verdict"] == "disclose"
    assert said["reasons"][0]["code"] == "granted"
    assert b"".join(base64.b64decode(one) for one in said["payloads"]) == plain != b""


def test_json_says_why_there_is_nothing(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    words = ["disclose", SAMPLE, "--channel", "state-medicaid", "--json", *SITE]
    assert main(words) == Exit.NOTHING
    printed = capfdbinary.readouterr()
    said = json.loads(printed.out)
    assert said["verdict"] == "withhold"
    assert [reason["code"] for reason in said["reasons"]] == ["no-coverage"]
    assert said["payloads"] == []
    assert printed.err.startswith(b"no-coverage: ")


def test_every_channel_and_nothing_of_what_is_no_message(
    tmp_path: pathlib.Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("no message")
    words = ["disclose", SAMPLE, str(other), "--each", str(tmp_path / "each"), "--json", *SITE]
    assert main(words) == Exit.OK
    said = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [one["channel"] for one in said] == ["acme", "review-partners", "state-medicaid"]
    assert (tmp_path / "each" / "acme.hl7").read_bytes() == base64.b64decode(said[0]["payloads"][0])
