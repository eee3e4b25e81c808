"""`payergate disclose`: the exact bytes that a channel would receive.

Law: standard output has those bytes and nothing else (with `--json`: lines of JSON that hold them);
standard error says, by code, why there are none. 0 if anything was disclosed, 10 if nothing was, 6
if nothing was HL7 (rules.md §9).
"""

from __future__ import annotations

import argparse
import base64
import json
import pathlib
import sys
from typing import Any

from engine.cli.arguments import chosen_channels
from engine.cli.explain import reason_as_json
from engine.cli.offline import Given, add_offline, prepare, read_all
from engine.config.load import load_site
from engine.errors import Exit, UsageError
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Outcome
from engine.privacy.facts import Facts


def register(subparsers: Any) -> None:
    """Add `disclose` to the command line."""
    parser = subparsers.add_parser(
        "disclose",
        help="print exactly what a channel would receive",
        description="Prints the exact bytes that a channel would receive of each message.",
    )
    add_offline(parser)
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--channel", metavar="ID", help="one channel, to standard output")
    whom.add_argument(
        "--each",
        type=pathlib.Path,
        metavar="DIR",
        help="every channel, to DIR/CHANNEL.hl7",
    )
    parser.add_argument(
        "--json", action="store_true", help="a line of JSON for each message and channel"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Disclose; the exit code."""
    policy, facts = prepare(args, load_site(args.site))
    channels = chosen_channels(policy.channels, args.channel)
    given = list(read_all(args.file))
    answers = [_decide(one, policy, facts) for one in given]
    for one, outcomes in zip(given, answers, strict=True):
        _say_why_not(one, outcomes, channels, with_place=len(given) > 1, with_channel=args.each)
    copies = {channel: _copies(answers, channel) for channel in channels}
    if args.json:
        for one, outcomes in zip(given, answers, strict=True):
            for channel in channels if outcomes else ():
                print(json.dumps(_as_json(one, channel, outcomes[channel])))
    elif args.each is None:
        sys.stdout.buffer.write(copies[channels[0]])
        sys.stdout.buffer.flush()
    if args.each is not None:
        _write(args.each, copies)
    if any(copies.values()):
        return Exit.OK
    return Exit.NOTHING if any(one.message for one in given) else Exit.NOT_HL7


def _decide(given: Given, policy: CompiledPolicy, facts: Facts) -> dict[str, Outcome]:
    return {} if given.message is None else decide(given.message, policy, facts)


def _copies(answers: list[dict[str, Outcome]], channel: str) -> bytes:
    return b"".join(
        payload.data
        for outcomes in answers
        if channel in outcomes
        for payload in outcomes[channel].payloads
    )


def _as_json(given: Given, channel: str, outcome: Outcome) -> dict[str, Any]:
    """The bytes are in base64: they may be in any character set."""
    return {
        "file": str(given.file),
        "index": given.index,
        "channel": channel,
        "verdict": outcome.verdict.value,
        "reasons": [reason_as_json(reason) for reason in outcome.reasons],
        "payloads": [base64.b64encode(payload.data).decode() for payload in outcome.payloads],
    }


def _say_why_not(
    given: Given,
    outcomes: dict[str, Outcome],
    channels: tuple[str, ...],
    *,
    with_place: bool,
    with_channel: bool,
) -> None:
    """One line a reason, the deciding one first; where it is not plain, of what and for whom."""
    place = f" ({given})" if with_place else ""
    if given.error is not None:
        print(f"{given.error.code}: {given.error.what}{place}", file=sys.stderr)
    for channel in channels:
        outcome = outcomes.get(channel)
        if outcome is None or outcome.payloads:
            continue
        whom = f" [{channel}]" if with_channel else ""
        for reason in outcome.reasons:
            rule = f" Rule: {reason.rule}." if reason.rule else ""
            print(f"{reason.code.value}: {reason.text}{rule}{whom}{place}", file=sys.stderr)


def _write(folder: pathlib.Path, copies: dict[str, bytes]) -> None:
    """A file for each channel that receives anything, for its owner alone; no other stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for channel, data in copies.items():
            file = folder / f"{channel}.hl7"
            file.unlink(missing_ok=True)  # one of before would say what no longer holds
            if data:
                file.touch(mode=0o600, exist_ok=False)
                file.write_bytes(data)
    except OSError as error:
        raise UsageError(
            "folder-unwritable",
            f"{folder} cannot be written ({error.strerror or type(error).__name__}).",
            "Give --each a folder that you may write.",
        ) from error
