"""A suite of tests as written: its messages, its facts, and its tests.

Law: no name stands for two things, and what is named is there. Sample files and facts are read by
`engine.config.suites`, which reads files (rules.md §8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import Place
from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.reader import AN_ENTRY, Reader
from engine.policy.language.source import Node
from engine.policy.language.suite_messages import WrittenMessage, message_of
from engine.policy.language.suite_tests import Names, TestReader, WrittenTest

SUITE_KEYS = Keys(of="A suite", required=("suite", "messages", "tests"), optional=("facts",))


@dataclass(frozen=True, slots=True)
class WrittenSuite:
    """One file of tests."""

    name: str
    place: Place
    facts: Node | None
    messages: Mapping[str, WrittenMessage]
    tests: tuple[WrittenTest, ...]


def suite_of(node: Node, names: Names, reader: Reader) -> WrittenSuite | None:
    """Read one file of tests; what is wrong with it is noted."""
    given = reader.mapping(node, SUITE_KEYS)
    if given is None:
        return None
    messages = reader.entries(given.get("messages"), "`messages`", AN_ENTRY)
    suite = WrittenSuite(
        name=reader.text(given.get("suite"), "`suite`") or "",
        place=node.place,
        facts=given.get("facts"),
        messages={key.text or "": message_of(value, reader) for key, value in messages},
        tests=tuple(
            test
            for item in reader.sequence(given.get("tests"), "`tests`") or ()
            if (test := TestReader(names, reader).read(item)) is not None
        ),
    )
    _check_names(suite, reader)
    return suite


def _check_names(suite: WrittenSuite, reader: Reader) -> None:
    """Every test's message is there; no two tests have one name."""
    first: dict[str, Place] = {}
    for test in suite.tests:
        if test.message is not None and test.message.text not in suite.messages:
            reader.problems.note(
                test.message.place,
                Mistake.UNKNOWN_MESSAGE,
                f"The suite has no message `{test.message.text}`.",
                known_or_close(test.message.text or "", suite.messages),
            )
        if first.setdefault(test.name, test.place) != test.place and test.name:
            reader.problems.note(
                test.place,
                Mistake.DUPLICATE_TEST,
                f"The test stands in line {first[test.name].line} already.",
                "Give one of them another name: reports tell tests apart by it.",
            )
