"""Reading one restriction of a facts file (rules.md §7; 45 CFR 164.522(a)).

Law: a restriction names what is restricted; one that names nothing is no restriction on nothing,
but a mistake.
"""

from __future__ import annotations

from engine.config.fact_values import FactReader
from engine.policy.language import Keys
from engine.policy.language.source import Node
from engine.policy.language.source import Sequence as SequenceNode
from engine.privacy.facts import Item, ItemKind, Restriction, RestrictionReason
from engine.privacy.standing import IN_FORCE, Standing

#: Where only what is paid for in full stands, and where only what the hospital agrees to.
_OF_PAYMENT = frozenset(
    {Standing.PENDING_PAYMENT, Standing.MANDATORY, Standing.VOID_PAYMENT_FAILED}
)
_OF_AGREEMENT = frozenset({Standing.AGREED, Standing.DECLINED, Standing.TERMINATED_BY_HOSPITAL})

RESTRICTION_KEYS = Keys(
    "a restriction",
    required=("patient", "items"),
    optional=("channels", "reason", "from", "to", "state"),
)
ITEMS_KEYS = Keys("`items`", optional=tuple(kind.value for kind in ItemKind))


def restriction_of(node: Node, read: FactReader) -> Restriction:
    """One item of `restrictions`."""
    given = read.mapping(node, RESTRICTION_KEYS)
    items = _items(given.get("items"), read)
    channels = read.payers(given.get("channels"), "A restriction for no channel restricts nothing.")
    named = read.reader.choice(given.get("reason"), "`reason`", RestrictionReason)
    reason = named or RestrictionReason.PATIENT_REQUEST
    since, until = read.days(given.get("from"), given.get("to"))
    return Restriction(
        patient=read.patient(given.get("patient")),
        items=items,
        channels=channels,
        reason=reason,
        since=since,
        until=until,
        state=_state(given.get("state"), reason, read),
    )


def _state(node: Node | None, reason: RestrictionReason, read: FactReader) -> Standing | None:
    """Where it stands; None: in force, agreed or mandatory as the reason says."""
    state = read.reader.choice(node, "`state`", Standing)
    if node is None or state is None:
        return None
    is_paid = reason is RestrictionReason.SELF_PAY_IN_FULL
    if state in (_OF_AGREEMENT if is_paid else _OF_PAYMENT):
        read.reader.bad_value(
            node,
            f"A restriction whose reason is `{reason.value}` is never `{state.value}`.",
            "What is paid in full is `pending_payment`, `mandatory` or `void_payment_failed`; what"
            " a patient asks for is `agreed`, `declined` or `terminated_by_hospital` (45 CFR"
            " 164.522(a)).",
        )
    return None if state in IN_FORCE else state


def _items(node: Node | None, read: FactReader) -> frozenset[Item]:
    if node is None:
        return frozenset()
    given = read.reader.mapping(node, ITEMS_KEYS) or {}
    found = {
        item for name, value in given.items() for item in items_of_kind(ItemKind(name), value, read)
    }
    if not given:
        read.reader.missing_key(node.place, ITEMS_KEYS.of, *ITEMS_KEYS.optional)
    return frozenset(found)


def items_of_kind(kind: ItemKind, node: Node, read: FactReader) -> list[Item]:
    """What one key names: `everything`, one number, or a list of them."""
    if kind is ItemKind.EVERYTHING:
        if read.reader.flag(node, "`everything`") is False:
            read.reader.bad_value(node, "`everything` can only be true.", "Remove it.")
        return [Item(kind)]
    values = read.items(node, "`items`") if isinstance(node, SequenceNode) else (node,)
    numbers = [_identifier(read.text(value)) for value in values]
    if not numbers or not all(identifier for identifier, _ in numbers):
        read.reader.bad_value(node, f"`{kind.value}` names none.", "Write its number.")
    return [Item(kind, *number) for number in numbers if number[0]]


def _identifier(number: str) -> tuple[str, str]:
    """`NUMBER`, or `NUMBER^NAMESPACE` as HL7 writes an entity identifier."""
    identifier, _, rest = number.partition("^")
    return identifier, rest.partition("^")[0]
