"""One engine to one var/ folder, however the last one ended."""

from __future__ import annotations

import os
import pathlib

import pytest

from engine.errors import EngineError
from engine.net.lock import VarLock


def test_a_second_engine_is_refused_and_told_who_the_first_is(tmp_path: pathlib.Path) -> None:
    first = VarLock(tmp_path / "var")
    first.acquire()
    with pytest.raises(EngineError) as caught:
        VarLock(tmp_path / "var").acquire()
    assert caught.value.code == "engine-running"
    assert str(os.getpid()) in caught.value.what
    first.release()


def test_what_is_released_can_be_taken(tmp_path: pathlib.Path) -> None:
    first = VarLock(tmp_path)
    first.acquire()
    first.release()
    first.release()
    second = VarLock(tmp_path)
    second.acquire()
    second.release()


def test_the_lock_of_an_engine_that_is_gone_binds_nobody(tmp_path: pathlib.Path) -> None:
    """Its file stays behind, with a process id that may by now be anybody's."""
    (tmp_path / "engine.lock").write_text(f"{os.getpid()}\n")
    lock = VarLock(tmp_path)
    lock.acquire()
    lock.release()
