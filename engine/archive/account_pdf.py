"""An accounting of disclosures as PDF, to be printed and handed over.

Law: the same account gives the same bytes. The fonts are those that every reader has: a letter that
they lack loses its accent, or becomes a question mark, and the document says so. Each page names
its patient, so that pages of two are told apart.
"""

from __future__ import annotations

import unicodedata
from typing import cast

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from engine.archive.accounting import TITLE, Account, Line, introduction, notes, when

_FONT = "Helvetica"
_MARGIN_MM = 22
_LABEL_MM = 28
_GREY = 90

#: Of the patient's identifier, as much as the foot of a page has room for.
_FOOT_CHARACTERS = 50

#: What the fonts lack, and what is read as the same.
_INSTEAD = str.maketrans(
    {
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "„": '"', "“": '"', "”": '"',
        "‘": "'", "’": "'", "‚": "'", "…": "...", "•": "·", "€": "EUR", "Œ": "OE", "œ": "oe",
        "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "ı": "i", "ẞ": "SS",
    }
)  # fmt: skip

_LOST = "A question mark may stand for a letter that this document cannot show."


class _Page(FPDF):
    """A letter page with its patient and its number at the foot."""

    patient = ""

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(_FONT, size=9)
        self.set_text_color(_GREY)
        whose = f"{TITLE}, patient {_plain(self.patient[:_FOOT_CHARACTERS])}"
        self.cell(0, 8, f"{whose}, page {self.page_no()} of {{nb}}", align="C")


def as_pdf(account: Account) -> bytes:
    """The document."""
    page = _Page(format="letter")
    page.patient = account.patient
    page.set_creation_date(account.made)
    page.set_title(TITLE)
    page.set_lang("en-US")
    page.set_margin(_MARGIN_MM)
    page.set_auto_page_break(auto=True, margin=_MARGIN_MM)
    page.add_page()
    page.set_font(_FONT, "B", 18)
    _write(page, TITLE, 10)
    page.ln(3)
    page.set_font(_FONT, size=11)
    for text in introduction(account):
        _write(page, text, 5.5)
        page.ln(2)
    if _is_lossy(account):
        _write(page, _LOST, 5.5)
        page.ln(2)
    for line in account.lines:
        with page.offset_rendering() as rehearsal:
            _entry(cast("FPDF", rehearsal), line)
        if rehearsal.page_break_triggered:
            page.add_page()
        _entry(page, line)
    if not account.lines:
        page.set_font(_FONT, "B", 11)
        _write(page, "There were none in this time.", 5.5)
    return bytes(page.output())


def _entry(page: FPDF, line: Line) -> None:
    page.ln(3)
    page.set_draw_color(185)
    page.line(page.l_margin, page.get_y(), page.w - page.r_margin, page.get_y())
    page.ln(3)
    page.set_font(_FONT, "B", 11)
    _write(page, line.recipient, 5.5)
    page.set_font(_FONT, size=11)
    if line.address:
        page.set_text_color(_GREY)
        _write(page, line.address, 5.5)
        page.set_text_color(0)
    page.ln(1)
    rows = [("When", when(line)), ("What", line.description)]
    rows += [("Why", line.purpose), ("Legal basis", line.basis)]
    for label, text in rows:
        page.set_text_color(_GREY)
        page.cell(_LABEL_MM, 5.5, label)
        page.set_text_color(0)
        page.multi_cell(0, 5.5, _plain(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    for note in notes(line):
        page.set_font(_FONT, "I", 10)
        _write(page, note, 5.5)
        page.set_font(_FONT, size=11)


def _write(page: FPDF, text: str, height_mm: float) -> None:
    page.multi_cell(0, height_mm, _plain(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _is_lossy(account: Account) -> bool:
    """Whether anything in it cannot be shown."""
    texts = [*introduction(account)]
    for line in account.lines:
        texts += [line.recipient, line.address, line.description, line.purpose, line.basis]
    return any(_plain(text).count("?") > text.count("?") for text in texts)


def _plain(text: str) -> str:
    """In the letters that the fonts have."""
    return "".join(_letters(one) for one in text.translate(_INSTEAD))


def _letters(one: str) -> str:
    if ord(one) < 256:
        return one
    parts = unicodedata.normalize("NFKD", one)
    bare = "".join(part for part in parts if not unicodedata.combining(part))
    return bare.encode("latin-1", "replace").decode("latin-1")
