"""Reads a site's tests: `rules/*_test.yaml`, the samples that they name, and their facts.

Law: the site and its tests load as a whole or not at all, and whoever mends them is told everything
at once: problems of the site, of the suites, of the samples and of the facts.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

from engine.config.facts import facts_of
from engine.config.files import read_file, suite_files
from engine.config.load import load_site
from engine.config.model import Site
from engine.config.yaml_source import read_yaml
from engine.errors import NotHL7Error, Place, Problem, Severity, SiteError
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Message
from engine.policy.language import Mistake, Problems, Reader
from engine.policy.language.source import Mapping, Node, Scalar
from engine.policy.language.suite_messages import WrittenMessage
from engine.policy.language.suite_tests import Names
from engine.policy.language.suites import WrittenSuite, suite_of
from engine.policy.model import Policy
from engine.policy.testing.suite import Suite, Test
from engine.policy.testing.variants import NotThereError, variant
from engine.privacy.facts import Facts


@dataclass(frozen=True, slots=True)
class TestedSite:
    """A site that loads, with its tests."""

    site: Site
    suites: tuple[Suite, ...]


def load_tests(root: pathlib.Path) -> TestedSite:
    """Load the site in the folder `root` and its tests.

    Raises `SiteError` with all problems of both, if there is any error.
    """
    site: Site | None = None
    of_site: tuple[Problem, ...] = ()
    try:
        site = load_site(root)
    except SiteError as error:
        of_site = error.problems
    problems = Problems()
    suites = _Suites(root, None if site is None else site.policy, problems).read()
    found = (*of_site, *problems.sorted())
    if site is None or any(problem.severity is Severity.ERROR for problem in found):
        raise SiteError(tuple(sorted(found, key=lambda one: (one.place, one.code, one.text))))
    return TestedSite(site, suites)


class _Suites:
    """The suites of one site; what is wrong with them goes to `problems`."""

    def __init__(self, root: pathlib.Path, policy: Policy | None, problems: Problems) -> None:
        self._root = root
        self._policy = policy
        self._reader = Reader(problems)
        self._samples: dict[pathlib.Path, list[bytes]] = {}

    def read(self) -> tuple[Suite, ...]:
        policy = self._policy
        names = Names(
            None if policy is None else frozenset(policy.channels),
            None if policy is None else frozenset(rule.name for rule in policy.rules),
        )
        suites: list[Suite] = []
        for file in suite_files(self._root):
            node = read_file(self._root, file, self._reader.problems)
            written = None if node is None else suite_of(node, names, self._reader)
            if written is not None:
                suites.append(self._loaded(written, file.parent))
        return tuple(suites)

    def _loaded(self, written: WrittenSuite, folder: pathlib.Path) -> Suite:
        messages = {
            name: self._message(message, folder) for name, message in written.messages.items()
        }
        of_suite = self._facts_node(written.facts, folder)
        tests: list[Test] = []
        for test in written.tests:
            node = _over(of_suite, self._facts_node(test.facts, folder))
            facts = self._facts(node)
            message = messages.get((test.message.text if test.message else None) or "")
            if message is not None and facts is not None:
                tests.append(Test(test.name, test.place, message, facts, test.expected))
        return Suite(written.name, written.place, tuple(tests))

    # --- facts --------------------------------------------------------------------------------

    def _facts_node(self, node: Node | None, folder: pathlib.Path) -> Node | None:
        """Facts inline, or those of the file that is named; keys beside `file` stand over it."""
        named = node.get("file") if isinstance(node, Mapping) else node
        if not isinstance(named, Scalar) or named.text is None:
            return node
        file = self._find(named, folder)
        data = None if file is None else self._data(file, named)
        if file is None or data is None:
            return None
        read = read_yaml(data, _shown(self._root, file), self._reader.problems)
        if not isinstance(node, Mapping):
            return read
        rest = tuple(entry for entry in node.entries if entry[0].text != "file")
        return _over(read, Mapping(node.place, rest))

    def _facts(self, node: Node | None) -> Facts | None:
        if self._policy is None:
            return None
        return facts_of(node, self._policy, self._reader)

    # --- messages -----------------------------------------------------------------------------

    def _message(self, written: WrittenMessage, folder: pathlib.Path) -> Message | None:
        place = written.place if written.file is None else written.file.place
        found = self._given(written, folder)
        if found is None:
            return None
        number = written.index or 1
        if number > len(found) or (written.index is None and len(found) > 1):
            self._bad(place, f"It holds {len(found)} messages.", "Say which one: `index: 1`.")
            return None
        try:
            message = Message.parse(found[number - 1])
        except NotHL7Error as error:
            self._bad(place, f"It is no HL7 v2 message ({error.code}).", error.mend)
            return None
        return self._changed(message, written)

    def _given(self, written: WrittenMessage, folder: pathlib.Path) -> list[bytes] | None:
        if written.text is not None:
            return split_messages("\r".join(written.text.split("\n")).encode())
        if written.file is None:
            return None
        file = self._find(written.file, folder)
        if file is None:
            return None
        if file not in self._samples:
            data = self._data(file, written.file)
            if data is None:
                return None
            self._samples[file] = split_messages(data)
        return self._samples[file]

    def _changed(self, message: Message, written: WrittenMessage) -> Message | None:
        for place, change in written.changes:
            try:
                message = variant(message, [change])
            except NotThereError as error:
                self._bad(
                    place,
                    f"The message has no {error}.",
                    "Add the segment with `add:`, or use another sample.",
                )
        try:
            return variant(message, (), written.added)
        except NotHL7Error as error:
            self._bad(written.place, f"With `add` it is no message ({error.code}).", error.mend)
            return None

    # --- files --------------------------------------------------------------------------------

    def _find(self, named: Scalar, folder: pathlib.Path) -> pathlib.Path | None:
        """The file beside the suite, or from the site's folder."""
        name = named.text or ""
        for base in (folder, self._root):
            if (base / name).is_file():
                return base / name
        self._bad(
            named.place, f"There is no file `{name}`.", "Paths begin at the file of the suite."
        )
        return None

    def _data(self, file: pathlib.Path, named: Scalar) -> bytes | None:
        try:
            return file.read_bytes()
        except OSError as error:
            self._bad(named.place, f"The file cannot be read: {error.strerror}.", "")
            return None

    def _bad(self, place: Place, text: str, mend: str) -> None:
        self._reader.problems.note(place, Mistake.BAD_SAMPLE, text, mend)


def _over(below: Node | None, above: Node | None) -> Node | None:
    """Facts of a test over those of its suite, key by key."""
    if above is None or below is None:
        return below if above is None else above
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    named = {key.text for key, _ in above.entries}
    kept = tuple(entry for entry in below.entries if entry[0].text not in named)
    return Mapping(above.place, (*kept, *above.entries))


def _shown(root: pathlib.Path, file: pathlib.Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
