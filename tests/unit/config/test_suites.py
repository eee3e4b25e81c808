"""A site's tests load as a whole, with the site, or every problem of both is told at once."""

from __future__ import annotations

import pathlib

import pytest

from engine.config.suites import load_tests
from engine.errors import SiteError
from tests.support.suites import A01, HEAD, RULES, write_site

TEST = "  - {name: one, message: a01, nothing_for: [beta]}\n"


def problems(root: pathlib.Path, suite: str, **more: str) -> list[str]:
    with pytest.raises(SiteError) as raised:
        load_tests(write_site(root, suite, **more))
    return [str(problem) for problem in raised.value.problems]


def test_a_site_with_its_tests(tmp_path: pathlib.Path) -> None:
    tested = load_tests(write_site(tmp_path, HEAD + TEST))
    ((test,),) = [suite.tests for suite in tested.suites]
    assert (test.name, test.place.line) == ("one", 7)
    assert test.message.raw == A01.encode()


def test_everything_wrong_is_told_at_once(tmp_path: pathlib.Path) -> None:
    suite = HEAD.replace("a01.hl7}", "a02.hl7}", 1).replace("PV1-10", "NK1-3") + (
        "  - {name: one, message: a10, nothing_for: [betta]}\n"
        "  - {name: one, mesage: a01, because: {acme: no-cover}}\n"
        "  - {name: two, message: psychiatric}\n"
        "  - {name: three, message: a01, expect: {acme: {field: {PID-3: A}}}, nothing_for: acme}\n"
    )
    said = problems(tmp_path, suite, rules=RULES.replace("basis:", "basics:"))
    assert said == [
        "rules/payment.yaml:1:1: missing-key: A rules file needs `basis`. Add `basis:`.",
        (
            "rules/payment.yaml:3:1: unknown-key: A rules file has no key `basics`."
            " Did you mean `basis`?"
        ),
        (
            "rules/payment_test.yaml:4:15: bad-sample: There is no file `samples/a02.hl7`."
            " Paths begin at the file of the suite."
        ),
        (
            "rules/payment_test.yaml:5:46: bad-sample: The message has no NK1-3."
            " Add the segment with `add:`, or use another sample."
        ),
        (
            "rules/payment_test.yaml:7:26: unknown-message: The suite has no message `a10`."
            " Did you mean `a01`?"
        ),
        "rules/payment_test.yaml:8:5: missing-key: A test needs `message`. Add `message:`.",
        (
            "rules/payment_test.yaml:8:12: duplicate-test: The test stands in line 7 already."
            " Give one of them another name: reports tell tests apart by it."
        ),
        (
            "rules/payment_test.yaml:8:17: unknown-key: A test has no key `mesage`."
            " Did you mean `message`?"
        ),
        (
            "rules/payment_test.yaml:8:46: bad-value: There is no reason `no-cover`."
            " Did you mean `no-coverage`?"
        ),
        (
            "rules/payment_test.yaml:9:5: missing-key: A test needs `expect` or `nothing_for`"
            " or `because`. Add `expect:` or `nothing_for:` or `because:`."
        ),
        (
            "rules/payment_test.yaml:10:49: unknown-key: An expectation of a channel has no key"
            " `field`. Did you mean `fields`?"
        ),
        (
            "rules/payment_test.yaml:10:83: bad-value: `expect` says that acme receives something."
            " Keep one of the two."
        ),
    ]


def test_channels_and_rules_are_known_by_name(tmp_path: pathlib.Path) -> None:
    suite = HEAD + (
        "  - name: one\n    message: a01\n    expect: {acm: {}}\n    nothing_for: [betta]\n"
        "    because: {acme: {code: granted, rule: registraton}}\n"
    )
    assert problems(tmp_path, suite) == [
        (
            "rules/payment_test.yaml:9:14: unknown-channel: There is no channel `acm`."
            " Did you mean `acme`?"
        ),
        (
            "rules/payment_test.yaml:10:19: unknown-channel: There is no channel `betta`."
            " Did you mean `beta`?"
        ),
        (
            "rules/payment_test.yaml:11:43: bad-value: The site has no rule `registraton`."
            " Did you mean `registration`?"
        ),
    ]


@pytest.mark.parametrize("code", ["no-grant", "other-coverag", "parent-cutt", "xyzzy"])
def test_only_what_decides_of_a_message_is_offered(tmp_path: pathlib.Path, code: str) -> None:
    suite = HEAD + f"  - {{name: one, message: a01, because: {{acme: {code}}}}}\n"
    (problem,) = problems(tmp_path, suite)
    _, _, mend = problem.partition(f"There is no reason `{code}`. ")
    assert mend.startswith(("Did you mean `", "Known: "))
    for of_parts in ("not-granted", "other-coverage", "parent-cut", "confidential-communication"):
        assert of_parts not in mend


def test_a_label_that_there_is_not_is_no_reason(tmp_path: pathlib.Path) -> None:
    suite = HEAD + "  - {name: one, message: a01, because: {acme: labelled-hvi}}\n"
    (problem,) = problems(tmp_path, suite)
    assert "There is no reason `labelled-hvi`. Did you mean `labelled-hiv`?" in problem


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{}", "A message comes from a file or is a text."),
        ("{text: X, file: samples/a01.hl7}", "A message comes from a file or is a text."),
        ("{text: hello}", "It holds 0 messages."),
        ("{file: samples/a01.hl7, index: 2}", "It holds 1 messages."),
        ("{file: samples/a01.hl7, set: {PID: X}}", "PID is a whole segment."),
        ("{file: samples/a01.hl7, set: {MSH-2: X}}", "MSH-2 tells how the message is read."),
        ('{file: samples/a01.hl7, set: {PID-5: "A\\rNK1"}}', "A line end would begin another"),
        ("{file: samples/a01.hl7, set: {PID-99: X}}", "PID has no field 99"),
        ("{file: samples/a01.hl7, remove: MSH}", "MSH cannot be removed."),
        ("{file: samples/a01.hl7, add: 'MSH|^~'}", "With `add` it is no message"),
    ],
)
def test_a_message_that_cannot_be_meant(tmp_path: pathlib.Path, message: str, said: str) -> None:
    head = HEAD.replace("{file: samples/a01.hl7}", message, 1)
    (problem,) = problems(tmp_path, head + TEST)
    assert said in problem


def test_a_message_may_stand_in_the_suite(tmp_path: pathlib.Path) -> None:
    lines = "".join(f"      {line}\n" for line in A01.split("\r"))
    head = HEAD.replace("{file: samples/a01.hl7}", "\n    text: |\n" + lines, 1)
    tested = load_tests(write_site(tmp_path, head + TEST))
    assert tested.suites[0].tests[0].message.segments[-1].raw == b"IN1|2|PLAN|GAMMA9"


def test_the_header_may_be_changed_behind_what_tells_how_it_is_read(
    tmp_path: pathlib.Path,
) -> None:
    changes = "{file: samples/a01.hl7, set: {MSH-3: LAB}}"
    tested = load_tests(
        write_site(tmp_path, HEAD.replace("{file: samples/a01.hl7}", changes, 1) + TEST)
    )
    assert tested.suites[0].tests[0].message.msh.field(3) == b"LAB"
