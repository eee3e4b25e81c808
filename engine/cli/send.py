"""`payergate send`: an MLLP client for people and tests.

Law: one message in flight on each connection, messages of one connection in their order; an answer
counts by the same rules as an insurer's does (`engine.ack.interpret`). No message is sent twice.
"""

from __future__ import annotations

import argparse
import json
import pathlib
from typing import TYPE_CHECKING

from engine.cli.address import host_and_port
from engine.cli.words import counted, visible
from engine.errors import Exit, UsageError

if TYPE_CHECKING:
    from engine.cli.sending import Line


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "send",
        help="send HL7 files over MLLP and print each acknowledgment",
        description="Sends the messages in FILEs over MLLP and prints each acknowledgment."
        " A file may hold one message, several, a batch, or frames.",
        epilog="Exit code 0 if every message was answered AA or CA, else 1.",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", type=pathlib.Path)
    parser.add_argument("--to", metavar="HOST:PORT", required=True, help="the receiver")
    parser.add_argument("--rate", metavar="N", type=float, help="at most N messages a second")
    parser.add_argument(
        "--connections", metavar="N", type=int, default=1, help="share them out to N connections"
    )
    parser.add_argument(
        "--repeat", metavar="N", type=int, default=1, help="send everything N times"
    )
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=30.0, help="seconds to wait for an answer"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Send everything; the exit code."""
    from engine.cli.answer_words import in_words
    from engine.cli.sending import How, Sending, jobs_in

    for name in ("rate", "connections", "repeat", "timeout"):
        value = getattr(args, name)
        if value is not None and value <= 0:
            raise UsageError("usage", f"--{name} must be more than 0.")
    host, port = host_and_port(args.to)
    jobs = [job for file in args.files for job in jobs_in(file)]
    how = How(args.connections, args.repeat, args.rate, args.timeout)
    sending = Sending(jobs, how, _print_json if args.json else _print_line)
    sending.run(host, port)
    summary = sending.summary()
    if args.json:
        print(json.dumps({"summary": summary}))
    else:
        acks = ", ".join(f"{n} {code}" for code, n in sorted(summary["acks"].items()))
        print(
            f"{summary['sent']} sent in {summary['seconds']} s"
            f" ({summary['per_second']} a second): {acks or 'no answers'}"
        )
        for (ack, error), number in sending.failures.items():
            print(f"{_said(ack, error)}, {counted(number, 'message')}: {in_words(ack, error)}")
    return Exit.OK if sending.all_positive else Exit.FAILED


def _print_json(line: Line) -> None:
    print(json.dumps({name: getattr(line, name) for name in line.__slots__}))


def _print_line(line: Line) -> None:
    said = _said(line.ack, line.error)
    print(f"{line.file}[{line.index}] {visible(line.control_id)} {said} {line.ms:.1f} ms")


def _said(ack: str | None, error: str | None) -> str:
    return " ".join(filter(None, (ack or "no answer", error)))
