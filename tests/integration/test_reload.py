"""SIGHUP: what discloses no more is in force; what does not load, or discloses more, is not."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.estate import Estate
from tests.support.hospital import Sent, deliver, make_messages

GRANT = "      PID: [1, 3, 5, 7, 8, 18]\n      PV1"
NARROWER = "      PID: [1, 3, 5, 8, 18]\n      PV1"


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def hang_up(estate: Estate, event: str) -> dict[str, Any]:
    """SIGHUP, and the event that follows."""

    def found() -> list[dict[str, Any]]:
        return [one for one in estate.log_events() if one["event"] == event]

    before = len(found())
    assert estate.engine is not None
    estate.engine.send_signal(signal.SIGHUP)
    until(lambda: len(found()) > before)
    return found()[-1]


def birth_date_received(estate: Estate, sent: Sent) -> bool:
    """Send it; whether the copy of its first insurer tells PID-7."""
    deliver(estate.listener_port, [sent], 100, [])
    name = f"|{sent.control_id}|".encode()

    def copies() -> list[bytes]:
        return [one for one in estate.received(sent.channels[0]) if name in one]

    until(copies)
    (copy,) = copies()
    return b"|19800101|" in copy


def test_a_site_is_loaded_anew_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    admissions = [one for one in make_messages(7, 60, seed=3) if b"|ADT^A01|" in one.data]
    with Estate(tmp_path) as estate:
        rules = estate.site / "rules" / "all.yaml"
        granted = rules.read_text()
        assert GRANT in granted
        before = estate.status()["engine"]["revision"]
        assert birth_date_received(estate, admissions[0])

        rules.write_text(granted.replace(GRANT, NARROWER))
        after = hang_up(estate, "site_reloaded")["revision"]
        assert after != before
        until(lambda: estate.status()["engine"] == {"state": "running", "revision": after})
        assert not birth_date_received(estate, admissions[1])

        rules.write_text("channels: [alpha]\nrulez: []\n")
        refused = hang_up(estate, "reload_refused")
        assert refused["code"] == "site"
        assert refused["place"].startswith("rules/all.yaml:")
        said = estate.status()["reload_refused"]
        assert (said["code"], said["place"]) == ("site", refused["place"])
        rules.write_text(granted)
        refused = hang_up(estate, "reload_refused")
        assert refused["code"] == "reload-wider"
        assert refused["place"].startswith("rules/all.yaml:")
        assert estate.status()["reload_refused"]["code"] == "reload-wider"
        assert not birth_date_received(estate, admissions[2])

        events = [one["event"] for one in estate.log_events()]
        assert "worker_ended" not in events
        assert events.count("worker_started") == 2
        assert events.count("archiver_started") == 2
        assert estate.status()["engine"]["revision"] == after


def test_a_checkout_that_is_under_way_is_refused_and_taken_when_it_is_done(tmp_path: Path) -> None:
    with Estate(tmp_path) as estate:
        rules = estate.site / "rules" / "all.yaml"
        text = rules.read_text().replace(GRANT, NARROWER)
        done = threading.Event()

        def check_out() -> None:
            """Now the file is there, now it is not, now it is half of it."""
            while not done.wait(0.02):
                rules.unlink(missing_ok=True)
                rules.write_text(text.partition("  - name: charges")[0])

        writer = threading.Thread(target=check_out)
        writer.start()
        try:
            assert hang_up(estate, "reload_refused")["code"] == "reload-moving"
        finally:
            done.set()
            writer.join()
        rules.write_text(text)
        assert hang_up(estate, "site_reloaded")


def patient(message: bytes) -> bytes:
    """Its PID, as it stands there."""
    (line,) = [one for one in message.split(b"\r") if one.startswith(b"PID|")]
    return line


def test_what_is_queued_goes_as_the_narrower_site_has_it(tmp_path: Path) -> None:
    sent = next(one for one in make_messages(8, 60, seed=3) if b"|ADT^A01|" in one.data)
    channel = sent.channels[0]
    with Estate(tmp_path) as estate:
        rules = estate.site / "rules" / "all.yaml"
        estate.command("queue", "pause", channel)
        deliver(estate.listener_port, [sent], 100, [])
        assert estate.status()["channels"][channel]["depth"] == 1

        rules.write_text(rules.read_text().replace(GRANT, NARROWER))
        revision = hang_up(estate, "site_reloaded")["revision"]
        until(lambda: estate.status()["engine"] == {"state": "running", "revision": revision})
        assert estate.received(channel) == []
        estate.command("queue", "resume", channel)

        until(lambda: estate.received(channel))
        (copy,) = estate.received(channel)
        kept = [
            field if number in {0, 1, 3, 5, 8, 18} else b""
            for number, field in enumerate(patient(sent.data).split(b"|"))
        ]
        assert patient(copy) == b"|".join(kept).rstrip(b"|")
        assert estate.wait_until_empty(30)["channels"][channel]["depth"] == 0
