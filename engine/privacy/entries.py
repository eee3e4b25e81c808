"""One fact of a patient with its history: what was signed, refused, restricted, covered or named.

Law: history is kept for good: an entry is never taken out, it is revoked or lifted, and says by
whom, when and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.privacy.acts import Act, History, Verb
from engine.privacy.facts import Restriction, SignedConsent
from engine.privacy.restricting import as_it_stands, standing_after
from engine.privacy.sorts import SORTS, Fact, Sort
from engine.privacy.standing import Standing

#: What says whether an entry is over: the last of these.
_OVER = frozenset({Verb.REVOKED, Verb.LIFTED, Verb.ENDED, Verb.DECLINED, Verb.VOIDED})
_WHETHER = _OVER | {Verb.ADDED}


def _is_over(history: History) -> bool:
    return next(verb for verb, _ in reversed(history) if verb in _WHETHER) in _OVER


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact with its history. One that is over stays; it says nothing any more."""

    id: str
    fact: Fact
    history: History

    @property
    def sort(self) -> Sort:
        """What it is."""
        return SORTS[type(self.fact)]

    @property
    def is_over(self) -> bool:
        """Whether it was ended, and is no consent, which has its date."""
        return not isinstance(self.fact, SignedConsent) and _is_over(self.history)

    @property
    def standing(self) -> Standing | None:
        """Where a restriction stands; None: it is none."""
        if not isinstance(self.fact, Restriction):
            return None
        return standing_after(self.fact, (verb for verb, _ in self.history))

    @property
    def stated(self) -> Fact:
        """The fact as it stands: what decisions use of it."""
        fact, standing = self.fact, self.standing
        if not isinstance(fact, Restriction) or standing is None:
            return fact
        ended = (act.at for verb, act in reversed(self.history) if verb is Verb.TERMINATED)
        return as_it_stands(fact, standing, next(ended, None))

    @property
    def is_told(self) -> bool:
        """Whether the patient was told of it."""
        return any(verb is Verb.TOLD for verb, _ in self.history)

    def done(self, verb: Verb, act: Act) -> Entry:
        """The same, one step later."""
        return replace(self, history=(*self.history, (verb, act)))


#: What ends an entry of each sort.
ENDS = {
    Sort.CONSENT: Verb.REVOKED,
    Sort.RESTRICTION: Verb.LIFTED,
    Sort.COVERAGE: Verb.REVOKED,
    Sort.CONFIDENTIAL: Verb.ENDED,
    Sort.LABEL: Verb.LIFTED,
}
