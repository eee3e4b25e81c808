"""What commands ask of their arguments alike: which site, which of its channels, which file.

Law: what one command calls an argument, every command does, and says the same of a wrong one.
Nothing here needs a store, so that a command without one is quick.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from engine.errors import UsageError

#: What every command says of an identifier that it takes.
PATIENT_HELP = "the identifier (PID-3.1); - reads it from standard input"


def add_site(parser: argparse.ArgumentParser) -> None:
    """Add `--site DIR`."""
    parser.add_argument(
        "--site",
        type=pathlib.Path,
        default=pathlib.Path(),
        metavar="DIR",
        help="the site's folder (default: the current one)",
    )


def add_site_and_json(parser: argparse.ArgumentParser) -> None:
    """Add `--site DIR` and `--json`, which every command about a running site has."""
    add_site(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def known_channel(channels: Iterable[str], asked: str) -> str:
    """`asked`, if the site has such a channel. Raises `UsageError` otherwise."""
    known = sorted(channels)
    if asked not in known:
        raise UsageError(
            "unknown-channel",
            f"The site has no channel {asked!r}.",
            f"It has: {', '.join(known)}.",
        )
    return asked


def chosen_channels(channels: Iterable[str], asked: str | None) -> tuple[str, ...]:
    """The one channel that is asked for, else all. Raises `UsageError` where there is no such."""
    return tuple(channels) if asked is None else (known_channel(channels, asked),)


def named_patient(text: str) -> str:
    """The identifier; `-`: from standard input, so that no list of processes shows it."""
    found = sys.stdin.readline().strip() if text == "-" else text
    if not found:
        raise UsageError("registry-input", "No patient is named.", "Give the identifier (PID-3.1).")
    return found


@contextmanager
def writing(file: pathlib.Path, mend: str) -> Iterator[None]:
    """While `file` is written: an `OSError` becomes a `UsageError` that says so, with the mend."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            "file-unwritable",
            f"{file} cannot be written ({error.strerror or type(error).__name__}).",
            mend,
        ) from error


@contextmanager
def writing_report(file: pathlib.Path, option: str) -> Iterator[None]:
    """As `writing`, of the file that `option` names; then say that it is there."""
    with writing(file, f"Give {option} a file that you may write."):
        yield
    print(f"written: {file}", file=sys.stderr)
