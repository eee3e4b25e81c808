"""Which codes of a message may be told, and how.

Law: a code is told only if it stands where a standard's code stands, names its coding system and
has the form of that system's codes; anything else in such a field may be a name, a number of a
person or free text, and is never told. A code of a local system is short, and has too few digits to
be a date, or the number of a person or a visit; and it is nothing that the same message has of
somebody (`engine.policy.unlisted.personal`). Names of local systems are not told, since they may
be anything, too: such systems count as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.hl7.wire import Message, Segment
from engine.policy.message.reading import codes_at
from engine.policy.sensitive.coded_fields import DIAGNOSES, SERVICES
from engine.policy.unlisted.personal import is_personal
from engine.policy.vocabulary.codesets import canonical_system, normal_code

#: By segment the fields whose codes rules and labels look at, in order; the type of a document,
#: too. A result's value (OBX-5) is never among them.
CODED: Mapping[str, tuple[int, ...]] = {
    name: tuple(sorted({*SERVICES.get(name, ()), *DIAGNOSES.get(name, ())}))
    for name in {*SERVICES, *DIAGNOSES}
} | {"TXA": (2,)}

#: In the place of the name of any system that is not one of these.
LOCAL = "local"

#: What codes look like, as `normal_code` has them (ICD without its dot). Narrower than what a code
#: of the system may be (`engine.policy.sensitive.readings`): what is told is nothing else.
_FORMS = {
    "I10C": re.compile(r"[A-Z]\d[0-9A-Z]{1,5}", re.ASCII),
    "I10P": re.compile(r"[0-9A-HJ-NP-Z]{7}", re.ASCII),
    "I9C": re.compile(r"(?:\d{3,5}|V\d{2,4}|E\d{3,4})", re.ASCII),
    "I9CP": re.compile(r"\d{2,4}", re.ASCII),
    "LN": re.compile(r"(?:LP|LA)?\d{1,7}-\d", re.ASCII),
    "C4": re.compile(r"[0-9A-Z]\d{3}[0-9A-Z]", re.ASCII),
    "SCT": re.compile(r"\d{6,18}", re.ASCII),
    "NDC": re.compile(r"(?:\d{4,5}-\d{3,4}-\d{1,2}|\d{10,11})", re.ASCII),
    "RXNORM": re.compile(r"\d{1,8}", re.ASCII),
    "CVX": re.compile(r"\d{1,3}", re.ASCII),
    "MSDRG": re.compile(r"\d{1,3}", re.ASCII),
}
_LOCAL_FORM = re.compile(r"(?!(?:\D*\d){7})[A-Z0-9](?:[A-Z0-9._-]{0,10}[A-Z0-9])?", re.ASCII)

#: Systems of which a code may look like a name, or like a number of a person.
_OF_ANY_FORM = frozenset({LOCAL, "SCT", "NDC", "RXNORM"})

#: A longer name of a coding system is none.
_LONGEST_SYSTEM = 40


def told(system: str, code: str) -> tuple[str, str] | None:
    """A code as it may be told, with its system or `LOCAL`; None: it may not be."""
    name = canonical_system(system)
    if not name or len(name) > _LONGEST_SYSTEM:
        return None
    text = normal_code(name, code)
    form = _FORMS.get(name)
    if form is not None:
        return (name, text) if form.fullmatch(text) else None
    return (LOCAL, text) if _LOCAL_FORM.fullmatch(text) else None


def told_codes(
    message: Message, segment: Segment, field: int, left: bytes | None = None
) -> Iterator[tuple[str, str]]:
    """The codes of a field that may be told; of what is `left` of it, where that is given."""
    for triplets in codes_at(message, segment, field, left):
        for system, code in triplets:
            found = told(system, code)
            if found is not None and not _may_be_of_somebody(message, *found):
                yield found


def _may_be_of_somebody(message: Message, system: str, code: str) -> bool:
    """Whether it has the form of other things, too, and the message has it of somebody."""
    return system in _OF_ANY_FORM and is_personal(message, code)
