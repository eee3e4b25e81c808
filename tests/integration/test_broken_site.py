"""Commands of people on duty, beside an engine, while a file of its site does not load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.config.load import load_site
from engine.store.opening import open_store
from engine.store.port import Beat, Control, Order, Store
from engine.store.sealing import Sealer
from tests.support.reference_site import Reception, copy_of_reference_site, sample

WARNING = (
    "the files on disk do not load (2 errors; see `payergate check`): a running engine keeps the"
    " site that it has\n"
)
RULES = "rules/00-edited.yaml"
CHANNEL = "channels/acme.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of the reference site with keys."""
    folder = copy_of_reference_site(tmp_path / "site")
    Sealer.of(load_site(folder).keys, create=True)
    return folder


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    """Its store as an engine left it, which took a message; then a file was broken."""
    loaded = load_site(site)
    store, server = open_store(loaded.store, loaded.var)
    reception = Reception(loaded, Sealer.of(loaded.keys))
    # The first is queued for acme, the second waits for a coverage that nothing told of.
    store.execute([reception.accept(sample(name)) for name in ("adt-a01", "oru-r01")])
    state = {"state": "running", "revision": "r", "listeners": {}}
    store.execute([Beat("e1", json.dumps(state).encode(), 600_000, ())])
    (site / RULES).write_text("rules: [\n", "utf-8")
    text = (site / CHANNEL).read_text("utf-8")
    (site / CHANNEL).write_text(text.replace("purposes: [payment]", "purposes: [payment"), "utf-8")
    yield store
    store.close()
    assert server is not None
    server.stop()


def said(capsys: pytest.CaptureFixture[str], site: Path, *words: str, code: int = 0) -> str:
    """What the command prints, which has warned of the files besides, and of nothing else."""
    assert main([*words, "--site", str(site)]) == code
    printed = capsys.readouterr()
    assert printed.err == WARNING
    return printed.out


def test_the_site_does_not_load(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--site", str(site)]) == 3


@pytest.mark.parametrize(
    ("action", "done"), [("pause", "paused"), ("kill", "killed"), ("resume", "resumed")]
)
def test_a_channel_is_ordered_about(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str], action: str, done: str
) -> None:
    store.execute([Control("acme", Order.PAUSE, "before", b"{}")])
    words = ("queue", action, "acme", "--reason", "ticket 4711")
    assert said(capsys, site, *words) == f"acme: {done}\n"
    listed = json.loads(said(capsys, site, "queue", "ls", "acme", "--json"))["channels"]["acme"]
    stands = {"pause": "paused", "kill": "killed", "resume": "queued"}[action]
    assert (listed["state"], listed["depth"]) == (stands, 1)


def test_a_channel_that_no_file_tells_of_is_not_ordered_about(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["queue", "kill", "acne", "--site", str(site)]) == 2
    assert "acme, review-partners, state-medicaid" in capsys.readouterr().err


def test_a_queue_is_shown_and_drained(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "acme" in said(capsys, site, "queue", "ls")
    assert len(json.loads(said(capsys, site, "queue", "show", "acme", "--json"))["entries"]) == 1
    assert "empty" in said(capsys, site, "queue", "drain", "state-medicaid")


def test_status_and_its_verdict_are_those_of_the_engine(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "engine running, policy r; store reachable" in said(capsys, site, "status")
    assert "acme" in said(capsys, site, "top", "--times", "1")
    store.execute([Control("acme", Order.KILL, "ticket 4711", b"{}")])
    assert "acme: killed (ticket 4711)" in said(capsys, site, "status", "--check", code=1)


def test_what_is_parked_is_shown_and_given_up_but_not_decided(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    items = json.loads(said(capsys, site, "parked", "ls", "--json"))["items"]
    assert items
    name = items[0]["item"]
    assert name in said(capsys, site, "parked", "show", name)
    assert main(["parked", "replay", name, "--site", str(site)]) == 3
    assert "do not load" not in capsys.readouterr().err
    words = ("parked", "discard", name, "--reason", "a test message")
    assert said(capsys, site, *words) == f"{name}: discarded\n"


@pytest.mark.parametrize(
    "words",
    [
        ("queue", "kill", "acme"),
        ("queue", "ls"),
        ("status",),
        ("parked", "ls"),
    ],
)
def test_without_its_config_nothing_is_done(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (site / "config.yaml").write_text("engine: [", "utf-8")
    assert main([*words, "--site", str(site)]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "config.yaml:2:1: yaml" in printed.err


def test_monitoring_does_not_know_without_a_config(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "config.yaml").write_text("engine: [", "utf-8")
    assert main(["status", "--check", "--site", str(site)]) == 3
