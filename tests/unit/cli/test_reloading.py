"""A site that is loaded anew: as a whole or not at all, and never for more."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime

import pytest

from engine.cli.refused_reload import note_refusal, read_refusal
from engine.cli.reloading import RunningSite
from engine.config.load import load_site
from engine.errors import EngineError
from tests.support.reference_site import copy_of_reference_site

CONFIG, ACME = "config.yaml", "channels/acme.yaml"
RULES = "rules/registration.yaml"


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the reference site."""
    return copy_of_reference_site(tmp_path)


def change(folder: pathlib.Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def test_a_site_that_is_the_same_is_no_other(folder: pathlib.Path) -> None:
    running = RunningSite(load_site(folder))
    assert not running.load_anew()


def test_a_narrower_site_is_in_force(folder: pathlib.Path) -> None:
    running = RunningSite(load_site(folder))
    before = running.revision
    (folder / RULES).unlink()
    for test in (folder / "rules").glob("*_test.yaml"):
        test.unlink()
    assert running.load_anew()
    assert running.revision != before
    assert running.site == load_site(folder)


@pytest.mark.parametrize("moment", ["before", "while"])
def test_a_site_that_is_being_written_is_not_taken(folder: pathlib.Path, moment: str) -> None:
    """Half of it is narrower, and would load."""
    before = load_site(folder)
    rules = (folder / RULES).read_text()
    if moment == "while":
        (folder / RULES).unlink()
        for test in (folder / "rules").glob("*_test.yaml"):
            test.unlink()

    def checkout_goes_on(_: float) -> None:
        (folder / RULES).write_text(rules + "# whole\n")

    running = RunningSite(before, sleep=checkout_goes_on)
    with pytest.raises(EngineError) as caught:
        running.load_anew()
    assert caught.value.code == "reload-moving"
    assert running.site == before


def test_the_same_bytes_written_again_are_a_site_that_moves(folder: pathlib.Path) -> None:
    running = RunningSite(load_site(folder), sleep=lambda _: (folder / RULES).touch())
    with pytest.raises(EngineError) as caught:
        running.load_anew()
    assert caught.value.code == "reload-moving"


def test_how_often_is_tried_again_is_no_disclosure(folder: pathlib.Path) -> None:
    running = RunningSite(load_site(folder))
    change(folder, ACME, "deliver:\n", "deliver:\n  connect_timeout: 3s\n")
    assert running.load_anew()
    assert running.site.deliveries["acme"].connect_timeout_s == 3.0


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        (CONFIG, "engine:", "enginee:", "site"),
        (CONFIG, "2575", "2577", "reload-restart"),
        (CONFIG, "keys: {file: var/keys}", "keys: {file: var/others}", "reload-restart"),
        (CONFIG, "environment: production", "environment: test", "reload-wider"),
        (ACME, "tcp:127.0.0.1:6661", "tcp:127.0.0.1:6669", "reload-wider"),
        (ACME, "tcp:127.0.0.1:6661", "tls:127.0.0.1:6661", "tls-unavailable"),
        (ACME, "MSH-6: ACME}", "MSH-6: BETA}", "reload-wider"),
        (ACME, "MSH-5: ACMECLAIMS, ", "", "reload-wider"),
        (ACME, "purposes: [payment]", "purposes: [payment, operations]", "reload-wider"),
    ],
)
def test_what_cannot_be_taken_leaves_the_former_site(
    folder: pathlib.Path, file: str, old: str, new: str, code: str
) -> None:
    before = load_site(folder)
    running = RunningSite(before)
    change(folder, file, old, new)
    with pytest.raises(EngineError) as caught:
        running.load_anew()
    assert caught.value.code == code
    assert running.site is before


AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("edit", "code", "place"),
    [
        ((RULES, "rules:", "rulez:"), "site", RULES),
        ((ACME, "[payment]", "[payment, operations]"), "reload-wider", ACME),
        ((CONFIG, "2575", "2577"), "reload-restart", ""),
    ],
)
def test_a_refusal_is_noted_with_its_place_until_the_files_are_in_force(
    folder: pathlib.Path, edit: tuple[str, str, str], code: str, place: str
) -> None:
    file, old, new = edit
    site = load_site(folder)
    site.var.mkdir(exist_ok=True)
    running = RunningSite(site, At())
    change(folder, file, old, new)
    with pytest.raises(EngineError):
        running.load_anew()
    found = read_refusal(site.var)
    assert found is not None
    assert (found.at, found.code) == ("2026-03-01T12:00:00Z", code)
    assert found.place == running.place
    assert found.place.partition(":")[0] == place
    assert bool(found.problems) == (code == "site")
    change(folder, file, new, old)
    running.load_anew()
    assert read_refusal(site.var) is None


def test_an_engine_that_begins_has_refused_nothing(folder: pathlib.Path) -> None:
    site = load_site(folder)
    site.var.mkdir(exist_ok=True)
    note_refusal(site.var, AT, "site", "", 1)
    RunningSite(site).begin()
    assert read_refusal(site.var) is None


def test_a_note_that_is_none_says_nothing(folder: pathlib.Path) -> None:
    var = load_site(folder).var
    var.mkdir(exist_ok=True)
    for text in ("", "[]", '{"at": 1}', "{"):
        (var / "reload-refused.json").write_text(text)
        assert read_refusal(var) is None
