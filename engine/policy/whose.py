"""Whose message it is: which channels' counterparts insure this patient, as far as is known.

Law: a message that names insurance answers for itself, for the days that the insurance covers; one
that names none is answered by the coverage registry; where the answers exclude each other, or there
is none, a person decides. It is never "send to all" (rules.md §4 "Coverage", §10.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import Enum

from engine.policy.identify import Claims, Identifier
from engine.policy.message.view import View
from engine.policy.model import Kind, Policy
from engine.privacy.coverage import (
    CONTESTED,
    Days,
    keys_by_level,
    levels,
    readable_period,
    service_days,
)
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Facts


class Answer(Enum):
    """Whether a channel covers the patient."""

    OWN = "own"
    OTHER = "other"
    LAPSED = "lapsed"  # it is named, and not for these days
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    UNAVAILABLE = "unavailable"  # the registry does not answer

    __hash__ = object.__hash__  # an answer equals only itself; asked once a channel


class Whose:
    """The answers for one patient's part of a message; each is found on first use."""

    __slots__ = (
        "_answers",
        "_claims",
        "_facts",
        "_identifier",
        "_known",
        "_view",
        "names_insurance",
    )

    def __init__(self, view: View, facts: Facts, identifier: Identifier) -> None:
        self._view = view
        self._facts = facts
        self._identifier = identifier
        self._claims: Claims | None = None
        self._known: tuple[tuple[Coverages, ...], tuple[Days, ...]] | None = None
        self._answers: tuple[Mapping[str, Answer], Answer] | None = None
        #: The message has an IN1, so that the registry is not asked.
        self.names_insurance = view.has("IN1")

    @property
    def claims(self) -> Claims:
        """Which channels claim which IN1."""
        if self._claims is None:
            self._claims = self._identifier.claims(self._view)
        return self._claims

    def answer(self, channel: str) -> Answer:
        """Whether this channel covers the patient."""
        if self._answers is None:
            self._answers = self._named() if self.names_insurance else self._registered()
        answers, of_others = self._answers
        return answers.get(channel, of_others)

    def _named(self) -> tuple[Mapping[str, Answer], Answer]:
        """The answer for each channel that claims an IN1, and that for all others.

        An IN1 counts on the days that it covers (IN1-12, IN1-13; standards.md B-6.1); a date
        that cannot be read says nothing.
        """
        claims, message = self.claims, self._view.message
        rows: list[CoverageRow] = []
        for index, claimed in claims.by_index.items():
            is_contested = index in claims.contested
            days = CONTESTED if is_contested else readable_period(message.segment(index))
            rows += [CoverageRow(channel, *days) for channel in claimed]
        if all(row.since is row.until is None for row in rows):
            return dict.fromkeys((row.channel for row in rows), Answer.OWN), Answer.OTHER
        when = service_days(message, self._view.all) or (_NEVER,)
        snapshot = Coverages(tuple(rows))
        named = dict.fromkeys((row.channel for row in rows), Answer.LAPSED)
        return named | _agreed([_covered(snapshot, day) for day in when]), Answer.OTHER

    def _registered(self) -> tuple[Mapping[str, Answer], Answer]:
        """The answer for each channel that the registry names, and that for all others."""
        if self._view.hides("IN1"):
            return {}, Answer.AMBIGUOUS  # insurance is named, and cannot be read
        if not self._facts.available:
            return {}, Answer.UNAVAILABLE
        self._known = snapshots, when = _known(self._view, self._facts)
        if not snapshots:
            return {}, Answer.UNKNOWN
        answers = [_covered(snapshot, day) for snapshot in snapshots for day in when]
        return answers[0] if len(answers) == 1 else _agreed(answers), Answer.OTHER

    def covers_alone(self, channel: str, policy: Policy) -> bool:
        """Whether this channel's counterpart is the only insurer that the registry knows of.

        Review vendors and others who share a payer's identifiers are no insurers of their own.
        """
        if self.answer(channel) is not Answer.OWN or self._known is None:
            return False
        payers = {
            policy.channels[other].name
            for other in policy.channels
            if other != channel
            and policy.channels[other].kind is Kind.PAYER
            and self.answer(other) is not Answer.OTHER
        }
        return not (payers - {policy.channels[channel].name}) and not any(
            snapshot.others for snapshot in self._known[0]
        )


def _known(view: View, facts: Facts) -> tuple[tuple[Coverages, ...], tuple[Days, ...]]:
    """The snapshots of the narrowest level that knows anything on the dates of service."""
    if not (facts.coverages or facts.entered):
        return (), ()
    when = service_days(view.message, view.all)
    if view.is_part or facts.persons:
        asked: Iterable[tuple[CoverageKey, ...]] = keys_by_level(
            view.message, view.all, facts.persons
        )
    else:
        asked = view.message.once(levels)
    for level in asked:
        snapshots = [facts.coverages.get(key) for key in level]
        if facts.entered:
            snapshots = _with_entered(level, snapshots, facts, when or (_NEVER,))
        knowing = tuple([one for one in snapshots if one is not None and _knows(one, when)])
        if knowing:
            return knowing, when or (_NEVER,)
    return (), ()


def _with_entered(
    level: Sequence[CoverageKey],
    learned: Sequence[Coverages | None],
    facts: Facts,
    when: tuple[Days, ...],
) -> list[Coverages | None]:
    """What was learned on one level beside what people entered, or behind it.

    What people entered under several identifiers of one person is one answer given several times.
    """
    entered = {one: None for key in level for one in facts.entered.get(key, ())}
    settled = [period for one in entered for period in one.settled]
    if settled and all(any(_contains(*period, day) for period in settled) for day in when):
        return list(entered)
    return [*learned, *entered]


#: Stands for a date of service that nothing tells; only a row without any period covers it.
_NEVER: Days = (CONTESTED[1], CONTESTED[0])


def _knows(snapshot: Coverages, when: tuple[Days, ...]) -> bool:
    if snapshot.others:
        return True
    for row in snapshot.rows:
        if (row.since is None and row.until is None) or (row.since, row.until) == CONTESTED:
            return True
        if any(_overlaps(row.since, row.until, day) for day in when or (_NEVER,)):
            return True
    return False


def _agreed(answers: list[dict[str, Answer]]) -> dict[str, Answer]:
    """What several snapshots, or several dates of service, say together."""
    found: dict[str, Answer] = {}
    for channel in {channel for one in answers for channel in one}:
        given = {one.get(channel, Answer.OTHER) for one in answers}
        found[channel] = given.pop() if len(given) == 1 else Answer.AMBIGUOUS
    return found


def _covered(snapshot: Coverages, day: Days) -> dict[str, Answer]:
    """The answer of one snapshot on one date, for each channel that is not simply another's."""
    found: dict[str, Answer] = {}
    contested = []
    for row in snapshot.rows:
        since, until = row.since, row.until
        if since is not None and until is not None and since > until:
            contested.append(row.channel)
        elif _contains(since, until, day):
            found[row.channel] = Answer.OWN
        elif _overlaps(since, until, day):
            found.setdefault(row.channel, Answer.AMBIGUOUS)
    for channel in contested:
        found[channel] = Answer.AMBIGUOUS
    return found


def _contains(since: date | None, until: date | None, day: Days) -> bool:
    return (since is None or since <= day[0]) and (until is None or day[1] <= until)


def _overlaps(since: date | None, until: date | None, day: Days) -> bool:
    return (since is None or since <= day[1]) and (until is None or day[0] <= until)
