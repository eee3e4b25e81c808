"""Confidential communications of one patient, for each channel (45 CFR 164.522(b)).

Law: that it is kept back how the patient is reached is a denial, and counts by identifier alone,
for whoever is merged into the patient too; what goes instead is a permit, and is certainly the
patient's or does not go (rules.md §10.8, standards.md LAW-10). Of two that differ neither goes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from engine.policy.cutting.cut import Contact
from engine.policy.runnable.channel_rules import ChannelRules
from engine.privacy.confidential import Address, Confidential, Phone
from engine.privacy.patients import Patient, is_certainly, may_be_any

_One = TypeVar("_One", Address, Phone)


class Contacts:
    """The confidential communications of one patient. `ids` are PID-3's."""

    __slots__ = ("_ids", "_known")

    def __init__(
        self,
        confidential: Iterable[Confidential],
        ids: tuple[Patient, ...],
        denied_ids: tuple[Patient, ...],
    ) -> None:
        self._ids = ids
        self._known = tuple(one for one in confidential if may_be_any(one.patient, denied_ids))

    def __bool__(self) -> bool:
        return bool(self._known)

    def of(self, channel: ChannelRules) -> Contact | None:
        """What holds for a channel; None: nothing. Where alternates differ, none goes."""
        found = [
            one
            for one in self._known
            if (channel.is_payer if one.channels is None else channel.id in one.channels)
        ]
        if not found:
            return None
        sure = [one for one in found if any(is_certainly(one.patient, id_) for id_ in self._ids)]
        return Contact(_only(one.address for one in sure), _only(one.phone for one in sure))


def _only(found: Iterable[_One | None]) -> _One | None:
    once = {one for one in found if one is not None}
    return once.pop() if len(once) == 1 else None
