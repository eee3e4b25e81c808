"""`payergate explain`: for every channel the verdict, and what decided each segment and field.

Law: it tells what `engine.policy.telling.explain` found, in the JSON that others rely on or in
words; no value of a message but its type, control id and version (rules.md §9).
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from typing import Any

from engine.cli.arguments import chosen_channels, writing_report
from engine.cli.explain_page import explanation, message_part
from engine.cli.explain_words import alike, because_in_words, by_reason, verdict_in_words
from engine.cli.letter import Part, part_as_page
from engine.cli.offline import Given, add_offline, prepare, read_all
from engine.cli.words import visible
from engine.config.load import load_site
from engine.errors import Exit
from engine.hl7.wire import Message
from engine.policy.message.reading import type_of
from engine.policy.outcome import Reason
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
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="write a page")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each message")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain; the exit code."""
    site = load_site(args.site)
    policy, facts = prepare(args, site)
    chosen = chosen_channels(policy.channels, args.channel)
    names = {id_: channel.name for id_, channel in policy.policy.channels.items()}
    pages: list[Part] = []
    is_hl7 = False
    off = policy.policy.protections.off
    if off and not args.json:
        print("".join(f"{name} is switched off: {why}\n" for name, why in sorted(off.items())))
    for given in read_all(args.file):
        if given.message is None:
            code = "not-hl7" if given.error is None else given.error.code
            what = "" if given.error is None else given.error.what
            print(f"{code}: {what} ({given})", file=sys.stderr)
            continue
        is_hl7 = True
        told = explain(given.message, policy, facts)
        stories = {channel: told[channel] for channel in chosen}
        if args.html is not None:
            pages.append(message_part(f"{given}: {_about(given.message)}", stories, names))
        if args.json:
            said = _as_json(given, given.message, policy.revision, stories)
            reports = {"protections_off": dict(off), "insecure": list(site.insecure)}
            print(json.dumps({**said, **reports}))
        elif args.html is None:
            print(_as_text(given, given.message, stories))
    if args.html is not None:
        with writing_report(args.html, "--html"):
            page = part_as_page(explanation(tuple(pages), policy.revision))
            args.html.write_text(page, "utf-8")
    if site.insecure and is_hl7 and not args.json:
        print(f"\nin the clear (`insecure: true`): {', '.join(site.insecure)}")
    return Exit.OK if is_hl7 else Exit.NOT_HL7


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
    lines = [f"{given}: {visible(_about(message))}"]
    for channel, story in stories.items():
        lines.append(f"  {channel}: {verdict_in_words(story.outcome)}")
        if story.outcome.payloads:
            lines += [f"    {line}" for line in _segment_lines(story.segments)]
    return "\n".join(lines)


def _about(message: Message) -> str:
    header = _header(message)
    kind = header["type"] + (f"^{header['trigger']}" if header["trigger"] else "")
    return f"{kind}, control id {header['control_id']}, version {header['version']}"


def _segment_lines(segments: tuple[SegmentStory, ...]) -> list[str]:
    """A line for each segment, then one for each reason with its fields."""
    lines = []
    for number, one in alike(segments):
        sent = "all of it" if one.fields is None else ", ".join(map(str, one.fields)) or "nothing"
        said = f"{number:>7} {one.id or '?':<4}{one.verdict:<9}{sent}"
        if not one.why:
            said += f"  ({because_in_words(one.because)})"
        lines.append(said)
        lines += [
            f"{'':13}{because_in_words(found)}: {', '.join(names)}"
            for found, names in by_reason(one).items()
        ]
    return lines
