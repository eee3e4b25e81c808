"""The chain as a value: any one change to any one row is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.archive.chain import (
    BEGINNING,
    Checkpoint,
    Flaw,
    Head,
    Mark,
    Row,
    body_of,
    link,
    verify,
)

ROWS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "kind"]), st.text(max_size=5)), min_size=1
)


def chain(members: Sequence[dict[str, str]]) -> tuple[list[Row], Checkpoint]:
    rows, head = [], BEGINNING
    for one in members:
        body = body_of(head.seq + 1, one)
        head = Head(head.seq + 1, link(head.hash, body))
        rows.append(Row(head.seq, body, head.hash, {}))
    return rows, Checkpoint(Mark.HEAD, head.seq, head.hash, 0, "key", b"good")


def flaws(rows: Sequence[Row], *checkpoints: Checkpoint) -> set[Flaw]:
    found = verify(rows, checkpoints, lambda one: one.signature == b"good")
    return {one.flaw for one in found}


@given(ROWS)
def test_an_untouched_chain_has_no_flaw(members: list[dict[str, str]]) -> None:
    rows, checkpoint = chain(members)
    assert flaws(rows, checkpoint) == set()


@given(ROWS, st.data())
def test_any_byte_of_any_row_is_missed(members: list[dict[str, str]], data: st.DataObject) -> None:
    rows, checkpoint = chain(members)
    which = data.draw(st.integers(0, len(rows) - 1))
    body = bytearray(rows[which].body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    rows[which] = replace(rows[which], body=bytes(body))
    assert flaws(rows, checkpoint) & {Flaw.CHANGED, Flaw.MOVED}


@given(ROWS, st.data())
def test_any_row_that_is_gone_is_missed(members: list[dict[str, str]], data: st.DataObject) -> None:
    rows, checkpoint = chain(members)
    del rows[data.draw(st.integers(0, len(rows) - 1))]
    assert flaws(rows, checkpoint) <= {Flaw.MISSING, Flaw.TRUNCATED}
    assert flaws(rows, checkpoint)


@given(ROWS, st.data())
def test_what_was_erased_in_due_time_is_not_missed(
    members: list[dict[str, str]], data: st.DataObject
) -> None:
    rows, checkpoint = chain(members)
    through = rows[data.draw(st.integers(0, len(rows) - 1))]
    erased = Checkpoint(Mark.PRUNED, through.seq, through.hash, 0, "key", b"good")
    assert flaws(rows[through.seq :], checkpoint, erased) == set()
    forged = replace(erased, signature=b"bad")
    assert Flaw.FORGED in flaws(rows[through.seq :], checkpoint, forged)
