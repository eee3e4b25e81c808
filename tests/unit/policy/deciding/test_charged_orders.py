"""An order beside the charges goes with the only charge that it is of (rules.md §7, B-6.3.6)."""

from __future__ import annotations

import pytest

from engine.policy.compile import CompiledPolicy
from tests.support.cutting import channel, facts, hl7, policy, rule, sent
from tests.support.law_messages import ANY, PID, PV1, dft, restriction

GRANTS = "PID: [3], OBR: [1-4], OBX: all, NTE: all, FT1: [1, 2, 4, 6, 7, 23]"
FIRST = ("ORC|NW|P8|F8", "OBR|1|P8|F8|24331-1^Lipid^LN", "OBX|1|NM|2093-3^Chol^LN||180")
SECOND = ("ORC|NW|P9|F9", "OBR|2|P9|F9|86592^Syphilis^C4", "OBX|1|ST|5292-8^RPR^LN||positive")


def line(number: int, order: str = "", plan: str = "") -> str:
    plan = "|" * 7 + plan + "|" * 9 if plan else "|" * 16
    return f"FT1|{number}|T{number}||20260105||CG|99213^x^C4{plan}{order}"


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    return policy([rule("r", ANY, GRANTS)])


def left(site: CompiledPolicy, *segments: str) -> str:
    return "\r".join(sent(site, dft(*segments), facts(site, *restriction("charge: T2"))))


@pytest.mark.parametrize("named", ["F9", "F9^LAB", "P9", "F9&x"])
def test_the_order_of_a_restricted_charge_goes_wherever_it_stands(
    site: CompiledPolicy, named: str
) -> None:
    copy = left(site, *FIRST, *SECOND, line(1, "F8"), line(2, named))
    assert "Lipid" in copy
    assert "Chol" in copy
    assert "Syphilis" not in copy
    assert "RPR" not in copy
    assert "F9" not in copy


def test_an_order_of_a_charge_that_is_sent_stays_for_it(site: CompiledPolicy) -> None:
    assert "RPR" in left(site, *SECOND, line(1, "F9"), line(2, "F9"))
    assert "RPR" in left(site, *SECOND, line(1), line(2, "F7"))
    assert "RPR" in left(site, *SECOND, line(1, "F9"), line(3, "F9"))


def test_one_number_of_two_that_gave_it_is_two(site: CompiledPolicy) -> None:
    named = [one.replace("F9", "F9^LAB") for one in SECOND]
    assert "RPR" in left(site, *named, line(1), line(2, "F9^RAD"))
    assert "RPR" not in left(site, *named, line(1), line(2, "F9^LAB"))


def test_the_order_of_another_insurer_s_charge_goes_as_well() -> None:
    own = GRANTS.replace("FT1: [", "FT1: {which: own, fields: [") + "}"
    site = policy([rule("r", "", own)], (channel("acme"), channel("beta")), to="[acme, beta]")
    raw = dft(
        *FIRST, *SECOND, line(1, "F8", "PA"), line(2, "F9", "PB"),
        "IN1|1|PA|ACME", "IN1|2|PB|BETA",
    )  # fmt: skip
    ours, theirs = ("\r".join(sent(site, raw, of=who)) for who in ("acme", "beta"))
    assert "Chol" in ours
    assert "RPR" not in ours
    assert "RPR" in theirs
    assert "Chol" not in theirs


def test_an_order_all_of_whose_charges_are_restricted_goes_with_them() -> None:
    ceiling = "{PID: all, OBR: all, OBX: all, FT1: all}"
    site = policy(
        [rule("r", ANY, "PID: [3], OBR: [1-4], OBX: all")],
        [channel("acme", ceiling=ceiling).replace("[ADT,", "[ORM, ADT,")],
    )
    raw = hl7("ORM^O01", PID, PV1, *FIRST, line(1), *SECOND, line(2), line(3))
    assert "RPR" in str(sent(site, raw, facts(site, *restriction("charge: T2"))))
    copy = str(sent(site, raw.replace(b"|T3|", b"|T2|"), facts(site, *restriction("charge: T2"))))
    assert "RPR" not in copy
    assert "Chol" in copy


@pytest.mark.parametrize(
    "counted", ["GP1|131|0450~0300", "GP2|0300|1|99", "UB1|1||2", "UB2|1||||||01&99"]
)
def test_what_is_counted_over_all_charges_goes_where_one_is_not_sent(counted: str) -> None:
    name = counted[:3]
    ceiling = f"{{PID: all, PV1: all, FT1: all, {name}: all}}"
    site = policy(
        [rule("r", ANY, f"PID: [3], PV1: [2], FT1: [1, 2, 4, 6, 7], {name}: all")],
        [channel("acme", ceiling=ceiling)],
    )
    raw = dft(counted, line(1), line(2))
    assert counted in sent(site, raw)
    assert not any(name in one for one in sent(site, raw, facts(site, *restriction("charge: T2"))))
