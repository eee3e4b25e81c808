"""Messages of tokens that occur nowhere else, and a search for them wherever they could have got.

Law: every field of every segment of every message has a token of its own. A place is searched as
bytes, for a token as it is and as it looks once somebody has encoded it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from redis import Redis

from engine.hl7.segments import HIGHEST_FIELD
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from tests.support.estate import Estate, _descendants

#: What every token begins with; no word of the engine, of a site or of HL7 does.
CANARY = b"zqx7"
#: What every control id begins with.
CONTROL_ID = b"zqc9"


def disguises(word: bytes) -> tuple[bytes, ...]:
    """How `word` looks in other writing: cases, hexadecimal, UTF-16, base64 at each offset."""
    text = word.decode("ascii")
    shifted = (base64.b64encode(b"\0" * shift + word) for shift in range(3))
    return (
        word,
        word.upper(),
        word[::-1],
        word.hex().encode(),
        word.hex().upper().encode(),
        word.hex(" ").encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        "".join(f"%{byte:02x}" for byte in word).encode(),
        "".join(f"\\x{byte:02x}" for byte in word).encode(),
        "".join(f"\\u{byte:04x}" for byte in word).encode(),
        ("\\X" + word.hex().upper() + "\\").encode(),
        *(
            # Characters of base64 that the bytes before and behind the word have no part in.
            encoded[-(-shift * 8 // 6) : (shift + len(word)) * 8 // 6]
            for shift, encoded in enumerate(shifted)
        ),
    )


DISGUISES = disguises(CANARY)

#: Segments of each kind of message, each of which gets all its fields.
KINDS = {
    "ADT^A01": "EVN PID PD1 ARV NK1 PV1 PV2 AL1 DG1 PR1 ROL GT1 IN1 IN2 IN3 ACC UB1 UB2 ZZZ",
    "ADT^A08": "EVN PID PD1 NK1 PV1 PV2 OBX AL1 DG1 DRG PR1 GT1 IN1 IN2 IN3 ZZZ",
    "ADT^A40": "EVN PID PD1 MRG PV1",
    "ADT^A03": "EVN PID PD1 PV1 PV2 DG1 PR1",
    "ORU^R01": "PID PD1 NTE NK1 PV1 PV2 ORC OBR NTE OBX NTE CTD FT1 SPM OBX ZZZ",
    "DFT^P03": "EVN PID PD1 PV1 PV2 OBX FT1 NTE PR1 DG1 GT1 IN1 IN2 IN3 ZZZ",
    "DFT^P11": "EVN PID PV1 FT1 DG1 PR1 IN1 IN2",
    "MDM^T02": "EVN PID PV1 ORC OBR TXA CON OBX NTE",
    "BAR^P01": "EVN PID PV1 DG1 PR1 GT1 IN1 IN2 IN3",
}

#: What must be as it is, for a message to get anywhere.
_FIXED = {("PID", 1): "1", ("PID", 8): "F", ("PV1", 1): "1", ("PV1", 2): "I", ("IN1", 1): "1"}

#: Where a message says that it is confidential, in codes: a token there holds or withholds it.
MARKERS = frozenset(
    {("PV1", 16), ("PV2", 22), ("PD1", 12), ("DG1", 18), ("ORC", 28), ("TXA", 18), ("OBR", 24)}
)
_MARKING_SEGMENTS = frozenset({"ARV", "CON"})


class Tokens:
    """A token after another."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self) -> str:
        self._number += 1
        return f"{CANARY.decode()}{self._number:05d}"

    def control_id(self) -> str:
        """A control id that no other message of these has."""
        self._number += 1
        return f"{CONTROL_ID.decode()}{self._number:05d}"


def message(
    token: Tokens, kind: str, plan: str = "ALPHA", header: str = "P|2.4", *, marked: bool = False
) -> bytes:
    """A message that has a token wherever a value may be; `marked`: also where markers stand."""
    trigger = kind.partition("^")[2]
    head = "|".join(token() for _ in range(4))
    lines = [
        f"MSH|^~\\&|{head}|20260301120000|{token()}|{kind}|{token.control_id()}|{header}",
        *(
            _segment(token, id_, trigger, plan, marked=marked)
            for id_ in KINDS.get(kind, "EVN PID PV1 IN1").split()
            if marked or id_ not in _MARKING_SEGMENTS
        ),
    ]
    return ("\r".join(lines) + "\r").encode()


