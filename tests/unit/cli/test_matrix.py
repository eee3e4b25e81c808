"""`payergate matrix`: text that fits a terminal, JSON, and a page that needs nothing but itself."""

from __future__ import annotations

import json
import pathlib
import re
from html.parser import HTMLParser

import pytest

from engine.cli.field_names import field_name
from engine.cli.main import main
from engine.errors import Exit
from tests.support.suites import RULES, write_site

ROOT = pathlib.Path(__file__).parents[3]


def test_text_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["matrix", "--site", str(ROOT), "--channel", "acme"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "  ADT^A01, ADT^A04, ADT^A08" in lines
    assert any(re.match(r" +DG1 1, 3, 6 +registration; DG1-6 is A or W$", line) for line in lines)
    assert lines[-1].startswith("Revision ")


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "--site", str(ROOT), "--json"]) == Exit.OK
    found = json.loads(capsys.readouterr().out)
    assert set(found["channels"]) == {"acme", "review-partners", "state-medicaid"}
    (first,) = (
        row
        for row in found["channels"]["review-partners"]["sections"][0]["sent"]
        if row["segment"] == "PR1"
    )
    assert first == {
        "segment": "PR1",
        "fields": "1, 3, 5",
        "purpose": "payment",
        "when": "PV1-2 is I; this payer covers the patient",
        "where": "",
        "rule": "review-of-stays",
        "basis": "45 CFR 164.506(c)(3), for ACME under 45 CFR 164.504(e)",
        "file": "rules/utilisation-review.yaml",
        "line": 17,
    }


class Page(HTMLParser):
    """What a page is made of: tags that are open, addresses that it would fetch, its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.fetched += [
            f"{name}={value}"
            for name, value in attrs
            if name in {"src", "href", "srcset", "action"} and not str(value).startswith("#")
        ]
        assert tag not in {"script", "img", "link", "iframe", "object", "form"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(site: pathlib.Path, tmp_path: pathlib.Path, *options: str) -> str:
    file = tmp_path / "matrix.html"
    arguments = ["matrix", "--site", str(site), "--html", str(file), "--date", "2026-03-01"]
    assert main([*arguments, *options]) == Exit.OK
    return file.read_text("utf-8")


def test_a_page_to_print_and_sign(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = page_of(ROOT, tmp_path)
    assert capsys.readouterr().out == ""
    page = Page()
    page.feed(text)
    assert (page.open, page.fetched) == ([], [])
    assert "url(" not in text
    assert "@import" not in text
    for said in (
        "Disclosure matrix of good-health-east",
        "printed on 2026-03-01",
        "ACME Health Insurance",
        "Patient identifier list",
        "Patient address: zip or postal code",
        "45 CFR 164.506(c)(3)",
        "DG1-6 is A or W",
        "Signature",
    ):
        assert said in page.text, said
    assert text.count('<div class="sign">') == 3
    assert "@media print" in text


def test_what_the_site_says_is_text_and_never_markup(tmp_path: pathlib.Path) -> None:
    rules = RULES.replace("why: a test", 'why: "<script>alert(1)</script>"')
    text = page_of(write_site(tmp_path / "site", "", rules=rules), tmp_path)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_channel_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "--site", str(ROOT), "--channel", "nobody"]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("unknown-channel: ")


def test_a_page_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    assert main(["matrix", "--site", str(ROOT), "--html", str(tmp_path)]) == Exit.USAGE


def test_names_are_the_standards() -> None:
    assert field_name("PID", 5) == "Patient name"
    assert field_name("PID", 5, 2) == "Patient name: given name"
    assert field_name("PID", 19) == "SSN number"
    assert field_name("PV1", 19, 99) == "Visit number"
    assert field_name("ZZZ", 1) == ""
