"""How a message stands in each channel, in one word, with the reason: as its history tells. Pure.

Law: one word for one outcome, everywhere: waiting, held, parked, delivered, withheld, discarded.
What a person gave up is `discarded`, whatever else is counted as withheld with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.archive.entries import ENDS, disclosed
from engine.archive.outcomes import Outcomes
from engine.store.tally import Parts

#: Kinds of rows that tell where a part of a message went.
MOVES = ENDS | {"discarded", "redecided"}

#: How a message may stand in a channel that was live when it came.
WORDS = ("waiting", "held", "parked", "delivered", "withheld", "discarded")

#: Of these a reason is told.
_WITH_REASON = frozenset({"held", "parked", "withheld", "discarded"})


@dataclass(frozen=True, slots=True)
class Standing:
    """`word`: one of `WORDS`, or the state that a channel had which was not live, `shadow`.

    `reasons`: the codes for which it is not sent; of a channel in shadow, what was decided.
    `delivered`: parts that were acknowledged. `may_have`: whether the channel has any of it, or may
    have. `time`: how often it was taken up again after it was done with.
    """

    word: str
    reasons: tuple[str, ...] = ()
    delivered: int = 0
    may_have: bool = False
    time: int = 0

    @property
    def outcome(self) -> str:
        """The word; of what will not be sent by itself, and of shadow, with the reasons."""
        if not self.reasons or self.word in {"held", "parked"}:
            return self.word
        return f"{self.word} ({', '.join(self.reasons)})"


@dataclass(slots=True)
class _Told:
    """What rows told of one channel so far. `ended`: how the last part that was not sent ended."""

    reasons: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ended: str = "withheld"
    may_have: bool = False
    has_moved: bool = False
    time: int = 0


def standings(
    decided: Mapping[str, Mapping[str, Any]], moves: Iterable[Mapping[str, Any]]
) -> dict[str, Standing]:
    """By channel. `decided`: the decision's `channels`; `moves`: later rows, in order."""
    outcomes = Outcomes()
    outcomes.decided({"receipt": "", "channels": decided})
    told: dict[str, _Told] = {}
    for channel, said in decided.items():
        word = "held" if said.get("verdict") == "hold" else "withheld"
        told[channel] = _Told({word: tuple(map(str, said.get("reasons", ())))})
    for row in moves:
        outcomes.happened({**row, "receipt": ""})
        _tell(told.setdefault(str(row.get("channel", "")), _Told()), row)
    return {
        channel: _standing(one, outcomes.parts("", channel), decided.get(channel, {}))
        for channel, one in told.items()
    }


def _tell(told: _Told, row: Mapping[str, Any]) -> None:
    told.has_moved = True
    word, codes = _end(row)
    if word:
        told.reasons[word] = codes
    if word in {"withheld", "discarded"}:
        told.ended = word
    told.may_have = told.may_have or (row["kind"] in ENDS and disclosed(row) != "no")
    told.time += row["kind"] == "redecided" and "time" in row


def _standing(told: _Told, parts: Parts, said: Mapping[str, Any]) -> Standing:
    if said.get("state") and not told.has_moved:
        return Standing(str(said["state"]), (str(said["verdict"]),))
    word = told.ended if parts.state == "withheld" else parts.state
    codes = told.reasons.get(word, ()) if word in _WITH_REASON else ()
    return Standing(word, codes, max(0, parts.delivered), told.may_have, told.time)


def _end(row: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Which word a row gives its part, and why; nothing where it goes on, or has arrived."""
    match row["kind"], row.get("verdict"):
        case ("parked" | "withheld") as kind, _:
            return kind, _codes(row.get("reason"))
        case "discarded", _:
            return "discarded", _codes(row.get("was_reason"))
        case "redecided", ("hold" | "withhold") as verdict:
            word = "held" if verdict == "hold" else "withheld"
            return word, tuple(map(str, row.get("reasons", ())))
    return "", ()


def _codes(reason: object) -> tuple[str, ...]:
    return (str(reason),) if reason else ()
