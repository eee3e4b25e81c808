"""What a rule discloses: of each segment all or a list of fields, where, masked, chosen.

Law: only what is written is granted; a mask or a choice of repetitions is of what `fields` grants
and says so, or it is a mistake (rules.md §4, §10.22, §10.25).
"""

from __future__ import annotations

import re

from engine.policy.language.conditions import compared, condition
from engine.policy.language.documents import with_documents
from engine.policy.language.fields import MSH_ALWAYS, segment_fields
from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import known_or_close
from engine.policy.language.paths import field_known, segment_id
from engine.policy.language.reader import Reader
from engine.policy.language.source import Mapping, Node, Scalar
from engine.policy.model import FieldMask, Grant, Masking, MaskKind
from engine.policy.vocabulary.conditions import Condition

GRANT_KEYS = Keys(
    of="A grant",
    required=("fields",),
    optional=("where", "which", "alone", "documents", "mask", "repetitions"),
)
CONSTANT_KEYS = Keys(of="A constant mask", required=("constant",))

_TARGET = re.compile(r"([1-9]\d{0,3})(?:\.([1-9]\d{0,2}))?")

#: Masks that are one word.
_KINDS = {kind.value: kind for kind in MaskKind if kind is not MaskKind.CONSTANT}


def grants(node: Node, reader: Reader) -> tuple[Grant, ...]:
    """The grants of `disclose`, one a segment id; what cannot be read is noted and left out."""
    entries = reader.entries(node, "`disclose`", "a mapping of segments")
    found = (_grant(key, value, reader) for key, value in entries)
    return tuple(grant for grant in found if grant is not None)


def _grant(key: Scalar, value: Node, reader: Reader) -> Grant | None:
    segment = segment_id(key, reader)
    if segment is None:
        return None
    named_only = frozenset({8}) if segment == "MSH" else frozenset()
    if not isinstance(value, Mapping):
        fields = segment_fields(value, segment, reader, named_only=named_only)
        return None if fields is None else Grant(segment, fields[0], key.place)
    given = reader.mapping(value, GRANT_KEYS)
    if given is None or "fields" not in given:
        return None
    fields = segment_fields(given["fields"], segment, reader, named_only=named_only)
    where = condition(given.get("where"), "`where`", reader)
    own = _which(given.get("which"), segment, reader)
    alone = _alone(given.get("alone"), segment, reader)
    if fields is None:
        return None
    maskings = _maskings(given.get("mask"), segment, fields[0], reader)
    repetitions = _repetitions(given.get("repetitions"), segment, fields[0], reader)
    grant = Grant(segment, fields[0], key.place, where, own, alone, maskings, repetitions)
    return with_documents(grant, given.get("documents"), reader)


# --- masks ------------------------------------------------------------------------------------


def _maskings(
    node: Node | None, segment: str, mask: FieldMask | None, reader: Reader
) -> dict[tuple[int, int], Masking]:
    """`mask: {5.2: initial, 7: year}`: fields and components, and what is left of each."""
    found: dict[tuple[int, int], Masking] = {}
    for key, value in reader.entries(node, "`mask`", "a mapping of fields and components"):
        target = _masked(key, segment, mask, reader)
        masking = _masking(value, reader)
        if target is not None and masking is not None:
            found[target] = masking
    for number, component in sorted(found):
        if component and (number, 0) in found and node is not None:
            reader.bad_value(
                node,
                f"{segment}-{number} is masked as a whole, and its component {component} apart.",
                "Keep one of them.",
            )
    return found


