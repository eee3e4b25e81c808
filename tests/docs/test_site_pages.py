"""The pages on a site and the code that reads it know the same keys, words and codes."""

import pathlib
from enum import Enum

import pytest

from engine.config.keys import documented_keys
from engine.config.load import load_site
from engine.policy.language import KEY_TABLES, Keys, Mistake
from engine.policy.language.conditions import KEYWORDS
from engine.policy.language.matchers import MATCHERS
from engine.policy.language.mistakes import WARNINGS
from engine.policy.model import (
    Consent,
    Coverage,
    Kind,
    MaskKind,
    PayerType,
    Purpose,
    State,
    Structure,
)
from engine.privacy.protections import Label
from tests.docs.pages import REFERENCE, blocks, entries, headings, mentions

CONFIG, RULES, PROBLEMS = (REFERENCE / f"{name}.md" for name in ("config", "rules", "problems"))


def test_every_setting_has_its_entry_and_no_other_is_listed() -> None:
    assert entries(CONFIG) - {"deliver"} == set(documented_keys())


@pytest.mark.parametrize("table", KEY_TABLES, ids=lambda table: table.of)
def test_every_key_of_the_language_has_its_entry(table: Keys) -> None:
    described = {entry.rpartition(".")[2] for entry in entries(RULES)}
    assert set(table.all()) <= described


def test_every_word_of_conditions_has_its_entry() -> None:
    described = entries(RULES)
    assert {*KEYWORDS, *MATCHERS, "not", "coverage"} <= described


@pytest.mark.parametrize(
    "options", [Consent, Coverage, Kind, Label, MaskKind, PayerType, Purpose, State, Structure]
)
def test_every_choice_is_named(options: type[Enum]) -> None:
    assert {option.value for option in options} <= mentions(RULES.read_text("utf-8"))


@pytest.mark.parametrize(("title", "warnings"), [("Errors", False), ("Warnings", True)])
def test_every_problem_stands_under_its_severity(title: str, *, warnings: bool) -> None:
    (section,) = (heading.section for heading in headings(PROBLEMS) if heading.text == title)
    codes = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert codes == {mistake.value for mistake in Mistake if (mistake in WARNINGS) is warnings}


def test_the_examples_of_both_pages_are_a_site(tmp_path: pathlib.Path) -> None:
    channel, rules, codes, documents, masks = (block.text for block in blocks(RULES, "yaml"))
    config, deliver = (block.text for block in blocks(CONFIG, "yaml"))
    plain = "PID: [1, 3, 5, 7, 8, 11.3-11.5]\n"
    assert plain in rules
    for name, text in (
        ("config.yaml", config),
        ("channels/acme.yaml", channel.partition("deliver:")[0] + deliver),
        ("rules/sets/cardiac.yaml", codes),
        ("rules/payment.yaml", rules),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert load_site(tmp_path).warnings == ()
    (tmp_path / "rules" / "payment.yaml").write_text(rules.replace(plain, masks))
    assert load_site(tmp_path).warnings == ()
    with_documents = rules.replace(plain, f"{plain}      {documents}")
    (tmp_path / "rules" / "payment.yaml").write_text(with_documents)
    (warning,) = load_site(tmp_path).warnings
    assert warning.code == Mistake.FREE_TEXT.value
