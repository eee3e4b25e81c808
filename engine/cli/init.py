"""`payergate init`: a new site that loads, for a start.

Law: nothing that is there is touched: a folder that holds anything is refused.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shlex
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from engine.errors import Exit, UsageError

_TEMPLATE = files("engine").joinpath("newsite")

#: What to do with a new site, in this order.
_TRY = (
    "payergate check",
    "payergate explain rules/samples/adt-a01.hl7",
    "payergate test --coverage",
    "payergate demo --site .        # a synthetic hospital and the insurer, until Ctrl-C",
    "payergate run                  # the engine, until Ctrl-C",
)

#: The store, its keys and its socket are no part of a site's version control.
_IGNORED = "var/\n"


def register(subparsers: Any) -> None:
    """Add `init` to the command line."""
    parser = subparsers.add_parser(
        "init",
        help="make a new site",
        description=(
            "Makes a new site in DIR: a listener, one insurer, its rules, tests of them and sample"
            " messages. It loads and runs as it is."
        ),
    )
    parser.add_argument("dir", type=pathlib.Path, metavar="DIR", help="a new or an empty folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the site; say what to do with it."""
    folder: pathlib.Path = args.dir
    try:
        made = _make(folder)
    except OSError as error:
        raise UsageError(
            "init-folder",
            f"{folder} cannot be made a site ({error.strerror or type(error).__name__}).",
            "Name a folder that you may write.",
        ) from error
    if args.json:
        print(json.dumps({"site": str(folder), "files": made}))
        return Exit.OK
    print(f"A site of {len(made)} files in {folder}. Try:\n  cd {shlex.quote(str(folder))}")
    print(*(f"  {command}" for command in _TRY), sep="\n")
    return Exit.OK


def _make(folder: pathlib.Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError(
            "init-not-empty",
            f"{folder} is not empty.",
            "Name a new or an empty folder: nothing is overwritten.",
        )
    made = []
    for name, content in (*_files(_TEMPLATE, ""), (".gitignore", _IGNORED.encode())):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        made.append(name)
    return sorted(made)


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            yield from _files(entry, f"{name}/")
        else:
            yield name, entry.read_bytes()
