"""What one policy discloses that another does not, by meaning.

Law: a policy is called narrower only where that is proven: for every channel, message type and
piece of a segment, the new conditions under which it is sent imply the old ones. Renaming,
reordering and splitting rules is no change; conditions that cannot be compared may disclose more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.errors import Place
from engine.policy.changes import Change, together
from engine.policy.compile import types_named
from engine.policy.contracts import contract_changes, site_changes
from engine.policy.differing import compared
from engine.policy.model import Channel, MessageType, Policy, Rule
from engine.policy.reach import NOTHING, Reach, reach

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
    olds, news = _by_channel(old), _by_channel(new)
    for name in sorted({*olds, *news}):
        before, after = olds.get(name, _ABSENT), news.get(name, _ABSENT)
        changes += contract_changes(name, before.channel, after.channel)
        if before.plain != after.plain:
            for kind in types:
                changes += compared(name, kind, before.reach(kind), after.reach(kind))
    return Difference(together(changes), tuple(types))


def _spelt(kind: MessageType) -> tuple[str, str]:
    return kind.code, kind.trigger or ""


@dataclass(frozen=True, slots=True)
class _Rules:
    """A channel of one policy with the rules that name it."""

    channel: Channel | None
    rules: tuple[Rule, ...]
    plain: tuple[Channel | None, tuple[Rule, ...]]  # without places, to be compared as values

    def reach(self, kind: MessageType) -> Reach:
        return NOTHING if self.channel is None else reach(self.channel, kind, self.rules)


_ABSENT = _Rules(None, (), (None, ()))


def _by_channel(policy: Policy) -> dict[str, _Rules]:
    named: dict[str, list[Rule]] = {name: [] for name in policy.channels}
    plain = {id(rule): _without_places(rule) for rule in policy.rules}
    for rule in policy.rules:
        for name in rule.channels:
            named[name].append(rule)
    found: dict[str, _Rules] = {}
    for name, rules in named.items():
        channel = policy.channels[name]
        rules.sort(key=lambda rule: rule.name)
        stripped = tuple(plain[id(rule)] for rule in rules)
        found[name] = _Rules(channel, tuple(rules), (replace(channel, place=_NOWHERE), stripped))
    return found


def _without_places(rule: Rule) -> Rule:
    return replace(
        rule,
        place=_NOWHERE,
        channels=frozenset(),
        grants=tuple(replace(grant, place=_NOWHERE) for grant in rule.grants),
        withholdings=tuple(replace(one, place=_NOWHERE) for one in rule.withholdings),
    )
