"""`payergate test`: what it prints, the JUnit XML, the coverage, honest exits."""

from __future__ import annotations

import json
import pathlib
from xml.etree import ElementTree

import pytest

from engine.cli.main import main
from engine.errors import Exit
from tests.support.suites import HEAD, write_site

GOOD = "  - {name: members only, message: a01, expect: {acme: {}}, nothing_for: [beta]}\n"
BAD = '  - {name: "no <name>", message: a01, expect: {acme: {excludes: [DOE], segments: [MSH]}}}\n'


def test_all_pass(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--site", str(write_site(tmp_path, HEAD + GOOD))]) == Exit.OK
    assert capsys.readouterr() == ("1 test in 1 suite, 0 failed.\n", "")


def test_a_failure_has_the_place_of_its_expectation(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test", "--site", str(write_site(tmp_path, HEAD + GOOD + BAD))]) == Exit.TESTS
    assert capsys.readouterr().out == (
        "FAILED registration: no <name>\n"
        "  rules/payment_test.yaml:8:66: acme: excludes: expected no `DOE`; it is in PID-5\n"
        "  rules/payment_test.yaml:8:82: acme: segments: expected MSH; came MSH PID PV1 DG1 IN1\n"
        "2 tests in 1 suite, 1 failed.\n"
    )


def test_what_does_not_load(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = write_site(tmp_path, HEAD + GOOD.replace("beta", "betta"))
    assert main(["test", "--site", str(site)]) == Exit.SITE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Did you mean `beta`?" in printed.err


def test_coverage_names_what_no_test_exercised(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A grant counts where it holds for what is sent: not the diagnosis that `where` leaves out."""
    head = HEAD.replace("{file: samples/a01.hl7}", "{file: samples/a01.hl7, set: {DG1-6: A}}", 1)
    site = write_site(tmp_path, head + GOOD)
    assert main(["test", "--coverage", "--site", str(site)]) == Exit.OK
    assert capsys.readouterr().out == (
        "rules/payment.yaml:11:7: not exercised: grant DG1 of registration\n"
        "rules/payment.yaml:13:11: not exercised: rule psychiatric\n"
        "rules/payment.yaml:16:15: not exercised: withholding of the message of psychiatric\n"
        "Coverage: 1 of 2 rules, 3 of 5 grants and withholdings (60 %).\n"
        "1 test in 1 suite, 0 failed.\n"
    )


def test_a_message_of_another_environment_exercises_nothing(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = HEAD.replace("{file: samples/a01.hl7}", "{file: samples/a01.hl7, set: {MSH-11: T}}", 1)
    test = "  - {name: a trial, message: a01, because: {acme: environment}}\n"
    site = write_site(tmp_path, head + test)
    assert main(["test", "--coverage", "--site", str(site)]) == Exit.OK
    assert "Coverage: 0 of 2 rules" in capsys.readouterr().out


def test_as_json(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = write_site(tmp_path, HEAD + GOOD + BAD)
    assert main(["test", "--json", "--coverage", "--site", str(site)]) == Exit.TESTS
    printed = json.loads(capsys.readouterr().out)
    assert (printed["tests"], printed["failed"]) == (2, 1)
    assert [test["passed"] for test in printed["suites"][0]["tests"]] == [True, False]
    assert printed["suites"][0]["tests"][1]["failures"][1] == {
        "file": "rules/payment_test.yaml",
        "line": 8,
        "column": 82,
        "channel": "acme",
        "check": "segments",
        "expected": "MSH",
        "came": "came MSH PID PV1 DG1 IN1",
    }
    assert printed["coverage"]["parts_exercised"] == 4
    assert [one["what"] for one in printed["coverage"]["never_exercised"]] == [
        "withholding of the message"
    ]


def test_junit_xml(tmp_path: pathlib.Path) -> None:
    site = write_site(tmp_path, HEAD + GOOD + BAD)
    report = tmp_path / "reports" / "junit.xml"
    assert main(["test", "--site", str(site), "--junit", str(report)]) == Exit.TESTS
    root = ElementTree.fromstring(report.read_bytes())  # noqa: S314  our own
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "2", "1")
    (suite,) = root
    assert (suite.get("name"), suite.get("file")) == ("registration", "rules/payment_test.yaml")
    good, bad = suite
    assert (good.get("name"), len(good)) == ("members only", 0)
    assert (bad.get("classname"), bad.get("name"), bad.get("line")) == (
        "registration",
        "no <name>",
        "8",
    )
    assert [failure.get("type") for failure in bad] == ["excludes", "segments"]
    assert "it is in PID-5" in str(bad[0].get("message"))


def test_junit_xml_that_cannot_be_written(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = write_site(tmp_path, HEAD + GOOD)
    assert main(["test", "--site", str(site), "--junit", str(tmp_path)]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("file-unwritable: ")


def test_a_site_without_tests(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (write_site(tmp_path, "") / "rules" / "payment_test.yaml").unlink()
    assert main(["test", "--site", str(tmp_path)]) == Exit.OK
    assert capsys.readouterr().out.startswith("The site has no tests")
