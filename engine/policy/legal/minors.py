"""Whether a patient may be a minor who consented to the care alone (45 CFR 164.502(g)(3)).

Law: age is counted on the date of service; a birth date that is missing or cannot be read is
anybody's (rules.md §10.7; standards.md LAW-30).
"""

from __future__ import annotations

from datetime import date

from engine.policy.message.view import View
from engine.privacy.coverage import days
from engine.privacy.denied_days import days_denied

MAJORITY = 18


def may_be_minor(view: View, from_age: int) -> bool:
    """Whether the patient may be at least `from_age` and not yet of age on a date of service."""
    services = days_denied(view.message, view.all)
    births = [days(pid.field(7)) for pid in view.all("PID")]
    if not services or not births or None in births:
        return True
    return any(
        _age(birth[1], service[0]) < MAJORITY and _age(birth[0], service[1]) >= from_age
        for birth in births
        if birth is not None
        for service in services
    )


def _age(birth: date, on: date) -> int:
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
