"""Whose insurance an IN1 is: which channels claim it by their `identified_by`.

Law: an entry is a condition on one IN1 with the IN2 and IN3 that follow it; its keys on one
repeating field hold for one repetition (rules.md §10.16). An IN1 that two differently named payers
claim is contested: it is nobody's until a person has looked (§10.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.conditions.evaluate import Test, compile_condition, compile_repetition_test
from engine.policy.conditions.matching import Terms, fold
from engine.policy.message.view import View
from engine.policy.model import Channel, Kind
from engine.policy.vocabulary.conditions import AllOf, Compare, Condition, Not, OneOf

_WITH_IN1 = frozenset({"IN2", "IN3"})
#: Fields of IN1 that name plans and companies, not people: what was read there is remembered.
_PUBLIC_FIELDS = frozenset({2, 3, 4, 35})
_SEEN_KEPT = 4096

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Claims:
    """Which channels claim which IN1 (by index) of a message."""

    by_index: Mapping[int, frozenset[str]]
    contested: frozenset[int] = frozenset()

    def own(self, channel: str) -> frozenset[int]:
        """The IN1s of one channel."""
        return frozenset(index for index, claimed in self.by_index.items() if channel in claimed)


class _ByText:
    """Who claims an IN1 by the text at one path of it; `folds`: case and outer blanks ignored."""

    def __init__(self, path: Path, folds: bool) -> None:
        self._path = path
        self._folds = folds
        self._by_text: dict[str, frozenset[str]] = {}
        self._seen: dict[tuple[bytes, bytes], frozenset[str]] = {}

    def add(self, texts: frozenset[str], channel: str) -> None:
        """A channel claims what has one of these texts."""
        for text in {fold(text) for text in texts} if self._folds else texts - {""}:
            self._by_text[text] = self._by_text.get(text, _NOBODY) | {channel}

    def claimants(self, view: View, segment: Segment) -> frozenset[str]:
        """The channels that claim this IN1."""
        value = segment.field(self._path.field)
        if not value:
            return _NOBODY
        key = (view.message.msh.raw[3:10], value)  # the delimiters, and what they divide
        found = self._seen.get(key)
        if found is None:
            found = _NOBODY
            texts = [text for text in view.texts(segment, self._path) if text]
            for text in map(fold, texts) if self._folds else texts:
                found |= self._by_text.get(text, _NOBODY)
            if self._path.field in _PUBLIC_FIELDS and value.isascii() and b"\x1b" not in value:
                if len(self._seen) >= _SEEN_KEPT:
                    self._seen.clear()
                self._seen[key] = found
        return found


class Identifier:
    """All channels' `identified_by`, turned about: from what an IN1 says to who claims it."""

    def __init__(self, channels: Iterable[Channel], timezone: tzinfo) -> None:
        self._terms = Terms(timezone)
        self._payer_names: dict[str, str] = {}
        self._by_text: dict[tuple[Path, bool], _ByText] = {}
        self._others: list[tuple[Test, str]] = []
        for channel in channels:
            if channel.kind is Kind.PAYER:
                self._payer_names[channel.id] = channel.name
            for entry in channel.identified_by:
                self._add(entry, channel.id)

    def claims(self, view: View) -> Claims:
        """Who claims each IN1 of the view."""
        by_index = {segment.index: self._claimed(view, segment) for segment in view.all("IN1")}
        contested = frozenset(index for index, who in by_index.items() if self._is_contested(who))
        return Claims(by_index, contested)

    def _claimed(self, view: View, segment: Segment) -> frozenset[str]:
        claimed = _NOBODY
        for one in self._by_text.values():
            claimed |= one.claimants(view, segment)
        for test, channel in self._others:
            if channel not in claimed and test(view, segment.index):
                claimed |= {channel}
        return claimed

    def _is_contested(self, who: frozenset[str]) -> bool:
        return len({self._payer_names[c] for c in who if c in self._payer_names}) > 1

    def _add(self, entry: Condition, channel: str) -> None:
        if isinstance(entry, AllOf) and len(entry.parts) == 1:
            entry = entry.parts[0]
        match entry:
            # Nearly every entry is an IN1 field with one value: one look-up for all channels.
            case Compare(Path(segment="IN1", occurrence=0), OneOf(values, folds), every=False):
                key = (entry.path, folds)
                self._by_text.setdefault(key, _ByText(*key)).add(values, channel)
            case _:
                self._others.append((_compile_entry(entry, self._terms), channel))


def _meant(view: View, path: Path, at: int) -> list[Segment]:
    """What a path means when asked of the IN1 at `at` with its IN2 and IN3."""
    if path.segment in _WITH_IN1 and not path.occurrence:
        return view.below(at, path.segment)
    return view.meant(path, at)


def _compile_entry(entry: Condition, terms: Terms) -> Test:
    if not isinstance(entry, AllOf):
        return compile_condition(entry, _meant, terms)
    by_field: dict[tuple[str, int], list[Condition]] = {}
    tests: list[Test] = []
    for part in entry.parts:
        compare = part.part if isinstance(part, Not) else part
        if isinstance(compare, Compare) and _is_of_one_repetition(compare):
            by_field.setdefault((compare.path.segment, compare.path.field), []).append(part)
        else:
            tests.append(compile_condition(part, _meant, terms))
    for field, parts in by_field.items():
        if len(parts) > 1:
            tests.append(_in_one_repetition(field, AllOf(tuple(parts)), terms))
        else:
            tests.append(compile_condition(parts[0], _meant, terms))
    return lambda view, at: all(test(view, at) for test in tests)


def _is_of_one_repetition(part: Compare) -> bool:
    return (
        not part.every
        and not part.path.repetition
        and not part.path.occurrence
        and (part.path.segment == "IN1" or part.path.segment in _WITH_IN1)
    )


def _in_one_repetition(field: tuple[str, int], asked: Condition, terms: Terms) -> Test:
    holds = compile_repetition_test(asked, *field, _meant, terms)
    path = Path(*field)

    def test(view: View, at: int) -> bool:
        return any(
            holds(view, segment, repetition)
            for segment in _meant(view, path, at)
            for repetition in range(len(view.texts(segment, path)))
        )

    return test
