"""The demo's copy of a site: loopback only, otherwise word for word."""

import pathlib

import pytest
import yaml

from engine.demo.site_copy import copy_site

CONFIG = """\
engine: {name: east, environment: production}
listeners:
  - name: adt
    listen: "tls:10.0.0.1:2575"
    tls: {certificate_file: a.pem, key_file: a.key}
    accept: {from: [10.1.0.0/16], client: ["CN=x"], messages: [ADT]}
  - {name: lab, listen: "tcp:127.0.0.1:2576", accept: {from: [10.1.0.0/16]}}
store: {url: "redis://prod:6379"}
keys: {file: /etc/payergate/keys}
timezone: America/New_York
"""
CHANNEL = """\
channel: acme
name: NO
purposes: [payment]
ceiling: {segments: {PID: [011, 1-6]}}
agreement: {reference: ~, expires: 2027-12-31}
deliver:
  to: "tls:hl7.acme.example:6661"
  tls: {ca_file: ca.pem}
  rewrite: {MSH-5: 012}
"""
RULES = "channels: [acme]  # a comment stays\n"


def read(file: pathlib.Path) -> dict[str, object]:
    """Every scalar as its text, as the engine reads it."""
    loaded = yaml.load(file.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - text only
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    original = tmp_path / "site"
    for name, text in {
        "config.yaml": CONFIG,
        "channels/acme.yaml": CHANNEL,
        "rules/payment.yaml": RULES,
        "var/keys": "secret",
    }.items():
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        (original / name).write_text(text)
    target = tmp_path / "copy"
    copy_site(original, target, {"acme": 4001})
    assert (original / "config.yaml").read_text() == CONFIG
    return target


def test_listeners_are_on_loopback_and_let_the_hospital_in(copy: pathlib.Path) -> None:
    assert read(copy / "config.yaml")["listeners"] == [
        {"name": "adt", "accept": {"messages": ["ADT"]}, "listen": "tcp:127.0.0.1:0"},
        {"name": "lab", "listen": "tcp:127.0.0.1:0"},
    ]


def test_store_and_keys_are_the_copys_own(copy: pathlib.Path) -> None:
    config = read(copy / "config.yaml")
    assert set(config) == {"engine", "listeners", "timezone"}
    assert not (copy / "var").exists()


def test_channels_deliver_to_the_given_port_without_tls(copy: pathlib.Path) -> None:
    assert read(copy / "channels/acme.yaml")["deliver"] == {
        "rewrite": {"MSH-5": "012"},
        "to": "tcp:127.0.0.1:4001",
        "insecure": "true",
    }


def test_scalars_stay_the_text_that_they_were(copy: pathlib.Path) -> None:
    channel = read(copy / "channels/acme.yaml")
    assert channel["name"] == "NO"
    assert channel["ceiling"] == {"segments": {"PID": ["011", "1-6"]}}
    assert "reference: ~" in (copy / "channels/acme.yaml").read_text()


def test_rules_are_copied_byte_for_byte(copy: pathlib.Path) -> None:
    assert (copy / "rules/payment.yaml").read_text() == RULES


def test_a_file_that_is_not_yaml_is_left_for_the_loader_to_report(tmp_path: pathlib.Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/config.yaml").write_text("engine: {name: [\n")
    copy_site(tmp_path / "site", tmp_path / "copy", {})
    assert (tmp_path / "copy/config.yaml").read_text() == "engine: {name: [\n"
