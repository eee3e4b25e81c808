"""Commands that read archive and registry, while a file of the site does not load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.main import main
from tests.support.archive_rig import Rig, adt, rigs
from tests.support.commanding import payergate

WARNING = (
    "the files on disk do not load (1 error; see `payergate check`): a running engine keeps the"
    " site that it has\n"
)
WHOSE = ("--patient", "P1")


@pytest.fixture
def receipt(site: Rig, capsys: pytest.CaptureFixture[str]) -> str:
    """Of the only message that the archive has."""
    (found,) = payergate(capsys, site.root, "messages", "search")["messages"]
    return str(found["receipt"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    """A site with a message in its archive and a restriction and a consent in its registry."""
    for rig in rigs(tmp_path / "site"):
        rig.take(adt("M1", "P1", visit="V1", account="A1"))
        rig.end("acme")
        rig.archive()
        where = ("--site", str(rig.root))
        refusal = ("--kind", "refusal", "--channels", "all", "--purposes", "all")
        assert main(["restriction", "add", *WHOSE, "--visit", "V1", *where]) == 0
        assert main(["consent", "add", *WHOSE, *refusal, "--given", "2026-01-01", *where]) == 0
        yield rig


def broken(site: Rig) -> None:
    (site.root / "rules" / "edited.yaml").write_text("rules: [\n", "utf-8")


def said(capsys: pytest.CaptureFixture[str], site: Rig, *words: str) -> str:
    """What the command prints, which has warned of the files besides, and of nothing else."""
    assert main([*words, "--site", str(site.root)]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith(WARNING)
    return printed.out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("messages", "search", "--patient", "P1", "--channel", "acme"), "acme delivered"),
        (("messages", "search", "--outcome", "delivered"), "acme delivered"),
        (("ledger", "verify"), "whole: "),
        (("restriction", "ls", *WHOSE), "visit V1"),
        (("restriction", "ls"), "1 in force"),
        (("consent", "ls", *WHOSE), "refusal"),
        (("label", "ls", *WHOSE), "no labels"),
        (("confidential", "ls", *WHOSE), "no confidential communications"),
        (("coverage", "ls", *WHOSE), "no coverage"),
    ],
)
def test_it_is_told_as_ever(
    site: Rig, receipt: str, capsys: pytest.CaptureFixture[str], words: tuple[str, ...],
    expected: str,
) -> None:  # fmt: skip
    assert main([*words, "--site", str(site.root)]) == 0
    before = capsys.readouterr().out
    broken(site)
    assert said(capsys, site, *words) == before
    assert expected in before


def test_the_story_of_a_message_is_told_but_not_its_content(
    site: Rig, receipt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(site)
    assert "delivered to acme plan: AA" in said(capsys, site, "messages", "show", receipt)
    for content in (("--content",), ("--copy", "acme")):
        words = ("messages", "show", receipt, *content, "--reason", "ticket 7")
        assert main([*words, "--site", str(site.root)]) == 3
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("rules/edited.yaml:")
    assert site.bodies()[-1]["kind"] != "look"


@pytest.mark.parametrize(
    "words",
    [
        ("restriction", "add", *WHOSE, "--visit", "V2"),
        ("ledger", "account", *WHOSE),
    ],
)
def test_the_rest_wants_the_whole_site(
    site: Rig, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    broken(site)
    assert main([*words, "--site", str(site.root)]) == 3
    assert "rules/edited.yaml:" in capsys.readouterr().err
