"""Small files that are on the disk, whole, when a call returns.

Law: whoever reads meanwhile sees the file as it was or as it is to be, and a crash leaves one of
the two; the one exception is written in place, for where there may be no room for another file.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

#: Permissions of what its owner alone may read.
PRIVATE = 0o600


def create_once(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Make a file, unless there is one by now: then another process was first, and its stands."""
    draft = _draft(path, content, mode)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)  # whoever wipes drafts may have been quicker
    keep_entries(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of what the file holds, or make it."""
    _draft(path, content, PRIVATE).replace(path)
    keep_entries(path.parent)


def replace_and_wipe(path: Path, content: bytes) -> None:
    """As `replace`; of what the file held nothing is to be found any more."""
    draft = _draft(path, content, PRIVATE)
    former = _former(path)
    wipe_left(former)
    if path.exists():
        former.hardlink_to(path)
    draft.replace(path)
    keep_entries(path.parent)
    wipe(former)


def remove_and_wipe(path: Path) -> None:
    """Remove a file, if it is there, and wipe it: it is never seen half overwritten."""
    if path.exists():
        former = _former(path)
        wipe_left(former)
        path.replace(former)
        keep_entries(path.parent)
        wipe(former)


def wipe_drafts(path: Path) -> None:
    """Wipe what killed processes have left of writing or wiping `path`.

    The caller sees to it that nobody writes it meanwhile.
    """
    of_path = re.compile(rf"\.{re.escape(path.name)}\.([0-9a-f]{{8}}|former)")
    for left in list(path.parent.iterdir()):
        if of_path.fullmatch(left.name):
            wipe_left(left)


def wipe(path: Path) -> None:
    """Overwrite and remove a file, if it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    path.unlink(missing_ok=True)  # who wipes it, too, may have been quicker
    keep_entries(path.parent)


def wipe_left(path: Path) -> None:
    """Remove what a killed process has left, if it is there, and wipe it.

    Not if it is another name of a file in use: then there is nothing in it that has to go.
    """
    if path.exists() and path.stat().st_nlink > 1:
        path.unlink()
        keep_entries(path.parent)
    else:
        wipe(path)


def write_in_place(path: Path, content: bytes) -> None:
    """Overwrite the beginning of a file, or make it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        os.pwrite(descriptor, content, 0)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def keep_entries(folder: Path) -> None:
    """Have a folder's entries on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _former(path: Path) -> Path:
    """The other name of a file that is on its way out."""
    return path.with_name(f".{path.name}.former")


def _draft(path: Path, content: bytes, mode: int) -> Path:
    """A file beside `path` with `content`, on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
