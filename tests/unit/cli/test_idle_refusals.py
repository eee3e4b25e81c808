"""A refusal that changes nothing, since no rule asks for consent, is not taken in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.idle_refusals import idle_channels
from engine.cli.main import main
from engine.policy.outcome import Verdict
from engine.privacy.facts import ConsentKind, Restriction, SignedConsent
from engine.privacy.patients import Patient
from tests.support.archive_rig import Rig, rigs
from tests.support.cutting import channel, facts, outcome, policy, rule
from tests.support.law_messages import ANY, adt

PERSON = Patient("A", "H")
REFUSAL = SignedConsent(PERSON, ConsentKind.REFUSAL)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Rig]:
    yield from rigs(tmp_path / "site")


@pytest.mark.parametrize(
    ("consent", "purposes", "channels", "idle"),
    [
        ("not-required", None, None, ("acme",)),
        ("not-required", {"payment"}, {"acme"}, ("acme",)),
        ("not-required", {"research"}, None, ()),
        ("not-required", {"research"}, {"acme"}, ("acme",)),
        ("not-required", None, {"acme", "beta"}, ("acme", "beta")),
        ("unless-refused", None, None, ()),
        ("unless-refused", None, {"acme"}, ()),
        ("unless-refused", {"research"}, {"acme"}, ("acme",)),
        ("unless-refused", None, {"acme", "beta"}, ("beta",)),
        ("required", None, {"acme"}, ()),
    ],
)
def test_a_refusal_is_idle_where_no_rule_asks(
    consent: str, purposes: set[str] | None, channels: set[str] | None, idle: tuple[str, ...]
) -> None:
    compiled = policy(
        [rule("r", ANY, "PID: [3]")], (channel("acme"), channel("beta")),
        head=f"consent: {consent}\n",
    )  # fmt: skip
    fact = SignedConsent(
        PERSON, ConsentKind.REFUSAL,
        None if purposes is None else frozenset(purposes),
        None if channels is None else frozenset(channels),
    )  # fmt: skip
    assert idle_channels(compiled.policy, fact) == idle


def test_a_rule_that_withholds_alone_asks_nothing_that_counts() -> None:
    withholds = rule("w", "message: [ADT]", "", "    withhold: [DG1]\n")
    compiled = policy([withholds], head="consent: unless-refused\n")
    assert idle_channels(compiled.policy, REFUSAL) == ()
    named = SignedConsent(PERSON, ConsentKind.REFUSAL, None, frozenset({"acme"}))
    assert idle_channels(compiled.policy, named) == ("acme",)


def test_nothing_but_a_refusal_is_idle() -> None:
    compiled = policy([rule("r", ANY, "PID: [3]")])
    assert idle_channels(compiled.policy, SignedConsent(PERSON, ConsentKind.AUTHORIZATION)) == ()
    assert idle_channels(compiled.policy, Restriction(PERSON, frozenset())) == ()


@pytest.mark.parametrize("consent", ["not-required", "unless-refused"])
def test_what_is_idle_is_what_the_decision_passes_over(consent: str) -> None:
    compiled = policy([rule("r", ANY, "PID: [3]")], head=f"consent: {consent}\n")
    given = "patient: {id: A, authority: H}, kind: refusal, purposes: all, channels: all"
    verdict = outcome(compiled, adt(), facts(compiled, "consents:", f"  - {{{given}}}")).verdict
    assert bool(idle_channels(compiled.policy, REFUSAL)) is (verdict is Verdict.DISCLOSE)


def test_who_enters_or_lists_it_is_told(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--site", str(site.root))
    whose = ("--patient", "P1", "--kind", "refusal", "--purposes", "all", "--channels", "acme")
    assert main(["consent", "add", *whose, *where, "--json"]) == 0
    said = capsys.readouterr()
    assert set(json.loads(said.out)) == {"entry", "new", "version", "lacks", "open_attempts"}
    assert "no rule for acme asks for consent" in said.err
    assert "`restriction`" in said.err
    entry = json.loads(said.out)["entry"]
    assert main(["consent", "ls", "--patient", "P1", *where]) == 0
    assert "no rule for acme asks" in capsys.readouterr().err
    assert main(["patient", "P1", *where]) == 0
    assert "no rule of ours asks for consent" in " ".join(capsys.readouterr().out.split())
    assert main(["consent", "revoke", entry, "--patient", "P1", "--why", "w", *where]) == 0
    capsys.readouterr()
    assert main(["consent", "ls", "--patient", "P1", *where]) == 0
    assert not capsys.readouterr().err


def test_so_it_is_of_an_import(site: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    file = site.root / "refusals.csv"
    file.write_text("patient,kind,purposes,channels\nP1,refusal,all,acme\nP2,refusal,all,beta\n")
    assert main(["consent", "import", str(file), "--dry-run", "--site", str(site.root)]) == 0
    assert "no rule for acme, beta asks" in capsys.readouterr().err
