"""GDPR as a mode: no disclosure without a basis that is named, and a record of it all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.config.lawful import note_bases
from engine.config.load import load_site
from engine.errors import SiteError
from engine.policy.language import Problems
from tests.support.cutting import channel, rule

CONFIG = (
    "engine: {name: klinikum}\nprotections: [eu-gdpr]\n"
    "protections_off: {us-federal: no law of the United States applies}\n"
    "controller: {name: Klinikum, contact: datenschutz@klinikum.example}\n"
)
HANDED_OVER = (
    "Handed over on this machine: kasse. "
    "How it goes on from there is not stated in the site's files."
)
GOOD = "GDPR Art. 6(1)(c), 9(2)(h)"


def site(root: Path, basis: str = GOOD, more: str = "", config: str = CONFIG) -> Path:
    (root / "channels").mkdir(parents=True)
    (root / "rules").mkdir()
    (root / "config.yaml").write_text(config)
    (root / "channels" / "kasse.yaml").write_text(channel("kasse"))
    (root / "rules" / "r.yaml").write_text(
        f'channels: [kasse]\npurpose: payment\nbasis: "{basis}"\n{more}rules:\n'
        + rule("r", "", "PID: [3], NK1: [2], DG1: [3]")
        + rule("s", "", "PV1: [19]")
    )
    return root


def errors(root: Path) -> list[str]:
    with pytest.raises(SiteError) as caught:
        load_site(root)
    return [problem.code for problem in caught.value.problems if problem.severity.value == "error"]


@pytest.mark.parametrize(
    ("basis", "more", "expected"),
    [
        ("45 CFR 164.506(c)(3)", "", ["needs-basis", "needs-basis"]),
        ("GDPR Art. 6(1)(c)", "", ["needs-basis"]),
        ("GDPR Art. 9(2)(h)", "", ["needs-basis"]),
        ("GDPR Art. 16(1)(c), 9(2)(h)", "", ["needs-basis"]),
        ("GDPR Art. 6(1)(c), 9(2)(e)", "", ["needs-basis"]),
        ("GDPR Art. 6(1)(c), 9(2)(a)", "", ["needs-consent"]),
        ("GDPR Art. 6(1)(a), 9(2)(a)", "", ["needs-consent", "needs-consent"]),
        ("GDPR Art. 6(1)(a), 9(2)(a)", "consent: unless-refused\n", ["needs-consent"] * 2),
    ],
)
def test_a_file_without_a_basis_does_not_load(
    tmp_path: Path, basis: str, more: str, expected: list[str]
) -> None:
    assert errors(site(tmp_path, basis, more)) == expected


@pytest.mark.parametrize(
    ("basis", "more"),
    [
        (GOOD, ""),
        ("45 CFR 164.506(c)(3); GDPR 6(1)(b) and 9(2)(f)", ""),
        ("GDPR Art. 6(1)(a), 9(2)(a)", "consent: required\n"),
        ("GDPR Art. 6(1)(a) or (f): 6(1)(f); 9(2)(h)", ""),
    ],
)
def test_a_file_with_a_basis_loads(tmp_path: Path, basis: str, more: str) -> None:
    assert load_site(site(tmp_path, basis, more)).policy.rules


def test_a_controller_is_named_and_no_other_pack_asks(tmp_path: Path) -> None:
    without = CONFIG.partition("controller")[0]
    assert errors(site(tmp_path / "a", config=without)) == ["missing-key"]
    american = site(tmp_path / "b", "45 CFR 164.506", config="engine: {name: east}\n")
    problems = Problems()
    note_bases(load_site(american).policy.rules, ["us-federal", "us-ny"], problems)
    assert problems.sorted() == ()


def test_the_record_of_processing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = site(tmp_path / "s")
    where = ("--site", str(root))
    assert main(["processing", "--json", *where]) == 0
    said = json.loads(capsys.readouterr().out)
    (activity,) = said["activities"]
    assert activity["basis"] == [GOOD]
    assert activity["people"] == ["next of kin", "patients"]
    assert activity["data"] == ["diagnoses", "next of kin", "identity and demographics", "visit"]
    assert activity["health_data"]
    assert said["controller"]["name"] == "Klinikum"
    assert said["protections"]["off"] == {"us-federal": "no law of the United States applies"}
    assert said["measures"][-1] == HANDED_OVER
    page = tmp_path / "record.html"
    assert main(["processing", "--html", str(page), *where]) == 0
    assert main(["processing", *where]) == 0
    text = capsys.readouterr().out
    for part in ("kasse plan: payment for care", "officer: not stated", "Art. 30(1)(e)"):
        assert part in text
        assert part in page.read_text()


def test_the_record_names_who_is_reached_in_the_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """This machine is not the network; of what is by TLS there is nothing to name."""
    root = site(tmp_path)
    ways = {
        "bkk": ("tcp:10.0.0.9:6661", True),
        "local": ("tcp:127.0.0.1:6661", False),
        "own": ("tcp:[::1]:6661", True),
        "safe": ("tls:10.0.0.9:6661", False),
    }
    for name, (to, insecure) in ways.items():
        text = channel(name).replace("tcp:127.0.0.1:6661", to)
        text = text if insecure else text.replace("insecure: true, ", "")
        (root / "channels" / f"{name}.yaml").write_text(text)
    (root / "channels" / "kasse.yaml").unlink()
    rules = root / "rules" / "r.yaml"
    rules.write_text(rules.read_text().replace("[kasse]", f"[{', '.join(ways)}]"))
    assert measures(root, capsys)[-2:] == [
        "Without TLS by the engine itself, as the site declares: bkk.",
        HANDED_OVER.replace("kasse", "local, own"),
    ]
    for name in ("bkk", "local", "own"):
        (root / "channels" / f"{name}.yaml").unlink()
    rules.write_text(rules.read_text().replace("bkk, local, own, ", ""))
    assert measures(root, capsys)[-1] == "Every recipient is reached by TLS."


def measures(root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["processing", "--json", "--site", str(root)]) == 0
    found: list[str] = json.loads(capsys.readouterr().out)["measures"]
    return found
