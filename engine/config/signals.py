"""`signals`: what of a site's own segments says something about confidentiality.

Law: a Z segment has no standard meaning (standards.md B-13); the site gives it one by name.
"""

from __future__ import annotations

from engine.hl7.path import Path
from engine.policy.language import Keys, Reader
from engine.policy.language.conditions import ALWAYS, condition
from engine.policy.language.mistakes import Mistake
from engine.policy.language.paths import path
from engine.policy.language.source import Node, Scalar
from engine.policy.model import SelfPay
from engine.privacy.facts import ItemKind

#: What a request may name, in the order in which documentation lists it.
_ITEMS = {
    kind.value: kind for kind in (ItemKind.VISIT, ItemKind.ACCOUNT, ItemKind.ORDER, ItemKind.CHARGE)
}

SIGNALS_KEYS = Keys("`signals`", optional=("self_pay",))
SELF_PAY_KEYS = Keys("`self_pay`", required=("segment",), optional=("when", *_ITEMS))


def self_pay_of(node: Node | None, reader: Reader) -> SelfPay | None:
    """Read `signals` of config.yaml."""
    signals = reader.mapping(node, SIGNALS_KEYS) or {}
    if "self_pay" not in signals:
        return None
    given = reader.mapping(signals["self_pay"], SELF_PAY_KEYS) or {}
    segment = reader.text(given.get("segment"), "`segment`") or ""
    if "segment" in given and not (len(segment) == 3 and segment[0] == "Z" and segment.isalnum()):
        reader.bad_value(
            given["segment"], f"`{segment}` is no Z segment.", "Write one such as `ZSP`."
        )
    when = condition(given.get("when"), "`when`", reader)
    items: dict[ItemKind, Path] = {}
    for name, kind in _ITEMS.items():
        found = None if name not in given else _field(given[name], segment, reader)
        if found is not None:
            items[kind] = found
    return SelfPay(segment, when or ALWAYS, items)


def _field(node: Node, segment: str, reader: Reader) -> Path | None:
    found = path(node, reader) if isinstance(node, Scalar) else None
    if found is None or (found.segment == segment and found.field and not found.occurrence):
        return found
    reader.problems.note(
        node.place,
        Mistake.BAD_PATH,
        f"`{found}` is no field of the segment.",
        f"Write a field or component such as `{segment}-2`.",
    )
    return None
