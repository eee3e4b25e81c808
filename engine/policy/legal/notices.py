"""Notices that must go along with protected content, and where a message has a place for them.

Law: what may be disclosed only with a notice goes with it or not at all (42 CFR 2.32; rules.md
§10.12): in an ORU a NTE after the patient, in an ADT of 2.6 and later ARV-5, in a DFT of 2.5 and
later a NTE after a charge, in an MDM a NTE after the last observation. Nothing else has a place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from engine.hl7.build import field_value, join_fields
from engine.policy.cutting.cut import Cut
from engine.policy.message.reading import version_of
from engine.policy.message.view import View
from engine.privacy.facts import ConsentKind, SignedConsent
from engine.privacy.protections import Notice

#: From which version on a message has a place.
_ADT_SINCE, _DFT_SINCE = (2, 6), (2, 5)

#: What may stand between PID and the place after it (2.9.1 ORU_R01 PATIENT, ADT_A01).
_BESIDE_PID = frozenset({"PD1", "NTE", "ARV"})

#: Table 0717 as ARV-3 names its coding system.
_RESTRICTION_SYSTEM = "HL70717"


@dataclass(frozen=True, slots=True)
class Attached:
    """A notice, and what is told of the scope of the consent."""

    notice: Notice
    scope: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """What is written."""
        return (self.notice.text, self.scope) if self.scope else (self.notice.text,)


def has_place(view: View) -> bool:
    """Whether a message of this type and version has a place for a notice."""
    code = view.type.code
    if code == "ORU":
        return True
    if code == "MDM":
        return view.has("OBX")
    if code == "ADT":
        return version_of(view.message) >= _ADT_SINCE
    return code == "DFT" and version_of(view.message) >= _DFT_SINCE


def attach(cut: Cut, notices: Iterable[Attached]) -> bool:
    """Put the notices into the copy; say whether there was a place."""
    notices = tuple(notices)
    if not notices:
        return True
    place = _place(cut) if has_place(cut.view) else None
    if place is None:
        return False
    if cut.view.type.code == "ADT":
        cut.inserted[place] = [
            _restriction(cut, number, one) for number, one in enumerate(notices, start=1)
        ]
    else:
        cut.inserted[place] = _notes(cut, place, notices)
    return True


def scope_of(consents: Iterable[SignedConsent], timezone: tzinfo) -> str:
    """A clear explanation of a consent's scope (42 CFR 2.32(b)); nothing that tells the patient."""
    found = sorted(consents, key=_rank)
    if not found:
        return ""
    consent = found[0]
    if consent.purposes is not None:
        purposes = ", ".join(sorted(consent.purposes))
    elif consent.kind is ConsentKind.PART2_TPO:
        purposes = "treatment, payment, health care operations"
    else:
        purposes = "all that it names"
    parts = [f"Scope of the patient's consent: purposes {purposes}"]
    if consent.labels:
        parts.append("content " + ", ".join(sorted(consent.labels)))
    if consent.begins is not None:
        parts.append(f"given {consent.begins.astimezone(timezone).date()}")
    if consent.ends is not None:
        last = (consent.ends - timedelta(microseconds=1)).astimezone(timezone).date()
        parts.append(f"until {last}")
    else:
        parts.append("until revoked")
    return "; ".join(parts) + "."


def _rank(consent: SignedConsent) -> tuple[bool, str, str]:
    """A Part 2 consent before others, then the earliest; no order of a file matters."""
    begins = "" if consent.begins is None else consent.begins.isoformat()
    return consent.kind is not ConsentKind.PART2_TPO, begins, repr(consent)


def _place(cut: Cut) -> int | None:
    """The segment after which the notices stand."""
    view, pieces = cut.view, cut.pieces
    code = view.type.code
    if code == "DFT":
        kept = [line.index for line in view.all("FT1") if pieces[line.index] is not None]
        return kept[0] if kept else None
    if code == "MDM":
        kept = [one.index for one in view.all("OBX") if pieces[one.index] is not None]
        return _last_note(cut, kept[-1], frozenset({"NTE"})) if kept else None
    kept = [pid.index for pid in view.all("PID") if pieces[pid.index] is not None]
    return _last_note(cut, kept[0], _BESIDE_PID) if kept else None


def _last_note(cut: Cut, index: int, beside: frozenset[str]) -> int:
    """The last of what directly follows a segment and stays with it."""
    segments = cut.view.message.segments
    place = index
    while place + 1 < len(segments) and segments[place + 1].id in beside:
        place += 1
    return place


def _notes(cut: Cut, place: int, notices: tuple[Attached, ...]) -> list[bytes]:
    """NTE-3 repeats; where the message has no repetition separator there is a NTE for each."""
    message = cut.view.message
    texts = [field_value(message, text) for one in notices for text in one.texts]
    separator = message.delimiters.repetition
    values = [separator.join(texts)] if separator else texts
    before = _notes_before(cut, place)
    return [
        join_fields([b"NTE", b"%d" % (before + number), b"", value], message.delimiters.field)
        for number, value in enumerate(values, start=1)
    ]


def _notes_before(cut: Cut, place: int) -> int:
    """How many notes that are kept stand directly before."""
    segments, count = cut.view.message.segments, 0
    while place >= 0 and segments[place].id == "NTE":
        count += cut.pieces[place] is not None
        place -= 1
    return count


def _restriction(cut: Cut, number: int, one: Attached) -> bytes:
    """ARV: 2 is the action (table 0206), 3 the restriction, 5 the instructions."""
    message = cut.view.message
    delimiters = message.delimiters
    code = [one.notice.restriction, "", _RESTRICTION_SYSTEM]
    value = delimiters.component.join(field_value(message, text) for text in code)
    texts = [field_value(message, text) for text in one.texts]
    instructions = (delimiters.repetition or b" ").join(texts)
    return join_fields([b"ARV", b"%d" % number, b"A", value, b"", instructions], delimiters.field)
