"""`payergate diff`: names what is newly disclosed, exits 8 for wider and 0 for the reverse."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess

import pytest

from engine.cli.main import main
from engine.errors import Exit
from tests.support.suites import A01, RULES, write_site

WIDER_RULES = RULES.replace("PID: [3, 5]", "PID: [3, 5, 19]")


@pytest.fixture
def sites(tmp_path: pathlib.Path) -> tuple[str, str]:
    """A site, and the same with one more field."""
    write_site(tmp_path / "old", "")
    write_site(tmp_path / "new", "", rules=WIDER_RULES)
    return str(tmp_path / "old"), str(tmp_path / "new")


def test_one_more_field_is_named_with_channels_types_rule_and_line(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *sites]) == Exit.WIDER
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [
        "newly disclosed",
        "  acme, beta: PID-19 of ADT^A01",
        "    rule registration, rules/payment.yaml:9:7 (new): this payer covers the patient",
    ]
    assert "discloses more than" in lines[-1]


def test_the_reverse_is_narrower(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *reversed(sites)]) == Exit.OK
    printed = capsys.readouterr().out
    assert printed.startswith("newly withheld\n  acme, beta: PID-19 of ADT^A01\n")
    assert "discloses no more than" in printed


def test_the_same_site(sites: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", sites[0], sites[0]]) == Exit.OK
    assert capsys.readouterr().out.startswith("Both sites mean the same (revision ")


def test_over_messages(
    sites: tuple[str, str], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "samples"
    folder.mkdir()
    with_number = A01.replace("|19800101\r", "|19800101||||||||||||900-10-0001\r")
    (folder / "a01.hl7").write_text(with_number + A01, newline="")
    (folder / "notes.txt").write_text("no message\n")
    assert main(["diff", *sites, "--over", str(folder), "--json"]) == Exit.WIDER
    printed = capsys.readouterr().out
    found = json.loads(printed)
    assert found["wider"] is True
    assert found["changes"][0] == {
        "effect": "newly-disclosed",
        "widens": True,
        "text": "",
        "channels": ["acme", "beta"],
        "messages": ["ADT^A01"],
        "segment": "PID",
        "paths": ["PID-19"],
        "causes": [
            {
                "site": "new",
                "rule": "registration",
                "file": "rules/payment.yaml",
                "line": 9,
                "column": 7,
                "text": "this payer covers the patient",
            }
        ],
    }
    first, second = found["messages"]
    assert (first["index"], second["index"], second["channels"]) == (1, 2, {})
    assert first["channels"]["acme"] == {
        "newly_disclosed": ["PID-19"],
        "newly_withheld": [],
        "old": "disclose: granted",
        "new": "disclose: granted",
    }
    assert "900-10-0001" not in printed


def test_over_says_what_no_longer_goes(
    sites: tuple[str, str], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").mkdir()
    changed = A01.replace("MED", "PSY")
    (tmp_path / "one" / "a01.hl7").write_text(changed, newline="")
    rules = RULES.replace("    when: {PV1-10: PSY}\n", "    when: {PV1-10: XXX}\n")
    new = write_site(tmp_path / "third", "", rules=rules)
    assert main(["diff", str(new), sites[0], "--over", str(tmp_path / "one")]) == Exit.WIDER
    printed = capsys.readouterr().out
    assert "acme (disclose: granted; now withhold: withheld-by-rule)" in printed
    assert "newly withheld: MSH-3, MSH-4" in printed
    assert "may disclose more" in printed  # what XXX withheld is withheld no more


def test_another_address_is_another_receiver(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = pathlib.Path(sites[0]) / "channels" / "acme.yaml"
    shutil.copytree(sites[0], sites[1], dirs_exist_ok=True)
    changed = file.read_text().replace("127.0.0.1:6661", "127.0.0.2:6661")
    (pathlib.Path(sites[1]) / "channels" / "acme.yaml").write_text(changed)
    assert main(["diff", *sites]) == Exit.WIDER
    text = "acme: copies go to 127.0.0.2:6661, before to 127.0.0.1:6661"
    assert text in capsys.readouterr().out


def test_a_revision_that_git_keeps(
    sites: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        subprocess.run(["git", *who, *arguments], cwd=sites[0], check=True, capture_output=True)

    git("init", "-q", "-b", "trunk")
    git("add", ".")
    git("commit", "-q", "-m", "site")
    monkeypatch.chdir(sites[0])
    assert main(["diff", "trunk:", sites[1]]) == Exit.WIDER
    assert "PID-19" in capsys.readouterr().out
    assert main(["diff", "nothing:", sites[1]]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("revision: git has no site at nothing:.")
    assert main(["diff", "trunk:channels", sites[1]]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("revision: git has no site at trunk:channels.")


def test_a_site_that_does_not_load(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (pathlib.Path(sites[1]) / "config.yaml").unlink()
    assert main(["diff", *sites]) == Exit.SITE
    assert "missing-file" in capsys.readouterr().err


def test_a_folder_without_messages(sites: tuple[str, str], tmp_path: pathlib.Path) -> None:
    assert main(["diff", *sites, "--over", str(tmp_path / "nowhere")]) == Exit.USAGE


def sites_that_rewrite(sites: tuple[str, str], texts: tuple[str, str]) -> None:
    """Make them differ in `deliver.rewrite` of acme alone."""
    shutil.copytree(sites[0], sites[1], dirs_exist_ok=True)
    for site, text in zip(sites, texts, strict=True):
        file = pathlib.Path(site) / "channels" / "acme.yaml"
        deliver = f"insecure: true, rewrite: {{{text}}}}}"
        file.write_text(file.read_text().replace("insecure: true}", deliver))


def in_state(site: str, state: str, address: str = "127.0.0.1:6661") -> None:
    """Put acme of a site in a state, and at an address."""
    file = pathlib.Path(site) / "channels" / "acme.yaml"
    text = file.read_text().replace("127.0.0.1:6661", address)
    file.write_text(f"{text}state: {state}\n")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("", "MSH-5: BETA", "its receiver in MSH-5 is BETA, before as received"),
        ("", "MSH-23: BETA", "its receiver in MSH-23 is BETA, before as received"),
        ("MSH-5: A, MSH-6: A", "MSH-5: A, MSH-6: B", "its receiver in MSH-6 is B, before A"),
    ],
)
def test_another_name_in_msh_5_or_6_is_another_receiver_behind_one_address(
    sites: tuple[str, str], old: str, new: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sites_that_rewrite(sites, (old, new))
    assert main(["diff", *sites, "--json"]) == Exit.WIDER
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [(one["text"], one["widens"]) for one in changes] == [(text, True)]


@pytest.mark.parametrize(
    ("was", "now"), [("MSH-5: ACME", "MSH-5: BETA"), ("MSH-5: ACME", ""), ("", "MSH-25: BETA")]
)
@pytest.mark.parametrize("state", ["draft", "shadow"])
def test_another_receiver_of_a_channel_that_sends_nothing_discloses_nothing(
    sites: tuple[str, str], was: str, now: str, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sites_that_rewrite(sites, (was, now))
    in_state(sites[0], state)
    in_state(sites[1], state)
    assert main(["diff", *sites, "--json"]) == Exit.OK
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert change["effect"] == "changed"
    assert change["text"].startswith("its receiver in MSH-")


def test_another_address_of_a_channel_that_sends_nothing_discloses_nothing(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sites[0], sites[1], dirs_exist_ok=True)
    in_state(sites[0], "shadow")
    in_state(sites[1], "shadow", "127.0.0.2:6661")
    assert main(["diff", *sites]) == Exit.OK
    assert capsys.readouterr().out.startswith("changed\n  acme: copies go to 127.0.0.2:6661")


def test_a_channel_that_goes_live_and_elsewhere_is_wider(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(sites[0], sites[1], dirs_exist_ok=True)
    in_state(sites[0], "draft")
    in_state(sites[1], "live", "127.0.0.2:6661")
    assert main(["diff", *sites]) == Exit.WIDER
    printed = capsys.readouterr().out
    assert "copies go to 127.0.0.2:6661" in printed
    assert printed.count("may disclose more\n") == 1


def test_a_receiver_that_is_named_no_longer_is_another_one(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sites_that_rewrite(sites, ("MSH-5: ACME", ""))
    assert main(["diff", *sites]) == Exit.WIDER
    text = "  acme: its receiver in MSH-5 is as received, before ACME\n"
    assert text in capsys.readouterr().out


def test_a_rewrite_that_names_no_receiver_is_no_other_receiver(
    sites: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sites_that_rewrite(sites, ("MSH-3: EAST", "MSH-3: WEST"))
    assert main(["diff", *sites]) == Exit.OK
    assert "acme: MSH-3 is rewritten to another value" in capsys.readouterr().out
