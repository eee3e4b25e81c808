"""Variants of samples differ in what was asked and in nothing else."""

from __future__ import annotations

import pytest

from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy.testing.variants import Change, NotThereError, Put, Remove, variant

RAW = b"MSH|^~\\&|A|B|||20260101||ADT^A01|M1|P|2.5.1\rPID|1||A^^^H~B^^^H\rDG1|1||X\rDG1|2||Y\r"


def changed(change: Change, added: tuple[str, ...] = ()) -> str:
    return variant(Message.parse(RAW), [change], added).raw.decode().partition("\r")[2]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (Put(Path.parse("PID-3"), "C^^^H"), "PID|1||C^^^H\rDG1|1||X\rDG1|2||Y\r"),
        (Put(Path.parse("PID-3.1"), "C"), "PID|1||C^^^H~C^^^H\rDG1|1||X\rDG1|2||Y\r"),
        (Put(Path.parse("PID-3[2].1"), "C"), "PID|1||A^^^H~C^^^H\rDG1|1||X\rDG1|2||Y\r"),
        (Put(Path.parse("PID-3[3]"), "C"), "PID|1||A^^^H~B^^^H~C\rDG1|1||X\rDG1|2||Y\r"),
        (Put(Path.parse("PID-3.4.2"), "C"), "PID|1||A^^^H&C~B^^^H&C\rDG1|1||X\rDG1|2||Y\r"),
        (Put(Path.parse("PID-5"), "Z"), "PID|1||A^^^H~B^^^H||Z\rDG1|1||X\rDG1|2||Y\r"),
        (Put(Path.parse("DG1[2]-3"), "Z"), "PID|1||A^^^H~B^^^H\rDG1|1||X\rDG1|2||Z\r"),
        (Put(Path.parse("DG1-3"), ""), "PID|1||A^^^H~B^^^H\rDG1|1\rDG1|2\r"),
        (Remove(Path.parse("DG1")), "PID|1||A^^^H~B^^^H\r"),
        (Remove(Path.parse("DG1[1]")), "PID|1||A^^^H~B^^^H\rDG1|2||Y\r"),
        (Remove(Path.parse("PID-3")), "PID|1\rDG1|1||X\rDG1|2||Y\r"),
        (Remove(Path.parse("PID-3[1].4")), "PID|1||A^^^~B^^^H\rDG1|1||X\rDG1|2||Y\r"),
    ],
    ids=lambda value: str(value.path) if isinstance(value, Put | Remove) else "",
)
def test_one_change(change: Change, after: str) -> None:
    assert changed(change) == after


def test_a_header_keeps_its_delimiters() -> None:
    made = variant(Message.parse(RAW), [Put(Path.parse("MSH-9"), "ORU^R01")])
    assert made.raw.startswith(b"MSH|^~\\&|A|B|||20260101||ORU^R01|M1|P|2.5.1\r")


def test_segments_are_added_at_the_end() -> None:
    made = variant(Message.parse(RAW), (), ("DG1|3||Z",))
    assert made.raw == RAW + b"DG1|3||Z\r"


def test_what_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(NotThereError):
        changed(Put(Path.parse("PV1-2"), "I"))
    with pytest.raises(NotThereError):
        changed(Remove(Path.parse("DG1[3]")))
