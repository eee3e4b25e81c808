"""What is disclosed to insurers that are no health plans, and on which ground.

Law: carriers of life, disability, liability, motor and workers' compensation insurance are no
health plans (45 CFR 160.103), so that 164.506(c)(3) and (4) permit nothing to them. A file that
discloses to one asks for the patient's authorization, or names its own ground: 164.512, or the
hospital's own payment, 164.506(c)(1) (standards.md LAW-01, LAW-07; from memory: counsel decides).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.config.packs import DEFAULT
from engine.policy.language import Mistake, Problems
from engine.policy.model import Consent, PayerType, Policy, Rule

#: Insurers of other things than health.
_NO_HEALTH_PLANS = frozenset(
    {
        PayerType.WORKERS_COMP,
        PayerType.AUTO,
        PayerType.LIABILITY,
        PayerType.LIFE,
        PayerType.DISABILITY,
    }
)

_OWN_GROUND = re.compile(r"(?<![\d.])164\.(?:512|506\(c\)\(1\))(?!\d)")


def note_insurers(policy: Policy, packs: Iterable[str], problems: Problems) -> None:
    """Note every file that discloses to such an insurer on a ground that is a health plan's."""
    if DEFAULT not in packs:
        return
    files: dict[str, Rule] = {}
    for rule in policy.rules:
        if rule.grants:
            files.setdefault(rule.place.file, rule)
    for rule in files.values():
        if rule.consent is Consent.REQUIRED or _OWN_GROUND.search(rule.basis):
            continue
        for name in sorted(rule.channels):
            channel = policy.channels.get(name)
            kind = None if channel is None else channel.payer_type
            if kind in _NO_HEALTH_PLANS:
                problems.note(
                    rule.place,
                    Mistake.NEEDS_CONSENT,
                    f"{name} is no health plan but of the type {kind.value} (45 CFR 160.103), and"
                    " the file's basis permits nothing to it.",
                    "Write `consent: required`, or name the ground in `basis`: 45 CFR 164.512, or"
                    " 164.506(c)(1) for the hospital's own payment.",
                )
