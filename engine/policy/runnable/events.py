"""Events that have laws of their own: cancels, and merges, moves, links and swaps of patients.

Law: a cancel goes where the event went that it cancels, in its shortest form at least; what makes
one patient of two goes only where a rule names the event (rules.md §10.9).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import Place
from engine.policy.conditions.settle import types_demanded, types_in
from engine.policy.model import Channel, Consent, Coverage, Grant, Policy, Purpose, Rule
from engine.policy.vocabulary.conditions import AllOf, MessageType

#: Cancels of an admission, a transfer, a discharge: they follow what they cancel (§10.9).
CANCELS = frozenset({"A11", "A12", "A13"})

#: Which cancel takes an event back.
CANCELS_OF = {"A01": "A11", "A04": "A11", "A02": "A12", "A03": "A13"}

#: Merges, moves, links and swaps of patients: sent only where a rule names the event (§10.9).
BY_NAME_ONLY = frozenset(
    {"A17", "A18", "A24", "A30", "A34", "A35", "A36", "A37"}
    | {f"A{number}" for number in range(39, 52)}
)

#: The built-in rule under which the shortest form of a cancel follows what it cancels (§10.26).
CANCEL_FOLLOWS = "cancel-follows"
_CANCEL_MASKS: dict[str, Mapping[int, frozenset[int] | None] | None] = {
    "EVN": None,
    "PID": {3: None},
    "PV1": {2: None, 19: None},
}


def is_cancel(message_type: MessageType) -> bool:
    """Whether messages of this type take back an event that was told before."""
    return message_type.code == "ADT" and message_type.trigger in CANCELS


def types_named(policy: Policy) -> frozenset[MessageType]:
    """Types that rules or ceilings name, and those that have laws of their own."""
    named = {MessageType("ADT", trigger) for trigger in CANCELS | BY_NAME_ONLY}
    for channel in policy.channels.values():
        named |= channel.ceiling_messages
    for rule in policy.rules:
        named |= set(types_in(rule.when))
    return frozenset(named | {MessageType(one.code) for one in named})


def grants_to(rule: Rule, message_type: MessageType) -> bool:
    """A grant must name some events itself; a withholding reaches them anyhow."""
    if message_type.code != "ADT" or message_type.trigger not in BY_NAME_ONLY:
        return True
    return message_type in (types_demanded(rule.when) or ())


def cancel_grants(channel: Channel | None) -> Rule:
    """The built-in rule for one channel, cut to the channel's ceiling by the plan as any rule."""
    place = Place("", 0, 0) if channel is None else channel.place
    grants = tuple(Grant(segment, mask, place) for segment, mask in _CANCEL_MASKS.items())
    return Rule(
        name=CANCEL_FOLLOWS,
        why="A cancel goes where the event that it cancels went",
        place=place,
        channels=frozenset() if channel is None else frozenset({channel.id}),
        purpose=Purpose.PAYMENT,
        basis="follows the disclosure that it cancels",
        consent=Consent.NOT_REQUIRED,
        when=AllOf(()),
        coverage=Coverage.ANY,
        grants=grants,
    )
