"""The site in the repository's root is a good example: it loads, and without a single warning."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from engine.config.load import load_site
from engine.hl7.wire import Message
from engine.policy.model import Coverage, Kind

ROOT = pathlib.Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "rules" / "samples").glob("*.hl7"))
SUITES = sorted((ROOT / "rules").glob("*_test.yaml"))


def test_it_loads_without_a_warning() -> None:
    site = load_site(ROOT)
    assert site.warnings == ()
    assert set(site.policy.channels) == {"acme", "state-medicaid", "review-partners"}
    assert set(site.deliveries) == set(site.policy.channels)
    assert all(listener.listen.host == "127.0.0.1" for listener in site.listeners)


def test_every_disclosure_asks_for_coverage_by_name() -> None:
    """A vendor is asked only where the rule says so; none may see what it does not review."""
    policy = load_site(ROOT).policy
    assert policy.channels["review-partners"].kind is Kind.VENDOR
    assert all(rule.coverage is Coverage.OWN for rule in policy.rules if rule.grants)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_messages_of_people_who_do_not_exist(sample: pathlib.Path) -> None:
    message = Message.parse(sample.read_bytes())
    (patient,) = (segment for segment in message.segments if segment.id == "PID")
    assert patient.field(5).startswith(b"TESTPATIENT^")
    assert message.msh.field(11) == b"P"
    assert sample.read_bytes().endswith(b"\r")


def test_there_is_a_report_of_twenty_segments_and_more() -> None:
    report = Message.parse((ROOT / "rules" / "samples" / "oru-r01.hl7").read_bytes())
    assert len(report.segments) >= 20


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_suites_speak_of_samples_and_channels_that_are_there(suite: pathlib.Path) -> None:
    written = yaml.safe_load(suite.read_text())
    channels = set(load_site(ROOT).policy.channels)
    for message in written["messages"].values():
        assert (suite.parent / message["file"]).is_file()
    for test in written["tests"]:
        assert test["message"] in written["messages"]
        assert set(test.get("expect", {})) <= channels
        assert set(test.get("nothing_for", ())) <= channels
