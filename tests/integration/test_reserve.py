"""The reserve on a disk that is really full."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import Accepted, Operation, Survey, View
from engine.store.redis import RedisStore
from engine.store.reserve import DiskShort, Reserve, ReservingStore
from tests.small_disk import fill, small_disk
from tests.support.store_samples import do, message

MIB = 1024 * 1024
SIZE = 2 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 16 * MIB) as disk:
        yield disk


def test_it_is_kept_given_up_on_a_full_disk_and_taken_back(disk: Path) -> None:
    reserve = Reserve(disk, SIZE)
    assert not reserve.is_made(), "no engine has run"
    assert reserve.look_after() is True
    assert reserve.is_held()
    assert reserve.look_after() is None
    assert not reserve.is_short()
    filler = fill(disk)
    assert reserve.is_short(), "also before it is given up"
    assert reserve.look_after() is False
    assert not reserve.is_held()
    (disk / "written").write_bytes(b"x" * (SIZE - MIB))
    assert reserve.look_after() is None
    filler.unlink()
    assert reserve.is_short()
    assert reserve.look_after() is True
    assert not reserve.is_short()
    assert Reserve(disk, SIZE).is_held()


def test_a_disk_without_room_for_it_from_the_start_takes_no_messages(disk: Path) -> None:
    fill(disk, leave=SIZE)
    reserve = Reserve(disk, SIZE)
    assert reserve.look_after() is False
    assert reserve.look_after() is None
    assert reserve.is_short()
    assert reserve.is_made()
    assert not reserve.is_held()


def test_it_is_given_up_when_the_server_ended_and_nothing_can_be_written(disk: Path) -> None:
    reserve = Reserve(disk, SIZE)
    assert reserve.look_after() is True
    assert reserve.look_after(store_ended=True) is None, "it ended for another reason"
    fill(disk, leave=MIB // 2)
    assert reserve.look_after() is None
    assert reserve.look_after(store_ended=True) is False


def test_a_size_of_none_keeps_and_refuses_nothing(disk: Path) -> None:
    reserve = Reserve(disk, 0)
    fill(disk)
    assert reserve.look_after() is None
    assert not reserve.is_short()
    assert not (disk / "reserve").exists()


def test_messages_are_refused_and_everything_else_is_done(disk: Path) -> None:
    var = disk / "var"
    server = EmbeddedServer(var)
    server.start()
    reserve = Reserve(var, SIZE)
    reserve.look_after()
    store = ReservingStore(RedisStore(connect(server.url)), reserve)
    try:
        do(store, message("R1", "acme"))
        filler = fill(disk, leave=SIZE // 2)
        batch: list[Operation] = [message("R2", "acme"), Survey(("acme",)), message("R3", "acme")]
        with pytest.raises(DiskShort) as caught:
            store.execute(batch)
        assert caught.value.code == "store-disk-full"
        assert caught.value.refused == {0, 2}
        view = caught.value.results[1]
        assert isinstance(view, View)
        assert view.lanes[0].depth == 1
        filler.unlink()
        assert store.execute(batch)[2] == Accepted("R3")
    finally:
        with closing(store):
            server.stop()


def test_a_limit_that_leaves_no_room_for_it_is_told_once(tmp_path: Path) -> None:
    """A quota, or `ulimit -f`: the disk has room, but not for us."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE // 2, limits[1]))
    try:
        reserve = Reserve(tmp_path, SIZE)
        assert [reserve.look_after() for _ in range(3)] == [False, None, None]
        assert reserve.is_short()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert reserve.look_after() is True
