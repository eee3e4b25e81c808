"""`payergate explain`: for every channel the verdict, and what decided each segment and field.

Law: it tells what `engine.policy.telling.explain` found, in the JSON that others rely on or in
words; no value of a message but its type, control id and version (rules.md §9).
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import groupby
from typing import Any

from engine.cli.arguments import chosen_channels
from engine.cli.offline import Given, add_offline, prepare, read_all
from engine.cli.words import visible
from engine.config.load import load_site
from engine.errors import Exit
from engine.hl7.wire import Message
from engine.policy.message.reading import type_of
from engine.policy.outcome import Code, Reason
from engine.policy.telling.explain import SegmentStory, Story, explain
from engine.policy.telling.fieldwise import Because


def register(subparsers: Any) -> None:
    """Add `explain` to the command line."""
    parser = subparsers.add_parser(
        "explain",
        help="say why each channel receives what it receives",
        description="Says for every channel the verdict, and what decided each segment and field.",
    )
    add_offline(parser)
    parser.add_argument("--channel", metavar="ID", help="one channel only")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each message")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain; the exit code."""
    site = load_site(args.site)
    policy, facts = prepare(args, site)
    chosen = chosen_channels(policy.channels, args.channel)
    any_hl7 = False
    off = policy.policy.protections.off
    if off and not args.json:
        print("".join(f"{name} is switched off: {why}\n" for name, why in sorted(off.items())))
    for given in read_all(args.file):
        if given.message is None:
            code = "not-hl7" if given.error is None else given.error.code
            what = "" if given.error is None else given.error.what
            print(f"{code}: {what} ({given})", file=sys.stderr)
            continue
        any_hl7 = True
        told = explain(given.message, policy, facts)
        stories = {channel: told[channel] for channel in chosen}
        if args.json:
            said = _as_json(given, given.message, policy.revision, stories)
            reports = {"protections_off": dict(off), "insecure": list(site.insecure)}
            print(json.dumps({**said, **reports}))
        else:
            print(_as_text(given, given.message, stories))
    if site.insecure and any_hl7 and not args.json:
        print(f"\nin the clear (`insecure: true`): {', '.join(site.insecure)}")
    return Exit.OK if any_hl7 else Exit.NOT_HL7


def _header(message: Message) -> dict[str, str]:
    kind = type_of(message)
    version = message.split(message.msh.field(12), message.delimiters.component)[0]
    return {
        "type": kind.code,
        "trigger": kind.trigger or "",
        "control_id": message.text(message.msh.field(10)),
        "version": message.text(version),
    }


# --- JSON --------------------------------------------------------------------------------------


def _as_json(
    given: Given, message: Message, revision: str, stories: dict[str, Story]
) -> dict[str, Any]:
    return {
        "file": str(given.file),
        "index": given.index,
        "message": _header(message),
        "revision": revision,
        "channels": {channel: _story_json(story) for channel, story in stories.items()},
    }


def _story_json(story: Story) -> dict[str, Any]:
    return {
        "verdict": story.outcome.verdict.value,
        "reasons": [reason_as_json(reason) for reason in story.outcome.reasons],
        "segments": [_segment_json(segment) for segment in story.segments],
    }


def reason_as_json(reason: Reason) -> dict[str, str]:
    """A reason of a verdict; `rule` where there is one."""
    rule = {"rule": reason.rule} if reason.rule else {}
    return {"code": reason.code.value, **rule, "text": reason.text}


def _segment_json(segment: SegmentStory) -> dict[str, Any]:
    return {
        "index": segment.index,
        "id": segment.id,
        "verdict": segment.verdict,
        "fields": "all" if segment.fields is None else list(segment.fields),
        "because": [_because_json(because) for because in segment.because],
        "why": {
            field.name: [_because_json(because) for because in field.because]
            for field in segment.why
        },
    }


def _because_json(because: Because) -> dict[str, str]:
    return {"code": because.code, **({"rule": because.rule} if because.rule else {})}


# --- words -------------------------------------------------------------------------------------


def _as_text(given: Given, message: Message, stories: dict[str, Story]) -> str:
    header = _header(message)
    kind = header["type"] + (f"^{header['trigger']}" if header["trigger"] else "")
    about = f"{kind}, control id {header['control_id']}, version {header['version']}"
    lines = [f"{given}: {visible(about)}"]
    for channel, story in stories.items():
        said = " ".join(
            reason.text + (f" Rule: {reason.rule}." if reason.rule else "")
            for reason in story.outcome.reasons
        )
        codes = ", ".join(dict.fromkeys(reason.code.value for reason in story.outcome.reasons))
        lines.append(f"  {channel}: {story.outcome.verdict.value} ({codes}). {said}")
        if story.outcome.payloads:
            lines += [f"    {line}" for line in _segment_lines(story.segments)]
    return "\n".join(lines)


def _segment_lines(segments: tuple[SegmentStory, ...]) -> list[str]:
    """A line for each segment, then one for each reason with its fields; neighbours alike share."""
    lines = []
    for fate, group in groupby(
        segments, key=lambda s: (s.id, s.verdict, s.fields, s.because, s.why)
    ):
        name, verdict, fields, because, why = fate
        together = list(group)
        number = str(together[0].index)
        if len(together) > 1:
            number += f"-{together[-1].index}"
        sent = "all of it" if fields is None else ", ".join(map(str, fields)) or "nothing"
        said = f"{number:>7} {name or '?':<4}{verdict:<9}{sent}"
        if not why:
            said += f"  ({', '.join(map(_said, because))})"
        lines.append(said)
        reasons: dict[tuple[Because, ...], list[str]] = {}
        for field in why:
            reasons.setdefault(field.because, []).append(field.name)
        lines += [
            f"{'':13}{' and '.join(map(_said, found))}: {', '.join(names)}"
            for found, names in reasons.items()
        ]
    return lines


def _said(because: Because) -> str:
    if not because.rule:
        return because.code
    if because.code == Code.NOT_GRANTED.value:
        return f"{because.code} (the conditions of {because.rule} do not hold)"
    return f"{because.code} by {because.rule}"
