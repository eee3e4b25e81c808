"""Whether a copy keeps the segments that its message structure demands (rules.md §10.29).

Law: what is judged is the copy alone, as its receiver would: by MSH-9 and MSH-12, which every copy
carries. A structure that is not known cannot be kept. Nothing is ever added to a copy to mend it.
"""

from __future__ import annotations

from functools import lru_cache

from engine.hl7.path import Path
from engine.hl7.required import required_by
from engine.policy.cutting.cut import Cut

_STRUCTURE = Path("MSH", 9, 3)
_VERSION = Path("MSH", 12, 1)

#: How many types and versions are remembered; a hospital sends some dozens.
_required_by = lru_cache(maxsize=1024)(required_by)


def keeps_structure(cut: Cut) -> bool:
    """Whether nothing is missing that the structure of the message demands."""
    view = cut.view
    kind = view.type
    required = _required_by(
        kind.code, kind.trigger or "", view.first(_STRUCTURE), view.first(_VERSION)
    )
    if required is None:
        return False
    pieces = cut.pieces
    kept = [one.id for one in view.message.segments if pieces[one.index] is not None]
    return required.lacking(kept) is None
