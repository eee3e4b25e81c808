"""Self-pay requests that a site's messages carry in a segment of its own (`signals.self_pay`).

Law: no standard field says that a visit was paid for out of pocket (standards.md B-6.3); the site
says which segment does, when it does, and what of it names the item (45 CFR 164.522(a)(1)(vi)).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.conditions.evaluate import Test, compile_condition
from engine.policy.conditions.matching import Terms
from engine.policy.message.view import View
from engine.policy.model import SelfPay
from engine.privacy.facts import Item


def _identifier(path: Path) -> Path:
    """Where the number stands: of a field or a component its first part, as in every number."""
    return replace(path, component=path.component or 1, subcomponent=path.subcomponent or 1)


class SelfPayRequests:
    """What a site said of them, made ready to be asked of many messages."""

    __slots__ = ("_items", "_when", "segment")

    def __init__(self, said: SelfPay, timezone: tzinfo) -> None:
        self.segment = said.segment
        self._when: Test = compile_condition(said.when, View.meant, Terms(timezone))
        self._items = tuple(said.items.items())

    def items(self, view: View) -> list[frozenset[Item]]:
        """Of each request in the message what it names; an empty one names nothing."""
        return [
            self._named(view, segment)
            for segment in view.all(self.segment)
            if self._when(view, segment.index)
        ]

    def _named(self, view: View, segment: Segment) -> frozenset[Item]:
        return frozenset(
            Item(kind, text.strip())
            for kind, path in self._items
            for text in view.texts(segment, _identifier(path))
            if text.strip() not in ("", '""')
        )
