"""Tests beside the rules: each kind of expectation holds, or says what came instead."""

from __future__ import annotations

import pathlib

import pytest

from engine.config.suites import load_tests
from engine.config.yaml_source import read_yaml
from engine.errors import SiteError
from engine.policy.compile import compile_policy
from engine.policy.language import Problems, Reader, suite_tests
from engine.policy.outcome import Code
from engine.policy.reasons import TEXTS
from engine.policy.testing.suite import run_suite
from tests.support.suites import HEAD, write_site


def failures(root: pathlib.Path, *lines: str, message: str = "a01") -> list[str]:
    """What one test of these lines says, without the file's name."""
    body = "".join(f"    {line}\n" for line in lines)
    suite = HEAD + f"  - name: one\n    message: {message}\n" + body
    tested = load_tests(write_site(root, suite))
    policy = compile_policy(tested.site.policy)
    (result,) = (one for each in tested.suites for one in run_suite(each, policy).results)
    return [str(failure).removeprefix("rules/payment_test.yaml:") for failure in result.failures]


@pytest.mark.parametrize(
    "expected",
    [
        "acme: {}",
        "acme: {segments: [MSH, PID, PV1, DG1, IN1]}",
        "acme: {contains: [A1, DOE, 'PLAN|ACME01'], excludes: [GAMMA9, '19800101']}",
        "acme: {contains: A1, excludes: GAMMA9}",
        "acme: {fields: {PID-7: '', PID-5: DOE^JANE~ROE^J, PID-5.1: DOE~ROE, 'PID-5[2].1': ROE}}",
        "acme: {fields: {IN1-3: ACME01, NK1-1: '', DG1-3: [I20.0^T&A Clinic^I10]}}",
    ],
)
def test_what_holds_says_nothing(tmp_path: pathlib.Path, expected: str) -> None:
    assert failures(tmp_path, f"expect: {{{expected}}}", "nothing_for: [beta]") == []


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (
            "acme: {segments: [MSH, PID]}",
            "segments: expected MSH PID; came MSH PID PV1 DG1 IN1",
        ),
        ("acme: {contains: [NOBODY]}", "contains: expected `NOBODY`; it is not in the copy"),
        ("acme: {excludes: [I20]}", "excludes: expected no `I20`; it is in DG1-3"),
        ("acme: {excludes: ['|DOE^']}", "excludes: expected no `|DOE^`; it is in PID"),
        ("acme: {fields: {PID-3.1: B2}}", 'fields: expected PID-3.1 "B2"; came "A1"'),
        ("acme: {fields: {NK1-2: X}}", 'fields: expected NK1-2 "X"; there is no NK1'),
        ("acme: {fields: {IN1-3: [A, B]}}", 'fields: expected IN1-3 "A", "B"; came "ACME01"'),
        (
            "beta: {contains: [A1]}",
            f"expect: expected a copy; nothing came: no-coverage. {TEXTS[Code.NO_COVERAGE]}",
        ),
    ],
)
def test_what_does_not_hold_says_what_came(
    tmp_path: pathlib.Path, expected: str, said: str
) -> None:
    (failure,) = failures(tmp_path, f"expect: {{{expected}}}")
    place, channel, text = failure.split(": ", 2)
    assert (channel, text) == (expected.partition(":")[0], said)
    line, _, column = place.partition(":")
    assert int(line) == 9
    assert int(column) > 13


def test_nothing_for_and_because(tmp_path: pathlib.Path) -> None:
    both = ("nothing_for: [acme, beta]", "because: {acme: {code: withheld-by-rule, rule: X}}")
    good = (*both[:1], "because: {acme: {code: withheld-by-rule, rule: psychiatric}}")
    assert failures(tmp_path, *good, message="psychiatric") == []
    assert failures(tmp_path, "nothing_for: all others", message="psychiatric") == []
    came = failures(tmp_path, "nothing_for: [acme]", "because: {beta: no-rule}")
    assert [text.split(": ", 1)[1] for text in came] == [
        "acme: nothing_for: expected nothing; came MSH PID PV1 DG1 IN1 (granted by registration)",
        "beta: because: expected no-rule; came no-coverage",
    ]


def test_all_others_are_those_that_expect_does_not_name(tmp_path: pathlib.Path) -> None:
    assert failures(tmp_path, "expect: {acme: {}}", "nothing_for: all others") == []
    (came,) = failures(tmp_path, "nothing_for: all others")
    assert "acme: nothing_for: expected nothing; came MSH" in came


def test_facts_of_a_test_stand_over_those_of_its_suite(tmp_path: pathlib.Path) -> None:
    late = ("facts: {now: 2031-06-01T12:00:00Z}", "because: {acme: agreement-expired}")
    assert failures(tmp_path, *late) == []