def _masked(
    key: Scalar, segment: str, mask: FieldMask | None, reader: Reader
) -> tuple[int, int] | None:
    """The field and the component, or 0, that a key of `mask` names."""
    match = _TARGET.fullmatch(key.text or "")
    if match is None:
        reader.bad_value(
            key, f"`{key.text}` is not a field of {segment}.", "Write `7`, or `5.2` of a component."
        )
        return None
    number, component = int(match[1]), int(match[2] or 0)
    if not field_known(key, segment, number, reader):
        return None
    if segment == "MSH" and number in MSH_ALWAYS:
        reader.bad_value(
            key, f"MSH-{number} is part of every copy.", "Use `rewrite` to send another value."
        )
        return None
    granted = None if mask is None else mask.get(number, frozenset())
    if granted is not None and component not in granted:
        reader.bad_value(
            key,
            f"`fields` does not grant {segment}-{key.text}, so that there is nothing to mask.",
            f"Name {key.text} in `fields` too.",
        )
        return None
    return number, component


def _masking(node: Node, reader: Reader) -> Masking | None:
    if isinstance(node, Mapping):
        given = reader.mapping(node, CONSTANT_KEYS)
        text = reader.text(given.get("constant"), "`constant`") if given else None
        return None if text is None else Masking(MaskKind.CONSTANT, text)
    text = reader.text(node, "A mask")
    if text is None:
        return None
    if text not in _KINDS:
        reader.bad_value(
            node,
            f"There is no mask `{text}`.",
            known_or_close(text, [*_KINDS, "{constant: …}"]),
        )
        return None
    return Masking(_KINDS[text])


# --- repetitions ------------------------------------------------------------------------------


def _repetitions(
    node: Node | None, segment: str, mask: FieldMask | None, reader: Reader
) -> dict[int, Condition]:
    """`repetitions: {3: {PID-3.5: MB}}`: of each field which repetitions are granted."""
    found: dict[int, Condition] = {}
    for key, value in reader.entries(node, "`repetitions`", "a mapping of fields"):
        match = _TARGET.fullmatch(key.text or "")
        if match is None or match[2]:
            reader.bad_value(
                key, f"`{key.text}` is not a field of {segment}.", "Write the number of a field."
            )
            continue
        number = int(match[1])
        asked = condition(value, f"`repetitions` of {segment}-{number}", reader)
        if _can_choose(key, segment, number, mask, reader) and asked is not None:
            if _chooses(asked, segment, number):
                found[number] = asked
            else:
                reader.bad_value(
                    key,
                    f"This asks nothing of a repetition of {segment}-{number}.",
                    f"Compare a part of it, as in `{{{segment}-{number}.5: MB}}`; `where:` chooses"
                    " segments.",
                )
    return found


def _can_choose(
    key: Scalar, segment: str, number: int, mask: FieldMask | None, reader: Reader
) -> bool:
    """Whether the field is there and granted, so that its repetitions can be chosen from."""
    if not field_known(key, segment, number, reader):
        return False
    if segment == "MSH" and number in MSH_ALWAYS:
        reader.bad_value(key, f"MSH-{number} is part of every copy.", "Remove it.")
        return False
    if mask is None or number in mask:
        return True
    reader.bad_value(
        key,
        f"`fields` does not grant {segment}-{number}, so that there is nothing to choose from.",
        f"Name {number} in `fields` too.",
    )
    return False


def _chooses(asked: Condition, segment: str, number: int) -> bool:
    """Whether the condition asks anything of one repetition of the field."""
    return any(
        (compare.path.segment, compare.path.field, compare.path.repetition) == (segment, number, 0)
        for compare in compared(asked)
    )


# --- which and alone --------------------------------------------------------------------------


def _which(node: Node | None, segment: str, reader: Reader) -> bool:
    text = reader.text(node, "`which`")
    if node is None:
        return False
    if text is not None and text != "own":
        reader.bad_value(node, f"`which` cannot be `{text}`.", "Write `own`.")
    if segment not in {"IN1", "FT1"}:
        reader.bad_value(
            node,
            f"`which: own` cannot choose among {segment} segments.",
            "It belongs to IN1 (which takes IN2 and IN3 along) and to FT1.",
        )
    return text == "own"


def _alone(node: Node | None, segment: str, reader: Reader) -> bool:
    if node is not None and segment != "OBR":
        reader.bad_value(
            node, f"`alone` says nothing of {segment}.", "It belongs to OBR only; remove it."
        )
    return reader.flag(node, "`alone`") is True
