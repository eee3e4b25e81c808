"""YAML becomes texts with places, within bounds, and never a traceback."""

from __future__ import annotations

import pytest

from engine.config.yaml_source import MOST_BYTES, read_yaml
from engine.errors import Problem
from engine.policy.language import Problems
from engine.policy.language.source import Mapping, Node, Scalar, Sequence


def read(text: str | bytes) -> tuple[Node | None, tuple[Problem, ...]]:
    problems = Problems()
    data = text if isinstance(text, bytes) else text.encode()
    return read_yaml(data, "rules/x.yaml", problems), problems.sorted()


def test_nodes_know_where_they_stand() -> None:
    node, problems = read("a: 1\nb:\n  - x\n  - {c: é, d: y}\n")
    assert problems == ()
    assert isinstance(node, Mapping)
    listed = node.get("b")
    assert isinstance(listed, Sequence)
    inner = listed.items[1]
    assert isinstance(inner, Mapping)
    assert [str(value.place) for _, value in inner.entries] == [
        "rules/x.yaml:4:9",
        "rules/x.yaml:4:15",
    ]


@pytest.mark.parametrize("text", ["NO", "2.3", "012", "1e3", "true", "2026-01-01", "0o7", ".5"])
def test_scalars_stay_the_text_that_was_written(text: str) -> None:
    node, _ = read(f"a: {text}")
    assert isinstance(node, Mapping)
    assert isinstance(node.get("a"), Scalar)
    assert node.entries[0][1] == Scalar(node.entries[0][1].place, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("~", None), ("null", None), ("''", ""), ("'~'", "~"), ('"null"', "null")],
)
def test_nothing_is_not_the_same_as_an_empty_text(text: str, value: str | None) -> None:
    node, _ = read(f"a: {text}")
    assert isinstance(node, Mapping)
    found = node.get("a")
    assert isinstance(found, Scalar)
    assert found.text == value


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    node, problems = read(b"\xef\xbb\xbfa: 1\n")
    assert problems == ()
    assert isinstance(node, Mapping)
    assert node.entries[0][0].text == "a"


def test_an_alias_stands_for_its_anchor() -> None:
    node, problems = read("a: &x [1, 2]\nb: *x\n")
    assert problems == ()
    assert isinstance(node, Mapping)
    assert node.get("a") == node.get("b")


def test_a_duplicate_key_names_both_lines_and_keeps_the_first() -> None:
    node, (problem,) = read("a: 1\nb: 2\na: 3\n")
    assert isinstance(node, Mapping)
    assert len(node.entries) == 2
    assert (problem.code, str(problem.place)) == ("duplicate-key", "rules/x.yaml:3:1")
    assert "line 1" in problem.text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: [1\nb: 2\n", "2:2"),
        ("a:\n\t- b\n", "2:1"),
        ("a: b: c\n", "1:5"),
        ("a: *x\n", "1:4"),
        ("a: &a [*a]\n", "1:8"),
        ("a: 1\n---\nb: 2\n", "2:1"),
        ("", "1:1"),
        ("# only a comment\n", "1:1"),
        ("a: \x07\n", "1:4"),
        ("%YAML 3\n---\n", "1:8"),
        (b"a: 1\nb: \xff\n", "2:4"),
        ("- " * 60 + "a", "1:81"),
        ("[" * 5000, "1:41"),
        ("- " * 100_000, "1:81"),
    ],
)
def test_what_is_not_yaml_has_a_place(text: str | bytes, place: str) -> None:
    node, problems = read(text)
    assert node is None
    assert [(problem.code, str(problem.place)) for problem in problems] == [
        ("yaml", f"rules/x.yaml:{place}")
    ]


@pytest.mark.parametrize("text", ["a: !x 1", "a: !!python/name:os.system ''", "a: !x [1]"])
def test_tags_mean_nothing(text: str) -> None:
    assert [problem.code for problem in read(text)[1]] == ["yaml"]


@pytest.mark.parametrize("text", ["? [a]\n: b\n", "~: b\n", "{[a]: b}\n"])
def test_a_key_is_a_text(text: str) -> None:
    assert [problem.code for problem in read(text)[1]] == ["yaml"]


def test_aliases_cannot_expand_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    node, (problem,) = read("\n".join(lines))
    assert node is None
    assert problem.code == "yaml"


def test_a_file_has_a_size() -> None:
    node, (problem,) = read(b"#" * (MOST_BYTES + 1))
    assert node is None
    assert problem.code == "yaml"
