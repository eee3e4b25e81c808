"""Which results carry a document, into which no rule can look.

Law: a result is a document by its type (OBX-2 `ED` or `RP`), by how its value is encoded (OBX-5.4
`Base64` or `Hex`, table 0299), whatever it says of its type, or by how a PDF begins; case and outer
space do not matter. It is sent whole, and only where a grant lists its type (`Grant.documents`).
"""

from __future__ import annotations

from collections.abc import Sequence
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

#: How a PDF begins, in Base64 and as it is.
_BEGINNINGS = (b"JVBERi0", b"%PDF-")

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
    has_pdf = any(beginning in view.message.raw for beginning in _BEGINNINGS)
    if (
        not has_pdf
        and _PLAIN.issuperset(columns[_TYPE.field])
        and not _may_be_encoded(view, columns[_VALUE])
    ):
        return _NONE
    return frozenset(
        segment.index
        for segment in view.all("OBX")
        if any(text.strip().upper() in DOCUMENT_TYPES for text in view.texts(segment, _TYPE))
        or any(text.strip().casefold() in _ENCODINGS for text in view.texts(segment, _ENCODING))
        or (has_pdf and any(one in segment.field(_VALUE) for one in _BEGINNINGS))
    )


def _may_be_encoded(view: View, values: Sequence[bytes]) -> bool:
    """Whether any value has a fourth component, where an encoding may stand."""
    mark = view.message.delimiters.component
    if not mark or b"\r".join(values).count(mark) < _BEFORE_ENCODING:
        return False
    return any(value.count(mark) >= _BEFORE_ENCODING for value in values)


def is_document(view: View, at: int) -> bool:
    """Whether the segment at `at` carries a document."""
    return at in view.documents


def is_no_document(view: View, at: int) -> bool:
    """Whether the segment at `at` carries no document."""
    return at not in view.documents
