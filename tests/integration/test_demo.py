"""`payergate demo` as a person runs it: real processes, and nothing left of them."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from engine.demo.feed import Feed
from engine.mllp.framing import Frame, FrameDecoder, encode

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = (sys.executable, "-m", "engine.cli.main", "demo")
PATIENCE_S = 60.0


def processes_of(folder: pathlib.Path) -> list[str]:
    """The command lines of all processes that know `folder`."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = entry.read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in command:
                found.append(command)
    return found


@pytest.fixture
def temporary(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Where the demo makes its folder; afterwards nothing of it is left, and no process."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    assert processes_of(tmp_path) == []


def start(temporary: pathlib.Path, *arguments: str, output: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*DEMO, *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=output,
        stderr=subprocess.PIPE,
    )


def finished(temporary: pathlib.Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a demo that ends by itself."""
    process = start(temporary, *arguments, output=subprocess.PIPE)
    output, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, output.decode(), errors.decode()


def test_so_many_messages_and_where_they_went(temporary: pathlib.Path) -> None:
    code, output, errors = finished(temporary, "--messages", "120", "--json", "--seed", "5")
    assert (code, errors) == (0, "")
    report = json.loads(output)
    assert report["ok"] is True
    assert report["messages"] == 120
    assert report["acknowledged"] == {"AA": 120}
    assert set(report["channels"]) == {"acme", "review-partners", "state-medicaid"}
    for channel in report["channels"].values():
        outcomes = [channel[key] for key in ("delivered", "parked", "held", "withheld")]
        assert sum(outcomes) == 120
        assert channel["sink_messages"] == channel["delivered"] > 0
    assert set(report["ports"]) == {*report["channels"], "adt", "results"}
    for port in report["ports"].values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


def test_without_json_it_is_a_table(temporary: pathlib.Path) -> None:
    code, output, errors = finished(temporary, "--messages", "40")
    assert (code, errors) == (0, "")
    assert "40 messages sent, acknowledged AA 40" in output
    assert "\x1b" not in output
    heads = "channel          delivered  parked  held  withheld  duplicates  at the insurer"
    assert heads in output
    assert "DFT^P03" in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_live_demo_and_all_that_it_started(
    temporary: pathlib.Path, number: signal.Signals
) -> None:
    terminal, other_end = pty.openpty()
    process = start(temporary, output=other_end)
    os.close(other_end)
    shown, deadline = b"", time.monotonic() + PATIENCE_S
    while b"-> acme" not in shown and time.monotonic() < deadline:
        shown += os.read(terminal, 65536)
    assert b"-> acme" in shown
    assert len(processes_of(temporary)) >= 4
    process.send_signal(number)
    process.send_signal(number)
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while chunk := os.read(terminal, 65536):
            shown += chunk
    _, errors = process.communicate(timeout=PATIENCE_S)
    os.close(terminal)
    assert (process.returncode, errors) == (0, b"")
    assert b"messages sent, acknowledged" in shown
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") == 1


def test_a_folder_that_is_no_site(
    temporary: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    code, output, errors = finished(temporary, "--site", str(empty), "--messages", "1")
    assert (code, output) == (3, "")
    assert "config.yaml" in errors


def test_json_needs_an_end(temporary: pathlib.Path) -> None:
    code, output, errors = finished(temporary, "--json")
    assert (code, output) == (2, "")
    assert errors.startswith("demo-json: ")


def test_a_message_whose_connection_breaks_is_sent_again() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    acknowledged: Counter[str] = Counter()
    feed = Feed("127.0.0.1", server.getsockname()[1], acknowledged)
    message = b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|M1|P|2.5.1\r"
    feed.send(message)
    with server:
        for answers in (0, 1):
            peer = _received(server, feed, message)
            if answers:
                peer.sendall(encode(message.replace(b"ADT^A01", b"ACK") + b"MSA|AA|M1\r"))
                _exchange_until(feed, lambda: feed.unanswered == 0)
            peer.close()
            feed.exchange(time.monotonic(), 0.05)
    feed.close()
    assert acknowledged == {"AA": 1}


def _received(server: socket.socket, feed: Feed, message: bytes) -> socket.socket:
    """A peer that has got `message`."""
    server.settimeout(0.02)
    decoder, deadline = FrameDecoder(4096), time.monotonic() + 10
    peer: socket.socket | None = None
    while time.monotonic() < deadline:
        feed.exchange(time.monotonic(), 0.02)
        with contextlib.suppress(TimeoutError):
            if peer is None:
                peer, _ = server.accept()
                peer.settimeout(0.02)
            for event in decoder.feed(peer.recv(4096)):
                assert event == Frame(message)
                return peer
    raise TimeoutError


def _exchange_until(feed: Feed, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done() and time.monotonic() < deadline:
        feed.exchange(time.monotonic(), 0.05)
    assert done()
