"""Which files a site is made of.

Law: a file that looks like part of the site and would not be read is reported: a withholding in it
would silently not be in force.
"""

from __future__ import annotations

import errno
import os
import pathlib
import stat
from dataclasses import dataclass

from engine.config.yaml_source import MOST_BYTES, read_yaml
from engine.errors import Place
from engine.policy.language import Mistake, Problems
from engine.policy.language.source import Node

CONFIG = "config.yaml"
_YAML = frozenset({".yaml", ".yml"})
#: Folders below rules/ that are not stray: code sets, and messages for tests.
SETS = "rules/sets"
_BELOW_RULES = frozenset({"sets", "samples"})


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The files of a site as nodes; those that could not be read are left out.

    `every_channel_read` and `every_set_read` say whether none of the channel files, and none of
    the code sets, was.
    """

    config: Node | None
    channels: tuple[Node, ...]
    rules: tuple[Node, ...]
    sets: tuple[Node, ...]
    every_channel_read: bool
    every_set_read: bool


def read_files(root: pathlib.Path, problems: Problems) -> SiteFiles:
    """Read config.yaml, channels/*.yaml, rules/*.yaml (not *_test.yaml) and rules/sets/*.yaml."""
    config = root / CONFIG
    if not config.is_file():
        where = "this folder" if root == pathlib.Path() else root
        problems.note(
            Place(CONFIG, 1, 1),
            Mistake.MISSING_FILE,
            f"There is no config.yaml in {where}.",
            "Name the site's folder with --site DIR, or make a site: payergate init DIR.",
        )
    channels = _folder(root, "channels", problems)
    rules = [path for path in _folder(root, "rules", problems) if not _is_test(path)]
    sets = _folder(root, SETS, problems)
    if not channels and config.is_file():
        problems.note(
            Place(CONFIG, 1, 1),
            Mistake.NO_CHANNEL,
            "The site has no channel, so nothing is ever sent.",
            "Add a file to channels/.",
        )
    read = _read_all(root, channels, problems)
    read_sets = _read_all(root, sets, problems)
    return SiteFiles(
        config=read_file(root, config, problems) if config.is_file() else None,
        channels=read,
        rules=_read_all(root, rules, problems),
        sets=read_sets,
        every_channel_read=len(read) == len(channels),
        every_set_read=len(read_sets) == len(sets),
    )


def suite_files(root: pathlib.Path) -> list[pathlib.Path]:
    """The files of tests, `rules/*_test.yaml`; what stands too deep `read_files` reports."""
    return [path for path in _folder(root, "rules", Problems()) if _is_test(path)]


def channel_files(root: pathlib.Path) -> list[pathlib.Path]:
    """The files of channels; what stands too deep `read_files` reports."""
    return _folder(root, "channels", Problems())


def _is_test(path: pathlib.Path) -> bool:
    return path.stem.endswith("_test")


def _read_all(
    root: pathlib.Path, paths: list[pathlib.Path], problems: Problems
) -> tuple[Node, ...]:
    nodes = (read_file(root, path, problems) for path in paths)
    return tuple(node for node in nodes if node is not None)


def read_file(root: pathlib.Path, path: pathlib.Path, problems: Problems) -> Node | None:
    """One YAML file of the site as nodes; None after noting why there are none."""
    name = path.relative_to(root).as_posix()
    try:
        data = content_of(path)
    except OSError as error:
        problems.note(
            Place(name, 1, 1),
            Mistake.UNREADABLE,
            f"The file cannot be read: {error.strerror}.",
            "Give the engine's user the right to read it.",
        )
        return None
    return read_yaml(data, name, problems)


def content_of(path: pathlib.Path) -> bytes:
    """No more than shows that it is too much; a pipe or a device would have no end."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "It is no regular file")
        return file.read(MOST_BYTES + 1)


def _folder(root: pathlib.Path, name: str, problems: Problems) -> list[pathlib.Path]:
    """The YAML files directly in a folder; those further down are reported."""
    folder = root / name
    if not folder.is_dir():
        return []
    direct: list[pathlib.Path] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if not hidden and path.is_symlink() and path.is_dir():
            _stray(path.relative_to(root).as_posix(), name, problems)
            continue
        if hidden or path.suffix.lower() not in _YAML or path.is_dir():
            continue
        if len(inside.parts) == 1:
            direct.append(path)
        elif name != "rules" or inside.parts[0] not in _BELOW_RULES:
            _stray(path.relative_to(root).as_posix(), name, problems)
    return direct


def _stray(file: str, parent: str, problems: Problems) -> None:
    problems.note(
        Place(file, 1, 1),
        Mistake.STRAY_FILE,
        f"Files further down than {parent}/ are not read.",
        f"Move it to {parent}/.",
    )
