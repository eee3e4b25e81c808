"""Conditions that no message can meet: said where it is certain, and nowhere else."""

from __future__ import annotations

import pytest

from engine.config.yaml_source import read_yaml
from engine.policy.language import Problems, Reader
from engine.policy.language.conditions import condition
from engine.policy.language.contradictions import contradiction


def contradicts(text: str) -> bool:
    problems = Problems()
    node = read_yaml(text.encode(), "x.yaml", problems)
    assert node is not None
    found = condition(node, "`when`", Reader(problems))
    assert found is not None
    return contradiction(found) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PV1-44: {after: now, before: now}", True),
        ("PV1-44: {after: now, before: now-1d}", True),
        ("PV1-44: {after: now-1d, before: now}", False),
        ("PV1-44: {after: now, before: 2020-01-01}", False),  # that depends on when it is asked
        ("PV1-44: {after: 2020-01-01, before: now}", False),
        ("PV1-44: {after: 2020-01-02, before: 2020-01-01}", True),
        ("PV1-44: {after: 2020-01-01, before: 2020-01-02}", False),
        ("OBX-5: {at_least: 2, at_most: 1}", True),
        ("OBX-5: {at_least: 1, at_most: 1}", False),
        ("all: [{message: ADT^A01}, {message: ADT}]", False),
        ("all: [{message: ADT}, {message: ADT^A01}]", False),
        ("all: [{message: ADT^A01}, {message: ADT^A02}]", True),
        ("all: [{message: ADT}, {message: ORU}]", True),
        ("all: [{PID-8: F}, {PID-8: {not: F}}]", True),
        ("all: [{PID-8: F}, {PID-8: {not: [M, F]}}]", True),
        ("all: [{PID-8: [M, F]}, {PID-8: {not: F}}]", False),
        ("all: [{PID-8: {prefix: F}}, {PID-8: {not: {prefix: F}}}]", True),
        ("all: [{PID-8: {prefix: F}}, {PID-8: {not: {prefix: M}}}]", False),
        ("all: [{PID-8: F}, {PID-8: {exists: false}}]", True),
        ("all: [{PID-8: F}, {PID-8: {exists: true}}]", False),
    ],
)
def test_what_no_message_can_meet(text: str, expected: bool) -> None:
    assert contradicts(text) is expected
