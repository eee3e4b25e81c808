"""What of a message's own signals is entered into the privacy registry (standards.md B-7).

Law: what the message is decided with and what is entered of it is one answer.
"""

from __future__ import annotations

from datetime import datetime

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.legal.sensitivities import sensitivities_of
from engine.policy.legal.signals import signals_of
from engine.privacy.sorts import Fact

#: Segments that say something of the patient or the visit, and not of a message alone.
_KEPT = frozenset({"PD1", "PV2", "ARV", "CON"})


def signalled(message: Message, policy: CompiledPolicy, now: datetime) -> tuple[Fact, ...]:
    """The restrictions, refusals and labels that a message brings; from nearly all, none."""
    requests = policy.statutes.self_pay
    if _KEPT.isdisjoint(message.ids) and (requests is None or requests.segment not in message.ids):
        return ()
    views, _ = policy.views(message, now)
    found: list[Fact] = []
    now = policy.statutes.local(now)
    for view in views:
        signals = signals_of(view, now, requests)
        found += (*signals.restrictions, *signals.refusals)
        found += sensitivities_of(view, policy.statutes.index, now)
    return tuple(dict.fromkeys(found))
