"""The packs of statutes and the label sets that come with the engine, as values.

Law: they are data, in `engine/privacy/packs/`, in the same form as a site's own code sets; they are
read by the same reader, and a mistake in them is ours, so that it ends the program.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Mapping
from importlib.resources.abc import Traversable

from engine.config.yaml_source import read_yaml
from engine.policy.language import Keys, Problems, Reader
from engine.policy.language.paths import path
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar, Sequence
from engine.policy.model import LabelSet, Mark, Purpose
from engine.policy.vocabulary.codesets import CodeSet
from engine.privacy.protections import (
    Basis,
    Certainty,
    Evidence,
    Label,
    Lift,
    MinorRule,
    Notice,
    Pack,
    Protection,
    Source,
)

#: The pack that every site has unless it says why not.
DEFAULT = "us-federal"

_PACK_KEYS = Keys(
    "A pack", required=("pack", "name", "protections"), optional=("minors", "notices", "bases")
)
_PROTECTION_KEYS = Keys(
    "A protection",
    required=("label", "citation", "certainty"),
    optional=(
        *("source", "evidence", "to", "purposes", "allows", "lifted_by", "consent_days"),
        *("notice", "note"),
    ),
)
_NOTICE_KEYS = Keys("A notice", required=("text",), optional=("restriction", "scope"))
_MINOR_KEYS = Keys("A rule on minors", required=("labels", "from_age", "citation", "certainty"))
_BASIS_KEYS = Keys("A basis", required=("citation", "certainty", "articles"), optional=("consent",))
_LABEL_KEYS = Keys("A label", required=("label", "sets"), optional=("marks",))
_SET_KEYS = Keys(
    "A label's set",
    required=("set", "system", "evidence", "source", "certainty"),
    optional=("codes", "prefixes", "ranges"),
)
_MARK_KEYS = Keys("A mark", required=("path", "values"))


@functools.cache
def packs() -> Mapping[str, Pack]:
    """Every pack by its name."""
    found = [_pack(file) for file in _files("packs")]
    return {pack.id: pack for pack in found}


@functools.cache
def labels() -> tuple[tuple[LabelSet, ...], tuple[Mark, ...]]:
    """What puts the built-in labels: codes, and markers of the sender."""
    sets: list[LabelSet] = []
    marks: list[Mark] = []
    for file in _files("packs", "labels"):
        more_sets, more_marks = _label(file)
        sets += more_sets
        marks += more_marks
    return tuple(sets), tuple(marks)


class _Data:
    """One file of ours being read."""

    def __init__(self, file: Traversable) -> None:
        problems = Problems()
        self.reader = Reader(problems)
        self.node = read_yaml(file.read_bytes(), file.name, problems)
        self._problems = problems

    def checked(self) -> None:
        """Raise for what is wrong with it."""
        found = self._problems.sorted()
        if found:
            raise AssertionError("\n".join(map(str, found)))

    def items(self, node: Node | None) -> tuple[Node, ...]:
        return node.items if isinstance(node, Sequence) else ()

    def texts(self, node: Node | None) -> frozenset[str]:
        return frozenset(one.text or "" for one in self.items(node) if isinstance(one, Scalar))


def _files(*folders: str) -> list[Traversable]:
    root = importlib.resources.files("engine.privacy")
    for folder in folders:
        root = root / folder
    found = [file for file in root.iterdir() if file.name.endswith(".yaml")]
    return sorted(found, key=lambda file: file.name)


# --- packs --------------------------------------------------------------------------------------


def _pack(file: Traversable) -> Pack:
    data = _Data(file)
    keys = data.reader.mapping(data.node, _PACK_KEYS) or {}
    name = data.reader.text(keys.get("pack"), "`pack`") or ""
    notices = _notices(data, keys.get("notices"))
    pack = Pack(
        name,
        data.reader.text(keys.get("name"), "`name`") or "",
        tuple(_protection(data, item, name, notices) for item in data.items(keys["protections"])),
        tuple(_minors(data, item, name) for item in data.items(keys.get("minors"))),
        tuple(_basis(data, item) for item in data.items(keys.get("bases"))),
    )
    data.checked()
    return pack


def _protection(data: _Data, node: Node, pack: str, notices: Mapping[str, Notice]) -> Protection:
    reader = data.reader
    keys = reader.mapping(node, _PROTECTION_KEYS) or {}
    purposes = keys.get("purposes")
    notice = reader.text(keys.get("notice"), "`notice`")
    return Protection(
        pack=pack,
        label=reader.choice(keys.get("label"), "`label`", Label) or Label.SUD,
        citation=reader.text(keys.get("citation"), "`citation`") or "",
        certainty=reader.choice(keys.get("certainty"), "`certainty`", Certainty)
        or Certainty.MEMORY,
        source=reader.choice(keys.get("source"), "`source`", Source) or Source.CONTENT,
        evidence=reader.choice(keys.get("evidence"), "`evidence`", Evidence) or Evidence.CORE,
        payers_only=reader.text(keys.get("to"), "`to`") == "payers",
        purposes=None if purposes is None else _purposes(data, purposes),
        allows=_purposes(data, keys.get("allows")),
        lifted_by=frozenset(
            lift
            for item in data.items(keys.get("lifted_by"))
            if (lift := reader.choice(item, "An item of `lifted_by`", Lift)) is not None
        ),
        consent_days=reader.whole(keys.get("consent_days"), "`consent_days`", 0, 36_500),
        notice=None if notice is None else notices[notice],
        note=reader.text(keys.get("note"), "`note`") or "",
    )


def _purposes(data: _Data, node: Node | None) -> frozenset[str]:
    found = (data.reader.choice(item, "A purpose", Purpose) for item in data.items(node))
    return frozenset(purpose.value for purpose in found if purpose is not None)


def _notices(data: _Data, node: Node | None) -> dict[str, Notice]:
    found = {}
    for key, value in node.entries if isinstance(node, MappingNode) else ():
        keys = data.reader.mapping(value, _NOTICE_KEYS) or {}
        name = key.text or ""
        found[name] = Notice(
            name,
            data.reader.text(keys.get("text"), "`text`") or "",
            data.reader.text(keys.get("restriction"), "`restriction`") or "",
            data.reader.flag(keys.get("scope"), "`scope`") is True,
        )
    return found


def _minors(data: _Data, node: Node, pack: str) -> MinorRule:
    reader = data.reader
    keys = reader.mapping(node, _MINOR_KEYS) or {}
    labels = (reader.choice(item, "A label", Label) for item in data.items(keys.get("labels")))
    return MinorRule(
        pack,
        frozenset(label for label in labels if label is not None),
        reader.whole(keys.get("from_age"), "`from_age`", 0, 18) or 0,
        reader.text(keys.get("citation"), "`citation`") or "",
        reader.choice(keys.get("certainty"), "`certainty`", Certainty) or Certainty.MEMORY,
    )


def _basis(data: _Data, node: Node) -> Basis:
    reader = data.reader
    keys = reader.mapping(node, _BASIS_KEYS) or {}
    return Basis(
        reader.text(keys.get("citation"), "`citation`") or "",
        reader.choice(keys.get("certainty"), "`certainty`", Certainty) or Certainty.MEMORY,
        data.texts(keys.get("articles")),
        data.texts(keys.get("consent")),
    )


# --- labels -------------------------------------------------------------------------------------


def _label(file: Traversable) -> tuple[list[LabelSet], list[Mark]]:
    data = _Data(file)
    keys = data.reader.mapping(data.node, _LABEL_KEYS) or {}
    label = data.reader.choice(keys.get("label"), "`label`", Label) or Label.SUD
    sets = [_set(data, item, label) for item in data.items(keys.get("sets"))]
    marks = [_mark(data, item, label) for item in data.items(keys.get("marks"))]
    data.checked()
    return sets, marks


def _set(data: _Data, node: Node, label: Label) -> LabelSet:
    reader = data.reader
    keys = reader.mapping(node, _SET_KEYS) or {}
    ranges = (text.partition("-") for text in data.texts(keys.get("ranges")))
    codes = CodeSet(
        name=reader.text(keys.get("set"), "`set`") or "",
        system=reader.text(keys.get("system"), "`system`") or "",
        codes=data.texts(keys.get("codes")),
        prefixes=data.texts(keys.get("prefixes")),
        ranges=frozenset((low, high) for low, _, high in ranges),
        label=label.value,
    )
    reader.choice(keys.get("certainty"), "`certainty`", Certainty)
    evidence = reader.choice(keys.get("evidence"), "`evidence`", Evidence)
    return LabelSet(label.value, codes, evidence or Evidence.CORE)


def _mark(data: _Data, node: Node, label: Label) -> Mark:
    keys = data.reader.mapping(node, _MARK_KEYS) or {}
    at = keys.get("path")
    where = path(at, data.reader) if isinstance(at, Scalar) else None
    if where is None:
        raise AssertionError(f"{node.place}: no path")
    return Mark(where, data.texts(keys.get("values")), label.value)
