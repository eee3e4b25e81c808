"""The engine as it runs: real processes, real sockets, a real store, killed for real."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.estate import CHANNELS, PAYERGATE, REPOSITORY, Estate
from tests.support.hospital import CR, FS, MARK, VT, Sent, make_messages

#: What a healthy engine needs at most for one answer on this machine, generously, in seconds.
PROMPT_S = 2.0


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with Estate(tmp_path_factory.mktemp("estate")) as running:
        yield running


class Client:
    """A hospital's connection that reads frames one by one."""

    def __init__(self, estate: Estate, timeout_s: float = 15) -> None:
        self.socket = socket.create_connection(("127.0.0.1", estate.listener_port), timeout_s)
        self._buffer = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        """The next answer; empty when the engine closed the connection."""
        while FS + CR not in self._buffer:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionError:
                return b""
            if not chunk:
                return b""
            self._buffer += chunk
        frame, _, self._buffer = self._buffer.partition(FS + CR)
        return frame.removeprefix(VT)

    def ask(self, message: bytes) -> bytes:
        self.write(VT + message + FS + CR)
        return self.read()


_numbers = iter(range(1000, 10_000))


def fresh(channels: tuple[str, ...] = ()) -> Sent:
    """An ADT that nobody has sent before; for `channels`, if that matters."""
    while True:
        sent = make_messages(next(_numbers), 1, seed=1)[0]
        if not channels or sent.channels == channels:
            return sent


def accepted(answer: bytes, sent: Sent) -> bool:
    return f"MSA|AA|{sent.control_id}\r".encode() in answer


def others_are_prompt(estate: Estate) -> None:
    """Another connection has its answer at once."""
    sent = fresh()
    started = time.monotonic()
    with Client(estate) as client:
        assert accepted(client.ask(sent.data), sent)
    assert time.monotonic() - started < PROMPT_S


