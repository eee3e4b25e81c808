"""The store on Redis or Valkey: a batch is one pipeline, an operation one script.

Law: an answer is given only for what the server has said is done, after its fsync. Whatever leaves
that open (no answer in time, a broken connection, a server that is loading or has no replicas)
is `StoreUnavailable`, and the connection is given up, so that no late reply is taken for another's.
Nothing is retried in here: the caller repeats, and every script bears that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hiredis import pack_command
from redis import Redis
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, ResponseError

from engine.errors import StoreError
from engine.store.client import TIMEOUT_S
from engine.store.commands import Command, commands_for, read_recalls, read_replies, together
from engine.store.commands.accepting import BEHIND, accept_command, calls, read_answer
from engine.store.port import Accept, Operation, Recall, Result, StoreFull, StoreUnavailable
from engine.store.scripts import ALL

#: The first words of refusals after which the same batch may well succeed.
_TRANSIENT = frozenset(
    {"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN"}
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Consecutive messages that one call takes, all questions of a batch, or another operation."""

    places: Sequence[int]  # of its results in the batch
    messages: Sequence[Accept] = ()
    recalls: Sequence[Recall] = ()
    other: Operation | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """A piece of a batch, and which replies are its."""

    piece: _Piece
    replies: slice


@dataclass(frozen=True, slots=True)
class _Call:
    """A batch as it goes over the wire: how many operations, whose replies are whose, the bytes."""

    operations: int
    steps: Sequence[_Step]
    replies: int
    packed: bytes


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
        call = _Call(len(batch), steps, len(commands), _packed(commands))
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
                loading: list[Command] = [["SCRIPT", "LOAD", script.source] for script in ALL]
                self._exchange(_packed(loading), len(loading))
                replies = self._exchange(call.packed, call.replies)
            return self._read(call, replies)
        except (RedisError, OSError) as error:
            self._connection.disconnect()
            raise StoreUnavailable(
                "store-unavailable",
                "the store does not answer.",
                "Check that it runs and can be reached; the engine tries again until it answers.",
            ) from error

    def _exchange(self, packed: bytes, count: int) -> list[Any]:
        connection = self._connection
        connection.send_packed_command([packed])
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
                refused.extend(step.piece.places)
                continue
            for reply in theirs:
                if isinstance(reply, ResponseError):
                    raise _failure(reply)
            for place, result in zip(step.piece.places, _results(step.piece, theirs), strict=True):
                results[place] = result
        if refused:
            raise StoreFull(results, refused)
        return results


def _packed(commands: Iterable[Command]) -> bytes:
    """Commands as the bytes that go over the wire, in one piece for one call of the socket.

    Straight from hiredis: redis-py looks at every argument once more, which takes as long again.
    """
    pack: Any = pack_command  # its stub knows commands of one argument alone
    return b"".join([pack(tuple(command)) for command in commands])


def _results(piece: _Piece, replies: Sequence[Any]) -> Iterable[Result]:
    if piece.messages:
        return map(read_answer, replies[0])
    if piece.recalls:
        return read_recalls(piece.recalls, replies)
    return (read_replies(piece.other, replies) if piece.other else None,)


def _plan(batch: Sequence[Operation]) -> tuple[list[Command], list[_Step]]:
    """The pipeline for `batch`, and whose its replies are."""
    pieces = list(_pieces(batch))
    chain = [piece.messages[-1].receipt for piece in pieces if piece.messages]
    commands: list[Command] = []
    steps: list[_Step] = []
    link = 0
    for piece in pieces:
        first = len(commands)
        if piece.messages:
            after = chain[link - 1] if link else ""
            leave = chain[link] if link < len(chain) - 1 else ""
            commands.append(accept_command(piece.messages, after, leave))
            link += 1
        elif piece.recalls:
            commands.extend(commands_for(together(piece.recalls)))
        elif piece.other:
            commands.extend(commands_for(piece.other))
        steps.append(_Step(piece, slice(first, len(commands))))
    return commands, steps


def _pieces(batch: Sequence[Operation]) -> Iterator[_Piece]:
    """Messages that follow each other in calls, the rest one by one, all questions at the end."""
    run: list[tuple[int, Accept]] = []
    asked: dict[int, Recall] = {}
    for place, operation in enumerate(batch):
        if isinstance(operation, Recall):
            asked[place] = operation
        elif isinstance(operation, Accept):
            run.append((place, operation))
        else:
            yield from _calls(run)
            run = []
            yield _Piece((place,), other=operation)
    yield from _calls(run)
    if asked:
        yield _Piece(tuple(asked), recalls=tuple(asked.values()))


def _calls(run: Sequence[tuple[int, Accept]]) -> Iterator[_Piece]:
    start = 0
    for messages in calls([message for _, message in run]):
        end = start + len(messages)
        yield _Piece([place for place, _ in run[start:end]], messages)
        start = end


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
