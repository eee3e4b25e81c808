"""An accounting of disclosures as PDF, to be printed and handed over.

Law: the same account gives the same bytes. The fonts are those that every reader has; a character
that they lack becomes a question mark.
"""

from __future__ import annotations

from typing import cast

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from engine.archive.accounting import TITLE, Account, Line, introduction, notes, when

_FONT = "Helvetica"
_MARGIN_MM = 22
_LABEL_MM = 28
_GREY = 90


class _Page(FPDF):
    """A letter page with its number at the foot."""

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(_FONT, size=9)
        self.set_text_color(_GREY)
        self.cell(0, 8, f"{TITLE}, page {self.page_no()} of {{nb}}", align="C")


def as_pdf(account: Account) -> bytes:
    """The document."""
    page = _Page(format="letter")
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


def _plain(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")
