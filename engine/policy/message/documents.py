"""Which results carry a document, into which no rule can look.

Law: a result is a document by its type (OBX-2 `ED` or `RP`), by how its value is encoded (OBX-5.4
`Base64` or `Hex`, table 0299), whatever it says of its type, or by how a PDF begins; case and outer
space do not matter. It is sent whole, and only where a grant lists its type (`Grant.documents`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.hl7.path import Path

if TYPE_CHECKING:
    from engine.policy.message.view import View

#: Where a result says its type, and how its value is encoded.
_TYPE = Path("OBX", 2, 1)
_VALUE = 5
_ENCODING = Path("OBX", _VALUE, 4, 1)
_BEFORE_ENCODING = 3

#: Encapsulated data, and a pointer to what lies elsewhere (HL7 v2.5.1, 2.A.24 and 2.A.65).
DOCUMENT_TYPES = frozenset({"ED", "RP"})
_ENCODINGS = frozenset({"base64", "hex"})

#: How a PDF begins.
_AS_BASE64, _AS_IT_IS = b"JVBERi0", b"%PDF-"

#: What nearly all results have as their type, and what is none of a document.
_PLAIN = frozenset(
    b"NM ST TX FT CE CWE CNE CF SN DT TM TS DTM CX CQ XPN XAD XTN XON XCN MO CP ID IS NR SI".split()
) | {b""}

_NONE: frozenset[int] = frozenset()


def documents_in(view: View) -> frozenset[int]:
    """The OBX that carry a document, by index; ask `View.documents`, which keeps it.

    Every message with results is looked at: nothing here may cost more than it must.
    """
    if not view.has("OBX"):
        return _NONE
    columns = view.columns("OBX", _VALUE)
    types, values = columns[_TYPE.field], b"\r".join(columns[_VALUE])
    has_pdf = _begins_a_pdf(values)
    mark = view.message.delimiters.component
    # Where an encoding may stand is a fourth component.
    may_be_encoded = bool(mark) and values.count(mark) >= _BEFORE_ENCODING
    if may_be_encoded:
        may_be_encoded = any(one.count(mark) >= _BEFORE_ENCODING for one in columns[_VALUE])
    if _PLAIN.issuperset(types) and not (has_pdf or may_be_encoded):
        return _NONE
    return frozenset(
        segment.index
        for segment in view.all("OBX")
        if any(text.strip().upper() in DOCUMENT_TYPES for text in view.texts(segment, _TYPE))
        or any(text.strip().casefold() in _ENCODINGS for text in view.texts(segment, _ENCODING))
        or (has_pdf and _begins_a_pdf(segment.field(_VALUE)))
    )


def _begins_a_pdf(value: bytes) -> bool:
    return _AS_BASE64 in value or _AS_IT_IS in value


def is_document(view: View, at: int) -> bool:
    """Whether the segment at `at` carries a document."""
    return at in view.documents


def is_no_document(view: View, at: int) -> bool:
    """Whether the segment at `at` carries no document."""
    return at not in view.documents
