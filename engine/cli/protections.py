"""`payergate protections`: the packs of statutes as counsel reads them, and how they hold here.

Law: every entry is printed with its citation and with how far it was checked, also one that is
switched off, with the reason; nothing is printed that does not stand in the packs' files.
"""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from engine.cli.arguments import add_site_and_json
from engine.cli.patient_words import CHECKED
from engine.config.load import load_site
from engine.config.packs import packs
from engine.errors import Exit, UsageError
from engine.policy.model import Policy
from engine.privacy.protections import Evidence, Lift, MinorRule, Pack, Protection, Source

_SOURCES = {
    Source.CONTENT: "",
    Source.PART2_UNIT: ", every message of a registered Part 2 unit",
    Source.UNKNOWN_UNIT: ", from a unit that is not registered; it waits until it is",
}
_LIFTS = {
    Lift.AUTHORIZATION: "an authorization that lists it",
    Lift.CONSENT: "a consent that lists it",
    Lift.PART2_TPO: "a Part 2 consent",
    Lift.OWN_CONSENT: "a consent that lists it and that the patient signed",
}


def register(subparsers: Any) -> None:
    """Add `protections` to the command line."""
    parser = subparsers.add_parser(
        "protections",
        help="print the packs of statutes, and how they hold here",
        description="Prints the packs of statutes with their citations, and how they hold here.",
    )
    parser.add_argument("--pack", metavar="NAME", help="one pack only")
    add_site_and_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print them; the exit code."""
    policy = load_site(args.site).policy
    known = packs()
    if args.pack is not None and args.pack not in known:
        raise UsageError(
            "unknown-pack", f"There is no pack {args.pack!r}.", f"There are: {', '.join(known)}."
        )
    chosen = [pack for name, pack in known.items() if args.pack in (None, name)]
    if args.json:
        said = {pack.id: _as_json(pack, policy) for pack in chosen}
        print(json.dumps({"packs": said, "off": dict(policy.protections.off)}))
        return Exit.OK
    width = max(shutil.get_terminal_size((100, 0)).columns, 60)
    print("\n\n".join("\n".join(_pack(pack, policy, width)) for pack in chosen))
    return Exit.OK


def _state(pack: Pack, policy: Policy) -> str:
    if pack.id in policy.protections.off:
        return "off"
    return "on" if any(one.id == pack.id for one in policy.protections.packs) else "not named"


def _off(pack: Pack, one: Protection, policy: Policy) -> str:
    """Why an entry does not hold; empty: it is not switched off."""
    off = policy.protections.off
    return off.get(pack.id, "") or off.get(f"{pack.id}/{one.label.value}", "")


# --- JSON ---------------------------------------------------------------------------------------


def _as_json(pack: Pack, policy: Policy) -> dict[str, Any]:
    return {
        "name": pack.name,
        "state": _state(pack, policy),
        "protections": [_entry_json(pack, one, policy) for one in pack.protections],
        "minors": [
            {
                "labels": sorted(label.value for label in rule.labels),
                "from_age": rule.from_age,
                "citation": rule.citation,
                "certainty": rule.certainty.value,
            }
            for rule in pack.minors
        ],
    }


def _entry_json(pack: Pack, one: Protection, policy: Policy) -> dict[str, Any]:
    return {
        "label": one.label.value,
        "source": one.source.value,
        "evidence": one.evidence.value,
        "to": "payers" if one.payers_only else "every channel",
        "purposes": None if one.purposes is None else sorted(one.purposes),
        "allows": sorted(one.allows),
        "lifted_by": sorted(lift.value for lift in one.lifted_by),
        "consent_days": one.consent_days,
        "notice": None if one.notice is None else one.notice.text,
        "citation": one.citation,
        "certainty": one.certainty.value,
        "note": one.note,
        "off": _off(pack, one, policy) or None,
    }


# --- words --------------------------------------------------------------------------------------


def _pack(pack: Pack, policy: Policy, width: int) -> Iterator[str]:
    state = {
        "on": "holds here",
        "not named": "does not hold here: config.yaml does not name it",
        "off": f"switched off here: {policy.protections.off.get(pack.id, '')}",
    }[_state(pack, policy)]
    yield f"{pack.id}: {pack.name} ({state})"
    for one in pack.protections:
        yield from _folded(_entry(one), width, 2)
        yield from _folded(f"{one.citation} ({CHECKED[one.certainty]})", width, 4)
        if one.note:
            yield from _folded(one.note, width, 4)
        if one.notice is not None:
            yield from _folded(f"Notice: {one.notice.text}", width, 4)
        why = _off(pack, one, policy)
        if why and pack.id not in policy.protections.off:
            yield from _folded(f"SWITCHED OFF HERE: {why}", width, 4)
    for rule in pack.minors:
        yield from _folded(_minor(rule), width, 2)


def _entry(one: Protection) -> str:
    indirect = ", indirect evidence too" if one.evidence is Evidence.EXTENDED else ""
    kept = "payers" if one.payers_only else "every channel"
    if one.purposes is not None:
        kept += f" for {', '.join(sorted(one.purposes))}"
    if one.allows:
        kept += f" but for {', '.join(sorted(one.allows))}"
    lifts = " or ".join(_LIFTS[lift] for lift in sorted(one.lifted_by, key=lambda x: x.value))
    said = f"{one.label.value}{indirect}{_SOURCES[one.source]}: kept from {kept}"
    if one.source is not Source.UNKNOWN_UNIT:
        said += f"; lifted by {lifts or 'nothing'}"
    if one.consent_days is not None:
        said += f", which holds {one.consent_days} days if it names no end"
    return said


def _minor(rule: MinorRule) -> str:
    labels = ", ".join(sorted(label.value for label in rule.labels))
    return (
        f"A minor may consent alone to {labels} from the age of {rule.from_age}:"
        f" {rule.citation} ({CHECKED[rule.certainty]})"
    )


def _folded(text: str, width: int, indent: int) -> list[str]:
    first, rest = " " * indent, " " * (indent + 2)
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest)
