"""Where a site's master keys come from: a file, the environment, or a program that prints them.

Law: keys are never in a site's files, on a command line, or in an error. The text is the same
everywhere (`engine.store.keyfile`). A program is asked again when a key is missing, so that a
rotation there needs no restart; the environment of a process never changes.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.store.keyfile import Keys, KeysAwayError, parse_keys, read_keys

#: How long the program may take, in seconds.
COMMAND_S = 10.0


@dataclass(frozen=True, slots=True)
class KeySource:
    """`file`, or `variable`, or `command`; `folder` has the content keys, wrapped.

    Paths are absolute once the site is loaded.
    """

    folder: Path
    file: Path | None = None
    variable: str = ""
    command: str = ""

    @classmethod
    def beside(cls, file: Path) -> KeySource:
        """A key file, and the folder that stands beside it unless the site says otherwise."""
        return cls(file.parent / "content-keys", file)

    def __str__(self) -> str:
        if self.variable:
            return f"the environment variable {self.variable}"
        return "the program of keys.command" if self.command else f"the key file {self.file}"

    @property
    def is_unmade(self) -> bool:
        """Nothing was ever sealed yet; the file is made when something is."""
        return self.file is not None and not self.file.exists() and not self.folder.exists()

    def read(self) -> Keys:
        """The keys as they are now. Raises `KeyFileError`."""
        if self.file is not None:
            return read_keys(self.file)
        text = os.environ.get(self.variable) if self.variable else _printed(self.command)
        if text is None:
            raise KeysAwayError(
                "keys-env",
                f"the environment has no {self.variable}.",
                "Set it for this process, or name another in keys.env.",
            )
        try:
            return parse_keys(text)
        except ValueError:
            raise KeysAwayError(
                "keys-damaged",
                f"what {self} gives is not the text of a key file.",
                "See docs/how-to/rotate-keys.md for what it must be.",
            ) from None


def _printed(command: str) -> str:
    """What the program prints. No shell is asked."""
    try:
        done = subprocess.run(  # noqa: S603 - the site's own program, its words split, no shell
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_S,
            check=True,
        )
        return done.stdout.decode("ascii")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        problem = type(error).__name__  # the error itself may hold what was printed
    raise KeysAwayError(
        "keys-command",
        f"the program of keys.command gives no keys ({problem}).",
        "Run it as the engine's user; it must end with 0 within ten seconds.",
    )
