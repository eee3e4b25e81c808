"""Merges and moves as messages report them (standards.md B-12)."""

from __future__ import annotations

import pytest

from engine.hl7.wire import Message
from engine.privacy.facts import Item, ItemKind
from engine.privacy.links import Tie
from engine.privacy.moves import Move, moves_in
from engine.privacy.patients import Patient

S, P = Patient("S", "H"), Patient("P", "H")
PID = "PID|1||S^^^H|||||||||||||||AC2"


def moves(event: str, *segments: str) -> tuple[Move, ...]:
    head = f"MSH|^~\\&|A|H|B|C|20260101||{event}|M1|P|2.5.1"
    return moves_in(Message.parse("\r".join((head, *segments, "")).encode()))


def renumbered(kind: ItemKind, old: str, new: str) -> tuple[tuple[Item, Item], ...]:
    return ((Item(kind, old), Item(kind, new)),)


@pytest.mark.parametrize(
    ("event", "tie"),
    [
        *((event, Tie.MERGED) for event in ("A18", "A30", "A34", "A36", "A39", "A40", "A43")),
        *((event, Tie.RENAMED) for event in ("A46", "A47")),
        *((event, None) for event in ("A35", "A41", "A42", "A44", "A45", "A49", "A50", "A51")),
        ("A08", Tie.MERGED),  # whatever it means, it names what was merged
    ],
)
def test_what_each_event_says_of_two_records(event: str, tie: Tie | None) -> None:
    (move,) = moves(f"ADT^{event}", PID, "MRG|P^^^H")
    assert (move.tie, move.survivors, move.priors) == (tie, (S,), (P,))


@pytest.mark.parametrize("nothing", ["MRG|P^^^H", 'MRG|P^^^H||""||""'])
def test_what_moves_to_another_owner_may_be_named_once(nothing: str) -> None:
    """MRG-3 and MRG-5 are left out where the number stays."""
    visit = "PV1|1" + "|" * 18 + "V1"
    (move,) = moves("ADT^A44", PID, nothing)
    assert move.renumbered == renumbered(ItemKind.ACCOUNT, "AC2", "AC2")
    (move,) = moves("ADT^A45", PID, nothing, visit)
    assert move.renumbered == renumbered(ItemKind.VISIT, "V1", "V1")
    (move,) = moves("ADT^A40", PID, nothing, visit)
    assert move.renumbered == ()
    (move,) = moves("ADT^A50", PID, "MRG|S^^^H", visit)
    assert move.renumbered == ()


def test_no_mrg_no_move() -> None:
    assert moves("ADT^A01", PID) == ()
    assert moves("ADT^A40", PID, "MRG|S^^^H") == (Move(None, (S,), ()),)
    assert moves("ADT^A40", "MRG|P^^^H") == ()


def test_the_event_may_stand_in_evn_alone() -> None:
    assert moves("ADT", "EVN|A47", PID, "MRG|P^^^H") == (Move(Tie.RENAMED, (S,), (P,)),)


def test_all_identifiers_of_both_sides_are_read_and_those_on_both_are_no_prior() -> None:
    (move,) = moves("ADT^A40", "PID|1||S^^^H~1^^^SSA", "MRG|P^^^H~1^^^SSA")
    assert move == Move(Tie.MERGED, (S, Patient("1", "SSA")), (P,))


def test_a_message_may_report_several_pairs() -> None:
    found = moves("ADT^A39", PID, "MRG|P^^^H", "PID|2||T^^^H", "MRG|Q^^^H")
    assert [(m.survivors[0].id, m.priors[0].id) for m in found] == [("S", "P"), ("T", "Q")]


@pytest.mark.parametrize(
    ("event", "segments", "expected"),
    [
        ("A41", ["MRG|S^^^H||AC1"], renumbered(ItemKind.ACCOUNT, "AC1", "AC2")),
        ("A49", ["MRG|||AC1"], renumbered(ItemKind.ACCOUNT, "AC1", "AC2")),
        ("A49", ["MRG|||AC2"], ()),
        ("A50", ["MRG|||||V1", "PV1|1" + "|" * 18 + "V2"],
         renumbered(ItemKind.VISIT, "V1", "V2")),
        ("A42", ["PV1|1" + "|" * 18 + "V2", "MRG|||||V1"],
         renumbered(ItemKind.VISIT, "V1", "V2")),
        ("A45", ["MRG|P^^^H||||V1", "PV1|1" + "|" * 18 + "V1"],
         renumbered(ItemKind.VISIT, "V1", "V1")),
    ],
)  # fmt: skip
def test_numbers_that_change(
    event: str, segments: list[str], expected: tuple[tuple[Item, Item], ...]
) -> None:
    (move,) = moves(f"ADT^{event}", PID, *segments)
    assert move.renumbered == expected


def test_several_visits_may_be_moved_at_once() -> None:
    visits = ("MRG|P^^^H||||V1", "PV1|1" + "|" * 18 + "V1", "MRG|P^^^H||||V2",
              "PV1|1" + "|" * 18 + "V9")  # fmt: skip
    found = moves("ADT^A45", PID, *visits)
    assert [[(a.number, b.number) for a, b in one.renumbered] for one in found] == [
        [("V1", "V1")],
        [("V2", "V9")],
    ]
    assert not any(one.is_of_one_person for one in found)


def test_links_have_two_pids_and_no_mrg() -> None:
    two = (PID, "PID|2||P^^^H")
    assert moves("ADT^A24", *two) == (Move(Tie.LINKED, (S,), (P,)),)
    assert moves("ADT^A37", *two) == (Move(None, (S,), (P,), parts=True),)
    assert moves("ADT^A24", PID) == moves("ADT^A24", PID, PID) == ()
