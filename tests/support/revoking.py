"""Patients who change their minds while everything is killed, and what insurers got of them after.

Half of them restrict what insurers receive, half revoke the consent under which it goes. Nobody may
receive a byte about them after the command has returned, but of the attempts that it listed.
"""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.estate import CHANNELS, Estate
from tests.support.hospital import Sent

RESTRICTED = tuple(f"RS{n}" for n in range(4))
CONSENTED = tuple(f"RC{n}" for n in range(4))

#: Between two changes of mind, in seconds.
PAUSE_S = (1.0, 5.0)

_RULE = """\
channels: [alpha, beta, gamma]
purpose: payment
basis: "45 CFR 164.508"
consent: required
rules:
  - name: consented
    why: what patients have agreed to
    when: {message: [ADT^A31]}
    disclose:
      EVN: [1, 2]
      PID: [1, 3, 5, 7, 8, 18]
      PV1: [1, 2, 19]
      IN1: {fields: [1, 2, 3, 36], which: own}
"""

_ALL = ("--channels", "all")
_GRANT = ("--authority", "GH", "--kind", "authorization", "--purposes", "payment")


class RevokingEstate(Estate):
    """An estate with one rule more, for which consent is needed."""

    def lay_out(self) -> None:
        """Write the site's files."""
        super().lay_out()
        (self.site / "rules" / "consented.yaml").write_text(_RULE)


def about_them(count: int) -> list[Sent]:
    """Messages about them in turn, for all insurers."""
    people = RESTRICTED + CONSENTED
    return [_message(people[number % len(people)], f"R-{number:05d}") for number in range(count)]


def without_them(messages: Iterable[bytes]) -> list[bytes]:
    """What an insurer received about everybody else."""
    return [message for message in messages if b"|R-" not in message[:200]]


def _message(patient: str, control_id: str) -> Sent:
    event = "A31" if patient in CONSENTED else "A08"
    lines = [
        f"MSH|^~\\&|HIS|GH|PG|HUB|20260301120000||ADT^{event}|{control_id}|P|2.4",
        f"EVN|{event}|20260301120000",
        f"PID|1||{patient}^^^GH^MR||DOE^A||19800101|F||||||||||A{patient}",
        f"PV1|1|I|{'|' * 16}V{patient}",
    ]
    lines += [f"IN1|{n}|PLAN|{plan.upper()}" for n, plan in enumerate(CHANNELS, 1)]
    return Sent(control_id, ("\r".join(lines) + "\r").encode(), CHANNELS)


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of mind: when its command returned, and the attempts that it listed."""

    patient: str
    returned_s: float
    listed: tuple[tuple[str, str], ...]  # channel, receipt


class Revoker(threading.Thread):
    """Gives the commands, each again until it succeeds. `grant` the consents before `start`."""

    def __init__(self, estate: Estate, chance: random.Random) -> None:
        super().__init__()
        self._estate = estate
        self._chance = chance
        self._entries: dict[str, str] = {}
        self.changes: list[Changed] = []
        self.tries = 0

    def grant(self) -> None:
        """Enter the consents."""
        given = ("--given", "2020-01-01")
        for patient in CONSENTED:
            said = self._command("consent", "add", *_GRANT, *_ALL, *given, "--patient", patient)
            self._entries[patient] = said["entry"]

    def run(self) -> None:
        """Everybody in turn."""
        people = [one for pair in zip(RESTRICTED, CONSENTED, strict=True) for one in pair]
        for patient in people:
            time.sleep(self._chance.uniform(*PAUSE_S))
            words: tuple[str, ...] = ("restriction", "add", "--everything", *_ALL)
            if patient in self._entries:
                words = ("consent", "revoke", self._entries[patient], "--why", "by letter")
            said = self._command(*words, "--patient", patient)
            listed = tuple((one["channel"], one["receipt"]) for one in said["open_attempts"])
            self.changes.append(Changed(patient, time.time(), listed))

    def _command(self, *words: str) -> dict[str, Any]:
        while True:
            self.tries += 1
            try:
                return self._estate.command(*words)
            except (AssertionError, subprocess.TimeoutExpired):
                time.sleep(0.5)


def check_revoked(estate: Estate, revoker: Revoker, ledger: Iterable[dict[str, object]]) -> str:
    """That nothing of them left too late; the figures as text."""
    receipts = {str(r["control_id"]): str(r["receipt"]) for r in ledger if r["kind"] == "decision"}
    changes = {change.patient: change for change in revoker.changes}
    assert set(changes) == {*RESTRICTED, *CONSENTED}
    before = in_flight = 0
    latest_s = -float("inf")
    for channel in CHANNELS:
        for patient, control_id, at_s in _arrived(estate, channel):
            change = changes[patient]
            after_s = at_s - change.returned_s
            if (channel, receipts[control_id]) in change.listed:
                in_flight += after_s > 0
                continue
            before += 1
            latest_s = max(latest_s, after_s)
            assert after_s <= 0, (channel, patient, control_id, after_s, change)
    assert before, "nothing was sent before: nothing was shown"
    listed = sum(len(change.listed) for change in changes.values())
    return (
        f"revocations {len(changes)} in {revoker.tries} tries, copies before {before}, the last of"
        f" them {latest_s:.3f} s from its command's return, attempts listed as open {listed}, of"
        f" these arrived after it {in_flight}"
    )


def _arrived(estate: Estate, channel: str) -> Iterable[tuple[str, str, float]]:
    """Of them: patient, control id, and when it was there, as the insurer's index says."""
    folder = estate.root / "received" / channel
    for line in (folder / "index.jsonl").read_text().splitlines():
        said = json.loads(line)
        if said["control_id"].startswith("R-"):
            data = (folder / f"{said['n']:08}.hl7").read_bytes()
            patient = data.partition(b"\rPID|")[2].split(b"|")[2].partition(b"^")[0].decode()
            yield patient, said["control_id"], datetime.fromisoformat(said["at"]).timestamp()
