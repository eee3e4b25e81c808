"""What points to diagnoses: charges, procedures, orders and visits that name them by their codes.

Law: a diagnosis that its sender marks as confidential (DG1-18) is told by nothing else either: its
code goes from every field of the copy that names diagnoses, unless one that is sent has the same
(standards.md B-7.1, B-9.2). Codes compare as their systems mean them, ICD without its dot.
"""

from __future__ import annotations

from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.cutting.qualified import Qualified, share
from engine.policy.cutting.repetitions import take_out
from engine.policy.message.reading import codes_in
from engine.policy.message.view import View
from engine.policy.outcome import Code
from engine.policy.sensitive.coded_fields import DIAGNOSES
from engine.policy.vocabulary.codesets import canonical_system

_DIAGNOSIS = ("DG1", 3)


def add_codes(view: View, value: bytes, found: Qualified) -> None:
    """The codes of a coded field, as they are compared."""
    for codes in codes_in(view.message, value):
        for system, code in codes:
            text = code.strip().upper().replace(".", "")
            if text:
                found.setdefault(text, set()).add(canonical_system(system))


def conceal_pointers(cut: Cut) -> bool:
    """Take out what points to a confidential diagnosis; say whether any segment fell."""
    if not cut.bars:
        return False
    view = cut.view
    marked: Qualified = {}
    kept: Qualified = {}
    for diagnosis in view.all(_DIAGNOSIS[0]):
        is_kept = cut.pieces[diagnosis.index] is not None
        if is_kept or _is_marked(cut, diagnosis):
            add_codes(view, diagnosis.field(_DIAGNOSIS[1]), kept if is_kept else marked)
    for code in kept:
        marked.pop(code, None)
    if not marked:
        return False

    def tells(value: bytes) -> bool:
        named: Qualified = {}
        add_codes(view, value, named)
        return share(named, marked)

    fell = False
    for name, numbers in DIAGNOSES.items():
        for segment in view.all(name) if name != _DIAGNOSIS[0] else ():
            for number in numbers:
                fell = take_out(cut, segment, number, tells) or fell
    return fell


def _is_marked(cut: Cut, diagnosis: Segment) -> bool:
    """Whether the diagnosis itself is restricted, and not what it belongs to."""
    bar = cut.bars.get(diagnosis.index)
    above = cut.view.parents[diagnosis.index]
    return bar is not None and bar.code is Code.RESTRICTED and above not in cut.bars
