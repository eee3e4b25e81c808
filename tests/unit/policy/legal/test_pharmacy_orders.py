"""What stands between one ORC and the next is one order, whichever segment is looked at."""

from __future__ import annotations

import pytest

from engine.policy.compile import CompiledPolicy
from tests.support.cutting import channel, code, facts, hl7, policy, rule, sent
from tests.support.law_messages import ANY, PID, PV1, restriction

CEILING = "{PID: all, PV1: all, ORC: all, RXO: all, RXE: all, RXD: all, RXR: all, NTE: all}"
GRANTS = "PID: [3], ORC: all, RXO: all, RXE: all, RXD: all, RXR: all, NTE: all"


@pytest.fixture(scope="module")
def site() -> CompiledPolicy:
    return policy(
        [rule("r", ANY, GRANTS)],
        [channel("acme", ceiling=CEILING).replace("[ADT,", "[RDE, ADT,")],
        config="protections: [us-fl]\n",
    )


def order(
    number: str, *, common: str = "", ordered: str = "1", encoded: str = "2"
) -> tuple[str, ...]:
    return (f"ORC|NW|{number}" + common, f"RXO|{ordered}", f"RXE||{encoded}", f"RXR|{number}")


def left(site: CompiledPolicy, *segments: str, known: tuple[str, ...] = ()) -> str:
    return "\r".join(sent(site, hl7("RDE^O11", PID, PV1, *segments), facts(site, *known)))


def test_a_restricted_order_goes_with_all_its_segments(site: CompiledPolicy) -> None:
    known = restriction("order: P1")
    two = (*order("P1"), *order("P2", ordered="3", encoded="4"))
    copy = left(site, *two, known=known)
    assert copy.splitlines()[1:] == list(order("P2", ordered="3", encoded="4"))


def test_another_order_that_is_restricted_holds_none(site: CompiledPolicy) -> None:
    raw = hl7("RDE^O11", PID, PV1, *order("P1"))
    assert code(site, raw, facts(site, *restriction("order: P9"))) == "granted"
    alone = hl7("RDE^O11", PID, PV1, "RXE||2")
    assert code(site, alone, facts(site, *restriction("order: P9"))) == "ambiguous-restriction"


def test_a_marked_order_goes_with_all_its_segments(site: CompiledPolicy) -> None:
    copy = left(site, *order("P1", common="|" * 26 + "V"), *order("P2"))
    assert copy.splitlines()[1:] == list(order("P2"))


@pytest.mark.parametrize(
    "labelled",
    [
        {"common": "|" * 26 + "HIV"},
        {"common": "|" * 14 + "B20^x^I10"},
        {"ordered": "86703^x^C4"},
        {"encoded": "B20^x^I10"},
    ],
)
def test_what_one_segment_is_labelled_all_are(
    site: CompiledPolicy, labelled: dict[str, str]
) -> None:
    copy = left(site, *order("P1", **labelled), *order("P2"))
    assert copy.splitlines()[1:] == list(order("P2"))
