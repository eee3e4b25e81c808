"""What a coded marker says: by the codes of all its triplets, in every repetition.

Law: a marker denies whichever triplet its code stands in; a repetition in which no code is one of
the table's, or which has a text alone, says what is not known, and that restricts (standards.md
B-7.5). A translation that nobody knows, beside a code that is known, says nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.legal.signal_codes import Says
from engine.policy.message.view import View
from engine.policy.vocabulary.codesets import IDENTIFIERS

#: What stands in a field of which nothing is said.
_NOTHING = frozenset({"", '""'})


def codes_said(view: View, segment: Segment, field: int) -> list[frozenset[str]]:
    """The identifiers of each repetition that says anything; none where it has a text alone."""
    columns = [view.texts(segment, Path(segment.id, field, one)) for one in IDENTIFIERS]
    said = []
    for whole, *found in zip(view.texts(segment, Path(segment.id, field)), *columns, strict=True):
        codes = frozenset(text.strip() for text in found) - _NOTHING
        if codes or whole.strip() not in _NOTHING:
            said.append(codes)
    return said


def says_of(
    view: View, segment: Segment, field: int, table: Mapping[str, Says], unknown: Says
) -> set[Says]:
    """What a coded field says by a table; `unknown` where no code of a repetition stands in it."""
    found: set[Says] = set()
    for codes in codes_said(view, segment, field):
        found |= {table[code] for code in codes if code in table} or {unknown}
    return found - {Says.NOTHING}
