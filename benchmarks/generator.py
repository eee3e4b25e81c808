"""A hospital that sends as fast as it is answered, or at a fixed rate, and does little else.

One process, non-blocking sockets, one epoll; frames differ only in MSH-10; an answer is an FS in
what comes back. It reports its own CPU time, so that nobody takes its limit for the server's.

    python -m benchmarks.generator --port 2575 --shape oru26 --connections 32 --window 8 --seconds 8
"""

from __future__ import annotations

import argparse
import collections
import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.messages import SHAPES, VISITS, frames

_FS = b"\x1c"
_POSITIVE = (b"\rMSA|AA|", b"\rMSA|CA|")
_READ_BYTES = 1 << 18
#: How long the last answers may take once sending has stopped.
_DRAIN_S = 20.0


@dataclass(slots=True)
class Connection:
    """One connection: what is still to be written, and when the unanswered were due."""

    sock: socket.socket
    unwritten: bytes = b""
    carry: bytes = b""
    due: collections.deque[float] = field(default_factory=collections.deque)
    writable_wanted: bool = False


@dataclass(slots=True)
class Tally:
    """What was sent and answered. Times are `time.monotonic` seconds."""

    sent: int = 0
    answered: int = 0
    positive: int = 0
    answered_after_warm_up: int = 0
    latencies: list[float] = field(default_factory=list)


class Generator:
    """Keeps up to `window` messages unanswered on each connection; with `rate`, paces them."""

    def __init__(self, port: int, connections: int, window: int, source: Iterator[bytes]) -> None:
        self._source = source
        self._window = window
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self.tally = Tally()
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port), timeout=20)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            self._connections[sock.fileno()] = Connection(sock)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    @property
    def unanswered(self) -> int:
        """How many messages wait for their answer."""
        return self.tally.sent - self.tally.answered

    def send(self, connection: Connection, count: int, due: float) -> None:
        """Send `count` messages in one write; `due` is when they should have gone."""
        source = self._source
        self._write(connection, b"".join([next(source) for _ in range(count)]))
        connection.due.extend([due] * count)
        self.tally.sent += count

    def _write(self, connection: Connection, data: bytes) -> None:
        pending = connection.unwritten + data
        try:
            written = connection.sock.send(pending) if pending else 0
        except BlockingIOError:
            written = 0
        connection.unwritten = pending[written:]
        wanted = bool(connection.unwritten)
        if wanted != connection.writable_wanted:
            connection.writable_wanted = wanted
            mask = select.EPOLLIN | (select.EPOLLOUT if wanted else 0)
            self._epoll.modify(connection.sock.fileno(), mask)

    def _read(self, connection: Connection, now: float, warm: bool) -> int:
        try:
            data = connection.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            raise ConnectionError("the server closed a connection")
        answers = data.count(_FS)
        text = connection.carry + data
        self.tally.positive += sum(text.count(mark) for mark in _POSITIVE)
        connection.carry = text[-(len(_POSITIVE[0]) - 1) :]
        self.tally.answered += answers
        if warm:
            self.tally.answered_after_warm_up += answers
            for _ in range(answers):
                self.tally.latencies.append(now - connection.due.popleft())
        else:
            for _ in range(answers):
                connection.due.popleft()
        return answers

    def flow(self, warm_up_s: float, seconds: float, limit: int) -> float:
        """Send as fast as answers come; returns the seconds that were measured.

        Ends after `seconds`, or, when `limit` is not 0, once that many messages were answered.
        """
        begin = now = time.monotonic()
        start = begin + warm_up_s
        end = start + seconds
        limit = limit or sys.maxsize
        for connection in self._connections.values():
            self.send(connection, min(self._window, limit - self.tally.sent), begin)
        while self.tally.sent < limit and (limit < sys.maxsize or now < end):
            events = self._epoll.poll(0.2)
            now = time.monotonic()
            for fd, mask in events:
                connection = self._connections[fd]
                if mask & select.EPOLLOUT:
                    self._write(connection, b"")
                if mask & ~select.EPOLLOUT:
                    answers = self._read(connection, now, now >= start)
                    if answers:
                        self.send(connection, min(answers, limit - self.tally.sent), now)
        if limit < sys.maxsize:
            self.drain()
            now = time.monotonic()
        return now - start

    def pace(self, rate: float, seconds: float) -> float:
        """Offer `rate` messages a second whatever comes back; latency counts from the due time."""
        ring = list(self._connections.values())
        begin = time.monotonic()
        offered = 0
        total = int(rate * seconds)
        while offered < total:
            now = time.monotonic()
            while offered < total and (due := begin + offered / rate) <= now:
                self.send(ring[offered % len(ring)], 1, due)
                offered += 1
            wait = max(begin + offered / rate - time.monotonic(), 0.0)
            self._collect(wait)
        self.drain()
        return time.monotonic() - begin

    def drain(self) -> float:
        """Wait for what is unanswered; returns how many seconds that took."""
        begin = time.monotonic()
        while self.unanswered and time.monotonic() - begin < _DRAIN_S:
            self._collect(0.2)
        return time.monotonic() - begin

    def _collect(self, wait_s: float) -> None:
        for fd, mask in self._epoll.poll(wait_s):
            connection = self._connections[fd]
            if mask & select.EPOLLOUT:
                self._write(connection, b"")
            if mask & ~select.EPOLLOUT:
                self._read(connection, time.monotonic(), warm=True)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.sock.close()
        self._epoll.close()


def quantile_ms(latencies: list[float], share: float) -> float:
    """The latency in milliseconds that `share` of all do not exceed."""
    if not latencies:
        return 0.0
    ordered = sorted(latencies)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def main(arguments: list[str]) -> int:
    """Generate, and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.generator")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="oru26")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--window", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=0.0, help="offered per second; 0: no pacing")
    parser.add_argument("--limit", type=int, default=0, help="stop after so many; 0: by time")
    parser.add_argument("--first", type=int, default=0, help="the first control id")
    parser.add_argument("--visits", type=int, default=VISITS, help="about so many in turn")
    asked = parser.parse_args(arguments)
    source = frames(SHAPES[asked.shape], asked.first, asked.visits)
    generator = Generator(asked.port, asked.connections, asked.window, source)
    begin, cpu = time.monotonic(), time.process_time()
    if asked.rate:
        measured = generator.pace(asked.rate, asked.seconds)
    else:
        measured = generator.flow(asked.warm_up, asked.seconds, asked.limit)
    tally, end = generator.tally, time.monotonic()
    cpu = time.process_time() - cpu
    if not asked.rate and not asked.limit:
        generator.drain()
    generator.close()
    result = {
        "sent": tally.sent,
        "answered": tally.answered,
        "positive": tally.positive,
        "seconds": round(measured, 3),
        "per_second": round(tally.answered_after_warm_up / measured, 1),
        "p50_ms": round(quantile_ms(tally.latencies, 0.50), 3),
        "p99_ms": round(quantile_ms(tally.latencies, 0.99), 3),
        "begin": begin,
        "end": end,
        "generator_cpu_share": round(cpu / (end - begin), 3),
    }
    print(json.dumps(result), flush=True)
    return 0 if tally.positive == tally.sent == tally.answered else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
