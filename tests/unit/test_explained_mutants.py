"""What `make mutants` calls explained is of code that is still there, and says why."""

from __future__ import annotations

from tests.mutants.code import candidates
from tests.mutants.explained import EXPLAINED, explanations, stale


def test_every_explanation_is_of_a_mutant_that_there_is() -> None:
    explained = explanations(EXPLAINED.read_text("utf-8"))
    assert explained
    assert stale(explained, candidates()) == []


def test_an_explanation_needs_a_reason_and_a_mutant() -> None:
    assert explanations("# a comment\n\na.py: f: x -- why\nb.py: g: y\n") == {
        "a.py: f: x": "why",
        "b.py: g: y": "",
    }
    assert stale({"engine/ack/none.py: f: `x` -- ": "why"}, candidates())
