"""`send` and `sink` as real processes, against each other."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from engine.mllp.framing import Frame, FrameDecoder, encode

COMMAND = (sys.executable, "-m", "engine.cli.main")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def message(control_id: str) -> bytes:
    return (
        f"MSH|^~\\&|HIS|HOSP|ENG|HUB|2026||ADT^A04^ADT_A01|{control_id}|P|2.5.1\rPID|1||1^^^H\r"
    ).encode()


class SinkProcess:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "sink_ready"
        self.listen: str = ready["listen"]

    def end(self) -> dict[str, Any]:
        """SIGTERM: the summary, and exit code 0."""
        self._process.terminate()
        out, _ = self._process.communicate(timeout=10)
        assert self._process.returncode == 0
        summary: dict[str, Any] = json.loads(out)["summary"]
        return summary

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=10)


@contextlib.contextmanager
def sink(*arguments: str) -> Iterator[SinkProcess]:
    process = subprocess.Popen(
        [*COMMAND, "sink", "--listen", "127.0.0.1:0", "--json", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield SinkProcess(process)
    finally:
        process.kill()
        process.communicate(timeout=10)


def send(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "send", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
    )


def sent_json(*arguments: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    done = send(*arguments, "--json")
    *lines, last = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, lines, last["summary"]


@pytest.fixture
def batch(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "batch.hl7"
    file.write_bytes(b"BHS|^~\\&\r" + b"".join(message(f"M{n}") for n in range(1, 6)) + b"BTS|5\r")
    return file


def script(tmp_path: pathlib.Path, text: str) -> str:
    file = tmp_path / "script.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_everything_sent_is_acknowledged_and_stored(
    tmp_path: pathlib.Path, batch: pathlib.Path
) -> None:
    out = tmp_path / "out"
    with sink("--out", str(out)) as receiver:
        code, lines, summary = sent_json(str(batch), "--to", receiver.listen)
        assert code == 0
        assert [(line["index"], line["control_id"], line["ack"]) for line in lines] == [
            (n, f"M{n}", "AA") for n in range(1, 6)
        ]
        assert all(line["file"] == str(batch) and line["error"] is None for line in lines)
        assert summary["sent"] == 5
        assert summary["acks"] == {"AA": 5}
        assert receiver.end() == {"received": 5, "answers": {"AA": 5}}
    stored = sorted(file.name for file in out.iterdir())
    assert stored == [*(f"0000000{n}.hl7" for n in range(1, 6)), "index.jsonl"]
    first = (out / "00000001.hl7").read_bytes()
    assert first.strip(b"\r") == message("M1").strip(b"\r")
    index = [json.loads(line) for line in (out / "index.jsonl").read_text().splitlines()]
    assert index[0].keys() == {"n", "at", "control_id", "sha256", "answer"}
    assert index[0]["sha256"] == hashlib.sha256(first).hexdigest()
    assert [(line["n"], line["control_id"], line["answer"]) for line in index] == [
        (n, f"M{n}", "AA") for n in range(1, 6)
    ]


def test_what_was_acknowledged_survives_sigkill_and_numbering_resumes(
    tmp_path: pathlib.Path, batch: pathlib.Path
) -> None:
    out = tmp_path / "out"
    with sink("--out", str(out)) as receiver:
        host, port = receiver.listen.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(encode(message("K1")))
            decoder = FrameDecoder(10_000)
            assert any(isinstance(event, Frame) for event in decoder.feed(connection.recv(10_000)))
            receiver.kill()
    assert (out / "00000001.hl7").read_bytes() == message("K1")
    with sink("--out", str(out)) as receiver:
        assert send(str(batch), "--to", receiver.listen).returncode == 0
    assert (out / "00000006.hl7").exists()
    assert not (out / "00000007.hl7").exists()


def test_a_script_makes_it_misbehave_and_send_says_so(
    tmp_path: pathlib.Path, batch: pathlib.Path
) -> None:
    rules = script(
        tmp_path,
        "- {match: {MSH-10: M1}, do: refuse, code: AR}\n"
        "- {match: {MSH-10: M2}, do: drop}\n"
        "- {match: {MSH-10: M3}, do: garble}\n"
        "- {match: {MSH-10: M4}, do: close}\n"
        "- {match: {MSH-10: M5}, do: accept, delay: 50ms}\n",
    )
    with sink("--script", rules) as receiver:
        code, lines, summary = sent_json(str(batch), "--to", receiver.listen, "--timeout", "0.5")
        assert receiver.end() == {
            "received": 5,
            "answers": {"AA": 1, "AR": 1, "close": 1, "drop": 1, "garble": 1},
        }
    assert code == 1
    assert [(line["ack"], line["error"]) for line in lines] == [
        ("AR", None),
        (None, "ack-timeout"),
        (None, "unreadable"),
        (None, "connection-lost"),
        ("AA", None),
    ]
    assert lines[4]["ms"] >= 50
    assert summary["sent"] == 5
    assert summary["acks"] == {"AA": 1, "AR": 1}


def test_what_went_wrong_is_said_once_in_words(tmp_path: pathlib.Path, batch: pathlib.Path) -> None:
    rules = script(tmp_path, "- {every: 1, do: refuse, code: AR}")
    with sink("--script", rules) as receiver:
        done = send(str(batch), "--to", receiver.listen)
    *lines, summary, words = done.stdout.splitlines()
    assert done.returncode == 1
    assert len(lines) == 5
    assert summary.endswith("5 AR")
    assert words.startswith("AR, 5 messages: It was not taken. ")


def test_a_late_answer_settles_nothing(tmp_path: pathlib.Path, batch: pathlib.Path) -> None:
    """A8: the answer to M1 comes while M2 is out, on a connection that is gone."""
    rules = script(tmp_path, "- {match: {MSH-10: M1}, do: late, delay: 700ms}")
    with sink("--script", rules) as receiver:
        code, lines, _ = sent_json(str(batch), "--to", receiver.listen, "--timeout", "0.4")
    assert code == 1
    assert [line["ack"] for line in lines] == [None, "AA", "AA", "AA", "AA"]


def test_connections_repeat_and_rate(batch: pathlib.Path) -> None:
    with sink() as receiver:
        code, lines, summary = sent_json(
            str(batch), "--to", receiver.listen, "--connections", "4", "--repeat", "8"
        )
        assert (code, len(lines), summary["acks"]) == (0, 40, {"AA": 40})
        _, _, slow = sent_json(str(batch), "--to", receiver.listen, "--rate", "20")
        assert slow["seconds"] >= 0.2


def test_nobody_listens(batch: pathlib.Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        code, lines, summary = sent_json(str(batch), "--to", address)
    assert code == 1
    assert {line["error"] for line in lines} == {"connection-refused"}
    assert summary["sent"] == 0


@pytest.mark.parametrize(
    ("content", "to", "code"),
    [
        (None, "127.0.0.1:1", 2),
        (b"no message", "127.0.0.1:1", 6),
        (message("M1"), "nowhere", 2),
    ],
)
def test_wrong_usage_is_explained(
    tmp_path: pathlib.Path, content: bytes | None, to: str, code: int
) -> None:
    file = tmp_path / "m.hl7"
    if content is not None:
        file.write_bytes(content)
    done = send(str(file), "--to", to)
    assert done.returncode == code
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_explained() -> None:
    with sink() as first:
        done = subprocess.run(
            [*COMMAND, "sink", "--listen", first.listen],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 2
    assert "in use" in done.stderr


def test_a_payload_over_the_limit_gets_its_ar_however_much_follows() -> None:
    """On a real socket: the AR is not lost to a reset (the sink takes 64 MiB)."""
    with sink() as receiver:
        host, port = receiver.listen.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(b"\x0b" + message("BIG"))
            block = b"x" * 1024 * 1024
            for _ in range(66):
                connection.sendall(block)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while received := connection.recv(10_000):
                answer += received
        assert b"MSA|AR|BIG\rERR|||104^" in answer


def test_a_large_message_and_small_ones_at_the_same_time() -> None:
    large = message("L1") + b"OBX|1|ED|" + b"x" * 10 * 1024 * 1024 + b"\r"
    with sink() as receiver:
        host, port = receiver.listen.split(":")
        with (
            socket.create_connection((host, int(port)), timeout=20) as slow,
            socket.create_connection((host, int(port)), timeout=20) as quick,
        ):
            framed = encode(large)
            for at in range(0, len(framed), 1024 * 1024):
                slow.sendall(framed[at : at + 1024 * 1024])
                quick.sendall(encode(message("Q1")))
                assert b"MSA|AA|Q1" in quick.recv(10_000)
            assert b"MSA|AA|L1" in slow.recv(10_000)


def test_who_accepts_before_all_has_left_does_not_count(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "large.hl7"
    file.write_bytes(message("M1") + b"OBX|1|ED|" + b"x" * 30 * 1024 * 1024 + b"\r")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        port = listener.getsockname()[1]

        def accept_at_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(200)
                connection.sendall(
                    encode(b"MSH|^~\\&|A|B|C|D|20260301||ACK|1|P|2.5.1\rMSA|AA|M1\r")
                )
                over.wait(20)

        over = threading.Event()
        receiver = threading.Thread(target=accept_at_once)
        receiver.start()
        try:
            code, (line,), summary = sent_json(str(file), "--to", f"127.0.0.1:{port}")
        finally:
            over.set()
            receiver.join()
    assert (code, line["ack"], line["error"]) == (1, None, "ack-early")
    assert summary["acks"] == {}
