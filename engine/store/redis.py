"""The store on Redis or Valkey: a batch is one pipeline, an operation one script.

Law: an answer is given only for what the server has said is done, after its fsync. Whatever leaves
that open (no answer in time, a broken connection, a server that is loading or has no replicas)
is `StoreUnavailable`, and the connection is given up, so that no late reply is taken for another's.
Nothing is retried in here: the caller repeats, and every script bears that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, ResponseError

from engine.errors import StoreError
from engine.store.accepting import BEHIND, Command, accept_command, calls, read_answer
from engine.store.client import TIMEOUT_S
from engine.store.commands import commands_for, read_replies
from engine.store.port import Accept, Operation, Result, StoreFull, StoreUnavailable
from engine.store.scripts import ALL

#: The first words of refusals after which the same batch may well succeed.
_TRANSIENT = frozenset(
    {"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN"}
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Consecutive messages that one call takes, or one operation of another kind."""

    messages: Sequence[Accept]
    other: Operation | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """A piece of a batch, where its results belong, and which replies are its."""

    piece: _Piece
    results: slice
    replies: slice


@dataclass(frozen=True, slots=True)
class _Call:
    """A batch as it goes over the wire: how many operations, whose replies are whose, the bytes."""

    operations: int
    steps: Sequence[_Step]
    replies: int
    packed: Sequence[bytes]


class RedisStore:
    """Implements `engine.store.port.Store`.

    `replicas`: how many must have it on their disks, too, before a batch counts as done.
    """

    def __init__(self, client: Redis, replicas: int = 0, timeout_s: float = TIMEOUT_S) -> None:
        self._connection: Any = client.connection_pool.make_connection()
        self._replicas = replicas
        self._replicas_wait_ms = int(timeout_s * 1000 / 2)

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        """What does all of `batch` in one round trip; the bytes to be sent are made here."""
        if not batch:
            return list
        commands, steps = _plan(batch)
        if self._replicas:
            commands.append(["WAITAOF", 1, self._replicas, self._replicas_wait_ms])
        call = _Call(len(batch), steps, len(commands), self._connection.pack_commands(commands))
        return partial(self._carry_out, call)

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        """Do all of `batch` in one round trip."""
        return self.prepare(batch)()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.disconnect()

    def _carry_out(self, call: _Call) -> list[Result]:
        try:
            replies = self._exchange(call.packed, call.replies)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                loading = [["SCRIPT", "LOAD", script.source] for script in ALL]
                self._exchange(self._connection.pack_commands(loading), len(loading))
                replies = self._exchange(call.packed, call.replies)
            return self._read(call, replies)
        except (RedisError, OSError) as error:
            self._connection.disconnect()
            raise StoreUnavailable(
                "store-unavailable",
                "the store does not answer.",
                "Check that it runs and can be reached; the engine tries again until it answers.",
            ) from error

    def _exchange(self, packed: Sequence[bytes], count: int) -> list[Any]:
        connection = self._connection
        connection.send_packed_command(packed)
        replies: list[Any] = []
        for _ in range(count):
            try:
                replies.append(connection.read_response())
            except ResponseError as refusal:
                replies.append(refusal)
        return replies

    def _read(self, call: _Call, replies: list[Any]) -> list[Result]:
        if self._replicas:
            _check_replicas(replies[-1], self._replicas)
        results: list[Result] = [None] * call.operations
        refused: list[int] = []
        for step in call.steps:
            theirs = replies[step.replies]
            if step.piece.messages and _is_refused(theirs[0]):
                refused.extend(range(step.results.start, step.results.stop))
                continue
            for reply in theirs:
                if isinstance(reply, ResponseError):
                    raise _failure(reply)
            if step.piece.other is None:
                results[step.results] = map(read_answer, theirs[0])
            else:
                results[step.results.start] = read_replies(step.piece.other, theirs)
        if refused:
            raise StoreFull(results, refused)
        return results


def _plan(batch: Sequence[Operation]) -> tuple[list[Command], list[_Step]]:
    """The pipeline for `batch`, and whose its replies are."""
    pieces = list(_pieces(batch))
    chain = [piece.messages[-1].receipt for piece in pieces if piece.messages]
    commands: list[Command] = []
    steps: list[_Step] = []
    start = link = 0
    for piece in pieces:
        first, end = len(commands), start + (len(piece.messages) or 1)
        if piece.other is None:
            after = chain[link - 1] if link else ""
            leave = chain[link] if link < len(chain) - 1 else ""
            commands.append(accept_command(piece.messages, after, leave))
            link += 1
        else:
            commands.extend(commands_for(piece.other))
        steps.append(_Step(piece, slice(start, end), slice(first, len(commands))))
        start = end
    return commands, steps


def _pieces(batch: Sequence[Operation]) -> Iterator[_Piece]:
    run: list[Accept] = []
    for operation in batch:
        if isinstance(operation, Accept):
            run.append(operation)
            continue
        yield from map(_Piece, calls(run))
        run = []
        yield _Piece((), operation)
    yield from map(_Piece, calls(run))


def _is_refused(reply: Any) -> bool:
    return isinstance(reply, OutOfMemoryError) or reply == BEHIND


def _check_replicas(reply: Any, wanted: int) -> None:
    if isinstance(reply, ResponseError):
        raise _failure(reply)
    local, replicas = reply
    if local < 1 or replicas < wanted:
        raise StoreUnavailable(
            "store-replicas",
            f"{replicas} of {wanted} replicas have confirmed what was written.",
            "Bring the replicas back, or ask for fewer with store.durability.",
        )


def _failure(refusal: ResponseError) -> StoreError:
    """A refusal that may pass, or one that will come again (then the caller must not repeat)."""
    word = str(refusal).partition(" ")[0]
    transient = word in _TRANSIENT
    if transient or type(refusal) is not ResponseError:
        error: StoreError = StoreUnavailable(
            "store-unavailable",
            f"the store refuses to work ({word if transient else type(refusal).__name__}).",
            "See the server's log; the engine tries again until it works.",
        )
    else:
        error = StoreError(
            "store-script",
            "the store refused an operation as wrong.",
            "Another program may have changed the engine's keys; see docs/reference/redis-keys.md.",
        )
    error.__cause__ = refusal
    return error
