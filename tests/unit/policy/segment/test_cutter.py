"""Many occurrences are cut as one is, whichever way is taken for many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.wire import Message
from engine.policy.message.cuts import left_of
from engine.policy.message.structure import Forms
from engine.policy.message.view import View
from engine.policy.segment.cutter import Cutter, cutter_for
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask

HEADER = "MSH{0}^~\\&{0}A{0}B{0}C{0}D{0}20260301{0}{0}ORU^R01{0}1{0}P{0}2.5.1"


def view_of(lines: list[str], separator: str = "|", charset: str = "") -> View:
    """A message of these lines, written with bars."""
    header = HEADER.format(separator) + (separator * 6 + charset if charset else "")
    body = [line.replace("|", separator) for line in lines]
    message = Message.parse("\r".join([header, *body, ""]).encode("latin-1"))
    return View(message, Forms().of(message).whole)


def mask(*fields: int) -> Mask:
    return Mask(NOTHING, dict.fromkeys(sorted(fields), EVERYTHING))


def one_by_one(view: View, cutter: Cutter, indexes: tuple[int, ...]) -> list[bytes | None]:
    return [cutter.cut(view.message.segment(index), view.message) for index in indexes]


@given(
    st.sampled_from(["OBX", "PR1", "ZZ1", "ROL"]),
    st.lists(
        st.lists(st.sampled_from(["", "", "a", "b^c", '""']), max_size=6), min_size=1, max_size=5
    ),
    st.frozensets(st.integers(1, 7), min_size=1),
    st.sampled_from("|*"),
    st.data(),
)
def test_many_are_cut_as_one(
    name: str,
    rows: list[list[str]],
    fields: frozenset[int],
    separator: str,
    data: st.DataObject,
) -> None:
    view = view_of(["|".join([name, *row]) for row in rows], separator)
    cutter = cutter_for(name, mask(*fields))
    every = view.structure.by_id[name]
    some = st.lists(st.sampled_from(every), unique=True, min_size=1).map(sorted).map(tuple)
    for indexes in (every, *data.draw(st.lists(some, max_size=3))):
        assert left_of(view, cutter, indexes) == one_by_one(view, cutter, indexes)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ((1,), [None, None, None]),
        ((1, 2), [None, b"OBX|2|NM", None]),
        ((2,), [None, b"OBX||NM", None]),
        ((1, 3), [b"OBX|1||x", b"OBX|2||y", None]),
        ((5, 9), [None, None, b"OBX|||||z"]),
    ],
)
def test_a_name_and_a_set_id_are_nothing(fields: tuple[int, ...], left: list[bytes | None]) -> None:
    view = view_of(["OBX|1||x", "OBX|2|NM|y", "OBX|3||||z"])
    assert left_of(view, cutter_for("OBX", mask(*fields)), view.structure.by_id["OBX"]) == left


def test_a_byte_of_a_longer_character_divides_nothing() -> None:
    """In Shift-JIS the second byte of a character may be a bar."""
    view = view_of(["OBX|1|ST|\x83|x|a|b", "OBX|2|ST|y|c|d"], charset="SHIFT JIS")
    assert view.message.charset.mask is not None
    left = left_of(view, cutter_for("OBX", mask(1, 3, 4)), view.structure.by_id["OBX"])
    assert left == [b"OBX|1||\x83|x|a", b"OBX|2||y|c"]


def test_a_field_that_all_have_is_held_once_and_one_that_ends_before_it_holds_nothing() -> None:
    view = view_of(["OBX|1|NM|x", "OBX|2|NM", "NTE|1"])
    assert view.held("OBX", 2) == {b"NM"}
    assert view.held("OBX", 3) == {b"x", b""}
    assert view.held("OBX", 30) == {b""}
    assert view.held("NTE", 1) == {b"1"}
    assert view.held("NTE", 9) == {b""}
    assert view.held("PID", 3) == set()
