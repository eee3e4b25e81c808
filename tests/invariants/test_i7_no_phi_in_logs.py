"""I7: nothing of a message reaches logs, keys, values at rest, file names or command lines.

A real engine is fed messages good and bad, each field of which holds a token that occurs nowhere
else. Then everything that the engine wrote, and all that can be seen of it, is searched for tokens.
Message type and control id are what the ledger may name a message by; they stand nowhere else.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from tests.support.estate import CHANNELS, Estate, _descendants
from tests.support.hospital import CR, FS, VT, _read_frame

#: What every token begins with; no word of the engine, of a site or of HL7 does.
CANARY = b"zqx7"
#: What every control id begins with.
CONTROL_ID = b"zqc9"
#: As tokens look where somebody has encoded them before writing them.
DISGUISES = (CANARY, CANARY.upper(), CANARY.hex().encode(), CANARY.decode().encode("utf-16-le"))


class Tokens:
    """A token after another."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self) -> str:
        self._number += 1
        return f"{CANARY.decode()}{self._number:05d}"

    def control_id(self) -> str:
        """A control id that no other message of these has."""
        self._number += 1
        return f"{CONTROL_ID.decode()}{self._number:05d}"


def message(token: Tokens, kind: str, plan: str = "ALPHA", header: str = "P|2.4") -> bytes:
    """A message that has a token wherever a value may be."""

    def fill(count: int) -> str:
        return "|".join(token() for _ in range(count))

    lines = [
        f"MSH|^~\\&|{fill(4)}|20260301120000|{token()}|{kind}|{token.control_id()}|{header}",
        f"EVN|{kind.partition('^')[2]}|20260301120000|{fill(4)}",
        f"PID|1|{token()}|{token()}^^^{token()}^MR|{fill(4)}|F|{fill(9)}|{token()}^^^{token()}|{token()}",
        f"PV1|1|I|{fill(16)}|{token()}|{fill(3)}",
    ]
    if kind.startswith("ORU"):
        lines += [f"OBR|1|{fill(5)}", f"OBX|1|TX|{fill(3)}", f"NTE|1||{token()}"]
    elif kind.startswith("DFT"):
        lines.append(f"FT1|1|{fill(12)}|PLAN-{plan}")
    lines.append(f"ZZZ|{fill(3)}")
    lines.append(f"IN1|1|PLAN-{plan}|{plan}|{fill(33)}")
    return ("\r".join(lines) + "\r").encode()


def send(port: int, raw: bytes, *, answer: bool) -> bytes:
    """Write `raw` on a connection of its own; what came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10 if answer else 1) as connection:
        try:
            connection.sendall(raw)
            if not answer:
                connection.shutdown(socket.SHUT_WR)
            return _read_frame(connection)
        except OSError:
            return b""


def framed(payload: bytes) -> bytes:
    return VT + payload + FS + CR


class Traces:
    """Everything that a token could have got into, by the name of the place."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.command_lines: dict[str, bytes] = {}  # and what commands answered

    def note_command_lines(self) -> None:
        """Processes end, so theirs are taken down while they run."""
        assert self._estate.engine is not None
        for pid in (self._estate.engine.pid, *_descendants(self._estate.engine.pid)):
            for name in ("cmdline", "environ"):
                try:
                    self.command_lines[f"{pid} {name}"] = Path(f"/proc/{pid}/{name}").read_bytes()
                except OSError:
                    continue

    def all(self) -> Iterator[tuple[str, bytes]]:
        yield from self.command_lines.items()
        yield "engine.log", (self._estate.root / "engine.log").read_bytes()
        for path in sorted((self._estate.site / "var").rglob("*")):
            yield f"the name of {path.name}", os.fsencode(path)
            if path.is_file():
                yield str(path), path.read_bytes()
        client = connect(EmbeddedServer(self._estate.site / "var").url)
        try:
            yield from _contents(client)
        finally:
            client.close()

    def found(self, *words: bytes) -> list[str]:
        """The places that hold one of the words."""
        return [place for place, data in self.all() if any(word in data for word in words)]


def _contents(client: Redis) -> Iterator[tuple[str, bytes]]:
    for key in client.scan_iter():
        yield "the name of a key", key
        yield key.decode(), b"\n".join(_flat(_value(client, key)))


def _value(client: Redis, key: bytes) -> object:
    kind = client.type(key)
    if kind == b"stream":
        return client.xrange(key)
    if kind == b"hash":
        return client.hgetall(key)
    if kind == b"zset":
        return client.zrange(key, 0, -1)
    return client.smembers(key) if kind == b"set" else client.get(key)


