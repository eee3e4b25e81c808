"""What can be known of a site that somebody is editing, so that its engine can be ordered about."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config.load import load_site
from engine.config.model import OperatingSite
from engine.config.operating import load_operating_site, operating
from engine.errors import SiteError
from engine.policy.model import State
from tests.support.reference_site import copy_of_reference_site

CHANNELS = ["acme", "review-partners", "state-medicaid"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of the reference site."""
    return copy_of_reference_site(tmp_path / "site")


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def unloaded(site: Path) -> OperatingSite:
    with pytest.raises(SiteError):
        load_site(site)
    return load_operating_site(site)


def test_of_a_site_that_loads_it_is_the_very_part(site: Path) -> None:
    found = load_operating_site(site)
    assert found == operating(load_site(site))
    assert found.errors == 0
    assert found.insecure == load_site(site).insecure


def test_a_broken_rules_file_hides_nothing(site: Path) -> None:
    before = load_operating_site(site)
    (site / "rules" / "new.yaml").write_text("rules: [\n", "utf-8")
    assert unloaded(site) == replace(before, errors=1, insecure=())


def test_the_settings_are_those_of_the_site(site: Path) -> None:
    text = (site / "config.yaml").read_text("utf-8")
    listener = "    listen: 'tcp:0.0.0.0:2575'\n    insecure: true"
    text = text.replace('    listen: "tcp:127.0.0.1:2575"', listener)
    text = text.replace("url: embedded, ", "url_file: store-url, ").replace("var/keys", "etc/keys")
    (site / "config.yaml").write_text(text + "archive: {url: 'sqlite:a.db'}\n", "utf-8")
    before = load_operating_site(site)
    (site / "rules" / "new.yaml").write_text("rules: [\n", "utf-8")
    found = unloaded(site)
    assert found == replace(before, errors=1, insecure=("listener adt",))
    assert found.store.url_file == site / "store-url"


def test_a_rule_that_says_nonsense_hides_nothing(site: Path) -> None:
    (site / "rules" / "new.yaml").write_text("rules: [{rule: x}]\nnonsense: 1\n", "utf-8")
    found = unloaded(site)
    assert list(found.channels) == CHANNELS
    assert found.errors > 1


def test_a_channel_is_known_by_its_key_though_its_file_is_no_yaml(site: Path) -> None:
    file = site / "channels" / "acme.yaml"
    changed(file, "channel: acme", "channel: acme-health   # new")
    changed(file, "purposes: [payment]", "purposes: [payment\nstate: 'draft'")
    found = unloaded(site)
    assert found.channels["acme-health"] is State.DRAFT
    assert list(found.channels) == ["acme-health", *CHANNELS[1:]]


def test_a_channel_is_known_by_its_key_though_its_file_says_nonsense(site: Path) -> None:
    file = site / "channels" / "acme.yaml"
    changed(file, "channel: acme", "channel: acme-health\nstate: shadow\nnonsense: 1")
    assert unloaded(site).channels["acme-health"] is State.SHADOW


@pytest.mark.parametrize(
    "text", ["channel acme\n", "[", "channel: [acme]\n", "channel: ACME inc\n  x\n", "", "- a\n"]
)
def test_else_by_the_name_of_its_file_and_may_be_live(site: Path, text: str) -> None:
    (site / "channels" / "acme.yaml").write_text(text, "utf-8")
    found = unloaded(site)
    assert list(found.channels) == CHANNELS
    assert found.channels["acme"] is State.LIVE


def test_a_channel_whose_file_is_a_pipe_is_known_by_its_name(site: Path) -> None:
    (site / "channels" / "acme.yaml").unlink()
    os.mkfifo(site / "channels" / "acme.yaml")
    assert list(unloaded(site).channels) == CHANNELS


@pytest.mark.parametrize(
    "text", [None, "", "engine: [", "engine: {name: x}\nstore: {url: nowhere}\n"]
)
def test_a_config_that_does_not_load_is_told_with_everything_else(
    site: Path, text: str | None
) -> None:
    (site / "rules" / "new.yaml").write_text("rules: [\n", "utf-8")
    if text is None:
        (site / "config.yaml").unlink()
    else:
        (site / "config.yaml").write_text(text, "utf-8")
    with pytest.raises(SiteError) as raised:
        load_operating_site(site)
    files = {problem.place.file for problem in raised.value.problems}
    assert files >= {"config.yaml", "rules/new.yaml"}
