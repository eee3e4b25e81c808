"""`payergate diff OLD NEW`: what NEW discloses that OLD did not, and the reverse.

Law: exit 0 only where NEW is proven to disclose the same or less, 8 otherwise. Paths, rules and
places are told, never a value of a message.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from engine.cli.destinations import destinations
from engine.cli.offline import Given, files_in, read_all
from engine.cli.revisions import site_folder
from engine.cli.words import counted
from engine.config.facts import read_facts
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit
from engine.policy.compare.changes import Change, Effect, together
from engine.policy.compare.diff import Difference, difference
from engine.policy.compare.over import MessageChange, over
from engine.policy.compile import compile_policy
from engine.policy.meaning.revision import revision
from engine.policy.runnable.events import BY_NAME_ONLY
from engine.policy.telling.wording import message_type
from engine.privacy.facts import Facts

_TITLES = {
    Effect.DISCLOSED: "newly disclosed",
    Effect.MAY_DISCLOSE: "may disclose more",
    Effect.WITHHELD: "newly withheld",
    Effect.DISCLOSES_LESS: "discloses less",
    Effect.NEUTRAL: "changed",
}


@dataclass(frozen=True, slots=True)
class _Decided:
    """A message, and what changes for whom."""

    given: Given
    changes: tuple[MessageChange, ...]


def register(subparsers: Any) -> None:
    """Add `diff` to the command line."""
    parser = subparsers.add_parser(
        "diff",
        help="say what a site discloses that another does not",
        description="Compares two sites by meaning. Exit 0: NEW discloses the same or less; 8: "
        "it discloses more, or may.",
    )
    for name in ("old", "new"):
        parser.add_argument(
            name, metavar=name.upper(), help="a site's folder, or REV: or REV:FOLDER of git"
        )
    parser.add_argument(
        "--over", type=pathlib.Path, metavar="DIR", help="decide the messages in DIR under both too"
    )
    parser.add_argument(
        "--facts", type=pathlib.Path, metavar="FILE", help="with --over: what would be known"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare; the exit code."""
    with ExitStack() as stack:
        old = load_site(stack.enter_context(site_folder(args.old)))
        new = load_site(stack.enter_context(site_folder(args.new)))
    found = difference(old.policy, new.policy)
    found = replace(found, changes=together((*found.changes, *destinations(old, new))))
    decided = None if args.over is None else _over(args.over, args.facts, old, new)
    newly = any(change.newly for one in decided or () for change in one.changes)
    wider = found.is_wider or newly
    revisions = revision(old.policy), revision(new.policy)
    if args.json:
        print(json.dumps(_as_json(found, decided, revisions, wider=wider)))
    else:
        print("\n".join(_as_text(found, decided, revisions, wider=wider)))
    return Exit.WIDER if wider else Exit.OK


# --- over messages -----------------------------------------------------------------------------


def _over(
    folder: pathlib.Path, facts_file: pathlib.Path | None, old: Site, new: Site
) -> list[_Decided]:
    """What changes for each message of a folder; files that are no HL7 are passed over."""
    files = files_in(folder)
    facts = _facts(facts_file, old, new)
    before = compile_policy(old.policy, revision(old.policy))
    after = compile_policy(new.policy, revision(new.policy))
    return [
        _Decided(given, over(given.message, before, after, facts))
        for given in read_all(files)
        if given.message is not None
    ]


def _facts(file: pathlib.Path | None, old: Site, new: Site) -> Facts:
    """Facts for both sites: they may name the channels of either."""
    if file is None:
        return Facts(datetime.now(UTC))
    channels = {**old.policy.channels, **new.policy.channels}
    return read_facts(file, replace(new.policy, channels=channels))


# --- words -------------------------------------------------------------------------------------


def _as_text(
    found: Difference, decided: list[_Decided] | None, revisions: tuple[str, str], *, wider: bool
) -> Iterator[str]:
    for effect, changes in groupby(found.changes, key=lambda change: change.effect):
        yield _TITLES[effect]
        for change in changes:
            yield from _change_lines(change, found)
    if decided is not None:
        yield from _decided_lines(decided)
    if revisions[0] == revisions[1] and not found.changes:
        yield f"Both sites mean the same (revision {revisions[0]})."
    elif wider:
        yield f"{revisions[1]} discloses more than {revisions[0]}, or may: see above."
    else:
        yield f"{revisions[1]} discloses no more than {revisions[0]}."


def _change_lines(change: Change, found: Difference) -> Iterator[str]:
    what = change.text
    if change.segment:
        what = ", ".join(_path(change.segment, name) for name in change.fields)
        what += f" {change.text}" if change.text else ""
    whom = ", ".join(change.channels)
    of = f" of {', '.join(_types(change.types, found))}" if change.types else ""
    yield f"  {whom + ': ' if whom else ''}{what}{of}"
    for cause in change.causes:
        rule = f"rule {cause.rule}, " if cause.rule else ""
        text = f": {cause.text}" if cause.text else ""
        yield f"    {rule}{cause.place} ({cause.side}){text}"


def _path(segment: str, name: str) -> str:
    return f"{segment}-{name}" if name[0].isdigit() else f"{segment} ({name})"


def _types(types: tuple[str, ...], found: Difference) -> list[str]:
    """`ADT` alone where all of its events are meant that need not be named."""
    said: list[str] = []
    for code, group in groupby(types, key=lambda text: text.partition("^")[0]):
        mine = list(group)
        known = {
            message_type(kind)
            for kind in found.types
            if kind.code == code and not (code == "ADT" and kind.trigger in BY_NAME_ONLY)
        }
        if known <= set(mine):
            said += [code, *(text for text in mine if text not in known)]
        else:
            said += [f"other {code}" if text == code else text for text in mine]
    return said


def _decided_lines(decided: list[_Decided]) -> Iterator[str]:
    changed = [one for one in decided if one.changes]
    yield f"{len(changed)} of {counted(len(decided), 'message')} would leave otherwise"
    for one in changed:
        yield f"  {one.given}"
        for change in one.changes:
            verdict = f" ({change.was}; now {change.now})" if change.was != change.now else ""
            yield f"    {change.channel}{verdict}"
            if change.newly:
                yield f"      newly disclosed: {', '.join(change.newly)}"
            if change.withheld:
                yield f"      newly withheld: {', '.join(change.withheld)}"


# --- JSON --------------------------------------------------------------------------------------


def _as_json(
    found: Difference, decided: list[_Decided] | None, revisions: tuple[str, str], *, wider: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "wider": wider,
        "old": {"revision": revisions[0]},
        "new": {"revision": revisions[1]},
        "changes": [_change_json(change) for change in found.changes],
    }
    if decided is not None:
        said["messages"] = [_decided_json(one) for one in decided]
    return said


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "effect": change.effect.value,
        "widens": change.effect.widens,
        "text": change.text,
        "channels": list(change.channels),
        "messages": list(change.types),
        "segment": change.segment or None,
        "paths": [_path(change.segment, name) for name in change.fields],
        "causes": [
            {
                "site": cause.side,
                "rule": cause.rule or None,
                "file": cause.place.file,
                "line": cause.place.line,
                "column": cause.place.column,
                "text": cause.text,
            }
            for cause in change.causes
        ],
    }


def _decided_json(one: _Decided) -> dict[str, Any]:
    return {
        "file": str(one.given.file),
        "index": one.given.index,
        "channels": {
            change.channel: {
                "newly_disclosed": list(change.newly),
                "newly_withheld": list(change.withheld),
                "old": change.was,
                "new": change.now,
            }
            for change in one.changes
        },
    }
