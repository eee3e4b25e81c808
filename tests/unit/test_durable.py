"""What the disk holds after each kind of write. That it survives a crash, no test here can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import durable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_the_first_one_stands(file: Path) -> None:
    durable.create_once(file, b"first", 0o644)
    durable.create_once(file, b"second")
    assert file.read_bytes() == b"first"
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(file.parent.iterdir()) == [file]


def test_the_last_one_stands(file: Path) -> None:
    durable.replace(file, b"first")
    durable.replace(file, b"2nd")
    assert file.read_bytes() == b"2nd"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_of_the_former_nothing_is_left_under_any_name(file: Path) -> None:
    durable.replace(file, b"secret")
    other = file.with_name("other")
    other.hardlink_to(file)  # the same bytes on the disk
    durable.replace_and_wipe(file, b"new")
    assert file.read_bytes() == b"new"
    assert other.read_bytes() == bytes(6)
    assert set(file.parent.iterdir()) == {file, other}


def test_what_a_process_left_that_was_killed_before_it_could_wipe_is_wiped(file: Path) -> None:
    durable.replace(file, b"today")
    left = file.with_name(".file.former")
    left.write_bytes(b"secret")
    with left.open("rb") as still_there:
        durable.replace_and_wipe(file, b"new")
        assert still_there.read() == bytes(6)
    assert list(file.parent.iterdir()) == [file]


def test_what_is_left_may_be_another_name_of_what_is_in_use(file: Path) -> None:
    durable.replace(file, b"today")
    left = file.with_name(".file.former")
    left.hardlink_to(file)  # killed before the new one was in place
    durable.wipe_left(left)
    assert file.read_bytes() == b"today"
    assert list(file.parent.iterdir()) == [file]
    durable.wipe_left(left)


def test_what_is_not_there_cannot_be_wiped(file: Path) -> None:
    durable.wipe(file)
    assert not file.exists()


def test_in_place_it_is_the_same_file(file: Path) -> None:
    durable.write_in_place(file, b"0001")
    was = file.stat().st_ino
    durable.write_in_place(file, b"0002")
    assert (file.read_bytes(), file.stat().st_ino) == (b"0002", was)
