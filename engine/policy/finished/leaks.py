"""The last look at a finished copy: whether it still tells what was withheld.

Law: whatever a withheld, labelled or restricted segment said by a code, and no coded field of the
copy says openly, must not stand in its coded or free text; nor what the law took out stand there by
its name; and anywhere, no member or policy number of another insurer, and not how a patient is
reached who asked that it be kept back (rules.md §10.11, standards.md B-9.5, LAW-10). Compared by
whole token, without escapes. A hit names kinds of codes, never one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.hl7.path import Path
from engine.hl7.wire import Segment
from engine.policy.cutting.cut import Cut
from engine.policy.finished.contacts_told import tells_contact
from engine.policy.finished.phrases import tells_name
from engine.policy.finished.tokens import has_token
from engine.policy.message.descendants import with_descendants
from engine.policy.message.view import View
from engine.policy.outcome import Code, Reason
from engine.policy.sensitive.coded_fields import DIAGNOSES, SERVICES, codes_of
from engine.policy.vocabulary.codesets import canonical_system

#: Codes count there whatever their system; elsewhere only with one.
_WITHOUT_SYSTEM = frozenset(
    {("DG1", 3), ("PR1", 3), ("FT1", 7), ("FT1", 25), ("OBR", 4), ("OBX", 3)}
)
_SHORTEST_CODE, _SHORTEST_NUMBER = 4, 5

#: Coded and free-text fields of segments that also have others; all of any segment not named.
_TEXTS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("MSH", "SFT", "EVN", "PID", "PD1", "NK1", "GT1", "MRG", "IN2", "ARV"), ()),
    "PV1": (10, 14, 18),
    "PV2": (2, 3, 12),
    "DG1": (3, 4, 8),
    "PR1": (3, 4, 15),
    "FT1": (7, 8, 9, 19, 25, 26, 29, 43, 44),
    "IN1": (14, 28),
    "IN3": (2, 12, 17),
    "ORC": (16,),
    "OBR": (4, 13, 15, 18, 19, 20, 21, 31, 39, 44, 46, 47),
    "OBX": (3, 4, 5, 8, 13, 17),
    "NTE": (3, 4),
    "SPM": (4, 5, 8, 9, 14, 24),
    "AL1": (3, 5),
    "IAM": (3, 5),
    "DRG": (1,),
    "TXA": (2, 16),
    "ACC": (2, 5, 8),
    "PDA": (1,),
    "FAC": (),
}

#: Member and policy numbers.
_NUMBERS = (Path("IN1", 36, 1), Path("IN1", 49, 1))
_NUMBERS_BESIDE = (Path("IN2", 61, 1),)
_NONE: frozenset[str] = frozenset()

#: For each IN1 by index, its numbers.
Numbers = Mapping[int, frozenset[str]]

#: Coding systems as people name them.
_KINDS = {
    "I10C": "ICD-10-CM",
    "I10P": "ICD-10-PCS",
    "I9C": "ICD-9-CM",
    "I9CP": "ICD-9-CM procedures",
    "LN": "LOINC",
    "C4": "CPT or HCPCS",
    "SCT": "SNOMED CT",
    "NDC": "NDC",
    "RXNORM": "RxNorm",
    "CVX": "CVX",
}
_OTHER_KIND = "another coding system"


def leak(cut: Cut, foreign: frozenset[str], *, names: bool = True) -> Reason | None:
    """Why the copy must not go: what it tells that was taken out. `foreign`: others' numbers.

    `names`: also what withheld content is called (`engine.policy.finished.phrases`).
    """
    kinds = _codes_told(cut)
    told = [f"a code that is withheld ({', '.join(sorted(kinds))})"] if kinds else []
    if names and cut.bars and tells_name(cut):
        told.append("what something that is withheld is called")
    if foreign and _tells_any(cut, foreign):
        told.append("a member or policy number of another insurer")
    if tells_contact(cut):
        told.append("how the patient is reached")
    if not told:
        return None
    return Reason(Code.LEAK, f"What is left would still tell {' and '.join(told)}.")


def insurance_numbers(view: View) -> Numbers:
    """The member and policy numbers of each insurance of the message, by its IN1."""
    found: dict[int, frozenset[str]] = {}
    for insurance in view.all("IN1"):
        found[insurance.index] = _numbers_of(view, insurance, _NUMBERS)
    for beside in view.all("IN2"):
        of = view.parents[beside.index]
        if of in found:
            found[of] |= _numbers_of(view, beside, _NUMBERS_BESIDE)
    return found


def _numbers_of(view: View, segment: Segment, paths: Iterable[Path]) -> frozenset[str]:
    texts: list[str] = []
    for path in paths:
        value = segment.field(path.field)
        if value.isalnum():
            texts.append(value.decode("ascii"))
        elif value:
            texts += view.texts(segment, path)
    return frozenset([text for text in texts if len(text) >= _SHORTEST_NUMBER])


def foreign_numbers(numbers: Numbers, own: frozenset[int]) -> frozenset[str]:
    """Those of the insurances that are not `own`, and not also of those."""
    mine, others = _NONE, _NONE
    for index, found in numbers.items():
        if index in own:
            mine |= found
        else:
            others |= found
    return others - mine if mine else others


# --- codes --------------------------------------------------------------------------------------


def _codes_told(cut: Cut) -> set[str]:
    """The kinds of the withheld codes that the copy still tells."""
    if not cut.bars and not cut.plan.withheld:
        return set()
    withheld = _withheld_codes(cut)
    if not withheld:
        return set()
    for code in _kept_codes(cut):
        withheld.pop(code, None)
    if not withheld:
        return set()
    text = _text(cut)
    return {
        kind
        for code, (kind, spellings) in withheld.items()
        if any(has_token(text, spelling) for spelling in spellings)
    }


def _withheld_codes(cut: Cut) -> dict[str, tuple[str, set[str]]]:
    """Each code that is withheld, as it is compared: its kind, and how it may be written."""
    view, segments = cut.view, cut.view.message.segments
    found: dict[str, tuple[str, set[str]]] = {}
    for index, fields in _withheld_fields(cut).items():
        segment = segments[index]
        for number in fields:
            needs_system = (segment.id, number) not in _WITHOUT_SYSTEM
            for system, code in codes_of(view, segment.field(number)):
                if len(code) < _SHORTEST_CODE or (needs_system and not system):
                    continue
                name = canonical_system(system)
                kind = _KINDS.get(name, _OTHER_KIND)
                _, spellings = found.setdefault(_compared(code), (kind, set()))
                spellings |= _spellings(name, code)
    return found


def _withheld_fields(cut: Cut) -> dict[int, tuple[int, ...]]:
    """The coded fields that are withheld, by segment: all of a segment that is, or some."""
    view, pieces, segments = cut.view, cut.pieces, cut.view.message.segments
    roots, found = _withheld_by_rules(cut)
    roots |= {index for index in cut.bars if pieces[index] is None}
    if view.type.code == "DFT" and any(segments[index].id == "FT1" for index in roots):
        # A diagnosis that no kept line points to was withheld with the line that did.
        roots |= {one.index for one in view.all("DG1") if pieces[one.index] is None}
    for index in with_descendants(view, roots):
        if pieces[index] is None:
            found[index] = _coded(segments[index].id)
    return found


def _withheld_by_rules(cut: Cut) -> tuple[set[int], dict[int, tuple[int, ...]]]:
    """Segments that rules withhold whole, and coded fields of others."""
    view = cut.view
    roots: set[int] = set()
    partly: dict[int, tuple[int, ...]] = {}
    for name, parts in cut.plan.withheld.items():
        coded = _coded(name)
        for segment in view.all(name):
            for part in parts:
                if part.where is not None and not part.where(view, segment.index):
                    continue
                if part.mask.is_whole:
                    roots.add(segment.index)
                else:
                    more = [number for number in coded if number in part.mask.fields]
                    partly[segment.index] = (*partly.get(segment.index, ()), *more)
    return roots, partly


def _coded(segment_id: str) -> tuple[int, ...]:
    fields = SERVICES.get(segment_id, ()) + DIAGNOSES.get(segment_id, ())
    return (*fields, 5) if segment_id == "OBX" else fields


def _kept_codes(cut: Cut) -> Iterable[str]:
    """Every code that a coded field of the copy says openly."""
    view, message = cut.view, cut.view.message
    for index in cut.kept():
        segment = message.segments[index]
        left = message.split(cut.pieces[index] or b"", segment.separator)
        for number in _coded(segment.id):
            if number < len(left) and left[number]:
                for _, code in codes_of(view, left[number]):
                    yield _compared(code)


def _compared(code: str) -> str:
    return code.strip().upper().replace(".", "")


def _spellings(system: str, code: str) -> set[str]:
    """ICD is written with its dot and without."""
    text = code.strip().upper()
    found = {text, text.replace(".", "")}
    if system in ("I10C", "I9C") and "." not in text and len(text) > 3:
        found.add(f"{text[:3]}.{text[3:]}")
    return found


# --- texts --------------------------------------------------------------------------------------


def _text(cut: Cut) -> str:
    """The coded and free text of the copy, in upper case, without escapes."""
    view, message = cut.view, cut.view.message
    found: list[str] = []
    for index in cut.kept():
        segment = message.segments[index]
        left = message.split(cut.pieces[index] or b"", segment.separator)
        numbers = _TEXTS.get(segment.id, range(1, len(left)))
        found += [view.text(left[n]) for n in numbers if n < len(left) and left[n]]
    return "\n".join(found).upper()


def _tells_any(cut: Cut, numbers: Iterable[str]) -> bool:
    """Whether any of these stands anywhere in the copy, as it is sent or as it is read."""
    message, body = cut.view.message, cut.body.data
    escape = message.delimiters.escape
    if not (escape and escape in body):
        header = message.msh.raw
        for number in numbers:
            raw = number.encode()
            if raw in body or raw in header or not number.isascii():
                break
        else:
            return False  # nearly always: a search over bytes is all it costs
    data = cut.said()
    texts = (message.text(data), cut.view.text(data))
    return any(has_token(text, number) for text in texts for number in numbers)
