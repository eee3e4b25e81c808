"""A site that a command is given: a folder, or a revision that git keeps.

Law: what git keeps is read, never checked out: the working copy stays as it is.
"""

from __future__ import annotations

import io
import pathlib
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from engine.config.files import CONFIG
from engine.errors import UsageError


@contextmanager
def site_folder(named: str) -> Iterator[pathlib.Path]:
    """The folder of `DIR`, or of git's `REV:` or `REV:FOLDER` for as long as it is needed."""
    folder = pathlib.Path(named)
    if folder.is_dir() or ":" not in named:
        yield folder
        return
    revision, _, inside = named.partition(":")
    with tempfile.TemporaryDirectory(prefix="payergate-") as temporary:
        _extract(revision, inside, pathlib.Path(temporary))
        yield pathlib.Path(temporary)


def _extract(revision: str, inside: str, folder: pathlib.Path) -> None:
    tree = f"{revision}:{inside.rstrip('/')}" if inside else revision
    try:
        done = subprocess.run(  # noqa: S603  no shell; git refuses what is no revision
            ["git", "archive", "--format=tar", "--end-of-options", tree],  # noqa: S607
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise _no_site(revision, inside) from error
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    if not (folder / CONFIG).is_file():
        raise _no_site(revision, inside)


def _no_site(revision: str, inside: str) -> UsageError:
    return UsageError(
        "revision",
        f"git has no site at {revision}:{inside}.",
        "Name a folder, or a revision as in `main:` or `main:sites/east`.",
    )
