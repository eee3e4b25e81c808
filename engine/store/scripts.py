"""The Lua scripts beside this module, put together and named by their SHA-1.

Law: a script is one file under lua/ whose header is its contract: keys, arguments, reply. A line
`-- use NAME…` in it stands for the parts lua/NAME.lua, which are no scripts by themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

_USE = "-- use "
_FOLDER = files("engine.store").joinpath("lua")


@dataclass(frozen=True, slots=True)
class Script:
    """A script's source, and the name under which a server keeps it."""

    source: str
    sha: str


def read_script(name: str) -> Script:
    """The script lua/`name`.lua with the parts that it uses."""
    lines = []
    for line in _read(name):
        if line.startswith(_USE):
            for part in line.removeprefix(_USE).split():
                lines.extend(_read(part))
        else:
            lines.append(line)
    source = "\n".join(lines) + "\n"
    # SHA-1 is how EVALSHA names scripts; nothing secret hangs on it.
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


def _read(name: str) -> list[str]:
    return _FOLDER.joinpath(f"{name}.lua").read_text("utf-8").splitlines()


ACCEPT = read_script("accept")
ADVANCE = read_script("advance")
BEAT = read_script("beat")
CLAIM = read_script("claim")
CONTENTS = read_script("contents")
CONTROL = read_script("control")
ENTER = read_script("enter")
FORGET = read_script("forget")
ITEMS = read_script("items")
LETGO = read_script("letgo")
MARK = read_script("mark")
REBUILD = read_script("rebuild")
RELEASE = read_script("release")
RELEASED = read_script("released")
REOPEN = read_script("reopen")
RESOLVE = read_script("resolve")
SURVEY = read_script("survey")
TRUST = read_script("trust")
UNLEARN = read_script("unlearn")
WAITING = read_script("waiting")

ALL = (
    ACCEPT, ADVANCE, BEAT, CLAIM, CONTENTS, CONTROL, ENTER, FORGET, ITEMS, LETGO, MARK, REBUILD,
    RELEASE, RELEASED, REOPEN, RESOLVE, SURVEY, TRUST, UNLEARN, WAITING,
)  # fmt: skip
