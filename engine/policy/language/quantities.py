"""Durations and sizes as people write them: `30s`, `15m`, `10MiB`.

Law: a number without a unit is no quantity.
"""

from __future__ import annotations

import re

#: The longest duration that a setting may have, in seconds (ten years).
LONGEST_S = 3650 * 86400.0

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)(KiB|MiB|GiB|B)")
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def seconds_in(text: str) -> float | None:
    """The seconds that a duration is long; None where the text is none."""
    match = _DURATION.fullmatch(text)
    return None if match is None else float(match[1]) * _SECONDS[match[2]]


def bytes_in(text: str) -> int | None:
    """The bytes that a size is; None where the text is none."""
    match = _SIZE.fullmatch(text)
    return None if match is None else int(match[1]) * _BYTES[match[2]]


def mebibytes(size_bytes: int) -> str:
    """A size for people: `10MiB`, rounded down."""
    return f"{size_bytes // _BYTES['MiB']}MiB"