@pytest.mark.parametrize(
    "facts", ["late.yaml", "{file: late.yaml}", "{file: late.yaml, disclosed: []}"]
)
def test_facts_may_stand_in_a_file(tmp_path: pathlib.Path, facts: str) -> None:
    (tmp_path / "late.yaml").write_text("now: 2031-06-01T12:00:00Z\n")
    late = (f"facts: {facts}", "because: {acme: agreement-expired}")
    assert failures(tmp_path, *late) == []


@pytest.mark.parametrize(
    ("because", "expected"),
    [
        ("{acme: {code: no-rule}}", ["acme: because: expected no-rule; came granted"]),
        ("{acme: {code: granted, rule: psychiatric}}", ["acme: because: expected granted"]),
        ("{acme: {code: granted, rule: registration}}", []),
        ("{acme: granted}", []),
    ],
)
def test_a_reason_may_name_its_rule(
    tmp_path: pathlib.Path, because: str, expected: list[str]
) -> None:
    came = [text.split(": ", 1)[1] for text in failures(tmp_path, f"because: {because}")]
    assert len(came) == len(expected)
    assert all(text.startswith(said) for text, said in zip(came, expected, strict=True))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("because: {acme: {code: no-rulee}}", "There is no reason `no-rulee`."),
        ("because: {acme: {rule: registration}}", "code"),
        ("because: {axme: no-rule}", "There is no channel `axme`."),
    ],
)
def test_a_reason_that_is_none_does_not_load(
    tmp_path: pathlib.Path, written: str, said: str
) -> None:
    with pytest.raises(SiteError) as error:
        failures(tmp_path, written)
    (problem,) = error.value.problems
    assert said in problem.text


def test_what_is_removed_is_named_by_its_path(tmp_path: pathlib.Path) -> None:
    head = HEAD.replace("samples/a01.hl7}", "samples/a01.hl7, remove: [PV1-19, {DG1: 2}]}", 1)
    suite = f"{head}  - {{name: one, message: a01, because: {{acme: no-rule}}}}\n"
    with pytest.raises(SiteError) as error:
        load_tests(write_site(tmp_path, suite))
    (problem,) = error.value.problems
    assert "`remove`" in problem.text


def test_what_is_removed_is_not_sent(tmp_path: pathlib.Path) -> None:
    head = HEAD.replace("samples/a01.hl7}", "samples/a01.hl7, remove: [DG1, PID-5]}", 1)
    expected = "{segments: [MSH, PID, PV1, IN1], fields: {PID-5: ''}}"
    suite = f"{head}  - {{name: one, message: a01, expect: {{acme: {expected}}}}}\n"
    tested = load_tests(write_site(tmp_path, suite))
    (result,) = run_suite(tested.suites[0], compile_policy(tested.site.policy)).results
    assert result.failures == ()


def test_of_a_site_that_does_not_load_nobody_is_expected_to_receive_anything() -> None:
    problems = Problems()
    text = b"{name: one, message: a01, expect: {acme: {}}, because: {acme: no-rule}}"
    node = read_yaml(text, "x.yaml", problems)
    assert node is not None
    read = suite_tests.TestReader(suite_tests.Names(None, None), Reader(problems)).read(node)
    assert read is not None
    assert read.expected == ()
    assert problems.sorted() == ()


@pytest.mark.parametrize("text", ["O&NEIL", "O\\T\\NEIL"])
def test_a_text_is_found_as_it_stands_and_as_it_reads(tmp_path: pathlib.Path, text: str) -> None:
    head = HEAD.replace("samples/a01.hl7}", "samples/a01.hl7, set: {PID-5: 'O\\T\\NEIL'}}", 1)
    suite = f"{head}  - {{name: one, message: a01, expect: {{acme: {{excludes: ['{text}']}}}}}}\n"
    tested = load_tests(write_site(tmp_path, suite))
    policy = compile_policy(tested.site.policy)
    (result,) = run_suite(tested.suites[0], policy).results
    (failure,) = result.failures
    assert str(failure).endswith("it is in PID-5")


def test_of_several_segments_the_one_with_the_text_is_named(tmp_path: pathlib.Path) -> None:
    head = HEAD.replace("samples/a01.hl7}", "samples/a01.hl7, add: ['DG1|2||I21^x^I10|||F']}", 1)
    suite = f"{head}  - {{name: one, message: a01, expect: {{acme: {{excludes: [I21]}}}}}}\n"
    tested = load_tests(write_site(tmp_path, suite))
    (result,) = run_suite(tested.suites[0], compile_policy(tested.site.policy)).results
    (failure,) = result.failures
    assert str(failure).endswith("it is in DG1[2]-3")
