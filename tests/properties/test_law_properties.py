"""Laws of the law: more denials never disclose more, and fewer permits never do.

Held copies are left to persons: what is compared is what is sent. Notices and the leak scan, which
hold a copy for what it would tell, are judged apart (rules.md §10.11, §10.12).
"""

from __future__ import annotations

import functools
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Code, Outcome, Verdict
from engine.privacy.facts import ConsentKind, Facts, Restriction, Sensitivity, SignedConsent
from tests.support.cutting import NOW, channel, policy, rule
from tests.support.random_facts import CHANNELS, refusals, restrictions, sensitivities
from tests.support.random_facts import signed as known

PACKS = ("us-ca", "us-fl", "us-il")
CODES = ["I10^x^I10", "F10.20^x^I10", "B20^x^I10", "F32.9^x^I10", "Z15.01^x^I10", "7918-6^x^LN"]


@functools.cache
def site(consent: str, withheld: str = "", more_sets: bool = False) -> CompiledPolicy:
    """Three kinds of counterparts, three purposes, all packs without notices."""
    grants = (
        "EVN: all, PID: [3, 7], PV1: [2, 3, 19], DG1: all, OBR: all, OBX: all, NTE: all, FT1: all,"
        " PR1: all, ORC: all"
    )
    rules = [rule("r", "coverage: any", grants)]
    if withheld:
        rules.append(rule("w", "", "", f"    withhold: {withheld}\n"))
    channels = [
        channel("acme"),
        channel("beta"),
        channel("gamma", kind="provider"),
    ]
    return policy(
        rules,
        channels,
        to=f"[{', '.join(CHANNELS)}]",
        head=f"consent: {consent}\n",
        config=f"protections: [{', '.join(PACKS)}]\n",
        sets=["{set: more, system: I10, codes: [I10], label: hiv}"] if more_sets else [],
    )


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["ADT^A01", "ORU^R01", "DFT^P03"]))
    code = st.sampled_from(CODES)
    unit = draw(st.sampled_from(["W", "S", ""]))
    visit = draw(st.sampled_from(["V1", "V2", ""]))
    pid = draw(st.sampled_from(["A^^^H", "A", "A^^^H~B^^^K", "C^^^H"]))
    born = draw(st.sampled_from(["19800101", "20150101", ""]))
    account = draw(st.sampled_from(["ACC1", ""]))
    lines = [
        f"MSH|^~\\&|A|S|C|D|20260301||{kind}|M1|P|2.6",
        f"PID|1||{pid}||X^Y||{born}" + "|" * 11 + account,
        f"PV1|1|I|{unit}" + "|" * 16 + visit,
    ]
    for number in range(1, 1 + draw(st.integers(0, 3))):
        order = draw(st.sampled_from(["P1", "P2", ""]))
        lines.append(f"OBR|{number}|{order}||{draw(code)}")
        lines += [f"OBX|{n}|CWE|{draw(code)}||{draw(code)}" for n in (1, 2)]
        lines.append("NTE|1||a note")
    for number in range(1, 1 + draw(st.integers(0, 2))):
        line = draw(st.sampled_from(["T1", "T2", ""]))
        lines.append(f"FT1|{number}|{line}||20260301||CG|99213^^C4" + "|" * 12 + draw(code))
    lines += [f"DG1|{n}||{draw(code)}" for n in range(1, 1 + draw(st.integers(0, 3)))]
    return ("\r".join(lines) + "\r").encode()


def told(outcome: Outcome) -> set[tuple[int, int, int, bytes]]:
    """Every component that is sent, by its place in the received message; no set ids."""
    found = set()
    for payload in outcome.payloads:
        lines = [line for line in payload.data.split(b"\r") if not _is_notice(line)]
        for index, line in zip(payload.kept, lines, strict=False):
            for number, value in enumerate(line.split(b"|")):
                for place, part in enumerate(value.split(b"^")):
                    if part and number != 1 and index:
                        found.add((index, number, place, part))
    return found


