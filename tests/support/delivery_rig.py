"""A lane on a bench: MemoryStore, one clock for everybody, and an insurer that follows a script."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock as TwistedClock
from twisted.python.failure import Failure

from engine.commit import GroupCommit
from engine.delivery.answers import Answer, Failed, NotSent, Outcome, Unanswered
from engine.delivery.courier import Courier
from engine.delivery.lane import Lane
from engine.delivery.look import AsCut, Look
from engine.delivery.schedule import Schedule
from engine.store.memory import MemoryStore
from engine.store.port import (
    Accept,
    Control,
    Copy,
    Item,
    Items,
    LaneView,
    Operation,
    Order,
    Postpone,
    ReadLedger,
    Result,
    Settle,
    StoreUnavailable,
    Survey,
)

CHANNEL = "acme"
EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class BenchClock(TwistedClock):
    """Twisted's test clock that also is the engine's."""

    def now(self) -> datetime:
        """Wall-clock time, aware, in UTC."""
        return EPOCH + timedelta(seconds=self.seconds())

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return float(self.seconds())

    def turns(self, count: int = 10) -> None:
        """Let the reactor turn without time passing."""
        self.pump([0.0] * count)


def message(control_id: str) -> bytes:
    """A small outgoing message."""
    head = f"MSH|^~\\&|EPIC|GOOD HEALTH|ACME|CLAIMS|20260301||ADT^A01|{control_id}|P|2.5"
    return f"{head}\rPID|1||77^^^GH\r".encode()


def control_id_in(payload: bytes) -> bytes:
    """MSH-10, the slow and obvious way."""
    return payload.split(b"\r")[0].split(b"|")[9]


def acknowledgment(code: str, control_id: bytes, error_code: str = "") -> bytes:
    """What an insurer answers."""
    err = f"ERR|||{error_code}|E\r".encode() if error_code else b""
    head = b"MSH|^~\\&|ACME|CLAIMS|EPIC|GOOD HEALTH|20260301||ACK|9|P|2.5\r"
    return head + f"MSA|{code}|".encode() + control_id + b"\r" + err


class ScriptedInsurer:
    """Implements `Sender`. Each exchange takes the next word of the script, or `usual`.

    A code, or a pair like `AR/206`, is answered; `refused`: not sent; `silence`: taken, no answer;
    `cut`: the connection broke before the insurer had it all; `wrong-id`, `garble`: a useless
    answer; `hold`: the exchange stays open until `release` or `drop`.
    """

    def __init__(self, *script: str, usual: str = "AA") -> None:
        self.script = deque(script)
        self.usual = usual
        self.received: list[bytes] = []
        self.offered: list[bytes] = []
        self.taken: list[bytes] = []  # received, and for all that the engine knows kept
        self.dropped = 0
        self.closed = False
        self._open: tuple[Deferred[Outcome], bytes] | None = None

    def send(self, payload: bytes, may_send: Callable[[], bool] | None = None) -> Deferred[Outcome]:
        """One exchange."""
        assert self._open is None, "one exchange at a time"
        assert not self.closed
        word = self.script.popleft() if self.script else self.usual
        if may_send is not None and not may_send():
            return succeed(NotSent(Failed.WITHDRAWN))
        self.offered.append(payload)
        if word in {"refused", "cut"}:
            return succeed(
                NotSent(Failed.REFUSED) if word == "refused" else Unanswered(Failed.LOST)
            )
        self.received.append(payload)
        if word in {"silence", "hold", "AA", "CA", "wrong-id", "garble"}:
            self.taken.append(payload)
        if word == "silence":
            return succeed(Unanswered(Failed.ACK_TIMEOUT))
        if word == "hold":
            outcome: Deferred[Outcome] = Deferred()
            self._open = (outcome, payload)
            return outcome
        return succeed(Answer(self._answer(word, payload)))

    def release(self, word: str = "AA") -> None:
        """End the exchange that was held."""
        assert self._open is not None
        (outcome, payload), self._open = self._open, None
        if word in {"AE", "AR"}:
            self.taken.remove(payload)
        outcome.callback(Answer(self._answer(word, payload)))

    @property
    def holding(self) -> bool:
        """An exchange is under way."""
        return self._open is not None

    def forget(self) -> None:
        """The engine at the other end is dead; the next one has a connection of its own."""
        self._open = None
        self.closed = False

    def drop(self) -> None:
        """Close the connection now."""
        self.dropped += 1
        if self._open is not None:
            (outcome, _), self._open = self._open, None
            outcome.callback(Unanswered(Failed.DROPPED))

    def close(self) -> Deferred[None]:
        """Close for good."""
        self.drop()
        self.closed = True
        return succeed(None)

    def _answer(self, word: str, payload: bytes) -> bytes:
        if word == "garble":
            return b"<html>"
        control_id = control_id_in(payload)
        if word == "wrong-id":
            return acknowledgment("AA", control_id + b"9")
        code, _, error_code = word.partition("/")
        return acknowledgment(code, control_id, error_code)


@dataclass
class Told:
    """What the observers heard."""

    closes: list[Settle | Postpone] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    store: list[str] = field(default_factory=list)
    forgot: int = 0

    def closed(self, channel: str, close: Settle | Postpone) -> None:
        self.closes.append(close)

    def broke(self, channel: str, failure: Failure) -> None:
        self.failures.append(type(failure.value).__name__)

    def forgotten(self, channel: str) -> None:
        self.forgot += 1

    def store_down(self, error: StoreUnavailable) -> None:
        self.store.append("down")

    def store_up(self) -> None:
        self.store.append("up")


def at_once(work: Callable[[], list[Result]]) -> Deferred[list[Result]]:
    """Run a commit here and now."""
    try:
        return succeed(work())
    except StoreUnavailable:
        return fail()


class Rig:
    """One store, one insurer, any number of engines that want the lane."""

    def __init__(
        self,
        *script: str,
        usual: str = "AA",
        schedule: Schedule | None = None,
        look: Look | None = None,
    ) -> None:
        self.clock = BenchClock()
        self.store = MemoryStore(self.clock)
        self.insurer = ScriptedInsurer(*script, usual=usual)
        self.schedule = schedule or Schedule()
        self.told = Told()
        self.look: Look = look or AsCut(lambda opened: opened.sealed)
        self._numbers: Iterator[int] = iter(range(1, 1_000_000))
        self.accepted_numbers: list[int] = []
        self.commit = self.new_commit()
        self.courier = self.engine("one")

    def new_commit(self) -> GroupCommit:
        """A way to the store; each engine process has its own."""
        return GroupCommit(self.store, at_once, self.clock, self.told)

    def engine(self, holder: str, sender: ScriptedInsurer | None = None) -> Courier:
        """An engine's courier for the lane, not started."""
        lane = Lane(CHANNEL, holder, self.schedule, clock=self.clock, uniform=lambda: 0.5)
        return Courier(
            lane,
            self.commit,
            sender or self.insurer,
            self.look,
            timer=self.clock,
            clock=self.clock,
            observer=self.told,
        )

    def crash(self) -> None:
        """The process of everything built so far dies: no timer, no result, no connection."""
        for call in list(self.clock.getDelayedCalls()):
            call.cancel()  # type: ignore[misc]
        self.insurer.forget()
        self.commit = self.new_commit()

    def accept(self, *control_ids: str) -> None:
        """Put one message each into the lane."""
        for control_id in control_ids:
            payload = message(control_id)
            number = next(self._numbers)
            self.accepted_numbers.append(number)
            copy = Copy(CHANNEL, 0, payload, b'{"rules":["r1"]}')
            self.do(
                Accept(
                    f"receipt-{number}",
                    control_id.encode(),
                    hashlib.sha256(payload).digest(),
                    payload,
                    b"{}",
                    (copy,),
                )
            )

    def do(self, operation: Operation) -> Result:
        """Ask the store directly, as another process would that no outage hits."""
        outage, self.store.outage = self.store.outage, None
        result = self.store.execute([operation])[0]
        self.store.outage = outage
        return result

    def order(self, order: Order, reason: str = "") -> None:
        """What a person orders."""
        self.do(Control(CHANNEL, order, reason, f'{{"n":{next(self._numbers)}}}'.encode()))

    def run(self, seconds: float, step_s: float = 0.25) -> None:
        """Let time pass."""
        for _ in range(max(1, round(seconds / step_s))):
            self.clock.advance(step_s if seconds else 0)

    def turns(self, count: int = 10) -> None:
        """Let the reactor turn without time passing."""
        self.clock.turns(count)

    def view(self) -> LaneView:
        """The lane from outside."""
        view = self.do(Survey((CHANNEL,)))
        return view.lanes[0]  # type: ignore[union-attr]

    def items(self) -> tuple[Item, ...]:
        """Dead letters and holds."""
        return self.do(Items(CHANNEL))  # type: ignore[return-value]

    def ledger(self) -> list[bytes]:
        """All records so far."""
        return [record for _, record in self.do(ReadLedger())]  # type: ignore[union-attr, str-unpack, misc]

    def received_ids(self) -> list[str]:
        """MSH-10 of everything the insurer has, in order."""
        return [control_id_in(payload).decode() for payload in self.insurer.received]
