"""A suite of tests as written: its messages, its facts, and what each test expects of whom.

Law: what is misspelt in a test is reported, never skipped: a test that asks nothing proves nothing.
Sample files and facts are read by `engine.config.suites`, which reads files (rules.md §8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.paths import path, segment_id
from engine.policy.language.reader import Keys, Reader
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.language.source import Sequence as SequenceNode
from engine.policy.outcome import Code
from engine.policy.testing.expectations import (
    Because,
    Contains,
    Excludes,
    Expectation,
    FieldIs,
    Receives,
    ReceivesNothing,
    Segments,
)
from engine.policy.testing.variants import Change, Put, Remove

SUITE_KEYS = Keys(of="A suite", required=("suite", "messages", "tests"), optional=("facts",))
MESSAGE_KEYS = Keys(
    of="A message of a suite", optional=("file", "text", "index", "set", "remove", "add")
)
TEST_KEYS = Keys(
    of="A test",
    required=("name", "message"),
    optional=("facts", "expect", "nothing_for", "because"),
)
EXPECT_KEYS = Keys(
    of="An expectation of a channel", optional=("segments", "contains", "excludes", "fields")
)
BECAUSE_KEYS = Keys(of="A reason", required=("code",), optional=("rule",))

#: `nothing_for:` — every channel of the site that `expect` does not name.
ALL_OTHERS = "all others"

#: Codes of content that is specially protected, one for each label.
LABELLED = "labelled-"


@dataclass(frozen=True, slots=True)
class WrittenMessage:
    """Where a message comes from, and how it differs from that."""

    place: Place
    file: Scalar | None
    text: str | None
    index: int | None
    changes: tuple[tuple[Place, Change], ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """One test; `facts` are the nodes that stand over the suite's."""

    name: str
    place: Place
    message: Scalar | None
    facts: Node | None
    expected: tuple[tuple[str, Expectation], ...]


