"""The order in which reasons are asked (rules.md, "deciding order")."""

from __future__ import annotations

from engine.privacy.facts import Facts
from tests.support.cutting import NOW, code, facts, policy, rule
from tests.support.law_messages import ANY, PATIENT, adt


def test_the_message_is_judged_before_any_rule_is_asked() -> None:
    """The table of deciding order holds even where no rule would disclose."""
    silent = policy([rule("r", f"message: ORU, {ANY}", "PID: [3]")])
    late = Facts(NOW.replace(year=2028))
    assert code(silent, adt(), late) == "agreement-expired"
    assert code(silent, adt(), Facts(NOW, available=False)) == "facts-unavailable"
    restricted = facts(silent, "restrictions:", f"  - {{{PATIENT}, items: {{visit: V1}}}}")
    assert code(silent, adt(), restricted) == "restricted"
    assert code(silent, adt("DG1|1||F10.20^x^I10")) == "unit-unknown"
    assert code(silent, adt()) == "no-rule"
