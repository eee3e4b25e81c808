"""Who gives a command, and why."""

from __future__ import annotations

import argparse

import pytest

from engine.cli.acting import add_reason, need_reason, operator
from engine.errors import UsageError


def reason_of(*arguments: str) -> str:
    parser = argparse.ArgumentParser()
    add_reason(parser)
    given: str = parser.parse_args(arguments).reason
    return given


def test_a_reason_can_be_recorded_whatever_its_bytes_are() -> None:
    typed = b"asked by \xff".decode("utf-8", "surrogateescape")
    assert reason_of("--reason", typed) == "asked by \\udcff"
    assert reason_of("--reason", "erbeten für Frau K.") == "erbeten für Frau K."
    assert reason_of() == ""


def test_where_a_reason_is_asked_for_blanks_are_none() -> None:
    need_reason("asked", "For a reason only.")
    with pytest.raises(UsageError, match="For a reason only"):
        need_reason(" ", "For a reason only.")


def test_somebody_gives_every_command() -> None:
    assert operator()


def test_who_has_no_login_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000_000)
    assert operator() == "uid-4000000000"
