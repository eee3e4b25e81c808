"""However long a message is and however its parts refer to each other, deciding it is quick.

The engine decides on the thread that serves every connection, so a message that took a minute would
stop all others for a minute. Each message here would take that at least if time grew as the square
of its length; the bound is generous, since machines differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from engine.hl7.wire import Message
from engine.policy.compile import MOST_TAKEN_APART
from engine.policy.decide import decide
from tests.support.cutting import channel, code, covered, hl7, policy, rule, sent

BOUND_S = 4.0

PID = "PID|1||A^^^H||DOE^JO"
OBR_29 = "|" * 25

PAYER = channel("acme").replace(
    "[{IN1-3.1: ACME}]", "[{IN1-3.1: ACME}, {IN2-25.1: ACME}, {IN1-4.1: {fold: acme}}]"
)
EVERYTHING = policy(
    [
        rule(
            "r",
            "coverage: any",
            "PID: [1, 3, 5.1], PV1: [2], OBR: {fields: [1, 4], alone: true}, DG1: [1, 3],"
            " OBX: {fields: [1, 3], where: {OBR-24: LAB}}, IN1: {fields: [1, 3], which: own},"
            " IN2: [25], FT1: {fields: [1, 4, 14], which: own}",
        )
    ],
    (PAYER,),
)


def orders_of_one(n: int) -> list[str]:
    return [
        line
        for i in range(n)
        for line in (f"ORC|RE|p{i}", f"OBR|{i}|p{i}||X{OBR_29}p0", "OBX|1||c||v")
    ]


def orders_in_a_chain(n: int) -> list[str]:
    return [f"OBR|{i}|p{i}||X{OBR_29}p{i + 1}" for i in range(n)] + ["ORC|RE|p0"]


def results_without_an_order(n: int) -> list[str]:
    return [f"OBX|{i}||c||v" for i in range(n)] + [f"OBR|{i}|||X" for i in range(n)]


def insurances(n: int) -> list[str]:
    return [line for i in range(n) for line in (f"IN1|{i}|P{i}|X", f"IN2|{i}")]


def charges(n: int) -> list[str]:
    lines = [f"FT1|{i}|||1|2|CG||||||||P{i}^^S{i}|||||C{i % 2}^^S{i}" for i in range(n)]
    return [
        *lines,
        *(f"IN1|{i}|P{i}~P^^S{i}|{'ACME' if i % 2 else 'X'}" for i in range(n)),
        *(f"DG1|{i}||C^^T{i}" for i in range(n)),
    ]


def patients(n: int) -> list[str]:
    return [line for i in range(n) for line in (f"PID|1||A{i}^^^H", "OBR|1|||X", "OBX|1||c||v")]


@pytest.mark.parametrize(
    ("kind", "lines", "n"),
    [
        ("ORU^R01", orders_of_one, 5_000),
        ("ORU^R01", orders_in_a_chain, 10_000),
        ("ORU^R01", results_without_an_order, 10_000),
        ("ADT^A01", insurances, 10_000),
        ("DFT^P03", charges, 5_000),
        ("ORU^R01", patients, 20_000),
        ("ORU^R01", lambda n: [PID, *["OBX|1||c||v"] * n], 50_000),
        ("ORU^R01", lambda n: [PID, *[" obr|1"] * n], 50_000),
        ("ADT^A01", lambda n: [PID + "~x" * n + "|" + "^x" * n], 1_000_000),
        ("ADT^A01", lambda n: [PID, "IN1|1|P|" + "~".join(["A^B"] * n)], 200_000),
        ("ADT^A01", lambda n: [PID + "|x" * n], 1_000_000),
    ],
)
def test_no_message_takes_the_square_of_its_length(
    kind: str, lines: Callable[[int], list[str]], n: int
) -> None:
    raw = hl7(kind, *([] if lines is patients else [PID]), *lines(n))
    began_s = time.process_time()
    decide(Message.parse(raw), EVERYTHING, covered("acme"))
    assert time.process_time() - began_s < BOUND_S


def test_thousands_of_patients_in_one_message_wait_for_a_person() -> None:
    compiled = policy([rule("r", "coverage: any", "PID: [3], OBR: {fields: [4], alone: true}")])
    several = hl7("ORU^R01", *patients(100))
    assert len(sent(compiled, several)) == 200
    too_many = 1 + int((MOST_TAKEN_APART / 3) ** 0.5)
    assert code(compiled, hl7("ORU^R01", *patients(too_many))) == "structure"


def test_an_order_below_one_that_names_it_by_any_number_falls_with_it() -> None:
    lab = "PID: [3], OBR: {fields: [4], alone: true, where: {OBR-24: LAB}}"
    compiled = policy([rule("r", "coverage: any", lab)])
    last = "|" * 20
    raw = hl7(
        "ORU^R01",
        PID,
        f"OBR|1|c||GRANDCHILD{last}LAB|||||b^",
        f"OBR|2|b|F2|CHILD{last}LAB|||||^F1",
        "ORC|RE||F1",
        f"OBR|3|a||PARENT{last}RAD",
        f"OBR|4|d||ALONE{last}LAB|||||d",
    )
    assert sent(compiled, raw) == ["PID|||A^^^H", "OBR||||ALONE"]
