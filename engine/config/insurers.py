"""Whether counterparts may receive anything at all: agreements of vendors, grounds of insurers.

Law: a vendor receives on the strength of an agreement (45 CFR 164.504(e)). Carriers of life,
disability, liability, motor and workers' compensation insurance are no health plans (45 CFR
160.103), so that 164.506(c)(3) and (4) permit nothing to them: a file that discloses to one asks
for the patient's authorization, or names its own ground: 164.512, or the hospital's own payment,
164.506(c)(1) (standards.md LAW-01, LAW-07; from memory: counsel decides).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.config.packs import DEFAULT
from engine.policy.language import Mistake, Problems
from engine.policy.model import Consent, Kind, PayerType, Policy, Rule

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
    """Warn of every vendor without an agreement, and of grounds that are a health plan's alone."""
    if DEFAULT not in packs:
        return
    for channel in policy.channels.values():
        if channel.kind is Kind.VENDOR and channel.agreement_expires is None:
            problems.note(
                channel.place,
                Mistake.NO_AGREEMENT,
                f"{channel.id} is a vendor, and nothing says until when its agreement holds (45 CFR"
                " 164.504(e)).",
                "Write the business associate agreement as `agreement: {reference: …, expires: …}`:"
                " past it, copies are held.",
            )
    files: dict[str, Rule] = {}
    for rule in policy.rules:
        if rule.grants:
            files.setdefault(rule.place.file, rule)
    for rule in files.values():
        if rule.consent is Consent.REQUIRED or _OWN_GROUND.search(rule.basis):
            continue
        for name in sorted(rule.channels):
            channel_of = policy.channels.get(name)
            kind = None if channel_of is None else channel_of.payer_type
            if kind in _NO_HEALTH_PLANS:
                problems.note(
                    rule.place,
                    Mistake.NO_HEALTH_PLAN,
                    f"{name} is no health plan but of the type {kind.value} (45 CFR 160.103), and"
                    " the file names no ground on which it may receive anything.",
                    "Write `consent: required`, or name the ground in `basis`: 45 CFR 164.512, or"
                    " 164.506(c)(1) for the hospital's own payment.",
                )
