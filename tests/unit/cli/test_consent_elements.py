"""Every element that the law wants of a consent: kept, told when it lacks, and never guessed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.cli.registered_entries import state_of
from engine.config.rows import COLUMNS, fact_of_row
from engine.intake.recorded import entry_id, seal_held, unseal_held
from engine.policy.outcome import Verdict
from engine.privacy.acts import Act
from engine.privacy.consents import Consents, Lapse
from engine.privacy.elements import lacking
from engine.privacy.facts import ConsentKind, Relation, SignedConsent, Statement
from engine.privacy.held import Held
from engine.privacy.patients import Patient
from engine.privacy.sorts import Sort
from tests.support.cutting import channel, facts, outcome, policy, rule
from tests.support.key_ring import any_sealer
from tests.support.law_messages import ANY, adt

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = Patient("A", "H")
SEALER = any_sealer()
WHOLE = SignedConsent(
    PERSON, ConsentKind.AUTHORIZATION, frozenset({"payment"}), frozenset({"acme"}),
    begins=NOW - timedelta(days=9), ends=NOW + timedelta(days=9), signed_by=Relation.GUARDIAN,
    description="the stay of January", signer="G. Uardian", authority="court order 7",
    statements=frozenset(Statement),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "lacks"),
    [
        ({}, ()),
        ({"is_verbal": True}, ("mode",)),
        ({"description": ""}, ("description",)),  # 164.508(c)(1)(i)
        ({"begins": None}, ("given",)),  # (vi)
        ({"signed_by": None}, ("signed_by",)),
        ({"signer": ""}, ("signer",)),
        ({"authority": ""}, ("signer_authority",)),
        ({"authority": "", "signed_by": Relation.SELF}, ()),
        ({"statements": frozenset({Statement.REVOCATION})}, ("statements",)),  # (c)(2)
        ({"ends": None}, ("expires or event",)),  # (c)(1)(v)
        ({"ends": None, "event": "the end of the claim"}, ()),
        ({"ends": None, "kind": ConsentKind.PART2_TPO}, ()),  # 42 CFR 2.31(a)(7)
        ({"signer": "", "kind": ConsentKind.PART2_TPO}, ("signer",)),
        ({"signer": "", "is_verbal": True, "kind": ConsentKind.REFUSAL}, ()),
    ],
)
def test_what_a_consent_lacks(changed: dict[str, Any], lacks: tuple[str, ...]) -> None:
    assert lacking(replace(WHOLE, **changed)) == lacks


def test_what_was_only_said_permits_nothing_and_refuses_all_the_same() -> None:
    said = replace(WHOLE, is_verbal=True)
    held = Consents([said], (PERSON,), (PERSON,), NOW)
    assert held.covering("acme", "payment") == ()
    assert held.lapse("acme", "payment") is Lapse.NEVER
    refusal = replace(said, kind=ConsentKind.REFUSAL)
    assert Consents([refusal], (PERSON,), (PERSON,), NOW).refuses("acme", "payment")
    compiled = policy([rule("r", ANY, "PID: [3]")], (channel("acme"),), head="consent: required\n")
    given = "patient: {id: A, authority: H}, kind: authorization, purposes: all, channels: all"
    for mode, verdict in (("written", Verdict.DISCLOSE), ("verbal", Verdict.WITHHOLD)):
        known = facts(compiled, "consents:", f"  - {{{given}, mode: {mode}}}")
        assert outcome(compiled, adt(), known).verdict is verdict


def test_every_element_is_kept_and_old_entries_keep_their_ids() -> None:
    bare = SignedConsent(PERSON, ConsentKind.AUTHORIZATION)
    act = Act("ann", NOW, "by letter")
    held = Held().added("a", WHOLE, act).added("b", replace(WHOLE, is_verbal=True), act)
    held = held.added("c", bare, act)
    assert unseal_held(SEALER, b"n", seal_held(SEALER, b"n", held)) == held
    assert entry_id(SEALER, bare) == "c-sy75vsbyjv3wua3m"  # as before there were elements
    assert len({entry_id(SEALER, entry.fact) for entry in held.entries}) == 3
    assert [state_of(entry, NOW) for entry in held.entries] == [
        "in force", "verbal, permits nothing", "in force",
    ]  # fmt: skip


def test_a_row_says_them_all() -> None:
    compiled = policy([rule("r", ANY, "PID: [3]")])
    row = {
        "patient": "A", "authority": "H", "kind": "authorization", "purposes": "payment",
        "channels": "acme", "given": "2026-02-20", "expires": "2026-03-09",
        "signed_by": "guardian", "signer": "G. Uardian", "signer_authority": "court order 7",
        "description": "the stay of January", "statements": "revocation conditioning;redisclosure",
        "mode": "written", "event": "",
    }  # fmt: skip
    assert set(row) | {"labels", "revoked"} == set(COLUMNS[Sort.CONSENT])
    fact = fact_of_row(Sort.CONSENT, row, compiled.policy)
    assert isinstance(fact, SignedConsent)
    assert lacking(fact) == ()
    assert (fact.signer, fact.authority) == ("G. Uardian", "court order 7")


def test_what_lacks_any_is_refused_unless_the_site_says_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "rules").mkdir()
    (tmp_path / "channels" / "acme.yaml").write_text(channel("acme"))
    words = ["consent", "add", "--site", str(tmp_path), "--json", "--patient", "A"]
    words += ["--kind", "authorization", "--purposes", "payment", "--channels", "acme"]
    config = tmp_path / "config.yaml"
    for more in ("", "consent_elements: require\n"):
        config.write_text(f"engine: {{name: east}}\n{more}")
        assert main(words) == 2
        assert capsys.readouterr().err.startswith("consent-incomplete: ")
    config.write_text("engine: {name: east}\nconsent_elements: report\n")
    assert main(words) == 0
    said = capsys.readouterr()
    assert "statements" in json.loads(said.out)["lacks"]
    assert "Without --authority it permits nothing." in said.err
    assert main([*words, "--kind", "nonsense"]) == 2
    assert "\n--kind: bad-value: " in capsys.readouterr().err
    assert main(["restriction", "add", "--site", str(tmp_path), "--patient", "A"]) == 2
    assert "Say --everything, or one of --visit" in capsys.readouterr().err
