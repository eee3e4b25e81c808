"""A day of an engine on which everything goes wrong, with messages of tokens (canary.py).

Law: each function makes one kind of trouble, on real processes and sockets. What people typed or
named is a token too, where a patient could be in it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.canary import CANARY, Tokens, message
from tests.support.estate import REPOSITORY, Estate, free_port
from tests.support.hospital import CR, FS, VT, _read_frame

GOOD = ("ADT^A01", "ADT^A08", "ADT^A03", "DFT^P03", "ORU^R01", "ADT^A40", "DFT^P11", "BAR^P01")
LATIN, UNICODE = "P|2.5.1||||||8859/1", "P|2.5.1||||||UNICODE UTF-8"


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)


def framed(payload: bytes) -> bytes:
    """As MLLP sends it."""
    return VT + payload + FS + CR


def send(port: int, raw: bytes, *, answer: bool) -> bytes:
    """Write `raw` on a connection of its own; what came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20 if answer else 1) as connection:
        try:
            connection.sendall(raw)
            if not answer:
                connection.shutdown(socket.SHUT_WR)
            return _read_frame(connection)
        except OSError:
            return b""


def take(port: int, payload: bytes) -> None:
    """Send a message that must be accepted."""
    answer = send(port, framed(payload), answer=True)
    assert b"MSA|AA|" in answer, (payload[:200], answer)


def feed_good(port: int, token: Tokens) -> None:
    """Messages that are taken, whatever becomes of them."""
    for kind in GOOD:
        take(port, message(token, kind))
    for plan in ("BETA", "GAMMA"):
        take(port, message(token, "ADT^A01", plan))
    for header, letter in ((LATIN, b"\xe9"), (UNICODE, "é".encode())):
        take(port, message(token, "ADT^A01", header=header).replace(CANARY, letter + CANARY))
    take(port, message(token, "MDM^T02", marked=True))
    take(port, message(token, "ADT^A11"))  # cancels what nobody was told
    twice = message(token, "ADT^A08")
    take(port, twice)
    take(port, twice)
    take(port, twice.replace(b"|F|", b"|M|"))  # its control id again, for other content


def feed_held(port: int, token: Tokens) -> None:
    """Messages that are held, each for a reason of its own."""
    take(port, message(token, "ADT^A01", token()))  # unknown-payer
    two = message(token, "ADT^A01")
    take(port, two + b"".join(_lines(two, b"PID")))  # structure
    secret = token().encode()  # the member number of another payer, told in a name: leak
    told = message(token, "ADT^A01")
    other = b"IN1|2|PLAN-BETA|BETA|" + b"|" * 32 + secret + b"\r"
    (name,) = _lines(told, b"PID")
    fields = name.split(b"|")
    fields[5] = secret
    take(port, told.replace(name, b"|".join(fields)) + other)
    take(port, told.replace(b"DG1|", b"DG1|1|ICD10|F11.20^" + token().encode() + b"|", 1))


def _lines(payload: bytes, segment: bytes) -> list[bytes]:
    return [line + b"\r" for line in payload.split(b"\r") if line.startswith(segment)]


def feed_bad(port: int, token: Tokens) -> None:
    """What is refused, or is no message at all."""
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
    send(port, VT + token().encode() * 100_000, answer=False)  # above the limit of 1 MiB
    send(port, framed(message(token, "ADT^A01") + b"NTE|1||" + b"a" * 1_100_000), answer=False)
    send(port, token().encode(), answer=False)  # no frame at all
    send(port, VT + message(token, "ADT^A01"), answer=False)  # a frame that does not end


#: In a message, they make an engine that runs with `faults_in` fail: deciding it, sending it.
FAULT_DECIDING, FAULT_SENDING = CANARY + b"decide", CANARY + b"encode"

_FAULTS = """\
import sys

sys.path.insert(0, {repository!r})
import engine.mllp.framing
import engine.policy.decide


def break_at(module, name, word):
    whole = getattr(module, name)

    def broken(given, *others):
        data = getattr(given, "raw", given)
        if word not in data:
            return whole(given, *others)
        try:
            raise ValueError(data)
        except ValueError:
            raise KeyError(data.decode())

    setattr(module, name, broken)


break_at(engine.policy.decide, "decide", {deciding!r})
break_at(engine.mllp.framing, "encode", {sending!r})
"""


def faults_in(folder: Path) -> str:
    """A PYTHONPATH under which such a message raises an exception that tells all of it, twice."""
    folder.mkdir()
    words = {"deciding": FAULT_DECIDING, "sending": FAULT_SENDING}
    text = _FAULTS.format(repository=str(REPOSITORY), **words)
    (folder / "sitecustomize.py").write_text(text)
    return str(folder)


