"""One plan of a cut for all channels to which the same rules give the same.

Law: a plan is shared only where no byte that it cuts could differ; a channel of its own hashes has
a plan of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from weakref import WeakValueDictionary

from engine.policy.conditions.matching import Terms
from engine.policy.cutting.plan import Plan
from engine.policy.model import Grant, MaskKind, Rule
from engine.policy.segment.masking import channel_key
from engine.policy.segment.masks import Mask


class Plans:
    """One plan for all channels to which the same rules give the same under their ceilings.

    Such channels' copies differ in nothing but MSH, so that they share the work of cutting.
    """

    def __init__(self, terms: Terms, key: bytes) -> None:
        self._terms = terms
        self._key = key
        self._plans: WeakValueDictionary[Hashable, Plan] = WeakValueDictionary()

    def plan(
        self,
        channel: str,
        ceiling: Mapping[str, Mask],
        granting: list[Rule],
        withholding: list[Rule],
        *,
        following: list[Rule],
        bars_corrections: bool,
        keeps_flags: bool,
        has_documents: bool,
    ) -> Plan:
        """What the rules add up to under this ceiling of a channel."""
        rules = granting + following
        hashes = any(_hashes(grant) for rule in rules for grant in rule.grants)
        named = {"MSH", *(grant.segment for rule in rules for grant in rule.grants)}
        key = (
            frozenset((segment, ceiling[segment]) for segment in named if segment in ceiling),
            tuple(rule.name for rule in granting),
            tuple(rule.name for rule in withholding),
            channel if hashes else "",
            tuple(rule.name for rule in following),
            bars_corrections,
            keeps_flags,
            has_documents,
        )
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan(
                ceiling,
                granting,
                withholding,
                following,
                bars_corrections,
                keeps_flags=keeps_flags,
                has_documents=has_documents,
                terms=self._terms,
                key=channel_key(self._key, channel),
            )
        return plan


def _hashes(grant: Grant) -> bool:
    return any(masking.kind is MaskKind.KEYED_HASH for masking in grant.maskings.values())
