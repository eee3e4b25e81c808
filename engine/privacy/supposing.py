"""What would be known if a patient signed, revoked, restricted or lifted something today.

Law: a supposition is never entered anywhere: it makes facts of facts, for a decision that is told
and not carried out. What is supposed of one entry leaves every other as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.privacy.confidential import Confidential
from engine.privacy.facts import Facts, Restriction, Sensitivity, SignedConsent
from engine.privacy.registry import Fact


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
    restrictions = [one for one in facts.restrictions if one not in ended]
    sensitivities = [one for one in facts.sensitivities if one not in ended]
    consents += [one for one in supposed.added if isinstance(one, SignedConsent)]
    restrictions += [one for one in supposed.added if isinstance(one, Restriction)]
    confidential = [one for one in facts.confidential if one not in ended]
    confidential += [one for one in supposed.added if isinstance(one, Confidential)]
    sensitivities += [one for one in supposed.added if isinstance(one, Sensitivity)]
    return replace(
        facts,
        consents=tuple(consents),
        restrictions=tuple(restrictions),
        confidential=tuple(confidential),
        sensitivities=tuple(sensitivities),
    )
