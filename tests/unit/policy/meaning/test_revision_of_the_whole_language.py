"""The revision is a hash of meaning for every form of the language, code sets included."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.meaning.revision import revision
from tests.support.site_texts import read_policy

CHANNEL = """
channel: acme
name: ACME
kind: payer
identified_by: [{IN1-3.1: ACME01}]
agreement: {expires: 2030-12-31}
purposes: [payment]
ceiling: {messages: [ADT, ORU], segments: {PID: all, PV1: all, DG1: all, OBR: all, OBX: all}}
deliver: {to: "tcp:127.0.0.1:1"}
"""
SET = "{set: cardiac, system: I10, codes: [R07.9, R07.8], prefixes: [I20], ranges: [I21-I25]}"
RULES = """
channels: [acme]
purpose: payment
basis: law
rules:
  - name: one
    why: because
    when: {PID-5.1: {matches: [A.*, B.*]}, PV1-44: {after: now-24h, before: 2026-03-01T10:00Z}}
    disclose:
      PID:
        fields: [3, 5, 7]
        mask: {5.2: initial, 7: year}
        repetitions: {3: {PID-3.5: [MB, MR]}}
  - name: two
    why: because
    when: {DG1-3: {set: cardiac}, PV1-47: {at_least: 10, at_most: 20.50}}
    withhold: [DG1]
"""

#: Other spellings of the same.
SPELLINGS = [
    ("[A.*, B.*]", "[B.*, A.*, A.*]"),
    ("{after: now-24h, before: 2026-03-01T10:00Z}", "{before: 2026-03-01T10:00Z, after: now-24h}"),
    ("now-24h", "now-1440m"),
    ("now-24h", "-24h"),
    ("2026-03-01T10:00Z", "202603011000+0000"),
    ("{5.2: initial, 7: year}", "{7: year, 5.2: initial}"),
    ("[MB, MR]", "[MR, MB]"),
    ("{3: {PID-3.5: [MB, MR]}}", "{3: {not: {PID-3.5: {not: [MR, MB]}}}}"),
    ("20.50", "+20.5"),
    ("{set: cardiac}", "{set: [cardiac, cardiac]}"),
    ("codes: [R07.9, R07.8]", "codes: [r078, R07.9]"),
    ("system: I10", "system: ICD-10-CM"),
    ("ranges: [I21-I25]", "ranges: [[I21, I25]], source: a book"),
    ("set: cardiac", "set: heart"),
]

#: Other meanings.
MEANINGS = [
    ("[A.*, B.*]", "[A.*, C.*]"),
    ("{matches: [A.*, B.*]}", "[A.*, B.*]"),
    ("now-24h", "now-25h"),
    ("2026-03-01T10:00Z", "2026-03-01T10:00"),
    ("2026-03-01T10:00Z", "2026-03-01"),
    ("5.2: initial", "5.2: last4"),
    ("5.2: initial", "5.1: initial"),
    ("5.2: initial", "5: initial"),
    ("7: year", "7: {constant: year}"),
    ("mask: {5.2: initial, 7: year}", "mask: {7: year}"),
    ("{3: {PID-3.5: [MB, MR]}}", "{3: {PID-3.5: [MB]}}"),
    ("repetitions: {3: {PID-3.5: [MB, MR]}}", ""),
    ("at_least: 10", "at_least: 11"),
    (", at_most: 20.50", ""),
    ("DG1-3: {set", "DG1-3.1: {set"),
    ("R07.9", "R07.7"),
    ("prefixes: [I20]", "prefixes: [I2]"),
    ("I21-I25", "I21-I26"),
    ("system: I10", "system: I9"),
]


def of(written: str = "", anew: str = "") -> str:
    texts = (CHANNEL, RULES, SET)
    assert any(written in text for text in texts)
    return revision(
        read_policy(*(text.replace(written, anew) if written else text for text in texts))
    )


@pytest.mark.parametrize(("written", "anew"), SPELLINGS)
def test_another_spelling_is_the_same(written: str, anew: str) -> None:
    assert of(written, anew) == of()


@pytest.mark.parametrize(("written", "anew"), MEANINGS)
def test_another_meaning_is_another(written: str, anew: str) -> None:
    assert of(written, anew) != of()


BASE = read_policy(CHANNEL, RULES, SET)


@given(st.permutations(BASE.rules), st.data())
def test_the_order_of_rules_and_of_what_they_list_means_nothing(
    rules: list[object], data: st.DataObject
) -> None:
    shuffled = []
    for rule in BASE.rules:
        assert rule in rules
        grants = tuple(
            dataclasses.replace(
                grant,
                maskings=dict(data.draw(st.permutations(list(grant.maskings.items())))),
            )
            for grant in data.draw(st.permutations(rule.grants))
        )
        shuffled.append(dataclasses.replace(rule, grants=grants))
    policy = dataclasses.replace(BASE, rules=tuple(shuffled[::-1]))
    assert revision(policy) == revision(BASE)


@given(st.lists(st.sampled_from(MEANINGS), min_size=1, max_size=3, unique=True))
def test_no_two_meanings_share_a_revision(changes: list[tuple[str, str]]) -> None:
    """One change, or several that do not undo each other, is another policy."""
    first, *others = changes
    assert of(*first) not in {of(*other) for other in others} | {of()}
