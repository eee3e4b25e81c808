"""A message that is done with for a channel is taken up again: what every store must do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from engine.store.memory import MemoryStore
from engine.store.port import (
    Claim,
    Fetch,
    Final,
    Hold,
    Items,
    LaneView,
    Learned,
    NextReleased,
    Operation,
    ReadLedger,
    Recall,
    Reopen,
    Resolve,
    Settle,
    Store,
    Survey,
    View,
    Waiting,
)
from tests.support.store_samples import LEASE_MS, advance, copy, do, message, opened

SEALED = b"\x01sealed:R1"


@dataclass(frozen=True)
class Subject:
    store: Store

    def do(self, operation: Operation) -> Any:
        """The answer, which the assertions judge."""
        return do(self.store, operation)

    def counts(self) -> dict[str, int]:
        view: View = self.do(Survey(("acme",)))
        lane: LaneView = view.lanes[0]
        states = ("parked", "held", "waiting", "delivered", "withheld")
        return {state: n for state in states if (n := getattr(lane, state))}

    def waiting(self) -> list[tuple[str, int]]:
        return [(entry.receipt, entry.part) for entry in self.do(Waiting("acme"))]

    def ledger(self) -> list[bytes]:
        return [record for _, record in self.do(ReadLedger())]

    def deliver(self, turn: int = 1) -> bool:
        """Deliver the head; whether it was a possible duplicate."""
        fence = self.do(Claim("acme", "engine-1", LEASE_MS)).fence
        head = opened(self.do(advance("acme", fence, turn)))
        settle = Settle(head.entry, Final.DELIVERED, b"{}", answered="AA")
        self.do(advance("acme", fence, turn + 1, settle, open_next=False))
        return head.possible_duplicate


@pytest.fixture(params=["memory", "redis"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each store in turn, empty."""
    if request.param == "memory":
        return Subject(MemoryStore())
    return Subject(request.getfixturevalue("redis_store"))


AGAIN = Reopen("acme", "R1", SEALED, b'{"again": 1}', 0, copies=(copy("acme"),))


def test_what_was_withheld_goes_to_the_end_of_the_lane(subject: Subject) -> None:
    subject.do(message("R1", withheld=["acme"]))
    subject.do(message("R2", "acme"))
    assert subject.do(Fetch("R1")) is None
    assert subject.do(AGAIN) is True
    assert subject.waiting() == [("R2", 0), ("R1", 0)]
    assert subject.counts() == {"waiting": 2}
    assert subject.do(Fetch("R1")) == SEALED  # the last look may need it
    assert subject.ledger()[-1] == b'{"again": 1}'
    assert not subject.deliver()
    assert not subject.deliver()
    assert subject.counts() == {"delivered": 2}
    assert subject.do(Fetch("R1")) is None


def test_an_order_twice_is_one_and_of_two_the_first_stands(subject: Subject) -> None:
    subject.do(message("R1", withheld=["acme"]))
    assert subject.do(AGAIN) is True
    assert subject.do(AGAIN) is True
    assert subject.do(replace(AGAIN, record=b'{"again": 2}')) is False
    assert subject.waiting() == [("R1", 0)]
    assert subject.ledger().count(b'{"again": 1}') == 1
    assert b'{"again": 2}' not in subject.ledger()
    subject.deliver()
    assert subject.do(replace(AGAIN, record=b'{"again": 2}')) is False  # still of that time
    assert subject.counts() == {"delivered": 1}


def test_what_is_not_done_with_is_not_taken_up(subject: Subject) -> None:
    """Several parts, and what waits for a person; a lane's one copy its history tells."""
    parts = (copy("acme"), copy("acme", 1))
    subject.do(message("R1", copies=parts))
    assert subject.do(AGAIN) is False
    subject.do(message("R2", holds=[Hold("acme", "structure")]))
    assert subject.do(replace(AGAIN, receipt="R2")) is False
    assert subject.counts() == {"waiting": 1, "held": 1}


