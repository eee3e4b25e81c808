"""Reading a facts file: what offline commands take in the place of the registries.

Law: facts that this version cannot keep are refused, never ignored: who asks what a payer would
receive under a restriction must not be told what it would receive without (rules.md §7).
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from engine.config.yaml_source import MOST_BYTES, read_yaml
from engine.errors import UsageError
from engine.policy.language import Keys, Problems, Reader
from engine.policy.model import Policy
from engine.policy.source import Mapping as MappingNode
from engine.policy.source import Node, Scalar
from engine.policy.source import Sequence as SequenceNode
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Disclosed, Facts, Level

FILE_KEYS = Keys(
    "a facts file",
    optional=("now", "coverages", "disclosed", "consents", "restrictions", "units"),
)
_PATIENT_KEYS = Keys("a patient", required=("id",), optional=("authority",))
_COVERAGE_KEYS = Keys(
    "a coverage", required=("patient", "channel"), optional=("visit", "account", "from", "to")
)
_DISCLOSED_KEYS = Keys(
    "an earlier disclosure", required=("channel",), optional=("visit", "control_id")
)

#: Facts that only a later version can keep.
_NOT_KEPT = ("consents", "restrictions", "units")


def read_facts(path: pathlib.Path, policy: Policy) -> Facts:
    """The facts in a file; `now` is the clock's where the file does not say.

    Raises `UsageError` (`facts`) with everything that is wrong, by line and column.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)  # a device would have no end
    except OSError as error:
        raise UsageError(
            "facts",
            f"The facts file cannot be read ({type(error).__name__}).",
            "Give --facts the path of a YAML file.",
        ) from error
    problems = Problems()
    node = read_yaml(data, path.name, problems)
    facts = _Facts(Reader(problems), policy).read(node)
    found = problems.sorted()
    if found:
        raise UsageError("facts", "The facts cannot be used.\n" + "\n".join(map(str, found)))
    return facts


def facts_of(node: Node | None, policy: Policy, reader: Reader) -> Facts:
    """The facts of a node, such as a suite's `facts:`; what is wrong with them is noted."""
    return _Facts(reader, policy).read(node)


class _Facts:
    """One facts file being read."""

    def __init__(self, reader: Reader, policy: Policy) -> None:
        self._reader = reader
        self._policy = policy
        self._timezone = ZoneInfo(policy.timezone)

    def read(self, node: Node | None) -> Facts:
        keys = self._reader.mapping(node, FILE_KEYS) or {}
        for name in _NOT_KEPT:
            given = keys.get(name)
            if given is not None and not _is_empty(given):
                self._reader.unsupported(given, f"`{name}`")
        now = _instant(self._reader, keys.get("now"), self._timezone)
        return Facts(
            now=now or datetime.now(UTC),
            coverages=self._coverages(keys.get("coverages")),
            disclosed=self._disclosed(keys.get("disclosed")),
        )

    def _coverages(self, node: Node | None) -> Mapping[CoverageKey, Coverages]:
        rows: dict[CoverageKey, list[CoverageRow]] = {}
        for item in self._items(node, "`coverages`"):
            keys = self._reader.mapping(item, _COVERAGE_KEYS)
            if keys is None:
                continue
            patient, authority = self._patient(keys.get("patient"))
            channel = self._channel(keys.get("channel"))
            row = CoverageRow(
                channel, self._day(keys.get("from"), "from"), self._day(keys.get("to"), "to")
            )
            if patient and authority:  # a permit matches by both (§10.8)
                visit = self._text(keys.get("visit"), "visit")
                account = self._text(keys.get("account"), "account")
                key = _key(patient, authority, visit, account)
                rows.setdefault(key, []).append(row)
        return {key: Coverages(tuple(found)) for key, found in rows.items()}

    def _disclosed(self, node: Node | None) -> frozenset[Disclosed]:
        found = set()
        for item in self._items(node, "`disclosed`"):
            keys = self._reader.mapping(item, _DISCLOSED_KEYS)
            if keys is None:
                continue
            if "visit" not in keys and "control_id" not in keys:
                self._reader.missing_key(item.place, _DISCLOSED_KEYS.of, "visit", "control_id")
            found.add(
                Disclosed(
                    self._channel(keys.get("channel")),
                    self._text(keys.get("visit"), "visit"),
                    self._text(keys.get("control_id"), "control_id"),
                )
            )
        return frozenset(found)

    def _items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        if node is None or _is_empty(node):
            return ()
        return self._reader.sequence(node, what) or ()

    def _patient(self, node: Node | None) -> tuple[str, str]:
        keys = self._reader.mapping(node, _PATIENT_KEYS) or {}
        return self._text(keys.get("id"), "id"), self._text(keys.get("authority"), "authority")

    def _channel(self, node: Node | None) -> str:
        channel = self._text(node, "channel")
        if node is not None and channel and channel not in self._policy.channels:
            listed = ", ".join(sorted(self._policy.channels))
            self._reader.bad_value(
                node, f"The site has no channel `{channel}`.", f"It has: {listed}."
            )
        return channel

    def _text(self, node: Node | None, name: str) -> str:
        if node is None or _is_empty(node):
            return ""
        return self._reader.text(node, f"`{name}`") or ""

    def _day(self, node: Node | None, name: str) -> date | None:
        if node is None or _is_empty(node):
            return None
        text = self._reader.day(node, f"`{name}`")
        return None if text is None else date.fromisoformat(text)


def _key(patient: str, authority: str, visit: str, account: str) -> CoverageKey:
    if visit:
        return CoverageKey(Level.VISIT, patient, authority, visit)
    if account:
        return CoverageKey(Level.ACCOUNT, patient, authority, account)
    return CoverageKey(Level.PATIENT, patient, authority)


def _instant(reader: Reader, node: Node | None, timezone: tzinfo) -> datetime | None:
    if node is None or _is_empty(node):
        return None
    text = reader.text(node, "`now`")
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        reader.bad_value(
            node, "`now` is no timestamp.", "Write ISO form, such as 2026-03-01T12:00:00Z."
        )
        return None
    return (found if found.tzinfo else found.replace(tzinfo=timezone)).astimezone(UTC)


def _is_empty(node: Node) -> bool:
    if isinstance(node, Scalar):
        return not node.text
    if isinstance(node, SequenceNode):
        return not node.items
    return isinstance(node, MappingNode) and not node.entries
