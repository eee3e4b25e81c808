"""I7: nothing of a message reaches logs, keys, values at rest, file names or command lines.

A real engine is fed messages good and bad, each field of which holds a token that occurs nowhere
else, and every command is used on it. Then everything that was written, and all that can be seen
of it, is searched for tokens, plain and disguised. Message type and control id are what the ledger
may name a message by; they stand nowhere else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.canary import CANARY, CONTROL_ID, DISGUISES, Tokens, Traces, disguises, message
from tests.support.canary_commands import (
    Desk,
    of_a_running_engine,
    of_dead_letters,
    of_the_archive,
    of_the_registry,
    without_a_store,
)
from tests.support.canary_day import (
    TalkativeInsurer,
    feed_bad,
    feed_good,
    feed_held,
    take,
    wait_until,
    write_files,
)
from tests.support.estate import PAYERGATE, REPOSITORY, Estate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """What is left of the day; its engine's store still runs."""
    root = tmp_path_factory.mktemp("canary")
    temporary = root / "tmp"
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", None)
        with Estate(root) as estate:
            found = Traces(estate, temporary)
            _spend_the_day(estate, found)
            yield found


def _spend_the_day(estate: Estate, traces: Traces) -> None:
    token, port = Tokens(), estate.listener_port
    desk = Desk(estate.site, traces, estate.root / "files", estate.root / "reports")
    write_files(desk.files, token)
    desk.reports.mkdir()
    known = message(token, "ADT^A01")
    take(port, known)
    feed_good(port, token)
    traces.note_processes()
    wait_until(lambda: any(CANARY in data for data in estate.received("alpha")), 30)
    feed_held(port, token)
    feed_bad(port, token)
    without_a_store(desk)

    estate.sinks["beta"].send_signal(signal.SIGSTOP)  # attempts time out
    estate.stop_sink("gamma")  # and fail
    _be_refused(estate, token)
    for plan in ("BETA", "GAMMA"):
        take(port, message(token, "ADT^A04", plan))
    of_a_running_engine(desk)
    of_dead_letters(desk)
    _break_down(estate, token)
    traces.note_processes()
    estate.sinks["beta"].send_signal(signal.SIGCONT)

    patient = known.split(b"\rPID|")[1].split(b"|")[2].split(b"~")[0].split(b"^")
    wait_until(lambda: estate.unarchived() == 0, 30)
    of_the_archive(desk, patient[0].decode(), patient[3].decode())
    of_the_registry(desk, token(), [token() for _ in range(7)])
    _send_files(estate, desk)


def _be_refused(estate: Estate, token: Tokens) -> None:
    """Alpha refuses, and says in its refusal all that it was told."""
    estate.stop_sink("alpha")
    insurer = TalkativeInsurer(estate.sink_ports["alpha"])
    for _ in range(3):
        take(estate.listener_port, message(token, "ADT^A04"))
    wait_until(lambda: insurer.messages >= 3, 30)
    wait_until(lambda: estate.status()["channels"]["alpha"]["parked"] >= 3, 30)
    insurer.close()
    estate.start_sink("alpha")


def _break_down(estate: Estate, token: Tokens) -> None:
    """A worker and the store die while messages are on their way."""
    for role in ("worker", "archiver", "store"):
        for _ in range(3):
            take(estate.listener_port, message(token, "ADT^A04", "BETA"))
        process = estate.pid_of(role)
        assert process is not None, role
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: estate.status()["store"]["reachable"], 30)


def _send_files(estate: Estate, desk: Desk) -> None:
    """`send`, which needs a process of its own."""
    files = [desk.file(name) for name in ("good.hl7", "broken.hl7", "other.txt")]
    for port in (estate.listener_port, 1):
        done = subprocess.run(
            [*PAYERGATE, "send", *files, "--to", f"127.0.0.1:{port}", "--timeout", "3"],
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
            timeout=60,
        )
        desk.traces.note(f"what `send` to {port} said", done.stdout + done.stderr)


def test_no_value_of_a_message_can_be_found_anywhere(traces: Traces) -> None:
    assert traces.found(*DISGUISES) == []


def test_a_control_id_stands_in_the_ledger_alone(traces: Traces) -> None:
    named = traces.found(*disguises(CONTROL_ID))
    kept = (".aof", ":ledger", ".db", ".db-wal")
    assert [place for place in named if not place.endswith(kept) and "what `" not in place] == []
