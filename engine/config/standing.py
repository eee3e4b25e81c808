"""Whether a site's files stand still while they are read.

Law: half of a site may load, and be narrower than the whole. Files that came, went or changed
between two looks are no site. Who writes them more slowly than that must say when it is done.
"""

from __future__ import annotations

import hashlib
import os
import pathlib

from engine.config.files import CONFIG, content_of

#: The folders whose files are a site's, with all that is below them.
_FOLDERS = ("channels", "rules")

#: Of one file: its name in the site, its size, its time of change, and the digest of its bytes.
Look = tuple[str, int, int, bytes]


def look_of(root: pathlib.Path) -> tuple[Look, ...]:
    """Every file of the site as it is now, those that nobody reads included."""
    names = [root / CONFIG]
    for folder in _FOLDERS:
        for inside, _, files in os.walk(root / folder):
            names += [pathlib.Path(inside, name) for name in files]
    return tuple(_look(root, name) for name in sorted(names))


def _look(root: pathlib.Path, path: pathlib.Path) -> Look:
    name = path.relative_to(root).as_posix()
    try:
        found = path.stat()
        return name, found.st_size, found.st_mtime_ns, hashlib.sha256(content_of(path)).digest()
    except OSError as error:  # it is gone, or not ours to read: so it must be in the next look, too
        return name, -1, error.errno or 0, b""
