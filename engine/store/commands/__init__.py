"""Operations as commands of Redis, and their replies as results. Pure.

Law: one table, from the type of an operation to its commands and to how their replies are read;
each subject of the port has its part of it. Messages, which go many to a call, stand apart
(`accepting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.store.commands import archive, asking, held, lanes, registry
from engine.store.commands.call import Command, Table
from engine.store.commands.held import read_recalls, together
from engine.store.port import Operation, Result

__all__ = ["Command", "commands_for", "read_recalls", "read_replies", "together"]

_TABLE: Table = {
    **lanes.TABLE,
    **held.TABLE,
    **registry.TABLE,
    **asking.TABLE,
    **archive.TABLE,
}


def commands_for(operation: Operation) -> list[Command]:
    """The commands that do `operation` (any but `Accept`), in order; often one, at times none."""
    return _TABLE[type(operation)][0](operation)


def read_replies(operation: Operation, replies: Sequence[Any]) -> Result:
    """The result of `operation` from the replies to its commands."""
    return _TABLE[type(operation)][1](operation, replies)