def _flat(value: object) -> Iterator[bytes]:
    if isinstance(value, dict):
        for item in value.items():
            yield from _flat(item)
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from _flat(part)
    elif isinstance(value, bytes):
        yield value


def feed(port: int) -> list[bytes]:
    """Send messages good and bad; the answers to the good ones."""
    token = Tokens()
    good = [
        send(port, framed(message(token, kind, plan)), answer=True)
        for kind in ("ADT^A01", "ADT^A08", "DFT^P03", "ORU^R01")
        for plan in ("ALPHA", "BETA", "GAMMA")
    ]
    good.append(send(port, framed(message(token, "ADT^A01", token())), answer=True))
    for refused in (
        message(token, "ADT^A01", header="T|2.4"),
        message(token, "ADT^A01", header=f"P|{token()}"),
        message(token, f"{token()}^{token()}"),
        message(token, "ADT^A01") + f"{token()}\r".encode(),
        message(token, "ADT^A01") + message(token, "ADT^A02"),
        message(token, "ADT^A01").replace(b"EVN|", b"EVN|\x0b", 1),
        message(token, "ADT^A01").replace(CANARY, b"\xff\xfe" + CANARY),
        message(token, "ADT^A01").decode().encode("utf-16"),
        f"MSH|^~\\&|{token()}".encode(),
        token().encode(),
        token().encode() * 1000,
        b"",
    ):
        send(port, framed(refused), answer=False)
    send(port, VT + token().encode() * 200_000, answer=False)  # above the limit of 1 MiB
    send(port, framed(message(token, "ADT^A01") + b"NTE|1||" + b"a" * 1_100_000), answer=False)
    send(port, token().encode(), answer=False)  # no frame at all
    send(port, VT + message(token, "ADT^A01"), answer=False)  # a frame that does not end
    return good


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def refuse_and_replay(estate: Estate, traces: Traces) -> None:
    """Two dead letters of alpha: one is looked at, replayed and delivered; one stays."""
    token = Tokens()
    estate.restart_sink("alpha", "- {every: 1, do: refuse, code: AR}\n")
    for _ in range(2):
        assert b"MSA|AA|" in send(
            estate.listener_port, framed(message(token, "ADT^A04")), answer=True
        )
    wait_until(lambda: estate.status()["channels"]["alpha"]["parked"] == 2, 20)
    said = [estate.command("parked", "ls")]
    replayed = said[0]["items"][0]["item"]
    said.append(estate.command("parked", "show", replayed))
    offered = len(estate.received("alpha"))
    estate.restart_sink("alpha")
    said.append(estate.command("parked", "replay", replayed, "--reason", "mended"))
    wait_until(lambda: len(estate.received("alpha")) == offered + 1, 20)
    for number, answer in enumerate(said):
        traces.command_lines[f"answer {number}"] = repr(answer).encode()


@pytest.mark.slow
def test_no_value_of_a_message_can_be_found_anywhere(tmp_path: Path) -> None:
    estate = Estate(tmp_path)
    with estate:
        traces = Traces(estate)
        good = feed(estate.listener_port)
        assert all(b"MSA|AA|" in answer for answer in good)
        traces.note_command_lines()
        wait_until(lambda: all(estate.received(channel) for channel in CHANNELS), 20)
        assert any(CANARY in data for data in estate.received("alpha"))

        estate.sinks["beta"].send_signal(signal.SIGSTOP)  # attempts time out
        estate.sinks["gamma"].kill()  # and fail
        estate.sinks["gamma"].wait()
        refuse_and_replay(estate, traces)
        token = Tokens()
        for plan in ("BETA", "GAMMA"):
            send(estate.listener_port, framed(message(token, "ADT^A04", plan)), answer=True)
        time.sleep(4)
        worker = estate.pid_of("worker")
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        send(estate.listener_port, framed(message(token, "ADT^A04", "BETA")), answer=True)
        traces.note_command_lines()
        assert traces.found(*DISGUISES) == []
        named = traces.found(CONTROL_ID)
        assert all(place.endswith((".aof", ":ledger", ".db", ".db-wal")) for place in named), named

        estate.sinks["beta"].send_signal(signal.SIGCONT)
        events = {event["event"] for event in estate.log_events()}
        assert "message_refused" in events, events

        (estate.site / "var" / "planted").write_bytes(b"..." + CANARY + b"...")
        assert traces.found(*DISGUISES) == [str(estate.site / "var" / "planted")]
        planted = connect(EmbeddedServer(estate.site / "var").url)
        planted.hset("planted", "field", b"..." + CANARY)
        planted.close()
        assert "planted" in traces.found(*DISGUISES)
