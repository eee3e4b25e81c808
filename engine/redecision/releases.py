"""Holds that wait for coverage are decided again once it may be known.

Law: no release is lost: receipts stay on the store's list until all their holds were decided again
on facts that were read after the list. None is done twice: a decision takes the place of exactly
the hold that was there. What cannot be decided again stays held, and is tried at the next round;
but what no later round could decide either is held until a person acts, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.clock import Clock
from engine.commit import GroupCommit, StoppedError
from engine.errors import EngineError, NotHL7Error
from engine.logs import Event, Log
from engine.redecision.kept_message import Answers, KeptMessage
from engine.redecision.redecide import Act, Redecision
from engine.store.keyfile import KeysAwayError
from engine.store.port import (
    Fetch,
    ForgetReleased,
    Item,
    Items,
    Kept,
    NextReleased,
    Resolve,
)
from engine.store.sealing import SealError

#: How many receipts one question to the store asks for.
PAGE = 100

#: Who decided, in the record.
ENGINE = "engine"


class Releases:
    """Decides released holds of `channels` again; `queued` is told of channels with new entries."""

    def __init__(
        self,
        commit: GroupCommit,
        redecision: Redecision,
        channels: Sequence[str],
        *,
        clock: Clock,
        log: Log,
        queued: Callable[[str], object],
    ) -> None:
        self._commit = commit
        self._redecision = redecision
        self._channels = tuple(channels)
        self._clock = clock
        self._log = log
        self._queued = queued
        self._running = False
        self._woken = False

    def wake(self) -> None:
        """Something may be on the list: work it off. At once, or after the round under way."""
        self._woken = True
        if self._running:
            return
        self._running = True
        work = Deferred.fromCoroutine(self._rounds())
        work.addErrback(self._broke).addCallback(self._rest)

    def _rest(self, _: object) -> None:
        self._running = False

    def _broke(self, failure: Failure) -> None:
        if failure.value is not None and not isinstance(failure.value, StoppedError):
            self._log.failure(Event.HOLDS_FAILED, failure.value)

    async def _rounds(self) -> None:
        while self._woken:
            self._woken = False
            await self._round()

    async def _round(self) -> None:
        """All that is on the list, but what failed in this very round."""
        failed: set[str] = set()
        decided = 0
        while True:
            listed = await self._commit.submit(NextReleased(PAGE + len(failed)))
            receipts = [one for one in cast("tuple[str, ...]", listed) if one not in failed]
            if not receipts:
                break
            for receipt in receipts:
                try:
                    decided += await self._decide(receipt)
                except StoppedError:
                    raise
                except Exception as error:  # noqa: BLE001 - told; one message must not stop others
                    self._log.failure(Event.HOLDS_FAILED, error, receipt=receipt)
                    failed.add(receipt)
        if decided:
            self._log(Event.HOLDS_DECIDED, count=decided)

    async def _decide(self, receipt: str) -> int:
        """Decide the holds of one message again; how many there were."""
        decided = 0
        sealed = await self._commit.submit(Fetch(receipt))
        holds = await self._holds(receipt) if isinstance(sealed, bytes) else []
        if isinstance(sealed, bytes) and holds:
            try:
                case = self._redecision.case(receipt, sealed)
            except (SealError, KeysAwayError, NotHL7Error):
                raise  # a key may come back
            except EngineError as error:  # it names more patients than a message may since
                return await self._keep(receipt, holds, error.code)
            case, recalled = await self._recalled(case)
            now = self._clock.now()
            outcomes = self._redecision.decide_kept(case, recalled, now)
            footing = self._redecision.footing(case, recalled, now)
            act = Act(ENGINE, now, "what it waited for became known")
            for hold in holds:
                resolve = self._redecision.resolve(hold, case, outcomes, act, footing)
                decided += await self._put(resolve)
        await self._commit.submit(ForgetReleased(receipt))
        return decided

    async def _keep(self, receipt: str, holds: Sequence[Item], reason: str) -> int:
        """Hold all of it until a person acts; it was not decided, so the answer is 0."""
        act = Act(ENGINE, self._clock.now(), "it cannot be decided any more")
        for hold in holds:
            await self._put(self._redecision.stays_held(hold, reason, act))
        self._log(Event.HOLDS_FAILED, receipt=receipt, code=reason)
        await self._commit.submit(ForgetReleased(receipt))
        return 0

    async def _recalled(self, case: KeptMessage) -> tuple[KeptMessage, Answers]:
        """As `Redecision.gather`."""
        while True:
            recalled = cast("Answers", await self._commit.submit(case.recall))
            wider = self._redecision.wider(case, recalled)
            if wider is None:
                return case, recalled
            case = wider

    async def _holds(self, receipt: str) -> list[Item]:
        """What is held of a message for channels that are live; others wait for a person."""
        found: list[Item] = []
        for asked in [self._commit.submit(Items(c, receipt=receipt)) for c in self._channels]:
            found += cast("tuple[Item, ...]", await asked)
        return [item for item in found if item.kind is Kept.HELD]

    async def _put(self, resolve: Resolve) -> bool:
        was_there = bool(await self._commit.submit(resolve))
        if was_there and resolve.copies:
            self._queued(resolve.channel)
        return was_there
