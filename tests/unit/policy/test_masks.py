"""Masks and chosen repetitions (rules.md §10.22, §10.25), read as a site and cut."""

from __future__ import annotations

import dataclasses

import pytest

from engine.policy.compile import CompiledPolicy, compile_policy
from tests.support.cutting import OPEN, channel, hl7, outcome, policy, rule, sent

PATIENT = (
    "PID|1||A100^^^H^MR~B-200^^^H^MB~C300^^^K^MB||DOE^JANE^Q~ROE^JO||19800215^D|F|||"
    "1 ROAD^^TOWN^NY^10001-1234|||||||ACC9"
)
VENDOR = (channel("acme", kind="vendor"), channel("beta", kind="vendor"))


def of(*disclose: str, more: str = "", ceiling: str = OPEN, key: bytes = b"k") -> CompiledPolicy:
    rules = [rule(f"r{number}", "", one, more) for number, one in enumerate(disclose)]
    vendors = [channel(name, kind="vendor", ceiling=ceiling) for name in ("acme", "beta")]
    return compile_policy(policy(rules, vendors, to="[acme, beta]").policy, "", key)


def cut(*disclose: str, raw: bytes = hl7("ADT^A01", PATIENT), more: str = "") -> list[str]:
    return sent(of(*disclose, more=more), raw)


@pytest.mark.parametrize(
    ("disclose", "expected"),
    [
        ("{fields: [7], mask: {7: year}}", "PID|||||||1980"),
        ("{fields: [5], mask: {5.2: initial}}", "PID|||||DOE^J^Q~ROE^J"),
        ("{fields: [5.1, 5.2], mask: {5.2: initial}}", "PID|||||DOE^J~ROE^J"),
        ("{fields: [5.2], mask: {5.2: initial}}", "PID|||||^J~^J"),
        ("{fields: [5], mask: {5: initial}}", "PID|||||D~R"),
        ("{fields: [3], mask: {3: last4}}", "PID|||A100~B200~C300"),
        ("{fields: [3], mask: {3.1: last4}}", "PID|||A100^^^H^MR~B200^^^H^MB~C300^^^K^MB"),
        ("{fields: [11.5], mask: {11.5: zip3}}", "PID|||||||||||^^^^100"),
        ("{fields: [8, 9], mask: {8: {constant: X}, 9: {constant: X}}}", "PID||||||||X"),
        ("{fields: [1-8], mask: {3: year, 5: year, 7: year}}", "PID|1||A100~B-20~C300||DOE~ROE"),
        ("{fields: all, mask: {11: {constant: 'a|b^c'}}}", "PID|1||A100"),
    ],
)
def test_masks(disclose: str, expected: str) -> None:
    (line,) = cut(f"PID: {disclose}")
    assert line.startswith(expected)
    if not disclose.startswith(("{fields: all", "{fields: [1-8")):
        assert line == expected


def test_what_is_masked_is_escaped_and_decoded() -> None:
    raw = hl7("ADT^A01", "PID|1||\\T\\BC||\\X41\\NN&x^ÄB|||F|||x").replace(b"A|B|C", b"A|B|C")
    assert cut("PID: {fields: [3], mask: {3: initial}}", raw=raw) == ["PID|||\\T\\"]
    assert cut("PID: {fields: [5], mask: {5: initial}}", raw=raw) == ["PID|||||A"]
    assert cut("PID: {fields: [11], mask: {11: {constant: 'a|b^c\\d'}}}", raw=raw) == [
        "PID|||||||||||a\\F\\b\\S\\c\\E\\d"
    ]
    (line,) = cut("PID: {fields: [5.2], mask: {5.2: initial}}", raw=raw)
    assert line.encode("latin-1").decode() == "PID|||||^Ä"


def test_empty_stays_empty_and_a_deletion_stays_one() -> None:
    raw = hl7("ADT^A01", 'PID|1||A||""^x|||F')
    assert cut("PID: {fields: [5.1, 6], mask: {5.1: year, 6: year}}", raw=raw) == ['PID|||||""']
    assert cut("PID: {fields: [6, 8], mask: {6: {constant: X}}}", raw=raw) == ["PID||||||||F"]


def test_a_keyed_hash_is_stable_differs_by_channel_and_needs_a_key() -> None:
    compiled = of("PID: {fields: [18], mask: {18: keyed-hash}}")
    raw = hl7("ADT^A01", PATIENT)
    (acme,) = sent(compiled, raw)
    (beta,) = sent(compiled, raw, of="beta")
    assert len(acme) == len("PID||||||||||||||||||") + 16
    assert acme == sent(compiled, raw)[0]
    assert acme != beta
    assert "ACC9" not in acme
    assert sent(of("PID: {fields: [18], mask: {18: keyed-hash}}", key=b"other"), raw)[0] != acme
    assert sent(of("PID: {fields: [8, 18], mask: {18: keyed-hash}}", key=b""), raw) == [
        "PID||||||||F"
    ]


def test_plain_beats_masked_component_by_component() -> None:
    masked = "PID: {fields: [5], mask: {5: initial}}"
    assert cut(masked, "PID: [5]") == ["PID|||||DOE^JANE^Q~ROE^JO"]
    assert cut(masked, "PID: [5.2]") == ["PID|||||D^JANE~R^JO"]
    assert cut("PID: [5.2]", masked) == ["PID|||||D^JANE~R^JO"]
    assert cut(masked, "PID: [5.1]") == ["PID|||||DOE~ROE"]


