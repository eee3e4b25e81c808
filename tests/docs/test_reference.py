"""Whatever the engine can say, and whatever it can be told, has an entry in the reference."""

import argparse
import ast
import builtins
import importlib
import pathlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import engine.config
import engine.policy.language
from engine.cli.main import COMMANDS, build_parser
from engine.delivery.schedule import DEFAULT_REPLY_ACTIONS
from engine.errors import Exit
from engine.logs import FIELDS, Event
from engine.policy.language import Keys, Mistake
from engine.policy.outcome import Code
from tests.docs.pages import (
    REFERENCE,
    ROOT,
    blocks,
    entries,
    headings,
    mentions,
    name,
    pages,
    prose,
)

CLI = REFERENCE / "cli.md"

#: Where each setting of a site may have its entry.
SETTINGS_PAGES = (
    REFERENCE / "config.md",
    REFERENCE / "rules.md",
    REFERENCE / "protections.md",
    REFERENCE / "tests.md",
    CLI,
)


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Every command with its parser, such as `queue pause`, in the order of the help."""
    found: dict[str, argparse.ArgumentParser] = {}
    waiting = [("", build_parser([]))]
    while waiting:
        command, parser = waiting.pop(0)
        below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        for action in below:
            waiting += [(f"{command} {n}".strip(), p) for n, p in action.choices.items()]
        if command and not below:
            found[command] = parser
    return found


def section(command: str) -> str:
    """What cli.md says about a command: the sections whose headings name it or its first word."""
    words = {command, command.split(maxsplit=1)[0]}
    found = [
        heading.section
        for heading in headings(CLI)
        if any(f"payergate {word}" in heading.text or f"`{word}`" in heading.text for word in words)
    ]
    assert found, f"{name(CLI)} has no heading for `payergate {command}`"
    return "\n".join(found)


@pytest.mark.parametrize("command", sorted(parsers()))
def test_every_command_and_option_is_described(command: str) -> None:
    text = section(command)
    said = {word for span in mentions(text) for word in span.replace("=", " ").split()}
    assert command.rsplit(maxsplit=1)[-1] in " ".join(said) or command in text
    for action in parsers()[command]._actions:
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert option in said, f"{name(CLI)}: `payergate {command}` lacks `{option}`"


@pytest.mark.parametrize("command", sorted(parsers()))
def test_every_command_takes_json(command: str) -> None:
    assert "--json" in parsers()[command]._option_string_actions


def test_every_command_of_the_help_exists() -> None:
    assert {command.split()[0] for command in parsers()} == set(COMMANDS)


def commands_shown(page: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Every `payergate COMMAND [ACTION]` of a page: in code spans, and in blocks for a shell."""
    text = page.read_text("utf-8")
    shown = [*mentions(text), *(block.text for block in blocks(page, "sh", "console"))]
    for part in shown:
        for match in re.finditer(r"(?:^|[\s/(])payergate ([a-z]+)(?: ([a-z]+))?", part):
            yield match[1], match[2] or ""


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_command_that_a_page_shows_exists(page: pathlib.Path) -> None:
    known = {(first, rest) for first, _, rest in (one.partition(" ") for one in parsers())}
    actions = {first for first, rest in known if rest}
    for command, action in commands_shown(page):
        assert command in COMMANDS, f"payergate {command}"
        if command in actions and action:
            assert (command, action) in known, f"payergate {command} {action}"


def test_every_exit_code_is_described() -> None:
    assert {str(int(code)) for code in Exit} <= entries(CLI)


def test_every_reason_is_described_and_no_other() -> None:
    described = entries(REFERENCE / "reasons.md")
    codes = {code.value for code in Code}
    assert codes <= described, sorted(codes - described)


def test_every_problem_of_a_site_is_described_and_no_other() -> None:
    described = entries(REFERENCE / "problems.md")
    mistakes = {mistake.value for mistake in Mistake}
    assert mistakes == {code for code in described if code in mistakes}


def test_every_event_and_every_field_is_described() -> None:
    described = entries(REFERENCE / "events.md")
    missing = ({event.value for event in Event} | FIELDS) - described
    assert not missing, sorted(missing)


def test_every_event_is_logged_somewhere() -> None:
    code = "".join(file.read_text("utf-8") for file in (ROOT / "engine").rglob("*.py"))
    assert not [event.value for event in Event if f"Event.{event.name}" not in code]


def test_every_error_that_is_described_can_be_raised() -> None:
    code = "".join(file.read_text("utf-8") for file in (ROOT / "engine").rglob("*.py"))
    lines = [line for _, line in prose(REFERENCE / "errors.md")]
    codes = [match[1] for line in lines if (match := re.match(r"\| `([a-z0-9-]+)` \|", line))]
    assert len(codes) > 50
    assert not [error for error in codes if not re.search(rf'"{error}("|: )', code)]


def test_every_answer_that_leads_to_something_is_described() -> None:
    text = (REFERENCE / "config.md").read_text() + (REFERENCE / "acknowledgments.md").read_text()
    assert {key.partition("/")[0] for key in DEFAULT_REPLY_ACTIONS} <= mentions(text)


def keys_of_a_site() -> dict[str, set[str]]:
    """Every table of keys that a loader knows: what it is of, and its keys."""
    found: dict[str, set[str]] = {}
    for package in (engine.config, engine.policy.language):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Keys):
                    known = {*value.required, *value.optional, *value.unsupported}
                    found.setdefault(value.of, set()).update(known, value.not_enforced)
    return found


@pytest.mark.parametrize("of", sorted(keys_of_a_site()))
def test_every_setting_has_an_entry(of: str) -> None:
    described = set().union(*(entries(page) for page in SETTINGS_PAGES))
    spans = {word for span in described for word in span.replace(".", " ").split()} | described
    missing = keys_of_a_site()[of] - spans
    assert not missing, f"{of}: {sorted(missing)}"


def raised() -> Iterator[tuple[str, str]]:
    """The code of every error that the engine raises by name, and where."""
    for file in sorted((ROOT / "engine").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _is_error(node.func) and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value, f"{name(file)}:{node.lineno}"


def _is_error(function: ast.expr) -> bool:
    called = function.id if isinstance(function, ast.Name) else ""
    if isinstance(function, ast.Attribute) and function.attr == "__init__":
        return isinstance(function.value, ast.Call)  # super().__init__("code", …)
    if hasattr(builtins, called):
        return False  # a programmer's mistake, not an error that a user can cause
    return called.endswith("Error") or called == "StoreUnavailable"


def test_every_error_is_described() -> None:
    described = entries(REFERENCE / "errors.md")
    missing = {code: place for code, place in raised() if code not in described}
    assert not missing, missing


@pytest.mark.parametrize("page", sorted(pathlib.Path(REFERENCE).glob("*.md")), ids=name)
def test_every_reference_page_has_entries(page: pathlib.Path) -> None:
    assert entries(page)