def wait_for(estate: Estate, channel: str, sent: Sent, seconds: float = 20) -> bytes:
    """What the insurer received of `sent`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for data in estate.received(channel):
            if f"|{sent.control_id}|".encode() in data:
                return data
        time.sleep(0.1)
    raise AssertionError(f"{channel} never received {sent.control_id}")


def test_a_message_reaches_whom_it_concerns_cut_to_what_each_may_have(estate: Estate) -> None:
    sent = fresh(("alpha", "gamma"))
    with Client(estate) as client:
        assert accepted(client.ask(sent.data), sent)
    for channel, other in (("alpha", b"GAMMA"), ("gamma", b"ALPHA")):
        data = wait_for(estate, channel, sent)
        assert MARK.encode() not in data
        assert other not in data
        assert data.endswith(CR)
    assert not any(sent.control_id.encode() in data for data in estate.received("beta"))


def test_a_repeated_message_has_the_first_answer_again_byte_for_byte(estate: Estate) -> None:
    sent = fresh()
    with Client(estate) as client:
        first = client.ask(sent.data)
        assert client.ask(sent.data) == first
    with Client(estate) as client:
        assert client.ask(sent.data) == first


def test_a_reused_control_id_with_other_content_is_a_new_message(estate: Estate) -> None:
    sent = fresh(("alpha",))
    changed = sent.data.replace(b"DOE^", b"ROE^")
    with Client(estate) as client:
        first = client.ask(sent.data)
        second = client.ask(changed)
    assert accepted(second, sent)
    assert first != second
    wait_for(estate, "alpha", sent)
    deadline = time.monotonic() + 10
    while sum(sent.control_id.encode() in data for data in estate.received("alpha")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("mark", [VT, FS], ids=["VT", "FS"])
def test_a_message_that_would_become_two_is_refused_by_name(estate: Estate, mark: bytes) -> None:
    sent = fresh()
    smuggled = sent.data.replace(b"DOE^", b"D" + mark + b"OE^")
    with Client(estate) as client:
        answer = client.ask(smuggled)
        assert f"|{sent.control_id}".encode() in answer
        assert b"MSA|AE" in answer or b"MSA|AR" in answer
        assert accepted(client.ask(sent.data), sent), "the connection goes on"


def test_a_message_of_50_mb_is_refused_and_costs_nobody_else_anything(estate: Estate) -> None:
    sent = fresh()
    head, body = sent.data.split(CR, 1)
    with Client(estate) as client:

        def push() -> None:
            with contextlib.suppress(OSError):  # it may close while we still write
                client.write(VT + head + CR + b"OBX|1|TX|||")
                for _ in range(50):
                    client.write(b"x" * 1_000_000)
                client.write(CR + body + FS + CR)

        pushing = threading.Thread(target=push)
        pushing.start()
        others_are_prompt(estate)
        answer = client.read()
        assert f"MSA|AR|{sent.control_id}".encode() in answer
        assert b"104&Value too long" in answer
        pushing.join()
        assert client.read() == b""


def test_an_endless_frame_ends_at_the_limit(estate: Estate) -> None:
    with Client(estate) as client, contextlib.suppress(OSError):
        client.write(VT + b"x")
        for _ in range(200):
            client.write(b"y" * 100_000)
        assert client.read() == b"", "nothing like MSH was seen, so there is nobody to answer"
    others_are_prompt(estate)


def test_a_byte_a_second_meets_the_limit_of_a_frame(estate: Estate) -> None:
    started = time.monotonic()
    with Client(estate) as client, contextlib.suppress(OSError):
        client.write(VT)
        while time.monotonic() - started < 10:
            client.write(b"M")
            time.sleep(1)
            others_are_prompt(estate)
    assert any(event.get("reason") == "frame-timeout" for event in estate.log_events())


def test_silence_within_a_frame_meets_the_limit_between_bytes(estate: Estate) -> None:
    started = time.monotonic()
    with Client(estate) as client:
        client.write(VT + b"MSH|")
        assert client.read() == b""
    assert 1 < time.monotonic() - started < 4


def test_garbage_before_a_frame_is_passed_over(estate: Estate) -> None:
    sent = fresh()
    with Client(estate) as client:
        client.write(b"GET / HTTP/1.1\r\n\r\n\x00\xff")
        assert accepted(client.ask(sent.data), sent)


def test_two_messages_in_one_write_have_two_answers_in_order(estate: Estate) -> None:
    one, two = fresh(), fresh()
    with Client(estate) as client:
        client.write(VT + one.data + FS + CR + VT + two.data + FS + CR)
        assert accepted(client.read(), one)
        assert accepted(client.read(), two)


def test_one_message_in_500_writes_has_one_answer(estate: Estate) -> None:
    sent = fresh()
    framed = VT + sent.data + FS + CR
    step = max(1, len(framed) // 500)
    with Client(estate) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(framed), step):
            client.write(framed[start : start + step])
        assert accepted(client.read(), sent)


@pytest.mark.parametrize("role", ["worker", "store", "supervisor"])
def test_whoever_is_killed_the_engine_recovers(estate: Estate, role: str) -> None:
    estate.kill(role)
    sent = fresh(("beta",))
    deadline = time.monotonic() + 20
    while True:
        assert time.monotonic() < deadline
        try:
            with Client(estate, timeout_s=5) as client:
                if accepted(client.ask(sent.data), sent):
                    break
        except OSError:
            time.sleep(0.1)
    wait_for(estate, "beta", sent)


def test_while_the_store_is_frozen_nothing_is_acknowledged_and_memory_is_bounded(
    estate: Estate,
) -> None:
    """Redis away: no AA, bounded memory, and intake goes on within 5 s of its return."""
    store, worker = estate.pid_of("store"), estate.pid_of("worker")
    assert store is not None
    assert worker is not None
    answers: list[bytes] = []
    ended = threading.Event()

    def push(number: int) -> None:
        sent = make_messages(500 + number, 1, seed=2)[0]
        padded = sent.data + b"NTE|1||" + b"x" * 900_000 + CR
        while not ended.is_set():
            try:
                with Client(estate, timeout_s=20) as client:
                    answer = client.ask(padded)
            except OSError:
                answer = b""
            if accepted(answer, sent):
                answers.append(answer)
                return
            time.sleep(0.2)

    os.kill(store, signal.SIGSTOP)
    try:
        before = _resident_mib(worker)
        senders = [threading.Thread(target=push, args=(number,)) for number in range(50)]
        for sender in senders:
            sender.start()
        time.sleep(6)
        assert not answers
        grown = _resident_mib(worker) - before
        assert grown < 250, f"{grown} MiB"
    finally:
        os.kill(store, signal.SIGCONT)
    returned = time.monotonic()
    while not answers:
        assert time.monotonic() - returned < 5
        time.sleep(0.02)
    for sender in senders:
        sender.join(30)
    ended.set()
    assert len(answers) == 50
    assert estate.pid_of("worker") == worker, "nobody had to be restarted"


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def refused(site: Path) -> subprocess.CompletedProcess[bytes]:
    """An engine that is to end by itself."""
    return subprocess.run(
        [*PAYERGATE, "run", "--site", str(site)],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_a_second_engine_on_the_same_site_says_who_runs(estate: Estate) -> None:
    done = refused(estate.site)
    assert done.returncode not in (0, -9)
    assert b"Traceback" not in done.stderr
    assert estate.engine is not None
    assert str(estate.engine.pid).encode() in done.stderr


def test_a_port_in_use_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = Estate(tmp_path, listener_port=taken.getsockname()[1])
        other.lay_out()
        done = refused(other.site)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert str(other.listener_port).encode() in done.stderr


def test_sigterm_drains_leaves_nothing_running_and_what_is_queued_goes_out_later(
    tmp_path: Path,
) -> None:
    with Estate(tmp_path) as estate:
        sent = fresh(("gamma",))
        with Client(estate) as client:
            assert accepted(client.ask(sent.data), sent)
        processes = [estate.pid_of("worker"), estate.pid_of("store")]
        assert estate.stop_engine() == 0
        for pid in processes:
            assert not Path(f"/proc/{pid}").exists()
        estate.start_engine()
        wait_for(estate, "gamma", sent)


def test_an_engine_whose_key_file_is_lost_does_not_start_with_a_new_one(tmp_path: Path) -> None:
    with Estate(tmp_path) as estate:
        sent = fresh(("gamma",))
        estate.sinks["gamma"].kill()
        with Client(estate) as client:
            assert accepted(client.ask(sent.data), sent)
        estate.stop_engine()
        key_file = estate.site / "var" / "keys"
        kept = key_file.rename(tmp_path / "keys")
        done = refused(estate.site)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(b"keys-missing: ")
        assert not key_file.exists()
        kept.rename(key_file)
        estate.start_sink("gamma")
        estate.start_engine()
        wait_for(estate, "gamma", sent)


def test_the_reference_site_starts(tmp_path: Path) -> None:
    """As it is, but on ports of its own."""
    site = tmp_path / "site"
    _copy_reference_site(site)
    process = subprocess.Popen(
        [*PAYERGATE, "run", "--site", str(site)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    process.terminate()
    process.stdout.close()
    assert process.wait(30) == 0
    assert ready["event"] == "engine_ready"
    assert ready["console"] is None
    assert set(CHANNELS).isdisjoint(ready["listeners"])


def _copy_reference_site(site: Path) -> None:
    shutil.copytree(REPOSITORY / "channels", site / "channels")
    shutil.copytree(REPOSITORY / "rules", site / "rules")
    config = (REPOSITORY / "config.yaml").read_text()
    (site / "config.yaml").write_text(re.sub(r"tcp:127\.0\.0\.1:\d+", "tcp:127.0.0.1:0", config))
