"""Grants to a payer that reach what is another insurer's, or the patient's own payments.

Law: advice, as `engine.policy.language.advice` gives it (standards.md B-6.3, B-9.6).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.policy.language.mistakes import Mistake, Problems
from engine.policy.model import Channel, Grant, Kind, Rule
from engine.policy.vocabulary.conditions import AllOf, AnyOf, Compare, Condition, Not

_OTHERS = {
    "IN1": "the coverage of every insurer that a message names",
    "FT1": "the charges that are for other insurers, too",
}
_TRANSACTION_TYPE = ("FT1", 6)


def others_advice(
    rule: Rule, grant: Grant, channels: Mapping[str, Channel], problems: Problems
) -> None:
    """Note what such a grant tells of others."""
    payers = sorted(name for name in rule.channels if channels[name].kind is Kind.PAYER)
    if not payers or grant.segment not in _OTHERS:
        return
    if not (grant.which_own or (grant.segment == "IN1" and grant.where is not None)):
        problems.note(
            grant.place,
            Mistake.OTHERS_INSURANCE,
            f"{', '.join(payers)} would get {_OTHERS[grant.segment]}.",
            "Write `which: own`, unless the agreement asks for more.",
        )
    if grant.segment == "FT1" and not (_asks(rule.when) or _asks(grant.where)):
        problems.note(
            grant.place,
            Mistake.PAYMENTS,
            f"{', '.join(payers)} would get payments (FT1-6) as well as charges, which tell what a"
            " patient has paid.",
            "Write `where: {FT1-6: [CG, CD]}`, unless the agreement asks for more.",
        )


def _asks(condition: Condition | None) -> bool:
    """Whether it asks what kind of transaction a line is."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return any(_asks(part) for part in parts)
        case Not(part):
            return _asks(part)
        case Compare(path):
            return (path.segment, path.field) == _TRANSACTION_TYPE
        case _:
            return False