def _segment(token: Tokens, id_: str, trigger: str, plan: str, *, marked: bool) -> str:
    fixed = _FIXED | {
        ("EVN", 1): trigger,
        ("EVN", 2): "20260301120000",
        ("IN1", 2): f"PLAN-{plan}",
        ("IN1", 3): plan,
        ("FT1", 14): f"PLAN-{plan}",
        ("OBX", 2): "TX",
        ("OBX", 11): "F",
    }
    if not marked:
        fixed |= dict.fromkeys(MARKERS, "")
    fields = [
        fixed.get((id_, number)) or _field(token, fixed, id_, number)
        for number in range(1, HIGHEST_FIELD.get(id_, 5) + 1)
    ]
    return "|".join([id_, *fields])


def _field(token: Tokens, fixed: dict[tuple[str, int], str], id_: str, number: int) -> str:
    if (id_, number) in fixed:
        return ""
    return f"{token()}^{token()}&{token()}^^{token()}~{token()}"


class Traces:
    """Everything that a token could have got into, by the name of the place."""

    def __init__(self, estate: Estate, temporary: Path, reports: Path) -> None:
        self._estate = estate
        self._searched = (estate.site / "var", temporary, reports)
        self._noted: dict[str, bytes] = {}

    @property
    def root(self) -> Path:
        """The estate's folder."""
        return self._estate.root

    def told(self, field: str) -> set[object]:
        """What the engine's log has had in a field."""
        return {event.get(field) for event in self._estate.log_events()}

    def note(self, place: str, data: bytes, *, asked: Sequence[str] = ()) -> None:
        """Keep what ends or is gone later: what a command said, a command line.

        `asked`: words that somebody named and may therefore be told again.
        """
        for word in asked:
            data = data.replace(word.encode(), b"")
        self._noted[f"{place} #{len(self._noted)}"] = data

    def note_processes(self) -> None:
        """Processes end, so what is seen of theirs is taken down while they run."""
        assert self._estate.engine is not None
        for pid in (self._estate.engine.pid, *_descendants(self._estate.engine.pid)):
            self.note_process(pid)

    def note_process(self, pid: int) -> None:
        """What every user of the machine, or its owner, can see of a process."""
        for name in ("cmdline", "environ", "comm"):
            with suppress(OSError):
                self.note(f"{name} of {pid}", Path(f"/proc/{pid}/{name}").read_bytes())

    def store(self) -> Redis:
        """A connection to the engine's store."""
        return connect(EmbeddedServer(self._estate.site / "var").url)

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Place after place."""
        yield from self._noted.items()
        for log in sorted(self._estate.root.glob("*.log")):
            yield str(log), log.read_bytes()
        for folder in self._searched:
            for path in sorted(folder.rglob("*")):
                yield f"the name of {path.name}", os.fsencode(path.relative_to(folder))
                if path.is_file():
                    yield str(path), path.read_bytes()
        with closing(self.store()) as client:
            yield from _contents(client)

    def found(self, *words: bytes) -> list[str]:
        """The places that hold one of the words."""
        return [place for place, data in self.all() if any(word in data for word in words)]


def _contents(client: Redis) -> Iterator[tuple[str, bytes]]:
    for key in client.scan_iter():
        yield "the name of a key", key
        yield key.decode(), b"\n".join(_flat(_value(client, key)))


def _value(client: Redis, key: bytes) -> object:
    kind = client.type(key)
    if kind == b"stream":
        return client.xrange(key)
    if kind == b"hash":
        return client.hgetall(key)
    if kind == b"zset":
        return client.zrange(key, 0, -1)
    if kind == b"list":
        return client.lrange(key, 0, -1)
    return client.smembers(key) if kind == b"set" else client.get(key)


def _flat(value: object) -> Iterator[bytes]:
    if isinstance(value, dict):
        for item in value.items():
            yield from _flat(item)
    elif isinstance(value, list | tuple | set):
        for part in value:
            yield from _flat(part)
    elif isinstance(value, bytes):
        yield value
