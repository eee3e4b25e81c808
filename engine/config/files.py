"""Which files a site is made of.

Law: a file that looks like part of the site and would not be read is reported: a withholding in it
would silently not be in force.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

from engine.config.yaml_source import read_yaml
from engine.errors import Place
from engine.policy.language import Mistake, Problems
from engine.policy.source import Node

CONFIG = "config.yaml"
_YAML = frozenset({".yaml", ".yml"})
_SETS = "sets"
_SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """The files of a site as nodes; those that could not be read are left out.

    `every_channel_read` says whether none of the channel files was.
    """

    config: Node | None
    channels: tuple[Node, ...]
    rules: tuple[Node, ...]
    every_channel_read: bool


def read_files(root: pathlib.Path, problems: Problems) -> SiteFiles:
    """Read `config.yaml`, `channels/*.yaml` and `rules/*.yaml` (not `*_test.yaml`)."""
    config = root / CONFIG
    if not config.is_file():
        problems.note(
            Place(CONFIG, 1, 1),
            Mistake.MISSING_FILE,
            "The site has no config.yaml.",
            "Name the site's folder with --site DIR.",
        )
    channels = _folder(root, "channels", problems)
    rules = [path for path in _folder(root, "rules", problems) if not _is_test(path)]
    if not channels:
        problems.note(
            Place(CONFIG, 1, 1),
            Mistake.NO_CHANNEL,
            "The site has no channel, so nothing is ever sent.",
            "Add a file to channels/.",
        )
    read = _read_all(root, channels, problems)
    return SiteFiles(
        config=read_file(root, config, problems) if config.is_file() else None,
        channels=read,
        rules=_read_all(root, rules, problems),
        every_channel_read=len(read) == len(channels),
    )


def suite_files(root: pathlib.Path) -> list[pathlib.Path]:
    """The files of tests, `rules/*_test.yaml`; what stands too deep `read_files` reports."""
    return [path for path in _folder(root, "rules", Problems()) if _is_test(path)]


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
        data = path.read_bytes()
    except OSError as error:
        problems.note(
            Place(name, 1, 1),
            Mistake.UNREADABLE,
            f"The file cannot be read: {error.strerror}.",
            "Give the engine's user the right to read it.",
        )
        return None
    return read_yaml(data, name, problems)


def _folder(root: pathlib.Path, name: str, problems: Problems) -> list[pathlib.Path]:
    """The YAML files directly in a folder; those further down are reported."""
    folder = root / name
    if not folder.is_dir():
        return []
    direct: list[pathlib.Path] = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or path.suffix.lower() not in _YAML or path.is_dir():
            continue
        if len(inside.parts) == 1:
            direct.append(path)
        elif inside.parts[0] != _SAMPLES:
            _stray(path.relative_to(root).as_posix(), inside.parts[0], name, problems)
    return direct


def _stray(file: str, folder: str, parent: str, problems: Problems) -> None:
    place = Place(file, 1, 1)
    if parent == "rules" and folder == _SETS:
        problems.note(
            place,
            Mistake.UNSUPPORTED,
            "Code sets (`rules/sets`) are not supported by this version.",
            "Remove it: a site that asks for it does not load.",
        )
        return
    problems.note(
        place,
        Mistake.STRAY_FILE,
        f"Files further down than {parent}/ are not read.",
        f"Move it to {parent}/.",
    )
