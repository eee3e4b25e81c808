"""What would be known if a patient signed, revoked, restricted or lifted something today.

Law: a supposition is never entered anywhere: it makes facts of facts, for a decision that is told
and not carried out. What is supposed of one entry leaves every other as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.privacy.confidential import Confidential
from engine.privacy.facts import Facts, Restriction, Sensitivity, SignedConsent
from engine.privacy.sorts import Fact

_Fact = TypeVar("_Fact", SignedConsent, Restriction, Confidential, Sensitivity)


@dataclass(frozen=True, slots=True)
class Supposed:
    """What would be there besides, and what would hold no more."""

    added: tuple[Fact, ...] = ()
    ended: tuple[Fact, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.ended)


def supposing(facts: Facts, supposed: Supposed) -> Facts:
    """The facts as they would be from `facts.now` on."""
    ended = set(supposed.ended)
    consents = [replace(one, revoked=facts.now) if one in ended else one for one in facts.consents]

    def kept(known: Iterable[_Fact]) -> list[_Fact]:
        return [one for one in known if one not in ended]

    def more(kind: type[_Fact]) -> list[_Fact]:
        return [one for one in supposed.added if isinstance(one, kind)]

    return replace(
        facts,
        consents=(*consents, *more(SignedConsent)),
        restrictions=(*kept(facts.restrictions), *more(Restriction)),
        confidential=(*kept(facts.confidential), *more(Confidential)),
        sensitivities=(*kept(facts.sensitivities), *more(Sensitivity)),
    )
