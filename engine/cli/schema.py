"""`payergate schema`: JSON Schemas of a site's files, for editors that complete and explain.

Law: what is written is made from the tables that read the files, so that it never lags behind them;
with `--out` each file is replaced as a whole.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import Any

from engine.cli.arguments import writing
from engine.errors import Exit

#: The kinds of files; a test compares them with the schemas.
KINDS = ("channel", "rules", "set", "test", "config")


def register(subparsers: Any) -> None:
    """Add `schema` to the command line."""
    parser = subparsers.add_parser(
        "schema",
        help="write JSON Schemas of a site's files, for editors",
        description="Prints the JSON Schema (draft 2020-12) of one kind of file, or of all in one"
        " object by kind; with --out, writes each to DIR/KIND.schema.json.",
    )
    parser.add_argument("kind", nargs="?", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write files into DIR")
    parser.add_argument(
        "--json", action="store_true", help="with --out: name what was written in JSON"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print or write the schemas; the exit code."""
    from engine.config.schemas import schema_of

    kinds = KINDS if args.kind is None else (args.kind,)
    found = {kind: schema_of(kind) for kind in kinds}
    if args.out is None:
        print(json.dumps(found if args.kind is None else found[args.kind], indent=1))
        return Exit.OK
    written = [_write(args.out / f"{kind}.schema.json", schema) for kind, schema in found.items()]
    print(json.dumps({"files": written}) if args.json else "\n".join(written))
    return Exit.OK


def _write(path: pathlib.Path, schema: dict[str, Any]) -> str:
    with writing(path, "Give --out a folder that you may write to."):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(schema, indent=1) + "\n", "utf-8")
        draft.replace(path)
    return str(path)
