"""`payergate matrix`: what each counterpart may receive, as text, as JSON, or as a page to sign.

Law: a matrix is printed from the compiled meaning of a site that loads, with its revision.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
from dataclasses import replace
from typing import Any

from engine.cli.arguments import add_site, chosen_channels, writing_report
from engine.cli.matrix_page import matrix_page
from engine.cli.matrix_text import matrix_text
from engine.cli.moments import today
from engine.config.load import load_site
from engine.config.model import Site
from engine.errors import Exit
from engine.policy.meaning.revision import revision
from engine.policy.telling.matrix import Section, Sheet, matrix
from engine.policy.telling.wording import fields


def register(subparsers: Any) -> None:
    """Add `matrix` to the command line."""
    parser = subparsers.add_parser(
        "matrix",
        help="print what each counterpart may receive",
        description="Prints the disclosure matrix: message types, segments, fields, conditions.",
    )
    add_site(parser)
    parser.add_argument("--channel", metavar="ID", help="one channel only")
    parser.add_argument(
        "--html", type=pathlib.Path, metavar="FILE", help="write a page to print and sign"
    )
    parser.add_argument(
        "--date", metavar="DAY", help="with --html: the date on the page (default: today)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the matrix; the exit code."""
    site = load_site(args.site)
    chosen = chosen_channels(sorted(site.policy.channels), args.channel)
    found = tuple(_with_way(sheet, site) for sheet in matrix(site.policy, chosen))
    of = revision(site.policy)
    if args.html is not None:
        day = args.date or today(site.policy.timezone).isoformat()
        page = matrix_page(found, site=site.engine, revision=of, day=day)
        with writing_report(args.html, "--html"):
            args.html.write_text(page, "utf-8")
    if args.json:
        print(json.dumps({"revision": of, "channels": {s.channel: _as_json(s) for s in found}}))
    elif args.html is None:
        print(matrix_text(found, shutil.get_terminal_size((100, 0)).columns))
        print(f"\nRevision {of}")
    return Exit.OK


def _with_way(sheet: Sheet, site: Site) -> Sheet:
    """The sheet; its contract says so where copies go in the clear."""
    if sheet.channel not in site.insecure_channels:
        return sheet
    row = ("Reached", "in the clear (`insecure: true`)")
    return replace(sheet, contract=(*sheet.contract, row))


def _as_json(sheet: Sheet) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "contract": dict(sheet.contract),
        "ceiling": {segment: fields(mask) for segment, mask in sheet.ceiling},
        "sections": [_section_json(section) for section in sheet.sections],
    }


def _section_json(section: Section) -> dict[str, Any]:
    return {
        "messages": list(section.types),
        "only_if_disclosed_before": section.is_cancel,
        "sent": [
            {
                "segment": row.segment,
                "fields": fields(row.mask),
                "purpose": row.purpose,
                "when": row.when,
                "where": row.where,
                "rule": row.rule,
                "basis": row.basis,
                "file": row.place.file,
                "line": row.place.line,
            }
            for row in section.rows
        ],
        "withheld": [
            {
                "message": not taken.parts,
                "segments": {segment: fields(mask) for segment, mask in taken.parts},
                "when": taken.when,
                "rule": taken.rule,
                "file": taken.place.file,
                "line": taken.place.line,
            }
            for taken in section.taken
        ],
    }
