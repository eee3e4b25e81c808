"""What the rules speak of, and what they could send of a message type at all.

Law: what a rule of any channel grants, in whatever state the channel is and whatever its ceiling,
has been thought of; so has what a rule withholds wherever it occurs. What is above the ceiling of
every live channel, or granted for other message types only, cannot be sent of a message: that is
known without deciding it, since a grant is the only way by which anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from engine.policy.compile import CompiledPolicy
from engine.policy.cutting.parts import MSH_SECURITY
from engine.policy.model import Grant, Policy, State
from engine.policy.runnable.channel_rules import ChannelRules, TypeRules
from engine.policy.runnable.events import cancel_grants
from engine.policy.segment.masks import NONE, NOTHING, Mask
from engine.policy.telling.wording import without_types
from engine.policy.unlisted.content import Content


class Standing(Enum):
    """What the rules say of a content."""

    UNLISTED = "unlisted"  # no rule names it
    GRANTED = "granted"
    WITHHELD = "withheld"  # no rule grants it, and one withholds it


class Named:
    """What any rule of a policy grants or withholds."""

    def __init__(self, policy: Policy) -> None:
        self._granted = _added_up(
            grant for rule in policy.rules if rule.channels for grant in rule.grants
        )
        #: What may be sent without any written rule, the header among it.
        self._built_in = {"MSH"} | {grant.segment for grant in cancel_grants(None).grants}
        self._withheld: dict[str, Mask] = {}
        for rule in policy.rules:
            if without_types(rule.when) is not None:
                continue  # of some messages only: of others nobody has decided
            for one in rule.withholdings:
                if one.segment and one.where is None:
                    before = self._withheld.get(one.segment, NONE)
                    self._withheld[one.segment] = before | Mask.of(one.mask)

    def grants_any_of(self, segment_id: str) -> bool:
        """Whether a rule, written or built in, grants something of such segments."""
        return segment_id in self._granted or segment_id in self._built_in

    def standing(self, content: Content) -> Standing:
        """What the written rules say of it; of a code what they say of its field."""
        if _holds(self._granted.get(content.segment, NONE), content):
            return Standing.GRANTED
        withheld = self._withheld.get(content.segment, NONE)
        taken = _holds(withheld, content) if content.field else withheld.is_whole
        return Standing.WITHHELD if taken else Standing.UNLISTED


class Sendable:
    """What each channel could be sent of a message type, whatever the message and the facts."""

    def __init__(self, policy: CompiledPolicy) -> None:
        self._policy = policy
        self._by_type: dict[int, tuple[TypeRules, dict[str, dict[str, Mask]]]] = {}

    def channels(self, rules: TypeRules, content: Content) -> list[str]:
        """The channels that could be sent it; none: it is not sent in any message of the type."""
        known = self._by_type.get(id(rules))
        if known is None:  # there are as many as the site's rules tell types apart
            found = {one.id: _sendable(one) for one in rules.channels}
            known = self._by_type[id(rules)] = (rules, found)
        return [
            name
            for name, masks in known[1].items()
            if _holds(masks.get(content.segment, NONE), content)
        ]


def _sendable(channel: ChannelRules) -> dict[str, Mask]:
    if channel.channel.state is not State.LIVE or not channel.in_ceiling:
        return {}
    granting = [grant for rule in channel.disclosing for grant in rule.rule.grants]
    if channel.is_cancel:
        granting += channel.cancel_follows.grants
    found = {
        segment_id: mask & channel.ceiling.get(segment_id, NONE)
        for segment_id, mask in _added_up(granting).items()
    }
    return {segment_id: mask for segment_id, mask in found.items() if not mask.is_empty}


def _added_up(grants: Iterable[Grant]) -> dict[str, Mask]:
    found: dict[str, Mask] = {}
    for grant in grants:
        mask = Mask.of(grant.mask)
        if grant.segment == "MSH" and 8 not in mask.fields:
            mask -= MSH_SECURITY
        found[grant.segment] = found.get(grant.segment, NONE) | mask
    return found


def _holds(mask: Mask, content: Content) -> bool:
    """Whether something of it is in the mask."""
    if not content.field:
        return not mask.is_empty
    return mask.of_field(content.field) != NOTHING
