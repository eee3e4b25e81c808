"""What all tests share: Hypothesis profiles, and where the corpus of public messages is.

`HYPOTHESIS_PROFILE=deep` looks ten times longer, `mutants` (tests/mutants) only briefly. Under CI
examples are the same at every run.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

_CI = bool(os.environ.get("CI"))

settings.register_profile("default", max_examples=200, deadline=None, derandomize=_CI)
settings.register_profile("deep", max_examples=2000, deadline=None, derandomize=_CI)
settings.register_profile(
    "mutants", max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def corpus() -> list[Path]:
    """Files of public test messages, where they are at hand; an empty list elsewhere."""
    beside = Path(__file__).parent.parent.parent / "shared" / "corpus"
    folder = Path(os.environ.get("PAYERGATE_CORPUS", beside))
    return sorted(folder.glob("*/*.hl7"))
