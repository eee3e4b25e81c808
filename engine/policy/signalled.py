"""What a message enters into the privacy registry (standards.md B-7)."""

from __future__ import annotations

from datetime import datetime

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.privacy.registry import Fact


def signalled(message: Message, policy: CompiledPolicy, now: datetime) -> tuple[Fact, ...]:
    """Nothing yet."""
    del message, policy, now
    return ()
