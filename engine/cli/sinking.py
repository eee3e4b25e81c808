"""What `payergate sink` does: answers as its script says, and keeps what came.

Law: with a shelf, a message is in place, whole and under its number, before its answer leaves, so
what was acknowledged is there even if the sink is killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater

from engine.ack.codes import AckCode
from engine.ack.reply import acknowledge
from engine.cli.moments import utc
from engine.cli.sink_script import ACCEPT, Act, Do, Script
from engine.config.model import Address, Limits, Listener
from engine.durable import replace
from engine.errors import NotHL7Error, UsageError
from engine.hl7.wire import Message
from engine.net.budget import ByteBudget
from engine.net.listener import ListenerFactory

#: What a garbled answer looks like: no HL7, as of a proxy in the way.
GARBAGE = b"<html><body>502 Bad Gateway</body></html>"

_STORED = re.compile(r"(\d{8,})\.hl7")


@dataclass(frozen=True, slots=True)
class _Answer:
    """`reply` as `engine.net.receive.Receive` has it; `name` for the index and the summary."""

    name: str
    reply: bytes | None


class Sink:
    """Receives messages; `received` counts them, `answers` what became of them."""

    def __init__(self, script: Script, shelf: Shelf | None, reactor: Any) -> None:
        self.received = 0
        self.answers: Counter[str] = Counter()
        self._script = script
        self._shelf = shelf
        self._reactor = reactor

    def listen(self, host: str, port: int) -> str:
        """Listen; answers the address. Raises `UsageError` when that cannot be."""
        try:
            listening = self._reactor.listenTCP(port, self._factory(), backlog=512, interface=host)
        except (CannotListenError, OSError) as error:
            reason = os.strerror(getattr(getattr(error, "socketError", error), "errno", 0) or 0)
            raise UsageError("listen", f"Cannot listen on {host}:{port}: {reason}.") from None
        address = listening.getHost()
        return f"[{address.host}]:{address.port}" if ":" in host else f"{host}:{address.port}"

    def _factory(self) -> ListenerFactory:
        """The listener: generous, since trials are about senders."""
        limits = Limits(message_bytes=64 * 1024 * 1024, connections=4096, per_peer=4096)
        settings = Listener("sink", Address("", 0), limits=limits, close_after_s=0.0)
        budget = ByteBudget(512 * 1024 * 1024)
        return ListenerFactory(settings, self.receive, self._reactor, budget=budget)

    def receive(self, payload: bytes, _source: object) -> Deferred[bytes | None]:
        """Take one message (`engine.net.receive.Receive`)."""
        self.received += 1
        at = datetime.now(UTC)
        try:
            message = Message.parse(payload)
        except NotHL7Error:
            control_id, act, answer = b"", ACCEPT, _Answer("unreadable", None)
        else:
            control_id = message.msh.field(10)
            act = self._script.act(message, self.received)
            answer = self._answer(message, act, at)
        self.answers[answer.name] += 1
        if self._shelf is not None:
            self._shelf.put(payload, at, control_id, answer.name)
        if act.delay_s:
            return deferLater(self._reactor, act.delay_s, lambda: answer.reply)
        return succeed(answer.reply)

    def _answer(self, message: Message, act: Act, at: datetime) -> _Answer:
        if act.do in (Do.ACCEPT, Do.REFUSE, Do.LATE):
            code = act.code or (AckCode.AE if act.do is Do.REFUSE else AckCode.AA)
            return _Answer(code.value, acknowledge(message, code, f"S{self.received}", at))
        replies: dict[Do, bytes | None] = {Do.DROP: b"", Do.GARBLE: GARBAGE, Do.CLOSE: None}
        return _Answer(act.do.value, replies[act.do])


class Shelf:
    """A folder of numbered messages and their index; numbering resumes where it ended."""

    def __init__(self, folder: pathlib.Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stored = [_STORED.fullmatch(file.name) for file in folder.iterdir()]
            self._index = (folder / "index.jsonl").open("a", encoding="utf-8")
        except OSError as error:
            raise UsageError("out", f"{folder}: {error.strerror}.") from None
        self._folder = folder
        self._number = max((int(match[1]) for match in stored if match), default=0)

    def put(self, payload: bytes, at: datetime, control_id: bytes, answer: str) -> None:
        """Store one message: on disk and in place when this returns."""
        self._number += 1
        name = f"{self._number:08}.hl7"
        replace(self._folder / name, payload)
        line = {
            "n": self._number,
            "at": utc(at, "milliseconds"),
            "control_id": control_id.decode("utf-8", "replace"),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "answer": answer,
        }
        self._index.write(json.dumps(line) + "\n")
        self._index.flush()