def _is_notice(line: bytes) -> bool:
    return line.startswith(b"ARV|") or b"42 CFR part 2" in line


def is_judged_apart(outcome: Outcome) -> bool:
    return outcome.reasons[0].code in (Code.NOTICE, Code.LEAK)


def never_more(less: dict[str, Outcome], than: dict[str, Outcome]) -> None:
    for name, outcome in less.items():
        if not is_judged_apart(than[name]):
            assert told(outcome) <= told(than[name])


ASKED = st.sampled_from(["not-required", "unless-refused", "required"])


@given(messages(), known, ASKED, refusals)
def test_a_refusal_never_discloses_more(
    raw: bytes, facts: Facts, asked: str, more: SignedConsent
) -> None:
    denied = Facts(
        NOW, consents=(*facts.consents, more), restrictions=facts.restrictions, units=facts.units
    )
    message = Message.parse(raw)
    never_more(decide(message, site(asked), denied), decide(message, site(asked), facts))


@given(messages(), known, ASKED, restrictions)
def test_a_restriction_never_discloses_more(
    raw: bytes, facts: Facts, asked: str, more: Restriction
) -> None:
    denied = Facts(
        NOW, consents=facts.consents, restrictions=(*facts.restrictions, more), units=facts.units
    )
    message = Message.parse(raw)
    never_more(decide(message, site(asked), denied), decide(message, site(asked), facts))


@given(messages(), known, ASKED, sensitivities)
def test_a_label_of_a_visit_never_discloses_more(
    raw: bytes, facts: Facts, asked: str, more: Sensitivity
) -> None:
    message = Message.parse(raw)
    less = decide(message, site(asked), replace(facts, sensitivities=(more,)))
    never_more(less, decide(message, site(asked), facts))


@given(messages(), known, ASKED)
def test_less_consent_never_discloses_more(raw: bytes, facts: Facts, asked: str) -> None:
    message = Message.parse(raw)
    whole = decide(message, site(asked), facts)
    for number, consent in enumerate(facts.consents):
        if consent.kind is ConsentKind.REFUSAL:
            continue
        left = facts.consents[:number] + facts.consents[number + 1 :]
        less = Facts(NOW, consents=left, restrictions=facts.restrictions, units=facts.units)
        never_more(decide(message, site(asked), less), whole)


@given(
    messages(),
    known,
    ASKED,
    st.sampled_from(
        ["{labels: [sud]}", "{labels: [hiv, mental-health]}", "[DG1]", "[OBR-4]", "[FT1, NTE]"]
    ),
)
def test_a_withholding_never_discloses_more(
    raw: bytes, facts: Facts, asked: str, withheld: str
) -> None:
    message = Message.parse(raw)
    never_more(decide(message, site(asked, withheld), facts), decide(message, site(asked), facts))


@given(messages(), known, ASKED)
def test_a_label_never_discloses_more(raw: bytes, facts: Facts, asked: str) -> None:
    """A site's own set makes I10 tell of HIV."""
    message = Message.parse(raw)
    more = decide(message, site(asked, more_sets=True), facts)
    never_more(more, decide(message, site(asked), facts))


@settings(max_examples=50)
@given(messages(), known, ASKED)
def test_no_protected_code_is_sent_without_what_lifts_it(
    raw: bytes, facts: Facts, asked: str
) -> None:
    """Florida protects these labels from payers for every purpose."""
    outcomes = decide(Message.parse(raw), site(asked), facts)
    listed = {label for consent in facts.consents for label in consent.labels}
    for name in ("acme", "beta"):
        if outcomes[name].verdict is Verdict.DISCLOSE:
            data = outcomes[name].payloads[0].data
            assert "hiv" in listed or (b"B20" not in data and b"7918-6" not in data)
            assert "sud" in listed or b"F10.20" not in data
