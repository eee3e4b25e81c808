"""Rows of a CSV file: what is wrong is told by its place, and nothing of a patient is repeated."""

from __future__ import annotations

import pytest

from engine.config.rows import facts_in_rows
from engine.errors import UsageError
from engine.privacy.registry import Sort
from tests.support.cutting import policy, rule


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("patient,kind\nrefusal,SECRET\n", "2:2: bad-value: `kind` cannot be `…`."),
        ("patient,kind,channels\n1,refusal,SECRET\n", "2:3: bad-value: The site has no channel"),
        ("patient,kind,given\n1,refusal,SECRET\n", "2:3: bad-value: `given` cannot be `…`."),
        ("patient,kind,labels\n1,refusal,SECRET\n", "2:3: bad-value: An item of `labels`"),
        ("patient,kind,signed_by\n1,refusal,SECRET\n", "2:3: bad-value: `relation` cannot be"),
        ("patient,kind\n1,refusal,SECRET\n", "2:1: bad-value: The line has not as many"),
        ("patient,SECRET\n1,refusal\n", "The first line must name"),
        ('patient,kind\n"SECRET"SECRET,refusal\n', "The file is no CSV"),
    ],
)
def test_a_column_too_far_tells_no_patient(text: str, place: str) -> None:
    site = policy([rule("r", "", "PID: [3]")]).policy
    with pytest.raises(UsageError) as raised:
        facts_in_rows(Sort.CONSENT, text, "consents.csv", site)
    assert place in str(raised.value)
    assert "SECRET" not in str(raised.value)
