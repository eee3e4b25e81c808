"""Where a site's master keys come from: a file, the environment, or a program that prints them.

Law: keys are never in a site's files, on a command line, or in an error. The text is the same
everywhere (`engine.store.keyfile`); the environment and a program may also give master keys alone
(`engine.store.barekeys`). A program is asked again when a key is missing, so that a
rotation there needs no restart; the environment of a process never changes.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.store.barekeys import bare_keys
from engine.store.keyfile import Keys, KeysAwayError, parse_keys, read_keys

#: How long the program may take, in seconds.
COMMAND_S = 10.0


@dataclass(frozen=True, slots=True)
class KeySource:
    """`file`, or `variable`, or `command`; `folder` has the content keys, wrapped.

    Paths are absolute once the site is loaded. The program runs in `site`, the site's folder.
    """

    folder: Path
    file: Path | None = None
    variable: str = ""
    command: str = ""
    site: Path | None = None

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
        text = os.environ.get(self.variable) if self.variable else _printed(self.command, self.site)
        if text is None:
            raise KeysAwayError(
                "keys-env",
                f"the environment has no {self.variable}.",
                "Set it for this process, or name another in keys.env.",
            )
        try:
            return bare_keys(text) or parse_keys(text)
        except ValueError:
            raise KeysAwayError(
                "keys-damaged",
                f"what {self} gives is neither a master key nor the text of a key file.",
                "See docs/how-to/rotate-keys.md for what it must be.",
            ) from None


def _printed(command: str, folder: Path | None) -> str:
    """What the program prints, run in that folder. No shell is asked."""
    try:
        done = subprocess.run(  # noqa: S603 - the site's own program, its words split, no shell
            shlex.split(command),
            cwd=folder,
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
