"""`payergate processing`: the record of processing activities of a site (GDPR Art. 30).

Law: it is made of what the site's files say, and nothing is added: for each purpose the basis, the
people, the categories of data, the recipients, the time limits and the measures. What the files do
not say is named as missing, for a person to write.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

from engine.archive.accounting import PURPOSES
from engine.archive.entries import CLASSES
from engine.cli.arguments import add_site_and_json, writing_report
from engine.cli.letter import Part, part_as_page, part_as_text
from engine.cli.moments import today
from engine.config.addresses import is_loopback
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit
from engine.policy.meaning.revision import revision
from engine.policy.model import Channel, Rule, State

_TITLE = "Record of processing activities"
_NOT_STATED = "not stated in the site's files"

#: Whose data a segment holds, besides the patient's.
_PEOPLE = {
    "NK1": "next of kin",
    "GT1": "guarantors",
    "IN1": "insured persons",
    "IN2": "insured persons",
}
#: Segments that tell of health (GDPR Art. 9).
_HEALTH = frozenset({"AL1", "DG1", "DRG", "FT1", "OBR", "OBX", "NTE", "PR1", "SPM", "TXA", "ORC"})


def register(subparsers: Any) -> None:
    """Add `processing` to the command line."""
    parser = subparsers.add_parser(
        "processing",
        help="print the record of processing activities (GDPR Art. 30)",
        description="Prints the record of processing activities, made of the site's files.",
    )
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write a page")
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the record; the exit code."""
    site = load_site(args.site)
    found = record_of(site)
    if args.html is not None:
        with writing_report(args.html, "--html"):
            args.html.write_text(part_as_page(_whole(site, found)), "utf-8")
    if args.json:
        print(json.dumps(found))
    elif args.html is None:
        width = shutil.get_terminal_size((100, 0)).columns
        print(part_as_text(_whole(site, found), width), end="")
    return Exit.OK


def record_of(site: Site) -> dict[str, Any]:
    """The record as JSON has it."""
    return {
        "controller": dataclasses.asdict(site.controller),
        "engine": site.engine,
        "revision": revision(site.policy),
        "activities": list(_activities(site)),
        "limits": {
            "content_days": site.retention.content_days,
            "parked_days": site.retention.parked_days,
            "metadata_days": site.retention.metadata_days,
            "ledger_days": site.retention.ledger_days,
        },
        "measures": list(_measures(site)),
        "protections": {
            "on": [pack.id for pack in site.policy.protections.packs],
            "off": dict(site.policy.protections.off),
        },
    }


def _activities(site: Site) -> Iterator[dict[str, Any]]:
    """One for each purpose and recipient."""
    for id_, channel in sorted(site.policy.channels.items()):
        if channel.state is State.DRAFT:
            continue
        rules = [one for one in site.policy.rules if id_ in one.channels and one.grants]
        for purpose in sorted({rule.purpose.value for rule in rules}):
            chosen = [rule for rule in rules if rule.purpose.value == purpose]
            yield _activity(channel, purpose, chosen)


def _activity(channel: Channel, purpose: str, rules: list[Rule]) -> dict[str, Any]:
    segments = sorted({grant.segment for rule in rules for grant in rule.grants} - {"MSH"})
    people = {"patients", *(_PEOPLE[one] for one in segments if one in _PEOPLE)}
    return {
        "purpose": purpose,
        "recipient": channel.name,
        "channel": channel.id,
        "address": channel.address,
        "agreement": channel.agreement_reference,
        "basis": sorted({rule.basis for rule in rules}),
        "consent": sorted({rule.consent.value for rule in rules}),
        "people": sorted(people),
        "data": list(dict.fromkeys(CLASSES.get(one, f"segment {one}") for one in segments)),
        "health_data": bool(_HEALTH.intersection(segments)),
    }


def _measures(site: Site) -> Iterator[str]:
    """Security in general terms (Art. 30(1)(g), Art. 32)."""
    yield "Each recipient receives only the fields that a rule grants; all others are cut out."
    yield "Content at rest is encrypted (AES-256-GCM); patients are found by keyed hashes."
    yield "Every disclosure and every look at content is a row of a signed chain."
    plain = {name: one.to for name, one in sorted(site.deliveries.items()) if not one.to.tls}
    near = [name for name, to in plain.items() if is_loopback(to)]
    clear = [name for name in plain if name not in near]
    if clear:
        yield f"Without TLS by the engine itself, as the site declares: {', '.join(clear)}."
    if near:
        yield (
            f"Handed over on this machine: {', '.join(near)}. How it goes on from there is"
            f" {_NOT_STATED}."
        )
    if not plain:
        yield "Every recipient is reached by TLS."


# --- words --------------------------------------------------------------------------------------


def _whole(site: Site, found: dict[str, Any]) -> Part:
    day = today(site.policy.timezone).isoformat()
    made = (
        f"GDPR Art. 30(1). Made on {day} of the site {site.engine}, revision {found['revision']}."
    )
    who = tuple(f"{name}: {text or _NOT_STATED}" for name, text in found["controller"].items())
    limits = tuple(
        f"{name.removesuffix('_days')}: {days} days" for name, days in found["limits"].items()
    )
    off = tuple(
        f"{name} is switched off: {why}" for name, why in found["protections"]["off"].items()
    )
    transfers = (
        "Whether a recipient is outside the European Economic Area, and on which safeguards, is "
        f"{_NOT_STATED}: add it here (Art. 30(1)(e))."
    )
    return Part(
        _TITLE,
        (made,),
        (),
        (
            Part("Controller", (), who),
            *(_part(activity) for activity in found["activities"]),
            Part("Transfers to third countries", (transfers,)),
            Part("Time limits for erasure", (), limits),
            Part("Security measures", (), tuple(found["measures"])),
            Part("Packs of statutes", (), (*found["protections"]["on"], *off)),
        ),
    )


def _part(activity: dict[str, Any]) -> Part:
    health = ", among them data concerning health (Art. 9)" if activity["health_data"] else ""
    rows = (
        f"Purpose: {PURPOSES[activity['purpose']]}",
        f"Basis: {'; '.join(activity['basis'])}",
        f"Consent: {', '.join(activity['consent']).replace('-', ' ')}",
        f"People: {', '.join(activity['people'])}",
        f"Data: {', '.join(activity['data'])}{health}",
        f"Recipient: {activity['recipient']}, {activity['address'] or 'address ' + _NOT_STATED}",
        f"Agreement: {activity['agreement'] or _NOT_STATED}",
    )
    return Part(f"{activity['recipient']}: {PURPOSES[activity['purpose']]}", (), rows)
