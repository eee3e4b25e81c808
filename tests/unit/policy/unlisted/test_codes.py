"""Which codes are told: those that can be nothing else."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.policy.unlisted.codes import told, told_codes
from tests.support.cutting import hl7


@pytest.mark.parametrize(
    ("system", "code", "as_told"),
    [
        ("I10", "e11.9", ("I10C", "E119")),
        ("I9CDX", "250.00", ("I9C", "25000")),
        ("LN", "2345-7", ("LN", "2345-7")),
        ("C4", "99213", ("C4", "99213")),
        ("MS-DRG", "897", ("MSDRG", "897")),
        ("SCT", "73211009", ("SCT", "73211009")),
        ("L", "GLU", ("local", "GLU")),
        ("99LAB", "CBC-2", ("local", "CBC-2")),
        ("EPIC", "LAB123", ("local", "LAB123")),
    ],
)
def test_codes_of_a_system_are_told_in_its_form(
    system: str, code: str, as_told: tuple[str, str]
) -> None:
    assert told(system, code) == as_told


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("", "GLU"),  # no system
        ("", "E11.9"),
        ("L", "ANNA MILLER"),
        ("L", "O'HARA"),
        ("L", "MILLERTHOMPSON"),
        ("L", "123-45-6789"),
        ("L", "19800101"),
        ("L", "MR4711223"),
        ("L", "A1B2C3D4E5F6G7"),
        ("LN", "GLUCOSE"),
        ("LN", "123-45-6789"),
        ("I10", "SMITH"),
        ("I10", "see letter of Dr. Miller"),
        ("C4", "MILLER"),
        ("SCT", "SMITH"),
        ("L", "١٢٣"),
        ("L", "GLÜ"),
        ("L", ""),
        ("X" * 41, "GLU"),
    ],
)
def test_whatever_may_be_a_name_a_number_or_free_text_is_not_told(system: str, code: str) -> None:
    assert told(system, code) is None


def test_both_triplets_of_every_repetition_are_looked_at() -> None:
    line = "OBR|1|||2345-7^GLU^LN^GLU^GLUCOSE^L~718-7^HGB^LN~MILLER^ANNA"
    message = Message.parse(hl7("ORU^R01", line))
    found = list(told_codes(message, message.segment(1), 4))
    assert found == [("LN", "2345-7"), ("local", "GLU"), ("LN", "718-7")]


def test_the_system_of_an_old_version_stands_in_the_field_before() -> None:
    message = Message.parse(hl7("ADT^A01", "DG1|1|I10|E11.9"))
    segment = message.segment(1)
    assert list(told_codes(message, segment, 3)) == [("I10C", "E119")]
    assert list(told_codes(message, segment, 3, b"E11.9")) == [("I10C", "E119")]
    assert not list(told_codes(message, segment, 3, b""))


def codes_of(typed: str, system: str) -> list[tuple[str, str]]:
    person = (
        "PID|1||MR4711^^^EAST^MR||MILLER^ANNA MARIE||19800101|F|||1 OAK^^TOWN^NY^99213||||||||AC77",
        "PV1|1|I|||||||||||||||||V88",
        "NK1|1|SMITH^JO",
    )
    result = f"OBX|1|NM|{typed}^x^{system}||7"
    message = Message.parse(hl7("ORU^R01", *person, "OBR|1|ORD55|FIL66", result))
    (segment,) = message.all("OBX")
    return list(told_codes(message, segment, 3))


@pytest.mark.parametrize(
    "typed",
    [
        *("MILLER", "anna", "MARIE", "SMITH", "MILLER-2", "X_ANNA"),
        *("MR4711", "AC77", "V88", "ORD55", "FIL66", "OAK", "TOWN"),
    ],
)
def test_what_the_message_has_of_somebody_is_no_code(typed: str) -> None:
    assert not codes_of(typed, "L")


def test_other_codes_of_the_same_message_are_told() -> None:
    assert codes_of("CBC-2", "L") == [("local", "CBC-2")]
    assert codes_of("NY", "L") == [("local", "NY")], "so short a text tells nobody"


def test_a_code_that_has_the_form_of_its_system_alone_is_told_whatever_is_like_it() -> None:
    assert codes_of("99213", "C4") == [("C4", "99213")], "the patient's ZIP code is the same"
