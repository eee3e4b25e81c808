"""Markers of odd form on a real engine: what they may deny is not sent, and none breaks it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.integration.test_run import Client
from tests.support.estate import Estate

ORDER = ("ORC|RE|P1|F1", "OBR|1|P1|F1|718-7^Hb^LN|||20260301", "OBX|1|NM|718-7^Hb^LN||13")
ADT, ORU = "ADT^A01^ADT_A01", "ORU^R01^ORU_R01"
ANON, REFUSED = "CON|1|110|||||||||A", "CON|1|001|||||||||R"

WITHHELD, HELD, SENT = ("withhold", "restricted"), ("hold", "ambiguous-restriction"), ("disclose",)

#: Form and version, whether PID-3 names the patient, segments before PV1, and behind; what comes.
CASES = [
    (ADT, "2.5.1", True, [], ["CON"], HELD),
    (ADT, "2.5.1", True, [], ["CON|1|001"], HELD),
    (ADT, "2.5.1", True, [], [REFUSED], SENT),  # where no rule asks for consent
    (ADT, "2.5.1", True, [], [ANON], WITHHELD),
    (ADT, "2.5.1", True, [], ["CON|1|110~001|||||||||A", ANON], WITHHELD),
    (ADT, "2.5.1", True, [], ["CON|1|110|||||||||ZZ"], HELD),
    (ADT, "2.5.1", True, [], ["CON|1|999^What^L|||||||||R"], HELD),
    (ADT, "2.3", True, [], [ANON], WITHHELD),
    (ORU, "2.5.1", True, [], [*ORDER, ANON], WITHHELD),
    (ADT, "2.5.1", False, [], [ANON], WITHHELD),
    (ADT, "2.5.1", False, [], [REFUSED], HELD),
    (ADT, "2.6", True, ["ARV"], [], SENT),
    (ADT, "2.6", True, ["ARV|1|A|^^~|~|~^|&&"], [], SENT),
    (ADT, "2.6", True, ["ARV|1|A|all"], [], HELD),
    (ADT, "2.6", True, ["ARV|1|A|OPTIN~ALL"], [], WITHHELD),
    (ADT, "2.6", True, ["ARV|1|A|OPTIN", "ARV|2|A|ALL"], [], WITHHELD),
    (ADT, "2.6", True, ["ARV|1|QQ|ALL|||garbage^garbage"], [], WITHHELD),
    (ADT, "2.6", True, ["ARV|1|A|\\X414C4C\\"], [], WITHHELD),
    (ADT, "2.6", True, ['ARV|1|A|""'], [], SENT),  # the sender takes back what stood there
    (ADT, "2.6", False, ["ARV|1|A|ALL"], [], WITHHELD),
    (ADT, "2.3", True, ["ARV|1|A|ALL"], [], WITHHELD),
    (ORU, "2.3", True, [], [*ORDER, "ARV|1|A|ALL"], WITHHELD),
]


def message(number: int, type_: str, version: str, patient: str, *segments: list[str]) -> bytes:
    before, behind = segments
    insured = "IN1|1|PLAN|ALPHA"
    lines = [
        f"MSH|^~\\&|HIS|EAST|X|Y|20260301120000||{type_}|C{number}|P|{version}",
        *(["EVN||20260301"] if type_ == ADT else []),
        f"PID|1||{patient}||DOE^JANE||19800101|F",
        *before,
        f"PV1|1|I|W^1||||||||||||||||V{number}^^^EAST",
        *behind,
        insured,
    ]
    return ("\r".join(lines) + "\r").encode()


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """What became of each message for its insurer; what arrived there is what was to be sent."""
    root: Path = tmp_path_factory.mktemp("markers")
    with Estate(root) as estate, Client(estate) as client:
        for number, (type_, version, has_id, before, behind, _) in enumerate(CASES):
            patient = f"P{number}^^^EAST^MR" if has_id else ""
            answer = client.ask(message(number, type_, version, patient, before, behind))
            assert f"MSA|AA|C{number}".encode() in answer
        estate.wait_until_empty(30)
        rows = estate.ledger("decision")
        arrived = {data.split(b"|")[9].decode() for data in estate.received("alpha")}
        deadline = time.monotonic() + 10
        wanted = {f"C{n}" for n, case in enumerate(CASES) if case[-1] == SENT}
        while arrived < wanted and time.monotonic() < deadline:
            time.sleep(0.1)
            arrived = {data.split(b"|")[9].decode() for data in estate.received("alpha")}
        assert arrived == wanted
        assert [one for one in estate.log_events() if one.get("level") == "error"] == []
    said = {row["control_id"]: row["channels"]["alpha"] for row in rows}
    return {id_: (one["verdict"], *one.get("reasons", ())) for id_, one in said.items()}


@pytest.mark.parametrize("number", range(len(CASES)))
def test_a_marker_of_odd_form(decided: dict[str, tuple[str, ...]], number: int) -> None:
    assert decided[f"C{number}"] == CASES[number][-1]
