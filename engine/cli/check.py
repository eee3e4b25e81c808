"""`payergate check`: loads a site and prints every problem of it.

Law: problems go to standard error, one a line, in the order of their places; the summary goes to
standard output. Warnings alone are no failure.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from engine.cli.arguments import add_site
from engine.cli.moments import today
from engine.cli.words import counted
from engine.config.assessing import reminders
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit, Problem, Severity, SiteError
from engine.policy.meaning.revision import revision


def register(subparsers: Any) -> None:
    """Add `check` to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="load a site and print every problem of it",
        description="Loads a site, prints every problem of it. Exit 0, or 3 if it does not load.",
    )
    add_site(parser)
    parser.add_argument(
        "--json", action="store_true", help='print {"problems": [...]} on standard output'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check the site; the exit code."""
    site: Site | None = None
    try:
        site = load_site(args.site)
        day = today(site.policy.timezone)
        problems: Sequence[Problem] = (*site.warnings, *reminders(site.policy, day))
    except SiteError as error:
        problems = error.problems
    if args.json:
        insecure = [] if site is None else list(site.insecure)
        said = [_as_json(problem) for problem in problems]
        print(json.dumps({"problems": said, "insecure": insecure}))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
        print(_summary(site, problems))
        if site is not None and site.insecure:
            print(f"In the clear (`insecure: true`): {', '.join(site.insecure)}.")
    return Exit.SITE if site is None else Exit.OK


def _summary(site: Site | None, problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    warnings = len(problems) - errors
    if site is None:
        found = counted(errors, "error") + (f", {counted(warnings, 'warning')}" if warnings else "")
        return f"The site does not load: {found}."
    names = {rule.name for rule in site.policy.rules}
    return (
        f"The site loads: {counted(len(site.policy.channels), 'channel')},"
        f" {counted(len(names), 'rule')}, {counted(warnings, 'warning')};"
        f" revision {revision(site.policy)}."
    )


def _as_json(problem: Problem) -> dict[str, str | int]:
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "code": problem.code,
        "severity": problem.severity.value,
        "text": problem.text,
        "mend": problem.mend,
    }
