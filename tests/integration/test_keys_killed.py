"""Whoever works on the keys is killed at each of its steps: nothing is lost, nothing comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store.keyfile import read_keys
from engine.store.keykeeping import KeyKeeper
from engine.store.keynames import KeyName
from engine.store.sealing import SealError
from tests.integration.test_content_keys import DOER, SECRET, Site

#: What changes something on a disk, or waits for it.
_STEPS = ("fsync", "fdatasync", "replace", "rename", "unlink", "link", "pwrite")

#: More steps than anything here has.
_MOST = 60


def killed(deed: Callable[[], object], at: int) -> bool:
    """Do it in a process that is killed before its step `at`; False if it has fewer."""
    child = os.fork()
    if not child:
        count = 0

        def counted(step: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **options: object) -> object:
                nonlocal count
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return step(*args, **options)

            return call

        for name in _STEPS:
            setattr(os, name, counted(getattr(os, name)))
        code = 1
        try:
            deed()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@contextmanager
def suppress_erased() -> Iterator[None]:
    """Content that was erased is as it should be; whatever else does not open is not."""
    try:
        yield
    except SealError as error:
        if error.code != "sealed-erased":
            raise


class Day:
    """Four messages of a day, of which the first two are needed longer."""

    def __init__(self, root: Path) -> None:
        self.site = Site(root)
        self.messages = [self.site.message(number) for number in range(4)]
        self.needed = self.messages[:2]
        self._blobs = [self.site.sealer.seal_message(SECRET, one) for one in self.messages]
        self._lasting = self.site.sealer.seal(SECRET, b"x")
        self.key = KeyName.of_header(self._blobs[0][:8])

    @property
    def keeper(self) -> KeyKeeper:
        return self.site.keeper

    def opens(self) -> list[bytes]:
        """The messages that open; what does not was erased, and what lasts opens always."""
        sealer = self.site.process()[1]
        assert sealer.open(self._lasting, b"x") == SECRET
        found = []
        for message, blob in zip(self.messages, self._blobs, strict=True):
            with suppress_erased():
                assert sealer.open(blob, message) == SECRET
                found.append(message)
        return found

    def drafts(self) -> list[str]:
        """What killed processes have left."""
        folder = self.site.source.folder
        files: Iterable[Path] = [*folder.iterdir(), *folder.parent.iterdir()]
        return [file.name for file in files if file.name.startswith(".")]


#: Kills that each deed must have survived at the least, else none was made.
_FEWEST = 5


def days(root: Path) -> Iterable[tuple[int, Day]]:
    for at in range(1, _MOST):
        yield at, Day(root / str(at))
    pytest.fail("it has more steps than was thought")


def test_a_rotation(tmp_path: Path) -> None:
    for at, day in days(tmp_path):
        was_killed = killed(day.keeper.rotate, at)
        assert day.opens() == day.messages
        day.site.process()[0].look()
        day.keeper.rotate()
        assert day.opens() == day.messages
        assert len(read_keys(day.site.source.file or Path()).masters) == 1
        assert day.drafts() == []
        if not was_killed:
            assert at > _FEWEST
            return


def test_the_end_of_a_day(tmp_path: Path) -> None:
    for at, day in days(tmp_path):

        def deed(day: Day = day) -> object:
            return day.keeper.destroy(day.key, day.needed, DOER)

        was_killed = killed(deed, at)
        assert set(day.needed) <= set(day.opens())
        day.keeper.sweep(DOER)
        deed()
        assert day.opens() == day.needed
        assert day.drafts() == []
        if not was_killed:
            assert at > _FEWEST
            return


@pytest.mark.parametrize("left", [0, 1])
def test_letting_go_of_kept_keys(tmp_path: Path, left: int) -> None:
    for at, day in days(tmp_path):
        day.keeper.destroy(day.key, day.needed, DOER)
        needed = day.needed[:left]

        def deed(day: Day = day, needed: list[bytes] = needed) -> object:
            return day.keeper.prune(day.key, needed, DOER)

        was_killed = killed(deed, at)
        assert set(needed) <= set(day.opens()) <= set(day.needed)
        day.keeper.sweep(DOER)
        deed()
        day.keeper.sweep(DOER)
        assert day.opens() == needed
        assert day.drafts() == []
        listing = day.keeper.folder.names()
        assert not listing.keys & listing.gone
        if not was_killed:
            assert at > _FEWEST
            return
