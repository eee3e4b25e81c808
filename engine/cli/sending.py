"""What `payergate send` does: messages out of files, over one or more connections, read answers.

Law: no message is sent twice, and messages of one connection leave in their order.
"""

from __future__ import annotations

import pathlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from engine.ack.codes import AckCode
from engine.ack.interpret import Acknowledged, Mismatched, interpret
from engine.cli.answer_words import EARLY, MISMATCHED, UNREADABLE
from engine.delivery.answers import Answer, NotSent, Outcome
from engine.errors import NotHL7Error, UsageError
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Message
from engine.mllp.framing import UnframeablePayload
from engine.net.reactor import monotonic_reactor
from engine.net.sender import Sender


@dataclass(frozen=True, slots=True)
class How:
    """How to send. `rate`: messages a second over all connections, None for no limit."""

    connections: int = 1
    repeat: int = 1
    rate: float | None = None
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """One message of a file; `index` counts from 1."""

    file: str
    index: int
    payload: bytes
    control_id: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """What is printed of one message."""

    file: str
    index: int
    control_id: str
    ack: str | None
    error: str | None
    ms: float


def jobs_in(file: pathlib.Path) -> list[Job]:
    """The messages of a file; raises `UsageError` or, without a message, `NotHL7Error`."""
    try:
        payloads = split_messages(file.read_bytes())
    except OSError as error:
        raise UsageError("file", f"{file}: {error.strerror or 'cannot be read'}.") from None
    if not payloads:
        raise NotHL7Error("not-hl7", f"{file}: no MSH segment.", "Name files with HL7 v2 messages.")
    return [
        Job(str(file), index, payload, _control_id(payload))
        for index, payload in enumerate(payloads, 1)
    ]


def _control_id(payload: bytes) -> bytes:
    try:
        return Message.parse(payload).msh.field(10)
    except NotHL7Error:
        return b""  # sent all the same: what the receiver makes of it is what one wants to see


class Sending:
    """One run of the command; `show` is called with each `Line`."""

    def __init__(self, jobs: list[Job], how: How, show: Callable[[Line], object]) -> None:
        self._jobs = jobs
        self._how = how
        self._show = show
        self._queue: Iterator[Job] = (job for again in repeat(jobs, how.repeat) for job in again)
        self._taken = 0
        self._total: int = len(jobs) * how.repeat
        self._sent = 0
        self._acks: Counter[str] = Counter()
        self._positive = 0
        self._failures: Counter[tuple[str | None, str | None]] = Counter()
        self._began = self._ended = 0.0

    def run(self, host: str, port: int) -> None:
        """Send everything, in a reactor of its own."""
        reactor = monotonic_reactor()
        failures: list[Any] = []

        def begin() -> None:
            self._began = time.monotonic()
            senders = [
                Sender(
                    host,
                    port,
                    reactor=reactor,
                    connect_timeout_s=min(10.0, self._how.timeout_s),
                    ack_timeout_s=self._how.timeout_s,
                )
                for _ in range(min(self._how.connections, self._total))
            ]
            work = [Deferred.fromCoroutine(self._work(sender, reactor)) for sender in senders]
            gatherResults(work).addErrback(failures.append).addBoth(lambda _: reactor.stop())

        reactor.callWhenRunning(begin)
        reactor.run()
        self._ended = time.monotonic()
        for failure in failures:
            failure.value.subFailure.raiseException()

    async def _work(self, sender: Sender, reactor: Any) -> None:
        """One connection."""
        for job in self._queue:
            if self._how.rate:
                due = self._began + self._taken / self._how.rate
                self._taken += 1
                await deferLater(reactor, max(0.0, due - time.monotonic()))
            began = time.monotonic()
            ack: str | None
            error: str | None
            try:
                outcome = await sender.send(job.payload)
            except UnframeablePayload as refused:
                ack, error = None, refused.code
            else:
                ack, error = self._read(outcome, job, sender)
            ms = round((time.monotonic() - began) * 1000, 3)
            if ack is not None and AckCode(ack).positive:
                self._positive += 1
            else:
                self._failures[ack, error] += 1
            self._show(
                Line(job.file, job.index, job.control_id.decode("utf-8", "replace"), ack, error, ms)
            )
        await sender.close()

    def _read(self, outcome: Outcome, job: Job, sender: Sender) -> tuple[str | None, str | None]:
        """The acknowledgment code, and what is wrong, where something is."""
        if isinstance(outcome, NotSent):
            return None, outcome.reason.value
        self._sent += 1
        if not isinstance(outcome, Answer):
            return None, outcome.reason.value
        meaning = interpret(outcome.payload, job.control_id)
        if not isinstance(meaning, Acknowledged):
            sender.drop()
            return None, MISMATCHED if isinstance(meaning, Mismatched) else UNREADABLE
        if outcome.early and meaning.code.positive:
            return None, EARLY
        self._acks[meaning.code.value] += 1
        return meaning.code.value, meaning.error_code or None

    @property
    def all_positive(self) -> bool:
        """Every message was answered AA or CA."""
        return self._positive == self._total

    @property
    def failures(self) -> Mapping[tuple[str | None, str | None], int]:
        """How many were not, by acknowledgment code, if there was one, and error."""
        return self._failures

    def summary(self) -> dict[str, Any]:
        """How it went."""
        seconds = max(self._ended - self._began, 1e-9)
        return {
            "sent": self._sent,
            "acks": dict(sorted(self._acks.items())),
            "seconds": round(seconds, 3),
            "per_second": round(self._sent / seconds, 1),
        }