def test_of_two_masks_the_first_kind_is_sent() -> None:
    one, other = "PID: {fields: [7], mask: {7: initial}}", "PID: {fields: [7], mask: {7: year}}"
    assert cut(one, other) == cut(other, one) == ["PID|||||||1980"]


def test_masks_of_several_rules_and_conditions() -> None:
    found = cut(
        "PID: {fields: [3], repetitions: {3: {PID-3.5: MR}}}",
        "PID: {fields: [3], mask: {3.1: initial}, repetitions: {3: {PID-3.5: MB}}}",
    )
    assert found == ["PID|||A100^^^H^MR~B^^^H^MB~C^^^K^MB"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("{PID-3.5: MB}", "B-200^^^H^MB~C300^^^K^MB"),
        ("{PID-3.5: {not: MB}}", "A100^^^H^MR"),
        ("{PID-3.5: MB, PID-3.4: K}", "C300^^^K^MB"),
        ("{any: [{PID-3.5: MR}, {PID-3.4: K}]}", "A100^^^H^MR~C300^^^K^MB"),
        ("{not: {PID-3.4: H}}", "C300^^^K^MB"),
        ("{PID-3: {matches: '[AC].*'}}", "A100^^^H^MR~C300^^^K^MB"),
        ("{PID-3.5: MB, PID-8: F}", "B-200^^^H^MB~C300^^^K^MB"),
        ("{PID-3.5: {fold: mb}, message: ADT}", "B-200^^^H^MB~C300^^^K^MB"),
    ],
)
def test_repetitions_are_chosen_one_by_one(chosen: str, expected: str) -> None:
    assert cut(f"PID: {{fields: [3], repetitions: {{3: {chosen}}}}}") == [f"PID|||{expected}"]


def test_no_repetition_that_was_chosen_leaves_no_field() -> None:
    grant = "PID: {fields: [3, 8], repetitions: {3: {PID-3.5: XX}}}"
    assert cut(grant) == ["PID||||||||F"]
    assert cut("PID: {fields: [3], repetitions: {3: {PID-3.5: MB, PID-8: M}}}") == []


def test_components_of_chosen_repetitions() -> None:
    grant = "PID: {fields: [3.1, 3.5], repetitions: {3: {PID-3.5: MB}}}"
    assert cut(grant) == ["PID|||B-200^^^^MB~C300^^^^MB"]
    assert cut(grant, "PID: [3.4]") == ["PID|||^^^H~B-200^^^H^MB~C300^^^K^MB"]


def test_a_withholding_takes_what_a_mask_would_show() -> None:
    masked = "PID: {fields: [5, 8], mask: {5: initial}}"
    assert cut(masked, more="    withhold: [PID-5.3]\n") == ["PID||||||||F"]
    parts = "PID: {fields: [5], mask: {5.2: initial}}"
    assert cut(parts, more="    withhold: [PID-5.2]\n") == ["PID|||||DOE^^Q~ROE"]
    chosen = "PID: {fields: [3, 8], repetitions: {3: {PID-3.5: MB}}}"
    assert cut(chosen, more="    withhold: {PID-3: {where: {PID-8: F}}}\n") == ["PID||||||||F"]
    assert cut(chosen, more="    withhold: [PID-3.1]\n") == ["PID|||^^^H^MB~^^^K^MB|||||F"]


def test_a_ceiling_cuts_what_a_mask_would_show() -> None:
    rules = [rule("r", "", "PID: {fields: [5, 8], mask: {5: initial}}")]
    ceiling = "{PID: [5.2, 8]}"
    compiled = policy(
        rules,
        [channel("acme", kind="vendor", ceiling=ceiling)],
        head="within: ceiling\n",
    )
    assert sent(compiled, hl7("ADT^A01", PATIENT)) == ["PID||||||||F"]
    (grant,) = compiled.policy.rules[0].grants
    assert grant.maskings == {}
    # The same where the language has not cut it before.
    whole = dataclasses.replace(grant, mask={5: None, 8: None})
    again = dataclasses.replace(compiled.policy.rules[0], grants=(whole,))
    bound = compile_policy(dataclasses.replace(compiled.policy, rules=(again,)))
    assert sent(bound, hl7("ADT^A01", PATIENT)) == ["PID|||||^JANE~^JO|||F"]


def test_masks_by_occurrence_and_of_a_header() -> None:
    raw = hl7("ORU^R01", "PID|1||A", "OBR|1|||x", "OBX|1|ST|a||SECRET", "OBX|2|NM|b||7")
    found = cut(
        "PID: [3]",
        "OBR: [4]",
        "OBX: {fields: [3, 5], mask: {5: initial}, where: {OBX-2: ST}}",
        "OBX: {fields: [3, 5], where: {OBX-2: NM}}",
        raw=raw,
    )
    assert found[2:] == ["OBX|||a||S", "OBX|||b||7"]


def test_masks_of_the_header() -> None:
    compiled = of("MSH: {fields: [19, 21], mask: {19: initial, 21: last4}}", "PID: [3]")
    raw = hl7("ADT^A01", PATIENT, msh="P|2.5.1|||||||EN^English||PROFILE-9^X")
    (copy,) = outcome(compiled, raw).payloads
    assert copy.data.split(b"\r")[0].endswith(b"|ADT^A01|M1|P|2.5.1|||||||E||ILE9")
