"""`payergate send`: an MLLP client for people and tests.

Law: one message in flight on each connection, messages of one connection in their order; an answer
counts by the same rules as an insurer's does (`engine.ack.interpret`). No message is sent twice.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from engine.ack.interpret import Acknowledged, Mismatched, interpret
from engine.cli.address import host_and_port
from engine.delivery.answers import Answer, NotSent, Outcome
from engine.errors import Exit, NotHL7Error, UsageError
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Message
from engine.mllp.framing import UnframeablePayload
from engine.net.sender import Sender


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "send",
        help="send HL7 files over MLLP and print each acknowledgment",
        description="Sends the messages in FILEs over MLLP and prints each acknowledgment."
        " A file may hold one message, several, a batch, or frames.",
        epilog="Exit code 0 if every message was answered AA or CA, else 1.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=pathlib.Path)
    parser.add_argument("--to", metavar="HOST:PORT", required=True, help="the receiver")
    parser.add_argument("--rate", metavar="N", type=float, help="at most N messages a second")
    parser.add_argument(
        "--connections", metavar="N", type=int, default=1, help="share them out to N connections"
    )
    parser.add_argument(
        "--repeat", metavar="N", type=int, default=1, help="send everything N times"
    )
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=30.0, help="seconds to wait for an answer"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send everything; the exit code."""
    for name in ("rate", "connections", "repeat", "timeout"):
        value = getattr(args, name)
        if value is not None and value <= 0:
            raise UsageError("usage", f"--{name} must be more than 0.")
    host, port = host_and_port(args.to)
    jobs = [job for file in args.files for job in _jobs(file)]
    sending = _Sending(jobs, args, _print_json if args.json else _print_line)
    sending.run(host, port)
    summary = sending.summary()
    if args.json:
        print(json.dumps({"summary": summary}))
    else:
        acks = ", ".join(f"{n} {code}" for code, n in sorted(summary["acks"].items()))
        print(
            f"{summary['sent']} sent in {summary['seconds']} s"
            f" ({summary['per_second']} a second): {acks or 'no answers'}"
        )
    return Exit.OK if sending.all_positive else Exit.FAILED


@dataclass(frozen=True, slots=True)
class _Job:
    """One message of a file; `index` counts from 1."""

    file: str
    index: int
    payload: bytes
    control_id: bytes


@dataclass(frozen=True, slots=True)
class _Line:
    """What is printed of one message."""

    file: str
    index: int
    control_id: str
    ack: str | None
    error: str | None
    ms: float


def _jobs(file: pathlib.Path) -> list[_Job]:
    try:
        payloads = split_messages(file.read_bytes())
    except OSError as error:
        raise UsageError("file", f"{file}: {error.strerror or 'cannot be read'}.") from None
    if not payloads:
        raise NotHL7Error("not-hl7", f"{file}: no MSH segment.", "Name files with HL7 v2 messages.")
    return [
        _Job(str(file), index, payload, _control_id(payload))
        for index, payload in enumerate(payloads, 1)
    ]


def _control_id(payload: bytes) -> bytes:
    try:
        return Message.parse(payload).msh.field(10)
    except NotHL7Error:
        return b""  # sent all the same: what the receiver makes of it is what one wants to see


class _Sending:
    """One run of the command."""

    def __init__(self, jobs: list[_Job], args: argparse.Namespace, show: Any) -> None:
        self._jobs = jobs
        self._args = args
        self._show = show
        self._queue: Iterator[_Job] = (job for again in repeat(jobs, args.repeat) for job in again)
        self._taken = 0
        self._total: int = len(jobs) * args.repeat
        self._sent = 0
        self._acks: Counter[str] = Counter()
        self._positive = 0
        self._began = self._ended = 0.0

    def run(self, host: str, port: int) -> None:
        """Send everything, in a reactor of its own."""
        from twisted.internet import reactor as installed

        reactor: Any = installed
        failures: list[Any] = []

        def begin() -> None:
            self._began = time.monotonic()
            senders = [
                Sender(
                    host,
                    port,
                    reactor=reactor,
                    connect_timeout_s=min(10.0, self._args.timeout),
                    ack_timeout_s=self._args.timeout,
                )
                for _ in range(min(self._args.connections, self._total))
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
            if self._args.rate:
                due = self._began + self._taken / self._args.rate
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
            self._show(
                _Line(
                    job.file, job.index, job.control_id.decode("utf-8", "replace"), ack, error, ms
                )
            )
        await sender.close()

    def _read(self, outcome: Outcome, job: _Job, sender: Sender) -> tuple[str | None, str | None]:
        """The acknowledgment code, and what is wrong, where something is."""
        if isinstance(outcome, NotSent):
            return None, outcome.reason.value
        self._sent += 1
        if not isinstance(outcome, Answer):
            return None, outcome.reason.value
        meaning = interpret(outcome.payload, job.control_id)
        if not isinstance(meaning, Acknowledged):
            sender.drop()
            return None, "mismatched" if isinstance(meaning, Mismatched) else "unreadable"
        self._acks[meaning.code.value] += 1
        self._positive += meaning.code.positive
        return meaning.code.value, meaning.error_code or None

    @property
    def all_positive(self) -> bool:
        """Every message was answered AA or CA."""
        return self._positive == self._total

    def summary(self) -> dict[str, Any]:
        """How it went."""
        seconds = max(self._ended - self._began, 1e-9)
        return {
            "sent": self._sent,
            "acks": dict(sorted(self._acks.items())),
            "seconds": round(seconds, 3),
            "per_second": round(self._sent / seconds, 1),
        }


def _print_json(line: _Line) -> None:
    print(json.dumps({name: getattr(line, name) for name in _Line.__slots__}))


def _print_line(line: _Line) -> None:
    said = " ".join(filter(None, (line.ack or "no answer", line.error)))
    print(f"{line.file}[{line.index}] {line.control_id} {said} {line.ms:.1f} ms")
