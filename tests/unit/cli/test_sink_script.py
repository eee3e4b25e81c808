"""A sink's script: the first entry that fits, and no entry that is not understood."""

from __future__ import annotations

import pathlib

import pytest

from engine.ack.codes import AckCode
from engine.cli.sink_script import ACCEPT, LATE_S, Act, Do, Script, read_script
from engine.errors import UsageError
from engine.hl7.wire import Message


def message(control_id: str = "M1") -> Message:
    return Message.parse(f"MSH|^~\\&|HIS|HOSP|||2026||ADT^A04|{control_id}|P|2.5.1\r".encode())


def script(tmp_path: pathlib.Path, text: str) -> Script:
    file = tmp_path / "script.yaml"
    file.write_text(text, encoding="utf-8")
    return read_script(file)


def acts(read: Script, *control_ids: str) -> list[Do]:
    return [read.act(message(name), number).do for number, name in enumerate(control_ids, 1)]


def test_without_entries_everything_is_accepted() -> None:
    assert Script(()).act(message(), 1) == ACCEPT


def test_the_first_entry_that_fits_is_done(tmp_path: pathlib.Path) -> None:
    read = script(
        tmp_path,
        "- {match: {MSH-10: M2}, do: refuse, code: AR}\n- {match: {MSH-9.2: A04}, do: drop}\n",
    )
    assert read.act(message("M2"), 1) == Act(Do.REFUSE, AckCode.AR)
    assert read.act(message("M3"), 2) == Act(Do.DROP)


def test_every_after_and_count(tmp_path: pathlib.Path) -> None:
    a, d, c = Do.ACCEPT, Do.DROP, Do.CLOSE
    assert acts(script(tmp_path, "- {every: 2, do: drop}"), *"abcd") == [a, d, a, d]
    assert acts(script(tmp_path, "- {after: 2, do: drop}"), *"abcd") == [a, a, d, d]
    assert acts(script(tmp_path, "- {after: 1, count: 2, do: drop}"), *"abcd") == [a, d, d, a]
    assert acts(script(tmp_path, "- {count: 1, do: drop}\n- {do: close}"), *"abc") == [d, c, c]


def test_a_control_id_is_what_it_looks_like(tmp_path: pathlib.Path) -> None:
    """Not a number, a time, or a truth, as YAML may have it."""
    ids = ("007", "0o17", "1e3", "12:30", "NO", "2026-03-01", "null")
    text = "".join(f"- {{match: {{MSH-10: {id_}}}, do: drop}}\n" for id_ in ids)
    assert acts(script(tmp_path, text), *ids) == [Do.DROP] * len(ids)
    assert acts(script(tmp_path, text), "7", "15", "1000", "") == [Do.ACCEPT] * 4


def test_after_none_is_from_the_first_on(tmp_path: pathlib.Path) -> None:
    assert acts(script(tmp_path, "- {after: 0, count: 1, do: drop}"), "a", "b") == [
        Do.DROP,
        Do.ACCEPT,
    ]


@pytest.mark.parametrize(
    ("entry", "delay_s"),
    [
        ("{do: late}", LATE_S),
        ("{do: late, delay: 40s}", 40.0),
        ("{do: accept, delay: 250ms}", 0.25),
        ("{do: refuse, delay: 1.5m}", 90.0),
        ("{do: accept, delay: 2}", 2.0),
        ("{do: accept, delay: 1h}", 3600.0),
        ("{do: accept}", 0.0),
    ],
)
def test_delays(tmp_path: pathlib.Path, entry: str, delay_s: float) -> None:
    assert script(tmp_path, f"- {entry}").act(message(), 1).delay_s == delay_s


@pytest.mark.parametrize(
    "entry",
    [
        "{}",
        "{do: explode}",
        "{do: drop, evry: 2}",
        "{do: drop, every: 0}",
        "{do: drop, count: often}",
        "{do: drop, after: true}",
        "{do: refuse, code: XX}",
        "{do: late, delay: soon}",
        "{do: drop, match: M1}",
        "{do: drop, match: {msh10: M1}}",
        "just text",
    ],
)
def test_an_entry_that_is_not_understood_is_named(tmp_path: pathlib.Path, entry: str) -> None:
    with pytest.raises(UsageError, match="entry 2"):
        script(tmp_path, f"- {{do: drop}}\n- {entry}")


def test_what_can_be_chosen_is_told(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError) as caught:
        script(tmp_path, "- {do: refues}")
    assert "`do` cannot be `refues`; it is one of accept, refuse, drop" in caught.value.what


@pytest.mark.parametrize("text", ["do: drop", "", "- {do: [", "\x00"])
def test_what_is_no_list_is_refused(tmp_path: pathlib.Path, text: str) -> None:
    with pytest.raises(UsageError):
        script(tmp_path, text)


def test_a_script_that_is_not_there_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError):
        read_script(tmp_path / "none.yaml")
