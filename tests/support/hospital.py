"""A hospital that never gives up: it resends the same bytes until it has an AA for them."""

from __future__ import annotations

import random
import socket
import time
from dataclasses import dataclass

VT, FS, CR = b"\x0b", b"\x1c", b"\r"

#: Stands in every field that no rule grants; no insurer may ever hold it.
MARK = "UNGRANTED"


@dataclass(frozen=True, slots=True)
class Sent:
    """One message: its control id, its bytes, and who should get it."""

    control_id: str
    data: bytes
    channels: tuple[str, ...]


def make_messages(connection: int, count: int, seed: int) -> list[Sent]:
    """Messages of one connection: each ADT names a new visit; ORU and DFT follow it."""
    chance = random.Random(f"{seed}/{connection}")
    messages: list[Sent] = []
    plans: tuple[str, ...] = ()
    visit = ""
    for number in range(count):
        control_id = f"C{connection}-{number:05d}"
        kind = "ADT^A01" if number % 3 == 0 else chance.choice(["ORU^R01", "DFT^P03", "ADT^A08"])
        if kind == "ADT^A01":
            visit = f"V{connection}-{number}"
            plans = tuple(sorted(chance.sample(["alpha", "beta", "gamma"], chance.randint(1, 3))))
        messages.append(Sent(control_id, _message(kind, control_id, visit, plans, chance), plans))
    return messages


def _message(
    kind: str, control_id: str, visit: str, plans: tuple[str, ...], chance: random.Random
) -> bytes:
    patient = f"P{visit}"
    event = kind.partition("^")[2]
    lines = [f"MSH|^~\\&|HIS|GOOD|PG|HUB|20260301120000||{kind}|{control_id}|P|2.4"]
    if not kind.startswith("ORU"):
        lines.append(f"EVN|{event}|20260301120000||{MARK}")
    lines.append(
        f"PID|1|{MARK}|{patient}^^^GOOD HEALTH^MR||DOE^{chance.choice('ABCD')}||19800101|F"
        f"||{MARK}|{MARK}||||||||A{visit}|{MARK}"
    )
    lines.append(f"PV1|1|I|{MARK}||||{MARK}||||||||||||{visit}")
    if kind.startswith("ORU"):
        lines.append(f"OBR|1|{MARK}|{MARK}|24331-1^Lipid^LN|||20260301")
        for n in range(1, chance.randint(2, 6)):
            lines.append(f"OBX|{n}|NM|2093-3^Chol^LN||{chance.randint(90, 300)}|{MARK}|||||F")
            lines.append(f"NTE|1||{MARK}")
    if kind.startswith("DFT"):
        for n, plan in enumerate(plans, 1):
            lines.append(f"FT1|{n}|||20260301||CG|9921{n}|||||||PLAN-{plan.upper()}")
    else:
        lines.append(f"ZZZ|{MARK}")
    if not kind.startswith("ORU"):
        for n, plan in enumerate(plans, 1):
            member = f"MEMBER-{plan.upper()}-{visit}"
            lines.append(f"IN1|{n}|PLAN-{plan.upper()}|{plan.upper()}|{MARK}" + "|" * 32 + member)
    return ("\r".join(lines) + "\r").encode()


def deliver(port: int, messages: list[Sent], per_second: float, resends: list[str]) -> None:
    """Send all, one in flight, at most `per_second`; return when each has its AA.

    Control ids that had to be sent again are appended to `resends`.
    """
    connection: socket.socket | None = None
    started = time.monotonic()
    for number, message in enumerate(messages):
        pause = started + number / per_second - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        while True:
            try:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
                connection.sendall(VT + message.data + FS + CR)
                answer = _read_frame(connection)
            except OSError:
                answer = b""
            if f"MSA|AA|{message.control_id}\r".encode() in answer:
                break
            assert b"MSA|AE" not in answer, answer
            assert b"MSA|AR" not in answer, answer
            if connection is not None:
                connection.close()
                connection = None
            resends.append(message.control_id)
            time.sleep(0.1)
    if connection is not None:
        connection.close()


def ask(port: int, message: Sent, seconds: float = 15.0) -> bool:
    """Send one message on a connection of its own; whether it is accepted within `seconds`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            connection.sendall(VT + message.data + FS + CR)
            answer = _read_frame(connection)
    except OSError:
        return False
    return f"MSA|AA|{message.control_id}\r".encode() in answer


def _read_frame(connection: socket.socket) -> bytes:
    data = b""
    while FS + CR not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk
    return data
