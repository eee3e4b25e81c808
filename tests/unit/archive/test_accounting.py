"""The accounting in plain language: 45 CFR 164.528(b)(2) and (b)(3)."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from typing import Any

from engine.archive.account_pdf import as_pdf
from engine.archive.account_text import as_html, as_text
from engine.archive.accounting import Account, account_of, when

MADE = datetime(2026, 4, 1, 12, tzinfo=UTC)
SINCE = datetime(2020, 4, 1, 12, tzinfo=UTC)


def row(day: int, name: str = "Workers Fund", **more: Any) -> dict[str, Any]:
    return {
        "at_ms": int(datetime(2026, 3, day, 12, tzinfo=UTC).timestamp() * 1000),
        "recipient": {"name": name, "address": "1 Main St, Albany NY"},
        "purpose": ["other"],
        "basis": ["45 CFR 164.512(l)"],
        "description": "ADT^A01: identity and demographics, visit",
        "accountable": True,
        "disclosed": "yes",
        **more,
    }


def account(*rows: dict[str, Any], **more: Any) -> Account:
    return account_of(rows, patient="P1", made=MADE, since=SINCE, until=MADE, **more)


def test_a_disclosure_has_date_recipient_address_description_and_purpose() -> None:
    (line,) = account(row(3)).lines
    assert when(line) == "March 3, 2026"
    assert (line.recipient, line.address) == ("Workers Fund", "1 Main St, Albany NY")
    assert line.description == "identity and demographics, visit"
    assert line.purpose == "other purpose"
    assert line.basis == "45 CFR 164.512(l)"


def test_recurring_ones_are_the_first_the_number_and_the_last() -> None:
    rows = [row(day, description="ORU^R01: results") for day in (3, 5, 9, 30)]
    (line,) = account(*rows).lines
    assert when(line) == "March 3, 2026; 4 times in all, the last on March 30, 2026"
    assert len(account(*rows, one_by_one=True).lines) == 4


def test_another_purpose_or_recipient_is_another_line() -> None:
    rows = [row(3), row(4), row(5), row(6, name="State Fund"), row(7, purpose=["payment"])]
    assert [line.number for line in account(*rows).lines] == [3, 1, 1]


def test_what_is_exempt_is_left_out_unless_all_is_asked_for() -> None:
    rows = [row(3), row(4, accountable=False)]
    assert account(*rows).number == 1
    everything = account(*rows, everything=True)
    assert everything.number == 2
    assert "Not required to be listed." in as_text(everything)


def test_what_may_have_been_received_is_told_as_that() -> None:
    text = as_text(account(row(3, disclosed="possibly")))
    assert "may not have been received" in text


def test_dates_are_those_of_the_sites_time_zone() -> None:
    late = row(3) | {"at_ms": int(datetime(2026, 3, 4, 3, tzinfo=UTC).timestamp() * 1000)}
    (line,) = account(late, timezone="America/New_York").lines
    assert when(line) == "March 3, 2026"


def test_the_page_escapes_whatever_it_is_given() -> None:
    html = as_html(account(row(3, name="<script>A & B</script>")))
    assert "&lt;script&gt;A &amp; B&lt;/script&gt;" in html
    assert "<script>" not in html


def test_nothing_to_tell_is_told_too() -> None:
    for made in (as_text(account()), as_html(account())):
        assert "There were none in this time." in made


def test_the_pdf_is_the_same_every_time_and_bears_any_name() -> None:
    rows = [row(day, name=f"Fund {day} \u2192 \u00e9") for day in range(1, 29)]
    made = as_pdf(account(*rows))
    assert made.startswith(b"%PDF-")
    assert made == as_pdf(account(*rows))
    assert as_pdf(account()).startswith(b"%PDF-")


def _shown(pdf: bytes) -> str:
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return b"".join(zlib.decompress(one) for one in streams).decode("latin-1")


def test_what_the_fonts_of_a_pdf_lack_is_read_all_the_same() -> None:
    recipient = {"name": "Všeobecná – „Łódź“ Übergröße", "address": ""}
    text = _shown(as_pdf(account(row(1, recipient=recipient))))
    assert 'Vseobecná - "Lódz" Übergröße' in text
    assert "question mark" not in text
    assert "patient P1, page 1 of" in text
    lost = _shown(as_pdf(account(row(1, recipient={"name": "Ταμείο", "address": ""}))))
    assert "question mark may stand for a letter" in lost
