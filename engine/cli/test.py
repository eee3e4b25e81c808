"""`payergate test`: runs the tests beside a site's rules.

Law: standard output has what failed, with the place of each expectation and what came instead, and
with `--coverage` every rule, grant and withholding that no test exercised. Exit 0, 4 if a test
failed, 3 if the site or its tests do not load.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

from engine.cli.arguments import add_site, writing
from engine.cli.junit import junit
from engine.cli.offline import STAND_IN_KEY
from engine.cli.words import counted
from engine.config.suites import load_tests
from engine.errors import Exit, Place
from engine.policy.compile import compile_policy
from engine.policy.meaning.revision import revision
from engine.policy.testing.exercised import RuleCoverage, coverage, exercised
from engine.policy.testing.suite import SuiteResult, run_suite


def register(subparsers: Any) -> None:
    """Add `test` to the command line."""
    parser = subparsers.add_parser(
        "test",
        help="run the tests beside a site's rules",
        description="Runs rules/*_test.yaml. Exit 0, 4 if a test failed, 3 if it does not load.",
    )
    add_site(parser)
    parser.add_argument(
        "--coverage", action="store_true", help="list rules and grants that no test exercises"
    )
    parser.add_argument("--junit", type=pathlib.Path, metavar="FILE", help="write JUnit XML too")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Test the site; the exit code."""
    tested = load_tests(args.site)
    policy = compile_policy(tested.site.policy, revision(tested.site.policy), STAND_IN_KEY)
    results = [run_suite(suite, policy) for suite in tested.suites]
    covered: tuple[RuleCoverage, ...] | None = None
    if args.coverage:
        tests = [test for suite in tested.suites for test in suite.tests]
        places = (exercised(test.message, policy, test.facts) for test in tests)
        covered = coverage(tested.site.policy, frozenset[Place]().union(*places))
    if args.junit is not None:
        with writing(args.junit, "Give --junit a file that you may write."):
            args.junit.parent.mkdir(parents=True, exist_ok=True)
            args.junit.write_bytes(junit(results))
    if args.json:
        print(json.dumps(_as_json(policy.revision, results, covered)))
    else:
        print("\n".join(_as_text(results, covered)))
    return Exit.TESTS if any(result.failed for result in results) else Exit.OK


# --- words -------------------------------------------------------------------------------------


def _as_text(results: list[SuiteResult], covered: tuple[RuleCoverage, ...] | None) -> list[str]:
    lines: list[str] = []
    for suite in results:
        for result in suite.results:
            if not result.passed:
                lines.append(f"FAILED {suite.suite.name}: {result.test.name}")
                lines += [f"  {failure}" for failure in result.failures]
    if covered is not None:
        lines += _coverage_lines(covered)
    return [*lines, _summary(results)]


def _summary(results: list[SuiteResult]) -> str:
    total = sum(len(suite.results) for suite in results)
    failed = sum(suite.failed for suite in results)
    if not total:
        return "The site has no tests: write them in rules/NAME_test.yaml."
    return f"{counted(total, 'test')} in {counted(len(results), 'suite')}, {failed} failed."


def _coverage_lines(covered: tuple[RuleCoverage, ...]) -> list[str]:
    lines = []
    for rule in covered:
        if not rule.applied:
            lines.append(f"{rule.place}: not exercised: rule {rule.name}")
        lines += [f"{p.place}: not exercised: {p.text} of {p.rule}" for p in rule.missed]
    parts = sum(len(rule.parts) for rule in covered)
    missed = sum(len(rule.missed) for rule in covered)
    applied = sum(rule.applied for rule in covered)
    share = 100 if not parts else 100 * (parts - missed) // parts
    lines.append(
        f"Coverage: {applied} of {counted(len(covered), 'rule')},"
        f" {parts - missed} of {counted(parts, 'grant and withholding', 'grants and withholdings')}"
        f" ({share} %)."
    )
    return lines


# --- JSON --------------------------------------------------------------------------------------


def _as_json(
    revision_: str, results: list[SuiteResult], covered: tuple[RuleCoverage, ...] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "revision": revision_,
        "tests": sum(len(suite.results) for suite in results),
        "failed": sum(suite.failed for suite in results),
        "suites": [_suite_json(suite) for suite in results],
    }
    if covered is not None:
        found["coverage"] = {
            "rules": len(covered),
            "rules_exercised": sum(rule.applied for rule in covered),
            "parts": sum(len(rule.parts) for rule in covered),
            "parts_exercised": sum(len(rule.parts) - len(rule.missed) for rule in covered),
            "never_exercised": [
                {"rule": part.rule, "what": part.text, **_place(part.place)}
                for rule in covered
                for part in rule.missed
            ],
        }
    return found


def _suite_json(suite: SuiteResult) -> dict[str, Any]:
    return {
        "suite": suite.suite.name,
        "file": suite.suite.place.file,
        "tests": [
            {
                "name": result.test.name,
                "line": result.test.place.line,
                "passed": result.passed,
                "failures": [
                    {
                        **_place(failure.place),
                        "channel": failure.channel,
                        "check": failure.check,
                        "expected": failure.expected,
                        "came": failure.came,
                    }
                    for failure in result.failures
                ],
            }
            for result in suite.results
        ],
    }


def _place(place: Place) -> dict[str, str | int]:
    return {"file": place.file, "line": place.line, "column": place.column}