class StrictEstate(Estate):
    """One that has a listener more, which takes messages of no sender that there is."""

    def lay_out(self) -> None:
        super().lay_out()
        self.strict_port = free_port()
        config = self.site / "config.yaml"
        strict = (
            f"listeners:\n  - {{name: strict, listen: 'tcp:127.0.0.1:{self.strict_port}',"
            " accept: {sending: [{MSH-3: NOBODY}], messages: [ADT]}}\n"
        )
        config.write_text(config.read_text().replace("listeners:\n", strict))


class TalkativeInsurer:
    """Repeats what it got in every field of its refusals."""

    def __init__(self, port: int) -> None:
        self.messages = 0
        self._listener = socket.create_server(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    while payload := _read_frame(connection):
                        self.messages += 1
                        connection.sendall(framed(_refusal(payload)))
                except OSError:
                    continue


def _refusal(payload: bytes) -> bytes:
    head = payload.partition(b"\r")[0].split(b"|")
    told = payload[payload.index(CANARY) :][:9].decode()
    code = head[9].decode()
    return "\r".join(
        [
            f"MSH|^~\\&|{told}|{told}|{told}|{told}|20260301||ACK^A01^{told}|{told}|P|2.4",
            f"MSA|AR|{code}|{told}|{told}|{told}|{told}",
            f"ERR|{told}|PID^1^5^{told}|{told}|E|{told}|{told}|{told}|{told}",
            f"NTE|1||{told}",
            "",
        ]
    ).encode()


def identifiers(payload: bytes) -> tuple[str, str]:
    """PID-3.1 and PID-3.4 of a message."""
    field = payload.split(b"\rPID|")[1].split(b"|")[2].decode()
    id_, _, _, authority = field.partition("~")[0].split("^")
    return id_, authority


def write_files(folder: Path, token: Tokens, patient: str, authority: str) -> None:
    """What people give to commands: messages and facts, good and bad."""
    folder.mkdir()
    good = message(token, "ADT^A01")
    files = {
        "good.hl7": good,
        "oru.hl7": message(token, "ORU^R01"),
        "nobodys.hl7": message(token, "ADT^A01", token()),
        "broken.hl7": good + f"{token()}\r".encode(),
        "two.hl7": framed(good + message(token, "ADT^A02")),
        "utf16.hl7": good.decode().encode("utf-16"),
        "other.txt": token().encode(),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    known = f"{{patient: {{id: {patient}, authority: {authority}}}, kind: refusal}}"
    (folder / "known.yaml").write_text(f"consents: [{known}]\n")
    for name, text in _facts(token).items():
        (folder / name).write_text(text)


def _facts(token: Tokens) -> dict[str, str]:
    """Each with one mistake; the mistake is a token in the wrong place, but in `good`."""
    patient = f"patient: {{id: {token()}, authority: {token()}}}"
    return {
        "good.yaml": f"coverages:\n- {{{patient}, channel: alpha, visit: {token()}}}\n",
        "channel.yaml": f"coverages:\n- {{{patient}, channel: {token()}}}\n",
        "day.yaml": f"coverages:\n- {{{patient}, channel: alpha, from: {token()}}}\n",
        "now.yaml": f"now: {token()}\n",
        "kind.yaml": f"consents:\n- {{{patient}, kind: {token()}}}\n",
        "list.yaml": f"consents:\n- {{{patient}, kind: refusal, purposes: {token()}}}\n",
        "item.yaml": f"restrictions:\n- {{{patient}, items: {{{token()}: {token()}}}}}\n",
        "key.yaml": f"restrictions:\n- {{{patient}, {token()}: {token()}}}\n",
        "reached.yaml": f"confidential:\n- {{{patient}, address: {{{token()}: {token()}}}}}\n",
        "alternate.yaml": (
            f"address: {{street: {token()}, city: {token()}}}\nphone: {{number: {token()}}}\n"
        ),
        "unit.yaml": f"units: {{{token()}: {token()}}}\n",
        "text.yaml": f"{token()}\n",
        "syntax.yaml": f"consents: [{{{token()}: &{token()} *{token()}\n",
        "twice.yaml": f"{{{token()}: 1, {token()}: 2, now: 1, now: {token()}}}\n",
        "tag.yaml": f"now: !{token()} {token()}\n",
        "shifted.csv": f"patient,kind,channels\n{token()},{token()},{token()}\n",
        "header.csv": f"{token()},{token()}\n",
        "long.csv": f"patient,kind\n{token()},refusal,{token()}\n",
        "days.csv": f"patient,kind,given,labels\n{token()},refusal,{token()},{token()}\n",
        "quotes.csv": f'patient,kind\n"{token()}"{token()},refusal\n',
        "good.csv": f"patient,authority,kind\n{token()},{token()},refusal\n",
    }
