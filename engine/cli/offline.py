"""What the commands that decide without an engine have in common: site, facts, messages.

Law: a file that cannot be read is said before anything is decided; a message that is no HL7 is
said by name and stops no other (rules.md §10.29).
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.cli.arguments import add_site
from engine.config.facts import read_facts
from engine.config.model import Site
from engine.errors import NotHL7Error, UsageError
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.meaning.revision import revision
from engine.privacy.facts import Facts
from engine.store.keysource import KeySource

#: Makes keyed hashes of the right form where the engine's key is not at hand. Tests always use it,
#: so that they say the same on every machine.
STAND_IN_KEY = b"offline"


#: In the place of a file: what is piped in.
STANDARD_INPUT = pathlib.Path("-")


@dataclass(frozen=True, slots=True)
class Given:
    """One message of a file, counted from 1; `message` is None where it is no HL7."""

    file: pathlib.Path
    index: int
    message: Message | None
    error: NotHL7Error | None = None

    def __str__(self) -> str:
        return f"{self.file}, message {self.index}"


def add_offline(parser: argparse.ArgumentParser) -> None:
    """Add FILE…, `--site` and `--facts`."""
    parser.add_argument(
        "file",
        nargs="+",
        type=pathlib.Path,
        metavar="FILE",
        help="a message, several, a batch or MLLP frames; - is standard input",
    )
    add_site(parser)
    parser.add_argument(
        "--facts",
        type=pathlib.Path,
        metavar="FILE",
        help="what the registries would know (default: nothing)",
    )


def prepare(args: argparse.Namespace, site: Site) -> tuple[CompiledPolicy, Facts]:
    """The compiled policy and the facts. Raises `UsageError`."""
    asked = args.facts
    if asked is None:
        facts = Facts(datetime.now(UTC), units=site.policy.units)
    else:
        facts = read_facts(asked, site.policy)
    compiled = compile_policy(site.policy, revision(site.policy), _hash_key(site.keys))
    return compiled, facts


def _hash_key(keys: KeySource) -> bytes:
    """The engine's key of masks that hash, where it is at hand; else one that stands in for it."""
    from engine.intake.sealed import hash_key
    from engine.store.keyfile import KeyFileError
    from engine.store.sealing import Sealer

    try:
        return hash_key(Sealer.of(keys))
    except KeyFileError:
        return STAND_IN_KEY


def read_all(files: list[pathlib.Path]) -> Iterator[Given]:
    """Every message of every file, in order. Raises `UsageError` before it gives the first."""
    contents = [(file, _read(file)) for file in files]
    for file, data in contents:
        found = split_messages(data)
        if not found:
            error = NotHL7Error("not-hl7", "No MSH segment.", "Give it HL7 v2 messages only.")
            yield Given(file, 1, None, error)
        for index, raw in enumerate(found, start=1):
            try:
                yield Given(file, index, Message.parse(raw))
            except NotHL7Error as error:
                yield Given(file, index, None, error)


def files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """Every file of a folder of messages, in order. Raises `UsageError` where there is none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not files:
        raise UsageError(
            "folder-empty", f"{folder} holds no file.", "Give --over a folder of messages."
        )
    return files


def _read(file: pathlib.Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise UsageError(
            "file-unreadable",
            f"{file} cannot be read ({error.strerror or type(error).__name__}).",
            "Give the path of a file that you may read.",
        ) from error
