"""The JSON Schemas agree with what loads: every good file is valid, every ill-formed one is not."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from engine.config.keys import CONFIG_TABLES, DELIVER_TABLES
from engine.config.schemas import SCHEMAS, schema_of
from engine.config.schemas.names import field_names
from engine.policy.language import KEY_TABLES
from engine.policy.language.suite_messages import MESSAGE_KEYS
from engine.policy.language.suite_tests import EXPECT_KEYS, TEST_KEYS
from engine.policy.language.suites import SUITE_KEYS

ROOT = pathlib.Path(__file__).parents[3]
BROKEN = sorted(path for path in (ROOT / "tests" / "rules" / "broken").iterdir() if path.is_dir())
MINIMAL = ROOT / "tests" / "rules" / "minimal"
SITES = [ROOT, MINIMAL, *sorted((ROOT / "tests" / "sites").iterdir())]

#: Codes of mistakes that one file shows by its form alone.
STRUCTURAL = {"unknown-key", "missing-key", "wrong-type"}

VALIDATORS = {name: jsonschema.Draft202012Validator(schema_of(name)) for name in SCHEMAS}


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it (1.2, core schema): `3` is a number, a date is a text."""


EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if not tag.endswith((":timestamp", ":bool"))]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def kind_of(file: pathlib.Path) -> str:
    if file.name == "config.yaml":
        return "config"
    if file.parent.name == "sets":
        return "set"
    if file.stem.endswith("_test"):
        return "test"
    return {"channels": "channel", "rules": "rules"}[file.parent.name]


def files_of(site: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder in (site, site / "channels", site / "rules", site / "rules" / "sets"):
        for file in sorted(folder.glob("*.yaml")):
            if folder != site or file.name == "config.yaml":
                yield file


def with_text_keys(value: Any) -> Any:
    """JSON knows no other keys."""
    if isinstance(value, dict):
        return {str(key): with_text_keys(inner) for key, inner in value.items()}
    return [with_text_keys(inner) for inner in value] if isinstance(value, list) else value


def complaints(file: pathlib.Path) -> list[str]:
    """What the schema says of a file as an editor reads it, and as the engine does."""
    text = file.read_text("utf-8")
    found = []
    for loader in (EditorLoader, yaml.BaseLoader):
        value: Any = yaml.load(text, loader)  # noqa: S506  both make plain values only
        errors = VALIDATORS[kind_of(file)].iter_errors(with_text_keys(value))
        found += [f"{file}: {error.json_path}: {error.message[:200]}" for error in errors]
    return found


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_each_is_a_schema(name: str) -> None:
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert len(json.dumps(schema)) < 600_000
    assert schema["title"].startswith("A payergate ")


@pytest.mark.parametrize(
    "file",
    [file for site in SITES for file in files_of(site)],
    ids=lambda f: str(f.relative_to(ROOT)),
)
def test_every_file_that_loads_is_valid(file: pathlib.Path) -> None:
    assert complaints(file) == []


@pytest.mark.parametrize("mistake", BROKEN, ids=lambda path: path.name)
def test_ill_formed_files_are_not_valid_and_others_are(
    mistake: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shutil.copytree(MINIMAL, tmp_path, dirs_exist_ok=True)
    shutil.copytree(mistake, tmp_path, dirs_exist_ok=True)
    said = [line.split(": ") for line in (mistake / "expected.txt").read_text().splitlines()[:-1]]
    mistakes: dict[str, set[str]] = {}
    for where, code, *_ in said:
        mistakes.setdefault(where.split(":")[0], set()).add(code)
    for file in files_of(tmp_path):
        codes = mistakes.get(str(file.relative_to(tmp_path)), set())
        if "yaml" in codes or "duplicate-key" in codes:
            continue
        if codes & STRUCTURAL:
            assert complaints(file), codes
        elif not codes:
            assert complaints(file) == []


def described(shape: Any) -> Iterator[str]:
    """Every key that some mapping of a schema has."""
    if isinstance(shape, dict):
        yield from shape.get("properties", {})
        for value in shape.values():
            yield from described(value)
    elif isinstance(shape, list):
        for value in shape:
            yield from described(value)


def test_every_key_of_every_table_has_a_shape() -> None:
    known = {key for name in SCHEMAS for key in described(schema_of(name))}
    tables = [*KEY_TABLES, *CONFIG_TABLES.values(), *DELIVER_TABLES.values()]
    tables += [SUITE_KEYS, MESSAGE_KEYS, TEST_KEYS, EXPECT_KEYS]
    for table in tables:
        assert {*table.required, *table.optional, *table.not_enforced} <= known, table.of


def test_every_key_says_what_it_is() -> None:
    silent = [
        f"{name}: {key}"
        for name in SCHEMAS
        for key in unsaid(schema_of(name))
        if key not in {"$schema"}
    ]
    assert silent == []


def unsaid(shape: Any) -> Iterator[str]:
    """Keys in lower case (segments and paths name themselves) that nothing is said of."""
    if isinstance(shape, dict):
        for key, value in shape.get("properties", {}).items():
            if key.islower() and value == {}:
                yield key
        for value in shape.values():
            yield from unsaid(value)


def test_fields_have_their_names() -> None:
    names = field_names()
    assert names["PID"][3] == "Patient identifier list"
    assert names["PID"][19] == "Ssn number"
    assert names["OBX"][5] == "Observation value"
    assert names["IN1"][36] == "Policy number"
    fields = schema_of("rules")["$defs"]["PID-fields"]["anyOf"][1]["items"]["anyOf"]
    assert {"const": 3, "description": "PID-3 Patient identifier list"} in fields
