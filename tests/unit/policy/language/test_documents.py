"""Which grants list the type of a document, and what then is sent (rules.md §4, "Documents")."""

from __future__ import annotations

import pytest

from tests.support.cutting import channel, code, hl7, policy, rule, sent

PDF = "^application^pdf^Base64^JVBERi0xLjQ="
EVERY = "coverage: any"


def results(
    *, kind: str = "ED", value: str = PDF, of: str = "PDF1", order: str = "LETTER"
) -> bytes:
    return hl7(
        "ORU^R01",
        "PID|1||A^^^H",
        f"OBR|1|P|F|{order}^X^L",
        "OBX|1|NM|GLU^Glucose^L||5",
        f"OBX|2|{kind}|{of}^Letter^L||{value}",
        "NTE|1||about the letter",
    )


def got(grant: str, raw: bytes, *, when: str = EVERY, ceiling: str = "all") -> list[str]:
    """The OBX that acme receives, by OBX-3.1, and how much of OBX-5 it has."""
    mine = channel("acme").replace("OBX: all", f"OBX: {ceiling}")
    rules = [rule("r", when, f"PID: [3], OBR: all, TXA: all, NTE: all, OBX: {grant}")]
    lines = sent(policy(rules, [mine]), raw)
    return [line for line in lines if line.startswith("OBX")]


@pytest.mark.parametrize(
    "grant",
    [
        "all",
        "[3, 5]",
        "{fields: all, where: {OBX-3.1: {exists: true}}}",
        "{fields: all, where: {OBX-3.1: {not: [X]}}}",
        "{fields: all, where: {OBX-2: [NM, ST]}}",
        "{fields: all, where: {OBX-2: {not: [TX, FT]}}}",
        "{fields: all, where: {OBX-2: {prefix: [E, N]}}}",
        "{fields: all, where: {OBX-3.1: GLU}}",
        "{fields: all, where: {any: [{OBX-3.1: PDF1}, {OBX-1: {at_least: 0}}]}}",
        "{fields: all, documents: false}",
    ],
)
@pytest.mark.parametrize(
    "raw",
    [
        results(),
        results(kind="ed "),
        results(kind="RP", value="letters/1^^PDF"),
        results(kind="TX"),
        results(kind="ED^x"),
        results(kind="NM", value="JVBERi0xLjQ="),
        results(kind="ST", value="^application^pdf^^JVBERi0xLjQ="),
        results(kind="TX", value="%PDF-1.4"),
        results(kind="TX", value="^TEXT^^ BaSe64 ^SGVsbG8="),
        results(kind="TX", value="^TEXT^^Bas\\X65\\64^SGVsbG8="),
        results(kind="TX", value="^TEXT^^Base64&x^SGVsbG8="),
        results(kind="", value="^TEXT^^BASE64^SGVsbG8="),
        results(kind="ST", value="^AP^^Hex^255044"),
        results(kind="TX", value=f"see below~{PDF}"),
    ],
)
def test_a_document_of_an_unlisted_type_is_not_sent_and_nothing_with_it(
    grant: str, raw: bytes
) -> None:
    compiled = policy([rule("r", EVERY, f"PID: [3], OBR: all, NTE: all, OBX: {grant}")])
    lines = sent(compiled, raw)
    assert lines
    left = "".join(lines)
    assert "Letter" not in left
    assert "about the letter" not in left
    assert not any(word in left for word in ("JVBER", "SGVsb", "255044", "letters/1"))


@pytest.mark.parametrize(
    "grant",
    [
        "{fields: all, documents: true}",
        "{fields: [3, 5], where: {OBX-3.1: [GLU, PDF1]}}",
        "{fields: all, where: {OBX-3.1: {prefix: PDF}}}",
        "{fields: all, where: {OBX-3.2: {fold: letter}}}",
        "{fields: all, where: {OBR-4.1: LETTER}}",
        "{fields: all, where: {OBX-2: [NM, ED]}}",
        "{fields: all, where: {any: [{OBX-3.1: PDF1}, {OBR-4.1: LETTER}]}}",
        "{fields: all, where: {OBX-1: {at_least: 1}, OBX-3: {matches: 'PDF.*'}}}",
    ],
)
def test_a_document_of_a_listed_type_is_sent_whole(grant: str) -> None:
    (letter,) = [line for line in got(grant, results()) if "Letter" in line]
    assert letter.split("|")[5] == PDF


def test_the_header_of_a_document_lists_its_type_for_the_message() -> None:
    raw = hl7("MDM^T02", "PID|1||A^^^H", "TXA|1|DS|FT", f"OBX|1|ED|X^Letter^L||{PDF}")
    assert got("all", raw) == []
    assert len(got("{fields: all, where: {TXA-2: DS}}", raw)) == 1
    assert len(got("all", raw, when=f"{EVERY}, TXA-2: [DS, CN]")) == 1
    assert got("all", raw, when=f"{EVERY}, TXA-2: {{not: [CN]}}") == []


def test_what_else_is_granted_of_a_result_that_is_a_document_is_sent() -> None:
    assert got("[3]", results())[1].endswith("PDF1^Letter^L")


@pytest.mark.parametrize(
    ("grant", "ceiling"),
    [
        ("{fields: [3, 5.1-5.4], where: {OBX-3.1: PDF1}}", "all"),
        ("{fields: [3, 5], mask: {5: last4}, where: {OBX-3.1: PDF1}}", "all"),
        ("{fields: [3, 5], mask: {5.5: initial}, where: {OBX-3.1: PDF1}}", "all"),
        ("{fields: [3, 5], repetitions: {5: {OBX-5.4: Base64}}, where: {OBX-3.1: PDF1}}", "all"),
    ],
)
def test_a_document_is_sent_whole_or_not_at_all(grant: str, ceiling: str) -> None:
    assert got(grant, results(), ceiling=ceiling) == []


@pytest.mark.parametrize("taken", ["[OBX-5.5]", "{OBX-5: {where: {OBX-3.1: PDF1}}}"])
def test_what_is_withheld_of_a_document_withholds_its_value(taken: str) -> None:
    grant = "PID: [3], OBR: all, OBX: {fields: all, documents: true}"
    compiled = policy([rule("r", EVERY, grant, f"    withhold: {taken}\n")])
    (letter,) = [line for line in sent(compiled, results()) if "Letter" in line]
    assert letter == "OBX|2|ED|PDF1^Letter^L"


def test_a_ceiling_that_would_cut_a_document_keeps_all_of_it() -> None:
    mine = channel("acme", ceiling="{PID: all, OBR: all, OBX: [3, 5.1-5.3]}")
    rules = [rule("r", EVERY, "PID: [3], OBR: all, OBX: {fields: [3, 5], documents: true}")]
    compiled = policy(rules, [mine], head="within: ceiling\n")
    assert [line for line in sent(compiled, results()) if "Letter" in line] == []


def test_an_order_of_nothing_but_documents_goes_with_them() -> None:
    raw = hl7("ORU^R01", "PID|1||A^^^H", "OBR|1|P|F|LETTER", f"OBX|1|ED|PDF1||{PDF}")
    compiled = policy([rule("r", EVERY, "PID: [3], OBR: all, OBX: all")])
    assert code(compiled, raw) == "nothing-left"
