"""The store without a server: the same answers, nothing durable. For tests of everything else.

Law: it passes the contract that `RedisStore` passes, and it can play a store that fails: refuse,
do all and lose the answer, do half, or be full.
"""

from __future__ import annotations

from engine.store.memory.store import MemoryStore, Outage

__all__ = ["MemoryStore", "Outage"]
