"""Every gate of a disclosure, failing alone and with every other: the first in order decides.

The gates are those of the standards sheet (A-0.2) by the codes and in the order of the contract
(rules.md §10, "deciding order"); each names the citation that it keeps. A gate is what it takes to
fail it, as settings of a case that is disclosed without; two gates that need one setting to differ
make no pair.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from engine.policy.compile import CompiledPolicy
from engine.policy.outcome import HOLDING, Code, Verdict
from engine.privacy.facts import Facts
from tests.support.cutting import channel, facts, hl7, outcome, policy, rule

Settings = dict[str, str]


@dataclass(frozen=True)
class Gate:
    """A gate: the code that names it, its citation, and what makes it fail."""

    code: str
    citation: str
    fails: Settings
    kinds: frozenset[str] = field(default=frozenset({"ADT", "DFT", "ORU"}))


def only(*kinds: str) -> frozenset[str]:
    return frozenset(kinds)


GATES = (
    Gate("environment", "A-0.2 ENV; HL7 table 0103", {"processing": "T"}),
    Gate("agreement-expired", "A-0.2 BAA; 45 CFR 164.504(e)", {"now": "2028-01-01T00:00:00Z"}),
    Gate("facts-unavailable", "A-0.3: unknown is not permitted", {"registry": "silent"}),
    Gate("restricted", "45 CFR 164.522(a)(1)(vi)", {"restricted": "visit: V1", "visit": "V1"}),
    Gate("ambiguous-restriction", "45 CFR 164.522(a)", {"restricted": "visit: V1", "visit": ""}),
    Gate("payment-unconfirmed", "45 CFR 164.522(a)(1)(vi)", {"unpaid": "visit: V1"}),
    Gate("labelled-sud", "42 CFR 2.12, 2.31", {"unit": "SUD1", "part2": "no"}),
    Gate("unit-unknown", "42 CFR 2.11, 2.12", {"unit": "X9", "diagnosis": "F10.20"}),
    Gate(
        "notice",
        "42 CFR 2.32",
        {"unit": "SUD1", "part2": "yes", "version": "2.4"},
        only("ADT", "DFT"),
    ),
    Gate("unknown-payer", "A-0.2 COV; 45 CFR 164.506(c)(3)", {"insurance": "none"}),
    Gate("ambiguous-coverage", "A-0.2 COV; B-6.1", {"insurance": "contested"}),
    Gate("no-coverage", "A-0.2 COV; 45 CFR 164.506(c)(3)", {"insurance": "other"}),
    Gate(
        "not-disclosed-before",
        "B-5.2; rules.md §10.9",
        {"event": "A11", "insurance": "own"},
        only("ADT"),
    ),
    Gate("refused", "45 CFR 164.506(b)", {"asked": "required", "refusal": "yes"}),
    Gate("consent-revoked", "45 CFR 164.508(b)(5)", {"asked": "required", "consent": "revoked"}),
    Gate("consent-expired", "45 CFR 164.508(b)(2)", {"asked": "required", "consent": "expired"}),
    Gate("no-consent", "A-0.2 PURP; 45 CFR 164.508(a)", {"asked": "required", "consent": "none"}),
    Gate("withheld-by-rule", "45 CFR 164.514(d)(3)", {"withheld": "message"}),
    Gate("no-rule", "A-0.2 MIN; 45 CFR 164.502(b)", {"when": "PV1-2: O"}),
    Gate("above-ceiling", "A-0.2 MIN; 45 CFR 164.514(d)(3)(i)", {"ceiling": "[MDM]"}),
    Gate("nothing-left", "A-0.2 STRUCT; B-9.2", {"disclose": "ZZZ: all"}),
    Gate(
        "structure",
        "A-0.2 STRUCT; B-5.3",
        {"disclose": "EVN: all, PID: [3]", "structure": "strict"},
        only("ADT"),
    ),
    Gate("leak", "A-0.2 LEAK; B-9.5", {"note": "E11.9", "disclose": "all", "when": ""}),
)

#: Pairs whose first in the table does not decide, and why.
EXCEPTIONS = {
    # The cancel of a restricted visit holds, since the visit may have been disclosed (§10.8).
    ("restricted", "not-disclosed-before"): "ambiguous-restriction",
    # What the patient refused no consent lifts, so that no notice is asked for.
    ("notice", "refused"): "labelled-sud",
}

USUAL: Settings = {
    "processing": "P", "now": "2026-03-01T12:00:00Z", "registry": "answers", "restricted": "",
    "unpaid": "", "visit": "V1", "unit": "W", "part2": "no", "diagnosis": "I10", "version": "2.6",
    "insurance": "own", "event": "", "asked": "not-required", "refusal": "no", "consent": "given",
    "withheld": "", "when": "", "ceiling": "[ADT, DFT, ORU]", "disclose": "all",
    "structure": "lenient", "note": "fine",
}  # fmt: skip

ALL = (
    "EVN: all, PID: [3], PV1: all, DG1: {fields: all, where: {DG1-3.1: {not: [E11.9]}}}, FT1: all,"
    " OBR: all, OBX: all, NTE: all, IN1: {fields: [3], which: own}"
)
EVENTS = {"ADT": "A01", "DFT": "P03", "ORU": "R01"}


def pairs(kind: str) -> Iterator[tuple[str, str, str, Settings]]:
    """Every gate alone and every two that can fail together: id, expected, citation, settings."""
    gates = [gate for gate in GATES if kind in gate.kinds]
    for gate in gates:
        yield f"{kind} {gate.code}", gate.code, gate.citation, {**USUAL, **gate.fails}
    for one, two in itertools.combinations(gates, 2):
        shared = one.fails.keys() & two.fails.keys()
        if any(one.fails[name] != two.fails[name] for name in shared):
            continue
        expected = EXCEPTIONS.get((one.code, two.code), one.code)
        name = f"{kind} {one.code} + {two.code}"
        yield name, expected, f"{one.citation}; {two.citation}", {**USUAL, **one.fails, **two.fails}


ROWS = [row for kind in EVENTS for row in pairs(kind)]


SITE = ("asked", "withheld", "when", "ceiling", "disclose", "structure")


@functools.cache
def site(*chosen: str) -> CompiledPolicy:
    asked, withheld, when, ceiling, disclose, structure = chosen
    rules = [rule("r", when, ALL if disclose == "all" else disclose)]
    if withheld:
        rules.append(rule("w", "", "", f"    withhold: {withheld}\n"))
    if disclose == "all":
        rules.append(rule("d", "", "", "    withhold: {DG1: {where: {DG1-3.1: E11.9}}}\n"))
    channels = [
        channel(name).replace("[ADT, ORU, DFT, MDM]", ceiling) + f"structure: {structure}\n"
        for name in ("acme", "beta")
    ]
    channels[1] = channels[1].replace("[{IN1-3.1: BETA}]", "[{IN1-3.1: BETA}, {IN1-3.1: TWIN}]")
    channels[0] = channels[0].replace("[{IN1-3.1: ACME}]", "[{IN1-3.1: ACME}, {IN1-3.1: TWIN}]")
    return policy(rules, channels, head=f"consent: {asked}\n")


def message(kind: str, case: Settings) -> bytes:
    ids = "A^^^H~B^^^K" if case["insurance"] == "contested" else "A^^^H"
    segments = ["EVN||20260101"] if kind != "ORU" else []
    segments += [
        f"PID|1||{ids}||DOE^JANE||19800101|F",
        f"PV1|1|I|{case['unit']}" + "|" * 16 + case["visit"],
    ]
    note, diagnosis = f"NTE|1||{case['note']}", f"DG1|1||{case['diagnosis']}^^I10"
    withheld = "DG1|2||E11.9^^I10"
    if kind == "ORU":
        result = f"OBX|1|CWE|1-8^x^LN||{case['diagnosis']}^^I10"
        segments += ["OBR|1|P1|F1|24331-1^Lipid^LN", result, note, withheld]
    else:
        segments.insert(3, note)
        payer = {"own": "ACME", "other": "BETA", "contested": "TWIN"}.get(case["insurance"])
        line = ["FT1|1|T1||20260101||CG|99213^^C4"] if kind == "DFT" else []
        segments += [*line, diagnosis, withheld] + ([f"IN1|1|P|{payer}"] if payer else [])
    event = case["event"] or EVENTS[kind]
    return hl7(f"{kind}^{event}", *segments, msh=f"{case['processing']}|{case['version']}")


def known(kind: str, case: Settings, compiled: CompiledPolicy) -> Facts:
    if case["registry"] == "silent":
        return Facts(datetime.fromisoformat(case["now"]), available=False)
    lines = [f"now: {case['now']}", "units: {W: general, SUD1: part2}"]
    patient = "patient: {id: A, authority: H}"
    denials = []
    if case["restricted"]:
        denials.append(f"  - {{{patient}, items: {{{case['restricted']}}}}}")
    if case["unpaid"]:
        about = f"{patient}, items: {{{case['unpaid']}}}, reason: self-pay-in-full"
        denials.append(f"  - {{{about}, state: pending_payment}}")
    lines += ["restrictions:", *denials] if denials else []
    about = f"{patient}, purposes: [payment], channels: [acme], given: 2026-01-01"
    end = {
        "given": ", expires: 2026-12-31",
        "revoked": ", revoked: 2026-02-01",
        "expired": ", expires: 2026-02-01",
    }
    consents = []
    if case["consent"] in end:
        consents.append(f"  - {{{about}, kind: authorization{end[case['consent']]}}}")
    if case["part2"] == "yes":
        consents.append(f"  - {{{about}, kind: part2-tpo}}")
    if case["refusal"] == "yes":
        consents.append(f"  - {{{patient}, kind: refusal}}")
    lines += ["consents:", *consents] if consents else []
    other = "{patient: {id: B, authority: K}, channel: beta}"
    if kind == "ORU" and case["insurance"] != "none":
        own = "beta" if case["insurance"] == "other" else "acme"
        rows = [f"{{{patient}, channel: {own}}}"]
        rows += [other] if case["insurance"] == "contested" else []
        lines.append(f"coverages: [{', '.join(rows)}]")
    return facts(compiled, *lines)


@pytest.mark.parametrize(
    ("kind", "expected", "citation", "case"),
    [(name.split()[0], expected, citation, case) for name, expected, citation, case in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_the_first_gate_that_fails_decides(
    kind: str, expected: str, citation: str, case: Settings
) -> None:
    assert citation
    compiled = site(*(case[name] for name in SITE))
    result = outcome(compiled, message(kind, case), known(kind, case, compiled))
    assert result.reasons[0].code.value == expected
    holds = Code(expected) in HOLDING
    assert result.verdict is (Verdict.HOLD if holds else Verdict.WITHHOLD)
    assert not result.payloads


@pytest.mark.parametrize("kind", EVENTS)
def test_where_no_gate_fails_it_is_disclosed(kind: str) -> None:
    compiled = site(*(USUAL[name] for name in SITE))
    result = outcome(compiled, message(kind, USUAL), known(kind, USUAL, compiled))
    assert result.verdict is Verdict.DISCLOSE


#: What a citation names: a gate, a section of the sheet or the contract, a statute, a table.
CITED = re.compile(r"\b(A-0\.\d|B-\d|4[25] CFR \d|rules\.md §\d|HL7 table \d)")


def test_every_row_names_its_citation() -> None:
    for name, _, citation, _ in ROWS:
        wanted = name.count(" + ") + 1
        assert len(citation.split("; ")) >= wanted, name
        assert CITED.search(citation), name
    assert all(CITED.search(gate.citation) for gate in GATES)


def test_the_table_is_whole() -> None:
    """Every reason of a message is a gate here, or a label that `test_packs` is about."""
    assert len(ROWS) >= 400
    assert len({row[0] for row in ROWS}) == len(ROWS)
    gates = {gate.code for gate in GATES}
    of_segments = {"granted", "not-granted", "other-coverage", "parent-cut"}
    of_segments |= {"confidential-communication"}
    of_the_engine = {"cancelled"}
    labels = {code.value for code in Code if code.value.startswith("labelled-")}
    assert {code.value for code in Code} - of_segments - of_the_engine - labels <= gates
