"""The tests of a suite as written: what each expects of whom.

Law: what is misspelt in a test is reported, never skipped: a test that asks nothing proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.errors import Place
from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.paths import path, segment_id
from engine.policy.language.reader import AN_ENTRY, Reader
from engine.policy.language.source import Mapping, Node, Scalar, Sequence, items_of
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

TEST_KEYS = Keys(
    of="A test",
    required=("name", "message"),
    optional=("facts", "expect", "nothing_for", "because"),
)
EXPECT_KEYS = Keys(
    of="An expectation of a channel", optional=("segments", "contains", "excludes", "fields")
)
BECAUSE_KEYS = Keys(of="A reason", required=("code",), optional=("rule",))

#: Reasons of segments and fields alone, which decide of no message, so that none is offered.
OF_PARTS = frozenset(
    {
        Code.NOT_GRANTED,
        Code.OTHER_COVERAGE,
        Code.PARENT_CUT,
        Code.CONFIDENTIAL_COMMUNICATION,
    }
)

#: `nothing_for:` — every channel of the site that `expect` does not name.
ALL_OTHERS = "all others"


@dataclass(frozen=True, slots=True)
class WrittenTest:
    """One test; `facts` are the nodes that stand over the suite's."""

    name: str
    place: Place
    message: Scalar | None
    facts: Node | None
    expected: tuple[tuple[str, Expectation], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The channels and rules that a suite may name; None where the site does not load."""

    channels: frozenset[str] | None
    rules: frozenset[str] | None


class TestReader:
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
        for key, value in reader.entries(given.get("expect"), "`expect`", AN_ENTRY):
            wanted.add(key.text or "")
            of_channel = [(key.text or "", each) for each in self._of_channel(key, value)]
            if self._knows(key):
                expected += of_channel
        expected += self._nothing(given.get("nothing_for"), wanted)
        for key, value in reader.entries(given.get("because"), "`because`", AN_ENTRY):
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
        for item in items_of(node):
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
                for item in items_of(given["segments"])
                if isinstance(item, Scalar)
            ]
            place = given["segments"].place
            yield Segments(place, tuple(name for name in ids if name is not None))
        for item in items_of(given.get("contains")):
            text = reader.text(item, "An entry of `contains`")
            if text is not None:
                yield Contains(item.place, text)
        for item in items_of(given.get("excludes")):
            text = reader.text(item, "An entry of `excludes`")
            if text is not None:
                yield Excludes(item.place, text)
        for name, value in reader.entries(given.get("fields"), "`fields`", AN_ENTRY):
            field = self._field(name, value)
            if field is not None:
                yield field

    def _field(self, key: Scalar, node: Node) -> Expectation | None:
        target = path(key, self._reader)
        values = [item.text or "" for item in items_of(node) if isinstance(item, Scalar)]
        if len(values) != len(items_of(node)):
            self._reader.wrong_type(node, f"What {key.text} is", "a text or a list of texts")
            return None
        if target is None:
            return None
        listed = isinstance(node, Sequence)
        return FieldIs(key.place, target, tuple(values) if listed else values[0])

    def _because(self, node: Node) -> Expectation | None:
        """`CODE`, or `{code: CODE, rule: NAME}`."""
        if not isinstance(node, Mapping):
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
        if text not in {code.value for code in Code}:
            decide = {code.value for code in Code if code not in OF_PARTS}
            self._reader.bad_value(
                node, f"There is no reason `{text}`.", known_or_close(text, decide)
            )
            return None
        return text
