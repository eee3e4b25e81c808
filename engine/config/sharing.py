"""Channels of different counterparts that are reached at one address.

Law: a file that was copied for the next insurer and whose `to` was left as it was sends that
insurer's patients to the former one. Whether that is meant only a person knows; so it is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.config.model import Delivery
from engine.errors import Place
from engine.policy.language import Mistake, Problems
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node
from engine.policy.model import Policy


def note_shared(
    policy: Policy,
    deliveries: Mapping[str, Delivery],
    nodes: Mapping[str, Node],
    problems: Problems,
) -> None:
    """Note each channel whose address another one under another agreement has already."""
    first: dict[tuple[str, int], str] = {}
    for name, delivery in sorted(deliveries.items()):
        other = first.setdefault((delivery.to.host.casefold(), delivery.to.port), name)
        if other != name and not _of_one_agreement(policy, name, other):
            problems.note(
                _place(nodes[name]),
                Mistake.SHARED_ADDRESS,
                f"{name} is reached at the address of {other}, {_place(nodes[other])}.",
                "Correct one of them; where both are one counterpart's, give them the same"
                " `agreement.reference`.",
            )


def _of_one_agreement(policy: Policy, one: str, other: str) -> bool:
    references = {policy.channels[name].agreement_reference for name in (one, other)}
    return len(references) == 1 and "" not in references


def _place(deliver: Node) -> Place:
    to = deliver.get("to") if isinstance(deliver, MappingNode) else None
    return deliver.place if to is None else to.place