@dataclass(frozen=True, slots=True)
class WrittenSuite:
    """One file of tests."""

    name: str
    place: Place
    facts: Node | None
    messages: Mapping[str, WrittenMessage]
    tests: tuple[WrittenTest, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The channels and rules that a suite may name; None where the site does not load."""

    channels: frozenset[str] | None
    rules: frozenset[str] | None


def suite_of(node: Node, names: Names, reader: Reader) -> WrittenSuite | None:
    """Read one file of tests; what is wrong with it is noted."""
    given = reader.mapping(node, SUITE_KEYS)
    if given is None:
        return None
    messages = _named(given.get("messages"), "`messages`", reader)
    suite = WrittenSuite(
        name=reader.text(given.get("suite"), "`suite`") or "",
        place=node.place,
        facts=given.get("facts"),
        messages={key.text or "": _message(value, reader) for key, value in messages},
        tests=tuple(
            test
            for item in reader.sequence(given.get("tests"), "`tests`") or ()
            if (test := _Test(names, reader).read(item)) is not None
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


# --- messages ---------------------------------------------------------------------------------


def _named(node: Node | None, what: str, reader: Reader) -> tuple[tuple[Scalar, Node], ...]:
    if node is None:
        return ()
    if not isinstance(node, MappingNode) or not node.entries:
        reader.wrong_type(node, what, "a mapping with at least one entry")
        return ()
    return node.entries


def _message(node: Node, reader: Reader) -> WrittenMessage:
    given = reader.mapping(node, MESSAGE_KEYS) or {}
    file, text = given.get("file"), given.get("text")
    if isinstance(node, MappingNode) and (file is None) == (text is None):
        reader.bad_value(
            node, "A message comes from a file or is a text.", "Write either `file:` or `text:`."
        )
        file = text = None
    changes = [*_sets(given.get("set"), reader), *_removals(given.get("remove"), reader)]
    reader.text(file, "`file`")
    return WrittenMessage(
        place=node.place,
        file=file if isinstance(file, Scalar) else None,
        text=reader.text(text, "`text`"),
        index=reader.whole(given.get("index"), "`index`", 1, 100_000),
        changes=tuple(changes),
        added=_texts(given.get("add"), "`add`", reader, _segment_line),
    )


def _sets(node: Node | None, reader: Reader) -> Iterable[tuple[Place, Change]]:
    for key, value in _named(node, "`set`", reader):
        target = path(key, reader)
        if not isinstance(value, Scalar):
            reader.wrong_type(value, f"The value of {key.text}", "a text")
        elif any(character in (value.text or "") for character in "\r\n"):
            reader.bad_value(value, "A line end would begin another segment.", "Use `add:`.")
        elif target is not None and _may_change(key, target, reader):
            yield key.place, Put(target, value.text or "")


def _may_change(node: Node, target: Path, reader: Reader) -> bool:
    if target.field == 0:
        reader.bad_value(
            node, f"{target} is a whole segment.", f"Set a field such as {target}-1, or remove it."
        )
        return False
    if target.segment == "MSH" and target.field <= 2:
        reader.bad_value(node, f"{target} tells how the message is read.", "Use another sample.")
        return False
    return True


def _removals(node: Node | None, reader: Reader) -> Iterable[tuple[Place, Change]]:
    for item in _items(node):
        if not isinstance(item, Scalar):
            reader.wrong_type(item, "`remove`", "a list of segments and fields")
            continue
        target = path(item, reader)
        if target is None:
            continue
        if target.segment == "MSH" and target.field in (0, 1, 2):
            reader.bad_value(item, f"{target} cannot be removed.", "Name another segment.")
        else:
            yield item.place, Remove(target)


def _items(node: Node | None) -> tuple[Node, ...]:
    """One value or a list of them, as nodes."""
    if node is None:
        return ()
    return node.items if isinstance(node, SequenceNode) else (node,)


def _texts(
    node: Node | None, what: str, reader: Reader, read: Callable[[Node, Reader], str | None]
) -> tuple[str, ...]:
    found = (read(item, reader) for item in _items(node))
    return tuple(text for text in found if text is not None)


def _segment_line(node: Node, reader: Reader) -> str | None:
    text = reader.text(node, "A segment to add")
    if text is not None and any(character in text for character in "\r\n"):
        reader.bad_value(node, "A segment is one line.", "Add each in an entry of its own.")
        return None
    return text


# --- tests ------------------------------------------------------------------------------------


class _Test:
    """Reads tests; every expectation with the channel that it is about."""

    def __init__(self, names: Names, reader: Reader) -> None:
        self._names = names
        self._reader = reader

    def read(self, node: Node) -> WrittenTest | None:
        """One test, or None if it is not even a mapping."""
        reader = self._reader
        given = reader.mapping(node, TEST_KEYS)
        if given is None:
            return None
        expected: list[tuple[str, Expectation]] = []
        wanted: set[str] = set()
        for key, value in _named(given.get("expect"), "`expect`", reader):
            wanted.add(key.text or "")
            of_channel = [(key.text or "", each) for each in self._of_channel(key, value)]
            if self._knows(key):
                expected += of_channel
        expected += self._nothing(given.get("nothing_for"), wanted)
        for key, value in _named(given.get("because"), "`because`", reader):
            reason = self._because(value)
            if self._knows(key) and reason is not None:
                expected.append((key.text or "", reason))
        if not {"expect", "nothing_for", "because"} & given.keys():
            reader.missing_key(node.place, "A test", "expect", "nothing_for", "because")
        message = given.get("message")
        reader.text(message, "`message`")
        return WrittenTest(
            name=reader.text(given.get("name"), "`name`") or "",
            place=given["name"].place if "name" in given else node.place,
            message=message if isinstance(message, Scalar) and message.text else None,
            facts=given.get("facts"),
            expected=tuple(expected),
        )

    def _knows(self, node: Scalar) -> bool:
        known = self._names.channels
        if known is None:
            return False
        if node.text in known:
            return True
        self._reader.problems.note(
            node.place,
            Mistake.UNKNOWN_CHANNEL,
            f"There is no channel `{node.text or ''}`.",
            known_or_close(node.text or "", known),
        )
        return False

    def _nothing(self, node: Node | None, wanted: set[str]) -> Iterable[tuple[str, Expectation]]:
        if isinstance(node, Scalar) and node.text == ALL_OTHERS:
            others = sorted((self._names.channels or frozenset()) - wanted)
            return [(channel, ReceivesNothing(node.place)) for channel in others]
        found: list[tuple[str, Expectation]] = []
        for item in _items(node):
            channel = self._reader.text(item, "An entry of `nothing_for`")
            if channel is None or not isinstance(item, Scalar):
                continue
            if channel in wanted:
                self._reader.bad_value(
                    item,
                    f"`expect` says that {channel} receives something.",
                    "Keep one of the two.",
                )
            elif self._knows(item):
                found.append((channel, ReceivesNothing(item.place)))
        return found

    def _of_channel(self, key: Scalar, node: Node) -> Iterable[Expectation]:
        reader = self._reader
        yield Receives(key.place)
        given = reader.mapping(node, EXPECT_KEYS) or {}
        if "segments" in given:
            ids = [
                segment_id(item, reader)
                for item in _items(given["segments"])
                if isinstance(item, Scalar)
            ]
            place = given["segments"].place
            yield Segments(place, tuple(name for name in ids if name is not None))
        for item in _items(given.get("contains")):
            text = reader.text(item, "An entry of `contains`")
            if text is not None:
                yield Contains(item.place, text)
        for item in _items(given.get("excludes")):
            text = reader.text(item, "An entry of `excludes`")
            if text is not None:
                yield Excludes(item.place, text)
        for name, value in _named(given.get("fields"), "`fields`", reader):
            field = self._field(name, value)
            if field is not None:
                yield field

    def _field(self, key: Scalar, node: Node) -> Expectation | None:
        target = path(key, self._reader)
        values = [item.text or "" for item in _items(node) if isinstance(item, Scalar)]
        if len(values) != len(_items(node)):
            self._reader.wrong_type(node, f"What {key.text} is", "a text or a list of texts")
            return None
        if target is None:
            return None
        listed = isinstance(node, SequenceNode)
        return FieldIs(key.place, target, tuple(values) if listed else values[0])

    def _because(self, node: Node) -> Expectation | None:
        """`CODE`, or `{code: CODE, rule: NAME}`."""
        if not isinstance(node, MappingNode):
            code = self._code(node)
            return None if code is None else Because(node.place, code)
        given = self._reader.mapping(node, BECAUSE_KEYS) or {}
        code, rule = self._code(given.get("code")), given.get("rule")
        name = self._reader.text(rule, "`rule`")
        known = self._names.rules
        if rule is not None and name is not None and known is not None and name not in known:
            self._reader.bad_value(
                rule, f"The site has no rule `{name}`.", known_or_close(name, known)
            )
        return None if code is None else Because(node.place, code, name)

    def _code(self, node: Node | None) -> str | None:
        text = self._reader.text(node, "A reason")
        if node is None or text is None:
            return None
        codes = {code.value for code in Code}
        if text not in codes and not text.startswith(LABELLED):
            self._reader.bad_value(
                node, f"There is no reason `{text}`.", known_or_close(text, codes)
            )
            return None
        return text
