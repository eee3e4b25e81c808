"""Every error that payergate itself raises: a stable code, what happened, and what to do.

Two kinds exist: ours (`EngineError`), which end a command with a documented exit code, and
problems of a site (`Problem`), which are collected, never raised one by one. No text of either
ever holds a value from a message (invariant I7).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Exit(IntEnum):
    """Exit codes of every command (docs/reference/cli.md)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SITE = 3
    TESTS = 4
    STORE = 5
    NOT_HL7 = 6
    WIDER = 8
    NOTHING = 10


class EngineError(Exception):
    """An error with a stable code, a plain sentence, and the mend.

    Subclasses set `exit_code`; the command line prints `code: what` and `mend` to standard error.
    """

    exit_code: Exit = Exit.FAILED

    def __init__(self, code: str, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.code}: {self.what}" + (f" {self.mend}" if self.mend else "")


class UsageError(EngineError):
    """The command was called in a way that cannot work."""

    exit_code = Exit.USAGE


class StoreError(EngineError):
    """The store cannot be reached, or must not be used as it is set up."""

    exit_code = Exit.STORE


class NotHL7Error(EngineError):
    """The bytes are not an HL7 v2 message."""

    exit_code = Exit.NOT_HL7


class Severity(Enum):
    """An error keeps a site from loading; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a site's files: `file:line:column`, both counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a site: where, which (stable code), what, and the mend."""

    place: Place
    code: str
    text: str
    mend: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return f"{self.place}: {self.code}: {self.text} {self.mend}".rstrip()


class SiteError(EngineError):
    """The site does not load: all its problems at once."""

    exit_code = Exit.SITE

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("site", f"the site has {len(problems)} problem(s)")
        self.problems = problems
