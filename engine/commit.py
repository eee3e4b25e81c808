"""Group commit: what arrives while one commit is under way is the next commit.

Law: one batch at a time, in order of submission; results are told in that order, and only once
the store has said that the whole batch is durable (I1). A batch whose outcome is not known is
repeated, unchanged, for ever: operations are idempotent, and guessing is how messages get lost.
Operations of intake and of lanes share a batch, so that one fsync serves them all. When the store
is full, acceptances wait in their order while lanes go on: only they can make room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, overload

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from engine.errors import EngineError
from engine.store.port import (
    Accept,
    Accepted,
    Advance,
    Claim,
    Claimed,
    Halted,
    Opened,
    Operation,
    Resolve,
    Result,
    Settle,
    Store,
    StoreFull,
    StoreUnavailable,
)

#: How a call is made off the reactor's thread; `engine.store.thread.StoreThread.run` in production.
Run = Callable[[Callable[[], "list[Result]"]], "Deferred[list[Result]]"]

#: A script's arguments are bounded, so that no single call stalls the store for others.
BATCH_OPERATIONS = 256
BATCH_BYTES = 4 * 1024 * 1024

#: Seconds between repetitions while the store is away: doubling from the first to the last.
FIRST_REPEAT_S = 0.05
LAST_REPEAT_S = 1.0


class Observer(Protocol):
    """Who is told how the store does; told once per change."""

    def store_down(self, error: StoreUnavailable) -> None:
        """A batch was not answered; it is being repeated. Told again when the reason changes."""

    def store_up(self) -> None:
        """The repeated batch was answered."""


class Timer(Protocol):
    """The part of a reactor that waits; `twisted.internet.task.Clock` is one."""

    def callLater(  # noqa: N802 - Twisted's name
        self, delay: float, function: Callable[..., Any], /, *args: object
    ) -> object:
        """Call after `delay` seconds."""


class StoppedError(EngineError):
    """The engine is going down; the operation was not handed to the store."""

    def __init__(self) -> None:
        super().__init__("stopping", "The engine is stopping.", "Send again once it runs.")


@dataclass(frozen=True, slots=True)
class _Batch:
    operations: list[Operation]
    outcomes: list[Deferred[Result]]


_Given = tuple[Operation, "Deferred[Result]"]


class GroupCommit:
    """The one way to the store for everything that must be quick."""

    def __init__(self, store: Store, run: Run, clock: Timer, observer: Observer) -> None:
        self._store = store
        self._run = run
        self._clock = clock
        self._observer = observer
        self._waiting: deque[_Given] = deque()
        self._no_room: deque[_Given] = deque()
        self._knocking = False
        self._alone: deque[_Batch] = deque()
        self._finished: deque[tuple[_Batch, list[Result] | Failure]] = deque()
        self._under_way = False
        self._gathering = False
        self._pumping = False
        self._down = ""  # the code of why it is away
        self._repeat_s = FIRST_REPEAT_S
        self._stopping = False
        self._stops: list[Deferred[None]] = []

    @overload
    def submit(self, operation: Accept) -> Deferred[Accepted]: ...
    @overload
    def submit(self, operation: Claim) -> Deferred[Claimed]: ...
    @overload
    def submit(self, operation: Advance) -> Deferred[Opened | Halted]: ...
    @overload
    def submit(self, operation: Operation) -> Deferred[Result]: ...

    def submit(self, operation: Operation) -> Deferred[Any]:
        """Have `operation` done with the next batch; fires once it is durable.

        Fails with `StoppedError` after `stop`, and with what the store raised if it refused this
        very operation; never with `StoreUnavailable`.
        """
        if self._stopping:
            return fail(StoppedError())
        outcome: Deferred[Result] = Deferred()
        if self._no_room and isinstance(operation, Accept):
            self._no_room.append((operation, outcome))
            return outcome
        self._waiting.append((operation, outcome))
        if not (self._under_way or self._gathering or self._pumping):
            # Everything that this turn of the reactor still reads shares the first fsync.
            self._gathering = True
            self._clock.callLater(0, self._pump)
        return outcome

    def stop(self) -> Deferred[None]:
        """Refuse what comes from now on; fires once everything submitted before is durable.

        What waits for room in a full store is refused too: nothing of it was done.
        """
        self._stopping = True
        while self._no_room:
            self._no_room.popleft()[1].errback(StoppedError())
        if self._idle:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stops.append(done)
        return done

    @property
    def _idle(self) -> bool:
        return not (self._under_way or self._waiting or self._alone or self._finished)

    def _pump(self) -> None:
        """Start what can be started, then tell what is finished, until there is neither.

        The next batch starts before results are told: the store works while callbacks run.
        """
        self._gathering = False
        if self._pumping:
            return
        self._pumping = True
        while True:
            if not self._under_way and (
                self._alone or self._waiting or (self._knocking and self._no_room)
            ):
                self._execute(self._alone.popleft() if self._alone else self._take())
            elif self._finished:
                _tell(*self._finished.popleft())
            else:
                break
        self._pumping = False
        while self._stops and self._idle:
            self._stops.pop(0).callback(None)

    def _take(self) -> _Batch:
        """The oldest waiting operations, within bounds; one that is too large goes alone."""
        batch = _Batch([], [])
        size_bytes = _fill(batch, self._no_room, 0) if self._knocking else 0
        self._knocking = False
        _fill(batch, self._waiting, size_bytes)
        return batch

    def _execute(self, batch: _Batch) -> None:
        self._under_way = True
        self._begin(batch).addCallbacks(
            self._answered, self._failed, callbackArgs=(batch,), errbackArgs=(batch,)
        )

    def _begin(self, batch: _Batch) -> Deferred[list[Result]]:
        try:
            return self._run(self._store.prepare(batch.operations))
        except Exception:  # noqa: BLE001 - one of the operations is at fault; found out alone
            return fail()

    def _answered(self, results: list[Result], batch: _Batch) -> None:
        if self._no_room:
            self._knocking = isinstance(batch.operations[0], Accept)  # there was room: go on
        elif self._down:
            self._down = ""
            self._repeat_s = FIRST_REPEAT_S
            self._observer.store_up()
        self._finish(batch, results)

    def _failed(self, failure: Failure, batch: _Batch) -> None:
        """Repeat what may have happened; find out alone which operation the store refuses."""
        error = failure.value
        if isinstance(error, StoreUnavailable):
            if self._down != error.code:
                self._down = error.code
                self._observer.store_down(error)
            if isinstance(error, StoreFull):
                self._clock.callLater(self._repeat_s, self._knock)
                self._finish(*self._set_aside(error, batch))
            else:
                self._clock.callLater(self._repeat_s, self._execute, batch)
            self._repeat_s = min(self._repeat_s * 2.0, LAST_REPEAT_S)
        elif len(batch.operations) > 1:
            self._alone.extend(
                _Batch([operation], [outcome])
                for operation, outcome in zip(batch.operations, batch.outcomes, strict=True)
            )
            self._under_way = False
            self._pump()
        else:
            self._finish(batch, failure)

    def _set_aside(self, error: StoreFull, batch: _Batch) -> tuple[_Batch, list[Result]]:
        """Keep the refused acceptances, and those that wait behind them; the rest was done."""
        refused: list[_Given] = []
        done, results = _Batch([], []), []
        for index, given in enumerate(zip(batch.operations, batch.outcomes, strict=True)):
            if index in error.refused:
                refused.append(given)
            else:
                done.operations.append(given[0])
                done.outcomes.append(given[1])
                results.append(error.results[index])
        self._no_room.extendleft(reversed(refused))
        self._no_room.extend(given for given in self._waiting if isinstance(given[0], Accept))
        self._waiting = deque(given for given in self._waiting if not isinstance(given[0], Accept))
        return done, results

    def _knock(self) -> None:
        """Ask again whether there is room."""
        self._knocking = bool(self._no_room)
        self._pump()

    def _finish(self, batch: _Batch, results: list[Result] | Failure) -> None:
        self._finished.append((batch, results))
        self._under_way = False
        self._pump()


def _fill(batch: _Batch, queue: deque[_Given], size_bytes: int) -> int:
    """Move what fits from `queue` to `batch`, which has `size_bytes`; answers its new size."""
    operations = batch.operations
    while queue and len(operations) < BATCH_OPERATIONS:
        operation, outcome = queue[0]
        size_bytes += _size_bytes(operation)
        if size_bytes > BATCH_BYTES and operations:
            break
        queue.popleft()
        operations.append(operation)
        batch.outcomes.append(outcome)
    return size_bytes


def _tell(batch: _Batch, results: list[Result] | Failure) -> None:
    if isinstance(results, Failure):
        batch.outcomes[0].errback(results)
        return
    for outcome, result in zip(batch.outcomes, results, strict=True):
        outcome.callback(result)


def _size_bytes(operation: Operation) -> int:
    """What an operation adds to the size of a call; small parts are not counted."""
    if isinstance(operation, Advance):
        close = operation.close
        return len(close.record) if isinstance(close, Settle) else 0
    if isinstance(operation, Accept):
        size = len(operation.sealed) + len(operation.record)
        for copy in operation.copies:
            size += len(copy.sealed) + len(copy.note)
        return size
    if isinstance(operation, Resolve):
        return sum(len(copy.sealed) + len(copy.note) for copy in operation.copies)
    return 0
