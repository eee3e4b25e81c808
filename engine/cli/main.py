"""The command line: finds the command, runs it, and turns what goes wrong into words.

Law: no traceback for anything that a user can cause, no text that could hold a message's content,
and an exit code that says what happened (docs/reference/cli.md). Each command is a module of this
package named like it, with `register(subparsers)`, which adds its parsers and sets the default
`run` to a function from the parsed arguments to an exit code. Only the module of the command that
is called is imported, so that a quick command is quick.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from engine import __version__
from engine.errors import EngineError, Exit, SiteError, UsageError
from engine.stderr import forgive_standard_error
from engine.terminal import only_shown

#: Every command, in the order in which `payergate --help` lists them.
COMMANDS = (
    "demo",
    "init",
    "check",
    "test",
    "disclose",
    "explain",
    "diff",
    "matrix",
    "protections",
    "processing",
    "schema",
    "run",
    "doctor",
    "probe",
    "status",
    "top",
    "queue",
    "parked",
    "consent",
    "restriction",
    "label",
    "confidential",
    "coverage",
    "merge",
    "duties",
    "patient",
    "registry",
    "messages",
    "ledger",
    "backtest",
    "unlisted",
    "archive",
    "keys",
    "send",
    "sink",
)

#: Commands that are to come, and what they will be about.
LATER = {"users": "accounts and roles come with the console"}

#: What a shell reports of a process that SIGINT or SIGPIPE ended (128 + the signal's number).
INTERRUPTED = 130
PIPE_CLOSED = 141

#: Set to `1`, it shows the traceback of an unexpected error. Tracebacks may hold PHI.
DEBUG_VARIABLE = "PAYERGATE_DEBUG"

Subparsers = argparse._SubParsersAction  # the only name that argparse has for it
Run = Callable[[argparse.Namespace], int]


class Command(Protocol):
    """What a command's module offers."""

    def register(self, subparsers: Subparsers[argparse.ArgumentParser]) -> None:
        """Add the command's parsers, with `run` set as a default of each."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code of the process."""
    _open_standard_streams()
    forgive_standard_error()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with only_shown():
            return _ended(arguments)
    except KeyboardInterrupt:  # a second one, after all is done
        return INTERRUPTED


def _ended(arguments: list[str]) -> int:
    """Run it, and say what ended it."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return PIPE_CLOSED
    except SiteError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return error.exit_code
    except EngineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort of a whole process
        return _refused(error) if isinstance(error, OSError) else _unexpected(error)
    return code


def _run(arguments: list[str]) -> int:
    if not arguments:
        build_parser(["--help"]).print_help(sys.stderr)
        return Exit.USAGE
    if arguments[0] in LATER:
        raise UsageError(
            "not-yet",
            f"This version has no `{arguments[0]}`: {LATER[arguments[0]]}.",
            "Who may run a command is who may read the site's var/; the ledger has who did what.",
        )
    if not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        from engine.policy.language.mistakes import close_to

        raise UsageError(
            "unknown-command",
            f"There is no command {arguments[0]!r}.",
            close_to(arguments[0], COMMANDS) or "`payergate --help` lists all.",
        )
    try:
        parsed = build_parser(arguments).parse_args(arguments)
    except SystemExit as end:  # argparse has said why: the help, the version, or wrong usage
        return end.code if isinstance(end.code, int) else Exit.USAGE
    run: Run = parsed.run
    return int(run(parsed))


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these arguments: of one command when they name it, else of all."""
    parser = argparse.ArgumentParser(
        prog="payergate",
        description="HL7 v2 interface engine: each insurer receives exactly what it may have.",
    )
    parser.add_argument("--version", action="version", version=f"payergate {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = arguments[0] if arguments and arguments[0] in COMMANDS else None
    for name in (named,) if named else COMMANDS:
        command = _load(name)
        if command is not None:
            command.register(subparsers)
    return parser


def _load(name: str) -> Command | None:
    module = f"{__package__}.{name}"
    if importlib.util.find_spec(module) is None:
        return None
    command: Command = importlib.import_module(module)
    return command


def _open_standard_streams() -> None:
    """Give whoever closed a standard stream an empty one.

    Otherwise the next file that is opened (a lock, the store's socket) would get its number, and
    what is printed would be written into it.
    """
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
            name = ("stdin", "stdout", "stderr")[number]
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _forget_output() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere instead of failing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused(error: OSError) -> int:
    """A full disk, a missing right: nothing that payergate could have known."""
    _forget_output()
    print(
        f"system: The operating system refused: {error.strerror or type(error).__name__}."
        " See that there is room on the disk, and that this user has the rights.",
        file=sys.stderr,
    )
    _show_if_asked(error)
    return Exit.FAILED


def _unexpected(error: Exception) -> int:
    print(
        f"internal: An unexpected {type(error).__name__}. This is a fault of payergate: please"
        f" report it with the command that caused it. {DEBUG_VARIABLE}=1 shows where, but that"
        " may contain patients' data.",
        file=sys.stderr,
    )
    _show_if_asked(error)
    return Exit.FAILED


def _show_if_asked(error: Exception) -> None:
    if os.environ.get(DEBUG_VARIABLE) == "1":
        traceback.print_exception(error)


if __name__ == "__main__":
    sys.exit(main())
