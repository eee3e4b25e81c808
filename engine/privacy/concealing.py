"""What would be known if everybody in a message had asked one channel to learn no address."""

from __future__ import annotations

from dataclasses import replace

from engine.hl7.wire import Message
from engine.privacy.confidential import Confidential
from engine.privacy.facts import Facts
from engine.privacy.patients import denied_in, patients_of


def concealing(facts: Facts, message: Message, channel: str) -> Facts:
    """The facts, with a confidential communication without alternates of each patient."""
    ids = [one for pid in message.all("PID") for one in denied_in(message, pid)]
    ids += patients_of(message, message.all("MRG"), 1)
    only = frozenset({channel})
    found = tuple(Confidential(one, only) for one in dict.fromkeys(ids))
    return replace(facts, confidential=found)
