"""I7: nothing of a message reaches logs, keys, values at rest, file names or command lines.

A real engine is fed messages good and bad, each field of which holds a token that occurs nowhere
else, and every command is used on it. Then everything that was written, and all that can be seen
of it, is searched for tokens, plain and disguised. Message type and control id are what the ledger
may name a message by; they stand nowhere else.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing

import pytest

from engine.cli.main import COMMANDS
from tests.support.canary import CANARY, CONTROL_ID, DISGUISES, Tokens, Traces, disguises, message
from tests.support.canary_commands import (
    Desk,
    of_a_running_engine,
    of_an_engine_that_is_off,
    of_dead_letters,
    of_the_archive,
    of_the_registry,
    without_a_store,
)
from tests.support.canary_day import (
    FAULT_DECIDING,
    FAULT_SENDING,
    StrictEstate,
    TalkativeInsurer,
    faults_in,
    feed_bad,
    feed_good,
    feed_held,
    framed,
    identifiers,
    send,
    take,
    wait_until,
    write_files,
)
from tests.support.estate import Estate

pytestmark = pytest.mark.slow

#: Commands that never see a message of ours; `sink` is what the estate's insurers run.
ELSEWHERE = {"demo", "init", "sink"}


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """What is left of the day; its engine's store still runs."""
    root = tmp_path_factory.mktemp("canary")
    temporary = root / "tmp"
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", None)
        with StrictEstate(root) as estate:
            found = Traces(estate, temporary, root / "reports")
            _spend_the_day(estate, found)
            yield found


def _spend_the_day(estate: StrictEstate, traces: Traces) -> None:
    token, port = Tokens(), estate.listener_port
    desk = Desk(estate.site, traces, estate.root / "files", estate.root / "reports")
    known = message(token, "ADT^A01")
    patient, authority = identifiers(known)
    merge = message(token, "ADT^A40")
    write_files(desk.files, token, patient, authority)
    desk.reports.mkdir()
    take(port, known)
    take(port, merge)
    feed_good(port, token)
    traces.note_processes()
    wait_until(lambda: any(CANARY in data for data in estate.received("alpha")), 30)
    feed_held(port, token)
    feed_bad(port, token)
    msh, encoding, _, rest = message(token, "ORU^R01").split(b"|", 3)
    for unwanted in (message(token, "ADT^A01"), b"|".join([msh, encoding, b"NOBODY", rest])):
        assert b"|AR|" in send(estate.strict_port, framed(unwanted), answer=True)
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

    _be_quarantined(estate, token)
    of_the_archive(desk, patient, authority, identifiers(merge)[0])
    of_the_registry(desk, token(), [token() for _ in range(6)])
    _send_files(port, desk)
    estate.stop_engine()
    of_an_engine_that_is_off(desk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", faults_in(estate.root / "faults"))
        estate.start_engine()
    faulty = message(token, "ADT^A01").replace(CANARY, FAULT_DECIDING, 1)
    assert b"MSA|AE|" in send(port, framed(faulty), answer=True)
    head, about, rest = message(token, "ADT^A01").partition(b"\rPID|")  # MSH is answered
    take(port, head + about + rest.replace(CANARY, FAULT_SENDING))
    wait_until(lambda: "lane_failed" in traces.told("event"), 30)
    take(port, message(token, "ADT^A01"))
    wait_until(lambda: estate.unarchived() == 0, 30)
    assert desk.typed >= set(COMMANDS) - ELSEWHERE


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


def _be_quarantined(estate: Estate, token: Tokens) -> None:
    """The archive's database refuses a message."""
    wait_until(lambda: estate.unarchived() == 0, 30)
    with closing(sqlite3.connect(estate.site / "var" / "archive.db", timeout=20)) as archive:
        archive.execute(
            "CREATE TRIGGER refusing BEFORE INSERT ON messages"
            " BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        take(estate.listener_port, message(token, "ADT^A01"))
        wait_until(lambda: estate.unarchived() == 0, 30)
        archive.execute("DROP TRIGGER refusing")


def _send_files(port: int, desk: Desk) -> None:
    """A hospital's files, to the engine and to nobody."""
    files = [desk.file(name) for name in ("good.hl7", "broken.hl7", "other.txt")]
    for to in (port, 1):
        desk.spawn("send", *files, "--to", f"127.0.0.1:{to}", "--timeout", "3", code=None)


def test_no_value_of_a_message_can_be_found_anywhere(traces: Traces) -> None:
    assert traces.found(*DISGUISES) == []


def test_a_control_id_stands_in_the_ledger_alone(traces: Traces) -> None:
    """And where somebody asks about messages one by one."""
    named = traces.found(*disguises(CONTROL_ID))
    kept = (".aof", ":ledger", ".db", ".db-wal", "disclosures.csv")
    asks = ("what `explain ", "what `messages ", "what `queue show ", "what `parked ls ",
            "what `parked show ")  # fmt: skip
    assert [one for one in named if not one.endswith(kept) and not one.startswith(asks)] == []


def test_everything_went_wrong(traces: Traces) -> None:
    """What the others found nothing in has indeed happened."""
    assert traces.told("event") >= {
        "message_refused", "intake_failed", "lane_failed",
        "control_id_reused", "connection_closed", "wire_notice",
        "delivery_parked", "delivery_postponed", "worker_ended", "archiver_ended", "store_ended",
        "store_unavailable", "archive_quarantined",
    }  # fmt: skip
    assert traces.told("code") >= {
        "unframeable", "unreadable", "control-id-missing", "message-type",
        "processing-id", "version-id", "sender", "AR",
    }  # fmt: skip


#: Begins what is planted, so that it stands in nobody's way.
PLANTED = b"zqp5"
WORD = PLANTED.decode() + "00001"

#: Commands of the store that put the word into each place there.
IN_THE_STORE: dict[str, tuple[str, ...]] = {
    "the name of a key": ("SET", f"{WORD}:named", "1"),
    "planted:string": ("SET", "planted:string", WORD),
    "planted:hash": ("HSET", "planted:hash", "field", WORD),
    "planted:hash:field": ("HSET", "planted:hash:field", WORD, "value"),
    "planted:list": ("RPUSH", "planted:list", WORD),
    "planted:set": ("SADD", "planted:set", WORD),
    "planted:zset": ("ZADD", "planted:zset", "1", WORD),
    "planted:stream": ("XADD", "planted:stream", "*", "r", WORD),
    ".aof": ("SET", "planted:past", WORD),
}

#: Files that get the word, from the estate's folder on.
IN_FILES = (
    "engine.log", "alpha.log", "site/var/planted", "site/var/log/planted",
    "site/var/archive.db-wal", "tmp/planted", "reports/planted", "reports/breach/disclosures.csv",
)  # fmt: skip


@pytest.mark.parametrize("place", IN_THE_STORE)
def test_a_leak_into_the_store_is_named(traces: Traces, place: str) -> None:
    words = IN_THE_STORE[place]
    with closing(traces.store()) as client:
        client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py says nothing
        if place.endswith(".aof"):
            client.delete(words[1])  # the store itself has forgotten it
        found = traces.found(PLANTED)
        client.delete(words[1])
    assert any(one.endswith(place) for one in found), found


@pytest.mark.parametrize("place", IN_FILES)
def test_a_leak_into_a_file_is_named(traces: Traces, place: str) -> None:
    file = traces.root / place
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"") + WORD.encode())
    assert str(file) in traces.found(PLANTED)
    file.unlink() if before is None else file.write_bytes(before)


