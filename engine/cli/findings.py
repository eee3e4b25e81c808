"""What a look at something found: a line each, and a verdict. For `doctor` and `probe`.

Law: whatever is not good comes with what to do; the worst finding is the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.errors import EngineError, Exit


class Level(Enum):
    """How bad it is; in this order."""

    OK = "ok"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`of` names what was looked at; `mend` is what to do, empty where all is well."""

    of: str
    level: Level
    what: str
    mend: str = ""


def ok(of: str, what: str) -> Finding:
    """All is well."""
    return Finding(of, Level.OK, what)


def warning(of: str, what: str, mend: str) -> Finding:
    """It works, and should be otherwise."""
    return Finding(of, Level.WARNING, what, mend)


def bad(of: str, what: str, mend: str) -> Finding:
    """It does not work, or messages are at risk."""
    return Finding(of, Level.BAD, what, mend)


def of_error(of: str, error: EngineError) -> Finding:
    """An error of ours as a finding."""
    return bad(of, f"{error.code}: {error.what}", error.mend)


def report(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print them; 1 if one is bad."""
    is_good = all(finding.level is not Level.BAD for finding in findings)
    if as_json:
        said = [
            {"of": one.of, "level": one.level.value, "text": one.what, "mend": one.mend}
            for one in findings
        ]
        print(json.dumps({"ok": is_good, "findings": said}))
    else:
        for one in findings:
            print(f"{one.level.value:8} {one.of}: {one.what}" + f" {one.mend}".rstrip())
    return Exit.OK if is_good else Exit.FAILED
