"""What one policy discloses that another does not, by meaning.

Law: a policy is called narrower only where that is proven: for every channel, message type and
piece of a segment, the new conditions under which it is sent imply the old ones. Renaming,
reordering and splitting rules is no change; conditions that cannot be compared may disclose more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.errors import Place
from engine.policy.compare.changes import Change, together
from engine.policy.compare.contracts import contract_changes
from engine.policy.compare.differing import compared
from engine.policy.compare.sites import site_changes
from engine.policy.meaning.reach import NOTHING, Reach, Unrolling
from engine.policy.model import Channel, LeakScan, Policy, Rule, Structure
from engine.policy.runnable.events import types_named
from engine.policy.vocabulary.conditions import MessageType

#: Stands for every message type that neither policy names.
OTHER_TYPES = MessageType("")

_NOWHERE = Place("", 0, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """All changes from an old policy to a new one."""

    changes: tuple[Change, ...]
    types: tuple[MessageType, ...]  # those that were told apart

    @property
    def is_wider(self) -> bool:
        """Whether more is disclosed, or may be."""
        return any(change.effect.widens for change in self.changes)


def difference(old: Policy, new: Policy) -> Difference:
    """Compare two policies."""
    changes = [*site_changes(old, new)]
    types = sorted(types_named(old) | types_named(new) | {OTHER_TYPES}, key=_spelt)
    before, after = _Side(old), _Side(new)
    for name in sorted({*old.channels, *new.channels}):
        was, now = old.channels.get(name), new.channels.get(name)
        changes += contract_changes(name, was, now)
        if before.plain(name) != after.plain(name):
            for kind in types:
                changes += compared(name, kind, before.reach(was, kind), after.reach(now, kind))
    return Difference(together(changes), tuple(types))


def _spelt(kind: MessageType) -> tuple[str, str]:
    return kind.code, kind.trigger or ""


class _Side:
    """One of two policies that are compared."""

    def __init__(self, policy: Policy) -> None:
        self._unrolling = Unrolling(policy.rules)
        self._channels = policy.channels
        self._rules: dict[str, list[Rule]] = {name: [] for name in policy.channels}
        for rule in sorted(policy.rules, key=lambda rule: rule.name):
            plain = _without_places(rule)
            for name in rule.channels:
                self._rules[name].append(plain)

    def plain(self, name: str) -> tuple[Channel, list[Rule]] | None:
        """All that bears on what rules let a channel receive, to be compared as a value."""
        if name not in self._channels:
            return None
        return _without_reachless(self._channels[name]), self._rules[name]

    def reach(self, channel: Channel | None, kind: MessageType) -> Reach:
        return NOTHING if channel is None else self._unrolling.reach(channel, kind)


def _without_reachless(channel: Channel) -> Channel:
    """The channel less what `contracts` compares and no rule's reach depends on."""
    return replace(
        channel,
        place=_NOWHERE,
        name="",
        address="",
        purposes=frozenset(),
        identified_by=(),
        agreement_reference="",
        agreement_expires=None,
        payer_type=None,
        renumber=True,
        structure=Structure.LENIENT,
        leak_scan=LeakScan.NAMES,
    )


def _without_places(rule: Rule) -> Rule:
    return replace(
        rule,
        place=_NOWHERE,
        channels=frozenset(),
        grants=tuple(replace(grant, place=_NOWHERE) for grant in rule.grants),
        withholdings=tuple(replace(one, place=_NOWHERE) for one in rule.withholdings),
    )