@pytest.mark.parametrize("folder", ["site/var", "tmp", "reports"])
def test_a_leak_into_the_name_of_a_file_is_named(traces: Traces, folder: str) -> None:
    file = traces.root / folder / WORD
    file.touch()
    assert f"the name of {WORD}" in traces.found(PLANTED)
    file.unlink()


@pytest.mark.parametrize("place", ["cmdline", "environ", "comm"])
def test_a_leak_into_a_process_is_named(traces: Traces, place: str) -> None:
    title = f"import pathlib; pathlib.Path('/proc/self/comm').write_text('{WORD}')"
    program = {"cmdline": f"word = '{WORD}'", "environ": "", "comm": title}
    with subprocess.Popen(
        [sys.executable, "-c", f"{program[place]}\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PLANTED": WORD if place == "environ" else ""},
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        traces.note_process(child.pid)
        child.communicate(b"\n")
    assert any(one.startswith(f"{place} of {child.pid} ") for one in traces.found(PLANTED))


@pytest.mark.parametrize(
    "stream", ["print(word)", "print(word, file=sys.stderr)", "raise ValueError(word)"]
)
def test_a_leak_into_what_a_command_says_is_named(traces: Traces, stream: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; word = '{WORD[:4]}' + '{WORD[4:]}'; {stream}"],
        capture_output=True,
        check=False,
    )
    traces.note(f"what `{stream}` said", done.stdout + done.stderr)
    assert any(one.startswith(f"what `{stream}` said") for one in traces.found(PLANTED))


@pytest.mark.parametrize("number", range(len(disguises(PLANTED))))
def test_a_leak_in_disguise_is_named(traces: Traces, number: int) -> None:
    written = disguises(PLANTED)[number]
    traces.note(f"disguise {number}", b"..." + written + b"...")
    assert any(one.startswith(f"disguise {number} ") for one in traces.found(*disguises(PLANTED)))