def test_it_may_be_withheld_again(subject: Subject) -> None:
    subject.do(message("R1", withheld=["acme"]))
    assert subject.do(replace(AGAIN, copies=())) is True
    assert subject.counts() == {"withheld": 1}
    assert subject.waiting() == []
    assert subject.do(Fetch("R1")) is None
    assert subject.do(replace(AGAIN, record=b"2", time=1)) is True
    assert subject.counts() == {"waiting": 1}


def test_it_may_be_held_and_wait_for_what_comes(subject: Subject) -> None:
    subject.do(message("R1", withheld=["acme"]))
    hold = Hold("acme", "unknown-payer", (b"k" * 16,))
    assert subject.do(replace(AGAIN, copies=(), hold=hold)) is True
    assert subject.counts() == {"held": 1}
    (item,) = subject.do(Items("acme"))
    assert (item.receipt, item.reason, item.part) == ("R1", "unknown-payer", 0)
    assert subject.do(NextReleased(10)) == ()
    subject.do(message("R2", learned=[(b"k" * 16, b"coverage")]))
    assert subject.do(NextReleased(10)) == ("R1",)
    subject.do(Resolve("acme", item.id, b"3", copies=(copy("acme"),)))
    assert subject.counts() == {"waiting": 1}
    subject.deliver()
    assert subject.do(Fetch("R1")) is None


def test_a_hold_for_what_is_known_is_released_at_once(subject: Subject) -> None:
    subject.do(message("R0", learned=[(b"k" * 16, b"coverage")]))
    subject.do(message("R1", withheld=["acme"]))
    subject.do(replace(AGAIN, copies=(), hold=Hold("acme", "unknown-payer", (b"k" * 16,))))
    assert subject.do(NextReleased(10)) == ("R1",)


def test_a_second_copy_says_that_it_may_be_one(subject: Subject) -> None:
    subject.do(message("R1", "acme"))
    assert not subject.deliver()
    assert subject.do(replace(AGAIN, delivered=1, doubtful=True)) is True
    assert subject.counts() == {"waiting": 1}
    assert subject.deliver()
    assert subject.counts() == {"delivered": 1}


def test_what_the_channel_has_stays_counted_whatever_becomes_of_the_second_copy(
    subject: Subject,
) -> None:
    subject.do(message("R1", "acme"))
    subject.deliver()
    subject.do(replace(AGAIN, delivered=1, doubtful=True))
    fence = subject.do(Claim("acme", "engine-1", LEASE_MS)).fence
    head = opened(subject.do(advance("acme", fence, 1)))
    settle = Settle(head.entry, Final.WITHHELD, b"{}", "not-granted")
    subject.do(advance("acme", fence, 2, settle, open_next=False))
    assert subject.counts() == {"delivered": 1}


def test_a_channel_that_was_not_there_counts_the_message_from_now_on(subject: Subject) -> None:
    subject.do(message("R1", "beta"))
    assert subject.do(replace(AGAIN, delivered=None)) is True
    assert subject.counts() == {"waiting": 1}
    subject.deliver()
    assert subject.counts() == {"delivered": 1}
    assert subject.do(Fetch("R1")) == SEALED  # beta's copy still waits


def test_several_parts_and_what_they_teach(subject: Subject) -> None:
    subject.do(message("R1", withheld=["acme"]))
    learned = (Learned(b"v" * 16, b"R1"),)
    copies = (copy("acme"), copy("acme", 1))
    assert subject.do(replace(AGAIN, copies=copies, learned=learned)) is True
    assert subject.waiting() == [("R1", 0), ("R1", 1)]
    assert subject.do(Recall((b"v" * 16,))) == (b"R1",)
    subject.deliver()
    assert subject.counts() == {"waiting": 1}
    subject.deliver()
    assert subject.counts() == {"delivered": 1}


def test_only_what_makes_sense_can_be_asked() -> None:
    for wrong in (
        {"copies": (copy("beta"),)},
        {"hold": Hold("acme", "structure")},
        {"copies": (), "learned": (Learned(b"v", b"R1"),)},
    ):
        with pytest.raises(ValueError, match=r"only|exclude"):
            replace(AGAIN, **wrong)
