"""What this process knows of coverage without asking the store.

Law: a decision sees what was learned from every message before it, in the order of commits. What a
message taught is known here from the moment in which it was handed to the group commit, which keeps
that order and gives nothing up; so the store need not be asked for it, and an answer of the store
never wins over it. Once committed it may be forgotten, and is after a few seconds: another engine
on the same store may have learned something newer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.privacy.facts import CoverageKey, Coverages
from engine.store.port import Accept

#: How long an answer of the store, or what was committed, is taken for current, in seconds.
FRESH_S = 2.0

#: How many committed keys are remembered at most; what is not yet committed is never dropped.
REMEMBERED = 5_000

#: How many keys are looked at, for each one that comes, whether they may be dropped: one message
#: may name a hundred thousand patients, none of which may yet.
DROPPED_AT_ONCE = 8

#: How many of the last messages that taught something are told from their repetitions here.
REPETITIONS_KNOWN = 4096


@dataclass(slots=True)
class _Known:
    coverages: Coverages | None  # None: the store knows nothing under this key
    uncommitted: int
    until_s: float


class KnownCoverages:
    """Coverage by key: uncommitted knowledge, and fresh committed knowledge."""

    def __init__(self, monotonic: Callable[[], float], remembered: int = REMEMBERED) -> None:
        self._monotonic = monotonic
        self._remembered = remembered
        self._known: OrderedDict[CoverageKey, _Known] = OrderedDict()

    def missing(self, keys: Iterable[CoverageKey]) -> tuple[CoverageKey, ...]:
        """Those of `keys` that the store must be asked for."""
        now_s, known = self._monotonic(), self._known.get
        missing = []
        for key in keys:
            one = known(key)
            if one is None or not (one.uncommitted or one.until_s > now_s):
                missing.append(key)
        return tuple(missing)

    def look_up(self, keys: Iterable[CoverageKey]) -> Mapping[CoverageKey, Coverages]:
        """What is known under `keys`; keys under which nothing is known are left out."""
        found = {}
        for key in keys:
            known = self._known.get(key)
            if known is not None and known.coverages is not None:
                found[key] = known.coverages
        return found

    def recalled(self, answers: Mapping[CoverageKey, Coverages | None]) -> None:
        """The store answered; what was learned meanwhile stands."""
        until_s = self._monotonic() + FRESH_S
        for key, coverages in answers.items():
            known = self._known.get(key)
            if known is None or not known.uncommitted:
                self._remember(key, _Known(coverages, 0, until_s))

    def learned(self, taught: Mapping[CoverageKey, Coverages]) -> None:
        """A message that teaches this was handed to the group commit."""
        for key, coverages in taught.items():
            known = self._known.get(key)
            uncommitted = known.uncommitted if known is not None else 0
            self._remember(key, _Known(coverages, uncommitted + 1, 0.0))

    def committed(self, taught: Iterable[CoverageKey]) -> None:
        """What `learned` was told is durable."""
        until_s = self._monotonic() + FRESH_S
        for key in taught:
            known = self._known[key]
            known.uncommitted -= 1
            known.until_s = until_s

    def refused(self, taught: Iterable[CoverageKey]) -> None:
        """What `learned` was told was not stored after all, so that the store must be asked."""
        for key in taught:
            known = self._known[key]
            known.uncommitted -= 1
            known.until_s = 0.0

    def _remember(self, key: CoverageKey, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        too_many = len(self._known) - self._remembered
        for _ in range(min(2 * too_many, DROPPED_AT_ONCE)):
            oldest, candidate = next(iter(self._known.items()))
            if candidate.uncommitted:
                self._known.move_to_end(oldest)
            else:
                del self._known[oldest]


class Teachings:
    """Which of the last messages taught something: repeated, they teach nothing any more."""

    def __init__(self) -> None:
        self._taught: OrderedDict[bytes, bytes] = OrderedDict()

    def are_new(self, accept: Accept) -> bool:
        """Whether this is no repetition of a recent message; from now on it is one."""
        if self._taught.get(accept.duplicate_key) == accept.digest:
            return False
        self._taught[accept.duplicate_key] = accept.digest
        if len(self._taught) > REPETITIONS_KNOWN:
            self._taught.popitem(last=False)
        return True

    def forget(self, accept: Accept) -> None:
        """It was not stored after all."""
        self._taught.pop(accept.duplicate_key, None)
