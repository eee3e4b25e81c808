"""What people order of a running engine: real processes, real sockets, a real store."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.reach import working_store
from engine.config.load import load_site
from engine.store.embedded import EmbeddedServer
from engine.store.port import Survey
from engine.store.varlock import StoreUse
from tests.support.estate import CHANNELS, PAYERGATE, REPOSITORY, Estate
from tests.support.hospital import Sent, deliver, make_messages

REFUSES = "- {every: 1, do: refuse, code: AR}\n"

#: How soon a killed payer may get nothing more, in seconds.
KILLED_WITHIN_S = 1.0

_connections = iter(range(100, 10_000))


def registrations(channel: str, count: int) -> list[Sent]:
    """Registrations of `count` patients who are insured with `channel`, perhaps among others."""
    found: list[Sent] = []
    while len(found) < count:
        (sent,) = make_messages(next(_connections), 1, seed=1)
        if channel in sent.channels:
            found.append(sent)
    return found


def wait_until(condition: Callable[[], Any], seconds: float = 20, estate: Any = None) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, estate and estate.status()
        time.sleep(0.05)


def control_ids(estate: Estate, channel: str) -> list[str]:
    """MSH-10 of everything that the insurer stored, in order."""
    return [data.split(b"|")[9].decode() for data in estate.received(channel)]


def wait_for(estate: Estate, name: str, sent: Sent) -> None:
    """Wait until the insurer has it."""
    wait_until(lambda: sent.control_id in control_ids(estate, name), 20, estate)


def channel(estate: Estate, name: str = "alpha") -> dict[str, Any]:
    """How the channel stands."""
    found: dict[str, Any] = estate.status()["channels"][name]
    return found


def test_results_that_come_before_their_registration_follow_it(tmp_path: Path) -> None:
    messages = make_messages(7, 60, seed=3)
    results = next(one for one in messages if b"|ORU^R01|" in one.data)
    visit = messages[(messages.index(results) // 3) * 3]
    with Estate(tmp_path) as estate:
        deliver(estate.listener_port, [results], 100, [])
        items = estate.command("parked", "ls")["items"]
        assert {item["reason"] for item in items} == {"unknown-payer"}
        deliver(estate.listener_port, [visit], 100, [])
        for name in visit.channels:
            wait_for(estate, name, results)
            assert control_ids(estate, name)[-1] == results.control_id


class TestOrders:
    def test_a_killed_payer_gets_nothing_more_and_loses_nothing(self, tmp_path: Path) -> None:
        """In the middle of traffic; the other payers notice nothing."""
        messages = registrations("alpha", 300)
        with Estate(tmp_path) as estate:
            port = estate.listener_port
            feeding = threading.Thread(target=deliver, args=(port, messages, 60, []))
            feeding.start()
            wait_until(lambda: len(estate.received("alpha")) > 20)
            said = estate.command("queue", "kill", "alpha", "--reason", "misdirected")
            assert said["effective"]
            time.sleep(KILLED_WITHIN_S)
            before = control_ids(estate, "alpha")
            beta_before = len(estate.received("beta"))
            time.sleep(1)
            assert control_ids(estate, "alpha") == before
            feeding.join()
            assert control_ids(estate, "alpha") == before
            assert len(estate.received("beta")) > beta_before
            alpha = channel(estate)
            assert (alpha["state"], alpha["reason"]) == ("killed", "misdirected")
            assert not estate.command("queue", "pause", "alpha")["effective"]

            estate.command("queue", "resume", "alpha")
            assert estate.command("queue", "drain", "alpha", "--timeout", "30")["drained"]
            all_of_them = [sent.control_id for sent in messages]
            received = control_ids(estate, "alpha")
            assert list(dict.fromkeys(received)) == all_of_them
            repeated = len(received) - len(set(received))
            doubtful = [r for r in estate.ledger("delivered") if r["possible_duplicate"]]
            assert repeated <= len(doubtful) <= 1  # the one in flight, if any
            orders = [record["order"] for record in estate.ledger("order")]
            assert orders == ["kill", "pause", "resume"]

    @pytest.mark.parametrize("order", ["pause", "kill"])
    def test_an_order_outlives_worker_and_supervisor(self, tmp_path: Path, order: str) -> None:
        first, second, third, fourth = registrations("alpha", 4)
        with Estate(tmp_path) as estate:
            estate.command("queue", order, "alpha", "--reason", "asked by the payer")
            deliver(estate.listener_port, [first], 100, [])
            for role, sent in (("worker", second), ("supervisor", third)):
                estate.kill(role)
                deliver(estate.listener_port, [sent], 100, [])
                time.sleep(0.7)  # an empty lane, if it were let, would have sent at once
                assert estate.received("alpha") == []
                alpha = channel(estate)
                assert alpha["state"] == {"pause": "paused", "kill": "killed"}[order]
                assert alpha["reason"] == "asked by the payer"
            estate.command("queue", "resume", "alpha")
            assert estate.command("queue", "drain", "alpha", "--timeout", "20")["drained"]
            for role in ("worker", "supervisor"):
                estate.kill(role)  # what was resumed stays resumed
            deliver(estate.listener_port, [fourth], 100, [])
            wait_until(lambda: len(estate.received("alpha")) == 4, 20, estate)
            assert control_ids(estate, "alpha") == [
                sent.control_id for sent in (first, second, third, fourth)
            ]

    def test_a_drain_waits_through_the_death_of_worker_and_supervisor(self, tmp_path: Path) -> None:
        messages = registrations("alpha", 5)
        with Estate(tmp_path) as estate:
            estate.stop_sink("alpha")
            deliver(estate.listener_port, messages, 100, [])
            gave_up = estate.command("queue", "drain", "alpha", "--timeout", "0.5", code=1)
            assert (gave_up["drained"], gave_up["depth"]) == (False, 5)
            draining = subprocess.Popen(
                [*PAYERGATE, "queue", "drain", "alpha", "--site", str(estate.site)],
                cwd=REPOSITORY,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            estate.kill("worker")
            estate.kill("supervisor")
            assert draining.poll() is None, draining.communicate()
            estate.start_sink("alpha")
            output, _ = draining.communicate(timeout=30)
            assert draining.returncode == 0, output
            assert control_ids(estate, "alpha") == [sent.control_id for sent in messages]


class TestDeadLetters:
    def test_what_was_refused_is_replayed_once_the_payer_accepts(self, tmp_path: Path) -> None:
        refused, discarded, good = registrations("alpha", 3)
        with Estate(tmp_path) as estate:
            estate.restart_sink("alpha", REFUSES)
            deliver(estate.listener_port, [refused, discarded], 100, [])
            wait_until(lambda: channel(estate)["parked"] == 2, 20, estate)
            offered = len(estate.received("alpha"))
            items = estate.command("parked", "ls", "--channel", "alpha")["items"]
            assert [item["reason"] for item in items] == ["ack-AR", "ack-AR"]
            names = [item["item"] for item in items]
            (shown,) = estate.command("parked", "show", names[0])["items"]
            assert shown["note"]["rules"] == ["registration"]
            assert shown["control_id"] == refused.control_id
            (pid,) = [one for one in refused.data.split(b"\r") if one.startswith(b"PID|")]
            values = [field.decode() for field in pid.split(b"|")[1:] if len(field) > 4]
            assert values
            assert not [value for value in values if value in str(shown)]  # no content

            estate.restart_sink("alpha")
            replayed = estate.command("parked", "replay", names[0], "--reason", "payer mended it")
            assert replayed["items"] == [{"item": names[0], "outcome": "queued"}]
            again = estate.command("parked", "replay", names[0], code=2)
            assert again == {}  # it is not there any more
            estate.command("parked", "discard", names[1], code=2)  # without a reason
            gone = estate.command("parked", "discard", names[1], "--reason", "sent by post")
            assert gone["items"][0]["outcome"] == "discarded"
            deliver(estate.listener_port, [good], 100, [])
            wait_until(lambda: len(estate.received("alpha")) == offered + 2, 20, estate)
            time.sleep(0.5)
            now = control_ids(estate, "alpha")[offered:]
            assert now == [refused.control_id, good.control_id]

            alpha = channel(estate)
            assert (alpha["parked"], alpha["delivered"], alpha["depth"]) == (0, 2, 0)
            self._is_on_record(estate, shown["receipt"])

    def _is_on_record(self, estate: Estate, receipt: str) -> None:
        story = [
            record
            for record in estate.ledger()
            if record.get("receipt") == receipt and record.get("channel") == "alpha"
        ]
        assert [record["kind"] for record in story] == ["parked", "redecided", "delivered"]
        parked, redecided, delivered = story
        assert (parked["reason"], parked["ack"]) == ("ack-AR", "AR")
        assert (redecided["was"], redecided["why"]) == ("parked", "payer mended it")
        assert redecided["by"]
        assert not delivered["possible_duplicate"]  # AR is a definite answer
        (discarded,) = estate.ledger("discarded")
        assert discarded["why"] == "sent by post"


class TestControlIds:
    def test_a_copy_with_an_id_of_ours_is_resent_with_it_and_acknowledged_by_it(
        self, tmp_path: Path
    ) -> None:
        (sent,) = registrations("alpha", 1)
        estate = Estate(tmp_path)
        with estate:
            assert estate.stop_engine() == 0
            path = estate.site / "channels" / "alpha.yaml"
            path.write_text(path.read_text() + "  control_id: new\n")
            estate.restart_sink("alpha", "- {every: 1, count: 2, do: drop}\n")
            estate.start_engine()
            deliver(estate.listener_port, [sent], 100, [])
            wait_until(lambda: channel(estate)["delivered"] == 1, 20, estate)
            ids = set(control_ids(estate, "alpha"))
            assert len(ids) == 1
            (delivered,) = (r for r in estate.ledger("delivered") if r["channel"] == "alpha")
            assert ids == {delivered["control_id"]} != {delivered["source_control_id"]}
            assert delivered["source_control_id"] == sent.control_id
            assert delivered["possible_duplicate"]
            others = [name for name in sent.channels if name != "alpha"]
            assert all(control_ids(estate, name) == [sent.control_id] for name in others)


class TestCancels:
    def test_a_cancel_follows_in_order_and_goes_nowhere_else(self, tmp_path: Path) -> None:
        """Also where the admission still waits, and by an engine that has it from the store."""
        sent = next(one for one in registrations("alpha", 50) if one.channels == ("alpha", "beta"))
        cancel = Sent(
            f"{sent.control_id}X",
            b"\r".join(
                line.replace(b"^A01|", b"^A11|")
                if line.startswith(b"MSH")
                else line.replace(b"EVN|A01", b"EVN|A11")
                for line in sent.data.replace(
                    f"|{sent.control_id}|".encode(), f"|{sent.control_id}X|".encode()
                ).split(b"\r")
                if not line.startswith(b"IN1")
            ),
            sent.channels,
        )
        with Estate(tmp_path) as estate:
            estate.command("queue", "pause", "alpha")
            deliver(estate.listener_port, [sent], 100, [])
            wait_for(estate, "beta", sent)
            estate.kill("worker")
            deliver(estate.listener_port, [cancel], 100, [])
            wait_for(estate, "beta", cancel)
            estate.command("queue", "resume", "alpha")
            for name in sent.channels:
                wait_for(estate, name, cancel)
                assert control_ids(estate, name) == [sent.control_id, cancel.control_id]
                assert b"\rIN1|" not in estate.received(name)[-1]
            assert estate.received("gamma") == []
            decision = estate.ledger("decision")[-1]["channels"]
            assert decision["gamma"]["reasons"] == ["not-disclosed-before"]


class TestStatus:
    def test_it_answers_without_an_engine_and_starts_none(self, tmp_path: Path) -> None:
        with Estate(tmp_path) as estate:
            assert estate.command("status", "--check")["code"] == 0
            assert estate.stop_engine() == 0
            status = estate.status()
            assert status["engine"]["state"] == "down"
            assert status["store"] == {"reachable": False, "state": "off"}
            assert {one["state"] for one in status["channels"].values()} == {"unknown"}
            assert estate.pid_of("store") is None

    def test_it_answers_while_the_store_hangs(self, tmp_path: Path) -> None:
        (sent,) = registrations("alpha", 1)
        with Estate(tmp_path) as estate:
            store = estate.pid_of("store")
            assert store is not None
            os.kill(store, signal.SIGSTOP)
            try:
                started = time.monotonic()
                status = estate.status()
                assert time.monotonic() - started < 10
                assert status["store"] == {"reachable": False, "state": "away"}
                assert status["engine"]["state"] == "running"
                started = time.monotonic()
                estate.command("queue", "kill", "alpha", code=5)
                assert time.monotonic() - started < 10
                text = subprocess.run(
                    [*PAYERGATE, "status", "--site", str(estate.site)],
                    cwd=REPOSITORY,
                    capture_output=True,
                    check=True,
                    timeout=30,
                )
                assert b"store not reachable" in text.stdout
            finally:
                os.kill(store, signal.SIGCONT)
            deliver(estate.listener_port, [sent], 100, [])
            wait_for(estate, "alpha", sent)

    def test_a_killed_engine_is_seen_to_be_down(self, tmp_path: Path) -> None:
        """Its store lives on without it, and says when the engine was last heard of."""
        with Estate(tmp_path) as estate:
            assert estate.engine is not None
            estate.engine.kill()
            estate.engine.wait()
            wait_until(lambda: estate.status()["engine"]["state"] == "down", 15)
            status = estate.status()
            assert status["store"] == {"reachable": True, "state": "running"}
            assert channel(estate)["state"] == "stopped"
            estate.start_engine()


#: What is changed of the site, and where.
RULES = "rules/all.yaml"
CEILINGS = tuple(f"channels/{name}.yaml" for name in CHANNELS)
PID = "PID: [1, 3, 5, 7, 8, 18]"


class TestStoreOfACommand:
    """The embedded server, started by a command as no engine ran."""

    def test_an_engine_that_took_it_over_keeps_it(self, tmp_path: Path) -> None:
        (sent,) = registrations("alpha", 1)
        with Estate(tmp_path) as estate:
            assert estate.stop_engine() == 0
            with working_store(load_site(estate.site)):
                estate.start_engine()
                server = estate.pid_of("store")
            deliver(estate.listener_port, [sent], 100, [])
            wait_for(estate, "alpha", sent)
            assert estate.pid_of("store") == server

    def test_another_command_keeps_it_and_the_last_one_stops_it(self, tmp_path: Path) -> None:
        estate = Estate(tmp_path)
        estate.lay_out()
        site = load_site(estate.site)
        survey = Survey(CHANNELS)
        with working_store(site) as first:
            with working_store(site) as second:
                second.execute([survey])
            first.execute([survey])
        with contextlib.ExitStack() as one, contextlib.ExitStack() as another:
            one.enter_context(working_store(site))
            other = another.enter_context(working_store(site))
            one.close()
            other.execute([survey])
        server = EmbeddedServer(site.var)
        server.start()
        assert server.adopted
        server.stop()

    def test_an_engine_waits_while_a_command_stops_it(self, tmp_path: Path) -> None:
        estate = Estate(tmp_path)
        estate.lay_out()
        use = StoreUse(load_site(estate.site).var)
        lock = use.alone()
        assert lock is not None
        threading.Timer(1, lock.release).start()
        estate.start_engine()
        assert estate.stop_engine() == 0
        use.end()


class TestPolicyChanged:
    """What is queued when the site changes goes under both policies, or not at all."""

    def _restart_with(self, estate: Estate, *changes: tuple[str, str, str]) -> None:
        """Stop, put other text into the site's files, start, and let alpha's lane go."""
        assert estate.stop_engine() == 0
        for name, old, new in changes:
            path = estate.site / name
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new, 1))
        estate.start_engine()
        estate.command("queue", "resume", "alpha")

    def _queued(self, estate: Estate) -> tuple[Sent, bytes]:
        """A message that waits for alpha, and what alpha would have got of it."""
        (sent,) = registrations("alpha", 1)
        deliver(estate.listener_port, [sent], 100, [])
        wait_for(estate, "alpha", sent)
        whole = estate.received("alpha")[-1]
        estate.command("queue", "pause", "alpha")
        twin = Sent(
            f"{sent.control_id}T",
            sent.data.replace(sent.control_id.encode(), f"{sent.control_id}T".encode()),
            sent.channels,
        )
        deliver(estate.listener_port, [twin], 100, [])
        return twin, whole.replace(sent.control_id.encode(), twin.control_id.encode())

    def test_less_is_sent_under_a_narrower_policy(self, tmp_path: Path) -> None:
        with Estate(tmp_path) as estate:
            sent, whole = self._queued(estate)
            self._restart_with(estate, (RULES, PID, "PID: [1, 3, 5, 18]"))
            wait_for(estate, "alpha", sent)
            got = estate.received("alpha")[-1]
            assert got == whole.replace(b"||19800101|F\r", b"\r")
            record = estate.ledger("delivered")[-1]
            assert record["revision"] == estate.status()["engine"]["revision"]

    def test_no_more_is_sent_under_a_wider_policy_than_was_cut(self, tmp_path: Path) -> None:
        with Estate(tmp_path) as estate:
            sent, whole = self._queued(estate)
            before = estate.status()["engine"]["revision"]
            wider = "PID: [1, 2, 3, 5, 7, 8, 18]"
            self._restart_with(estate, *[(name, PID, wider) for name in (RULES, *CEILINGS)])
            wait_for(estate, "alpha", sent)
            assert estate.received("alpha")[-1] == whole
            assert before != estate.status()["engine"]["revision"]

    def test_nothing_is_sent_that_is_granted_no_more(self, tmp_path: Path) -> None:
        with Estate(tmp_path) as estate:
            self._queued(estate)
            count = len(estate.received("alpha"))
            fewer = "[ADT^A04, ADT^A08]"
            self._restart_with(estate, (RULES, "[ADT^A01, ADT^A04, ADT^A08]", fewer))
            wait_until(lambda: channel(estate)["depth"] == 0, 20, estate)
            assert len(estate.received("alpha")) == count
            withheld = [one for one in estate.ledger("withheld") if one["channel"] == "alpha"]
            assert [record["reason"] for record in withheld] == ["no-rule"]

    def test_what_was_parked_is_replayed_under_the_new_policy(self, tmp_path: Path) -> None:
        (sent,) = registrations("alpha", 1)
        with Estate(tmp_path) as estate:
            estate.restart_sink("alpha", REFUSES)
            deliver(estate.listener_port, [sent], 100, [])
            wait_until(lambda: channel(estate)["parked"] == 1, 20, estate)
            offered = len(estate.received("alpha"))
            estate.restart_sink("alpha")
            self._restart_with(estate, (RULES, "PV1: [1, 2, 19]", "PV1: [1, 2]"))
            (outcome,) = estate.command("parked", "replay", "--all")["items"]
            assert outcome["outcome"] == "queued"
            wait_until(lambda: len(estate.received("alpha")) == offered + 1, 20, estate)
            assert b"\rPV1|1|I\r" in estate.received("alpha")[-1]
