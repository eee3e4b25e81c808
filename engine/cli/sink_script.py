"""A sink's script: a YAML list of entries, of which the first that fits says what is done.

Law: an entry fits when everything it names holds; `count` is how often it may. What is not
understood is refused when the script is read, never passed over. Scalars are strings, as in the
files of a site: a control id `007` is `007`.

    - {match: {MSH-10: M3}, do: refuse, code: AE}
    - {every: 10, do: late, delay: 40s}
    - {after: 100, count: 1, do: close}
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import yaml

from engine.ack.codes import AckCode
from engine.errors import UsageError
from engine.hl7.path import Path, texts
from engine.hl7.wire import Message

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_WHOLE = re.compile(r"[0-9]{1,9}")
_KEYS = frozenset({"match", "every", "after", "count", "do", "code", "delay"})


Choice = TypeVar("Choice", bound=Enum)


class Do(Enum):
    """What is done with a message."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    DROP = "drop"
    LATE = "late"
    GARBLE = "garble"
    CLOSE = "close"


#: The delay of `late` where none is given: longer than senders commonly wait.
LATE_S = 40.0


@dataclass(frozen=True, slots=True)
class Act:
    """What is done, with which code (None: the usual one), after how long."""

    do: Do
    code: AckCode | None = None
    delay_s: float = 0.0


ACCEPT = Act(Do.ACCEPT)


@dataclass(frozen=True, slots=True)
class Entry:
    """When to do what. `every`: each n-th message; `after`: those behind the n-th."""

    act: Act
    match: tuple[tuple[Path, str], ...] = ()
    every: int = 1
    after: int = 0
    count: int | None = None

    def fits(self, message: Message, number: int) -> bool:
        """Whether it is about this message, the `number`-th since the sink began."""
        return (
            number > self.after
            and number % self.every == 0
            and all(value in texts(message, path) for path, value in self.match)
        )


class Script:
    """Entries, and how often each was used."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        self._used = [0] * len(entries)

    def act(self, message: Message, number: int) -> Act:
        """What to do with the `number`-th message: the first entry that fits, else accept."""
        for place, entry in enumerate(self._entries):
            spent = entry.count is not None and self._used[place] >= entry.count
            if not spent and entry.fits(message, number):
                self._used[place] += 1
                return entry.act
        return ACCEPT


def read_script(file: pathlib.Path) -> Script:
    """Read a script; raises `UsageError` naming the entry that is wrong."""
    try:
        # It makes texts, lists and maps, and nothing else.
        loaded = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506
    except OSError as error:
        raise UsageError("script", f"{file}: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UsageError("script", f"{file} is not YAML.") from None
    if not isinstance(loaded, list):
        raise UsageError("script", f"{file} is no list.", "Write one entry a line: - {do: accept}")
    entries = []
    for place, item in enumerate(loaded, 1):
        try:
            entries.append(_entry(item))
        except (ValueError, TypeError, KeyError) as error:
            what = error.args[0] if error.args else "not understood"
            raise UsageError("script", f"{file}: entry {place}: {what}.") from None
    return Script(tuple(entries))


def _entry(item: Any) -> Entry:
    if not isinstance(item, Mapping) or "do" not in item:
        raise ValueError("no `do`")
    unknown = sorted(str(key) for key in item.keys() - _KEYS)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]}")
    do = _choice(Do, item, "do")
    code = _choice(AckCode, item, "code") if "code" in item else None
    delay_s = _seconds(item["delay"]) if "delay" in item else LATE_S * (do is Do.LATE)
    match = item.get("match", {})
    if not isinstance(match, Mapping) or not all(isinstance(one, str) for one in match.values()):
        raise TypeError("`match` is no map of paths to values")
    return Entry(
        Act(do, code, delay_s),
        tuple((Path.parse(path), value) for path, value in match.items()),
        every=_number(item, "every", 1, least=1),
        after=_number(item, "after", 0, least=0),
        count=_number(item, "count", 0, least=1) or None,
    )


def _choice(of: type[Choice], item: Mapping[str, Any], key: str) -> Choice:
    try:
        return of(item[key])
    except ValueError:
        known = ", ".join(str(one.value) for one in of)
        raise ValueError(f"`{key}` cannot be `{item[key]}`; it is one of {known}") from None


def _number(item: Mapping[str, Any], key: str, default: int, least: int) -> int:
    if key not in item:
        return default
    value = item[key]
    if not isinstance(value, str) or not _WHOLE.fullmatch(value) or int(value) < least:
        raise ValueError(f"`{key}` is no number of messages")
    return int(value)


def _seconds(value: object) -> float:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("`delay` is no duration such as 40s, 250ms, 2m")
    return float(match[1]) * _SECONDS[match[2]]
