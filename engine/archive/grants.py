"""What a policy grants, kept for each revision (45 CFR 164.316(b)(2)). Pure."""

from __future__ import annotations

import json
from typing import Any

from engine.policy.model import FieldMask, Policy, Rule


def grants_of(policy: Policy) -> str:
    """Every channel with its agreement, every rule with its grants and withholdings, as JSON."""
    channels = {
        name: {
            "name": channel.name,
            "address": channel.address,
            "agreement": channel.agreement_reference,
            "expires": channel.agreement_expires,
            "purposes": sorted(purpose.value for purpose in channel.purposes),
            "ceiling": {id_: _fields(mask) for id_, mask in sorted(channel.ceiling.items())},
        }
        for name, channel in sorted(policy.channels.items())
    }
    rules = {rule.name: _rule(rule) for rule in policy.rules}
    return json.dumps({"channels": channels, "rules": rules}, separators=(",", ":"))


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "why": rule.why,
        "channels": sorted(rule.channels),
        "purpose": rule.purpose.value,
        "basis": rule.basis,
        "consent": rule.consent.value,
        "discloses": [
            {"segment": grant.segment, "fields": _fields(grant.mask), "where": bool(grant.where)}
            for grant in rule.grants
        ],
        "withholds": [
            {
                "segment": "message" if one.message else one.segment,
                "fields": _fields(one.mask),
                "where": bool(one.where),
            }
            for one in rule.withholdings
        ],
    }


def _fields(mask: FieldMask | None) -> list[str] | str:
    if mask is None:
        return "all"
    found: list[str] = []
    for field, components in sorted(mask.items()):
        if components is None:
            found.append(str(field))
        else:
            found += [f"{field}.{component}" for component in sorted(components)]
    return found
