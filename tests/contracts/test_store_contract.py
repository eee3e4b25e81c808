"""What every store must do, whatever it is made of (engine/store/port)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.store.memory import MemoryStore
from engine.store.port import (
    Accepted,
    Backlog,
    Beat,
    Claim,
    Claimed,
    Contents,
    Control,
    Copy,
    Fetch,
    Final,
    ForgetReleased,
    Halt,
    Halted,
    Hold,
    Item,
    Items,
    KeepForArchive,
    Kept,
    LaneView,
    Learned,
    LetGo,
    NextReleased,
    Operation,
    Order,
    Postpone,
    ReadLedger,
    Recall,
    Resolve,
    Settle,
    Store,
    Survey,
    Unarchived,
    Unfinished,
    Unlearn,
    View,
    Waiting,
)
from tests.support.store_samples import LEASE_MS, advance, copy, do, message, opened


@dataclass
class _Clock:
    """A clock that a test moves."""

    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@dataclass(frozen=True)
class Subject:
    """A store under test, and a way to let time pass for it."""

    store: Store
    pass_ms: Callable[[int], None]

    def do(self, operation: Operation) -> Any:
        """The answer, which the assertions judge."""
        return do(self.store, operation)

    def claim(self, channel: str = "acme", holder: str = "engine-1") -> int:
        claimed: Claimed = self.do(Claim(channel, holder, LEASE_MS))
        return claimed.fence

    def view(self, channel: str = "acme") -> LaneView:
        view: View = self.do(Survey((channel,)))
        return view.lanes[0]

    def ledger(self) -> list[bytes]:
        records = self.do(ReadLedger())
        return [record for _, record in records]

    def items(self, channel: str = "acme", receipt: str = "") -> list[Item]:
        items = self.do(Items(channel, receipt=receipt))
        return list(items)

    def counts(self, channel: str = "acme") -> dict[str, int]:
        view = self.view(channel)
        states = ("parked", "held", "waiting", "delivered", "withheld")
        return {state: n for state in states if (n := getattr(view, state))}


def _memory() -> Subject:
    clock = _Clock()

    def pass_ms(ms: int) -> None:
        clock.time += timedelta(milliseconds=ms)

    return Subject(MemoryStore(clock), pass_ms)


@pytest.fixture(params=["memory", "redis"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Each store in turn, empty."""
    if request.param == "memory":
        yield _memory()
        return
    store = request.getfixturevalue("redis_store")
    yield Subject(store, lambda ms: time.sleep(ms / 1000))


class TestIntake:
    def test_a_message_waits_in_the_lane_of_every_channel_it_is_for(self, subject: Subject) -> None:
        """One acceptance: journal, outboxes, counters and record."""
        accepted = subject.do(message("R1", "acme", "beta", withheld=["gamma"]))
        assert accepted == Accepted("R1")
        assert subject.do(Fetch("R1")) == b"\x01sealed:R1"
        assert subject.counts("acme") == {"waiting": 1}
        assert subject.counts("beta") == {"waiting": 1}
        assert subject.counts("gamma") == {"withheld": 1}
        assert subject.view("acme").depth == 1
        assert subject.ledger() == [b'{"decided": "R1"}']

    def test_a_message_for_nobody_leaves_its_record_alone(self, subject: Subject) -> None:
        assert subject.do(message("R1", withheld=["acme"])) == Accepted("R1")
        assert subject.do(Fetch("R1")) is None
        assert subject.ledger() == [b'{"decided": "R1"}']

    def test_results_come_in_the_order_of_the_batch(self, subject: Subject) -> None:
        batch: list[Operation] = [
            message("R1", "acme"),
            Fetch("R1"),
            message("R2"),
            message("R3", "acme"),
        ]
        assert subject.store.execute(batch) == [
            Accepted("R1"),
            b"\x01sealed:R1",
            Accepted("R2"),
            Accepted("R3"),
        ]
        assert subject.store.execute([]) == []

    def test_a_repeated_message_stands_under_its_first_receipt(self, subject: Subject) -> None:
        subject.do(message("R1", "acme", control_id="C"))
        again = message("R2", "acme", control_id="C", content=b"R1")
        assert subject.do(again) == Accepted("R1", duplicate=True)
        assert subject.do(again) == Accepted("R1", duplicate=True)
        assert subject.view().depth == 1
        assert len(subject.ledger()) == 1

    def test_duplicates_within_one_batch_are_found(self, subject: Subject) -> None:
        first = message("R1", "acme", control_id="C", content=b"same")
        second = message("R2", "acme", control_id="C", content=b"same")
        assert subject.store.execute([first, second]) == [
            Accepted("R1"),
            Accepted("R1", duplicate=True),
        ]

    def test_a_reused_id_with_other_content_is_a_new_message(self, subject: Subject) -> None:
        batch = [
            message("R1", "acme", control_id="C", content=b"one"),
            message("R2", "acme", control_id="C", content=b"two"),
            message("R3", "acme", control_id="C", content=b"three"),
            message("R4", "acme", control_id="C", content=b"two"),
            message("R5", "acme", control_id="C", content=b"one"),
        ]
        answers = [
            Accepted("R1"),
            Accepted("R2", reused_id=True),
            Accepted("R3", reused_id=True),
            Accepted("R2", duplicate=True),
            Accepted("R1", duplicate=True),
        ]
        assert subject.store.execute(batch) == answers
        assert subject.store.execute(batch) == answers  # repeated after a lost answer
        assert subject.view().depth == 3

    def test_a_repeated_acceptance_is_one_whatever_was_done_since(self, subject: Subject) -> None:
        """The answer was lost, the copies were delivered meanwhile; the caller repeats."""
        batch = [message("R1", "acme", withheld=["beta"]), message("R2", "acme")]
        first = subject.store.execute(batch)
        assert subject.store.execute(batch) == first
        fence = subject.claim()
        for turn, receipt in enumerate(("R1", "R2"), 1):
            entry = opened(subject.do(advance("acme", fence, 2 * turn - 1)))
            assert entry.receipt == receipt
            subject.do(
                advance(
                    "acme",
                    fence,
                    2 * turn,
                    Settle(entry.entry, Final.DELIVERED, b"{}"),
                    open_next=False,
                )
            )
        assert subject.store.execute(batch) == first
        assert subject.counts() == {"delivered": 2}
        assert subject.counts("beta") == {"withheld": 1}
        assert subject.do(Fetch("R1")) is None
        assert len(subject.ledger()) == 4

    def test_more_than_one_script_call_keeps_the_order(self, subject: Subject) -> None:
        batch = [message(f"R{n:04}", "acme", content=b"x" * 9_000) for n in range(600)]
        assert subject.store.execute(batch) == [Accepted(op.receipt) for op in batch]
        waiting = subject.do(Waiting("acme", limit=1000))
        assert [entry.receipt for entry in waiting] == [op.receipt for op in batch]


def _unfinished(subject: Subject) -> set[str]:
    found: set[str] = set()
    page = ""
    while True:
        page, *receipts = subject.do(Unfinished(page))
        found.update(receipts)
        if not page:
            return found


class TestLane:
    def test_the_head_is_opened_and_delivered(self, subject: Subject) -> None:
        content = bytes(range(256))
        subject.do(message("R1", copies=[Copy("acme", 3, content, b'{"n": 1}')]))
        fence = subject.claim()
        assert fence > 0
        head = opened(subject.do(advance("acme", fence, 1)))
        assert (head.receipt, head.part, head.sealed, head.note) == ("R1", 3, content, b'{"n": 1}')
        assert (head.attempt, head.possible_duplicate) == (1, False)
        assert subject.view().open_entry == head.entry
        done = Settle(head.entry, Final.DELIVERED, b'{"delivered": 1}', answered="AA")
        assert subject.do(advance("acme", fence, 2, done)) == Halted(Halt.EMPTY)
        view = subject.view()
        assert (view.depth, view.delivered, view.open_entry, view.attempts) == (0, 1, "", 0)
        assert view.last_ack == "AA"
        assert view.last_ack_ms > 0
        assert subject.do(Fetch("R1")) is None
        assert subject.ledger()[-1] == b'{"delivered": 1}'

    def test_closing_one_opens_the_next_in_commit_order(self, subject: Subject) -> None:
        subject.store.execute([message(f"R{n}", "acme") for n in range(5)])
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        receipts = [head.receipt]
        for turn in range(2, 6):
            close = Settle(head.entry, Final.DELIVERED, b"{}")
            head = opened(subject.do(advance("acme", fence, turn, close)))
            receipts.append(head.receipt)
        assert receipts == [f"R{n}" for n in range(5)]

    def test_the_same_turn_twice_is_one_step(self, subject: Subject) -> None:
        subject.store.execute([message("R1", "acme"), message("R2", "acme")])
        fence = subject.claim()
        first = subject.do(advance("acme", fence, 1))
        subject.pass_ms(2)
        assert subject.do(advance("acme", fence, 1)) == first
        close = Settle(opened(first).entry, Final.DELIVERED, b'{"delivered": 1}')
        second = subject.do(advance("acme", fence, 2, close))
        assert opened(second).attempt == 1
        assert subject.do(advance("acme", fence, 2, close)) == second
        assert subject.view().delivered == 1
        assert subject.ledger().count(b'{"delivered": 1}') == 1
        last = Settle(opened(second).entry, Final.DELIVERED, b"{}")
        assert subject.do(advance("acme", fence, 3, last)) == Halted(Halt.EMPTY)
        subject.do(message("R3", "acme"))
        assert subject.do(advance("acme", fence, 3, last)) == Halted(Halt.EMPTY)
        assert opened(subject.do(advance("acme", fence, 4))).receipt == "R3"

    def test_a_step_that_makes_no_sense_is_fenced(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        fence = subject.claim()
        fenced = Halted(Halt.FENCED)
        assert subject.do(advance("acme", fence + 1, 1)) == fenced
        assert subject.do(advance("acme", fence - 1, 1)) == fenced
        not_open = Settle("1-1", Final.DELIVERED, b"{}")
        assert subject.do(advance("acme", fence, 1, not_open)) == fenced
        assert subject.do(advance("acme", fence, 2)) == fenced
        head = opened(subject.do(advance("acme", fence, 1)))
        assert subject.do(advance("acme", fence, 0)) == fenced
        assert subject.do(advance("acme", fence, 2)) == fenced
        assert subject.do(advance("acme", fence, 2, not_open)) == fenced
        close = Settle(head.entry, Final.DELIVERED, b"{}")
        assert subject.do(advance("acme", fence, 3, close)) == fenced
        assert subject.do(advance("acme", fence, 2, close)) == Halted(Halt.EMPTY)

    def test_only_one_holder_and_what_a_dead_one_had_open_is_doubtful(
        self, subject: Subject
    ) -> None:
        """I5; an attempt that was open at a claim is a possible duplicate from then on."""
        subject.store.execute([message("R1", "acme"), message("R2", "acme")])
        old = subject.claim(holder="old")
        head = opened(subject.do(advance("acme", old, 1)))
        refused = subject.do(Claim("acme", "new", LEASE_MS))
        assert refused.fence == 0
        assert 0 < refused.wait_ms <= LEASE_MS
        taken = subject.do(Claim("acme", "new", LEASE_MS, takeover=True))
        assert taken.fence > old
        close = Settle(head.entry, Final.DELIVERED, b"{}")
        assert subject.do(advance("acme", old, 2, close)) == Halted(Halt.FENCED)
        again = opened(subject.do(advance("acme", taken.fence, 1)))
        assert (again.entry, again.attempt, again.possible_duplicate) == (head.entry, 2, True)
        assert subject.view().duplicates == 1
        nxt = opened(subject.do(advance("acme", taken.fence, 2, close)))
        assert (nxt.receipt, nxt.attempt, nxt.possible_duplicate) == ("R2", 1, False)

    def test_a_lease_that_ran_out_may_be_claimed(self, subject: Subject) -> None:
        subject.do(Claim("acme", "old", 5))
        subject.pass_ms(10)
        claimed = subject.do(Claim("acme", "new", LEASE_MS))
        assert claimed.fence > 0

    def test_a_step_prolongs_the_lease(self, subject: Subject) -> None:
        claimed = subject.do(Claim("acme", "old", 30))
        subject.do(advance("acme", claimed.fence, 1))
        subject.pass_ms(40)
        refused = subject.do(Claim("acme", "new", LEASE_MS))
        assert refused.fence == 0

    def test_the_holder_may_claim_again_under_a_new_fence(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        first = subject.claim()
        second = subject.claim()
        assert second > first
        assert not opened(subject.do(advance("acme", second, 1))).possible_duplicate

    def test_a_postponed_head_waits_and_keeps_its_place(self, subject: Subject) -> None:
        subject.store.execute([message("R1", "acme"), message("R2", "acme")])
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        later = Postpone(head.entry, 20, "answer AE", unknown=False, answered="AE")
        halted = subject.do(advance("acme", fence, 2, later))
        assert halted.why is Halt.WAIT
        assert 0 < halted.wait_ms <= 20
        assert subject.do(advance("acme", fence, 2, later)) == halted
        view = subject.view()
        assert (view.last_error, view.last_ack, view.attempts) == ("answer AE", "AE", 1)
        assert view.not_before_ms > 0
        subject.pass_ms(30)
        again = opened(subject.do(advance("acme", fence, 3)))
        assert (again.entry, again.attempt, again.possible_duplicate) == (head.entry, 2, False)

    def test_an_unknown_outcome_marks_every_later_attempt(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        lost = Postpone(head.entry, 0, "no answer", unknown=True)
        second = opened(subject.do(advance("acme", fence, 2, lost)))
        assert second.possible_duplicate
        refused = Postpone(head.entry, 0, "answer AE", unknown=False)
        third = opened(subject.do(advance("acme", fence, 3, refused)))
        assert (third.attempt, third.possible_duplicate) == (3, True)
        assert subject.view().duplicates == 2

    def test_an_attempt_of_which_nothing_left_does_not_count(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        lost = Postpone(head.entry, 0, "no answer", unknown=True)
        opened(subject.do(advance("acme", fence, 2, lost)))
        unsent = Postpone(head.entry, 0, "connection refused", unknown=False, keep_attempt=False)
        again = opened(subject.do(advance("acme", fence, 3, unsent)))
        assert (again.attempt, again.possible_duplicate) == (2, True)
        assert subject.view().duplicates == 1

    def test_what_is_unfinished_is_told_until_it_is_final(self, subject: Subject) -> None:
        many = [message(f"R{number:04}", "acme") for number in range(1500)]  # several pages
        subject.store.execute(many)
        subject.do(message("Q1"))
        assert _unfinished(subject) == {one.receipt for one in many}
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        close = Settle(head.entry, Final.DELIVERED, b"{}")
        subject.do(advance("acme", fence, 2, close, open_next=False))
        assert _unfinished(subject) == {one.receipt for one in many[1:]}

    def test_without_open_next_nothing_is_opened(self, subject: Subject) -> None:
        fence = subject.claim()
        assert subject.do(advance("acme", fence, 1, open_next=False)) == Halted(Halt.EMPTY)
        subject.do(message("R1", "acme"))
        assert subject.do(advance("acme", fence, 2, open_next=False)) == Halted(Halt.WAIT, 0)
        assert subject.view().open_entry == ""

    def test_several_parts_of_a_message_are_entries_and_one_message(self, subject: Subject) -> None:
        subject.do(message("R1", copies=[copy("acme", 0), copy("acme", 1), copy("acme", 2)]))
        assert (subject.view().depth, subject.counts()) == (3, {"waiting": 1})
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        parked = Settle(head.entry, Final.PARKED, b"{}", reason="answer AR")
        head = opened(subject.do(advance("acme", fence, 2, parked)))
        assert head.part == 1
        assert subject.counts() == {"parked": 1}
        head = opened(
            subject.do(advance("acme", fence, 3, Settle(head.entry, Final.DELIVERED, b"{}")))
        )
        withheld = Settle(head.entry, Final.WITHHELD, b"{}", reason="no-coverage")
        assert subject.do(advance("acme", fence, 4, withheld)) == Halted(Halt.EMPTY)
        assert subject.counts() == {"parked": 1}
        (item,) = subject.items()
        subject.do(Resolve("acme", item.id, b"{}", discard="sent by fax"))
        assert subject.counts() == {"delivered": 1}
        assert subject.do(Fetch("R1")) is None

    def test_the_journal_keeps_a_message_until_every_channel_is_final(
        self, subject: Subject
    ) -> None:
        subject.do(message("R1", "acme", "beta"))
        for channel, kept in (("acme", b"\x01sealed:R1"), ("beta", None)):
            fence = subject.claim(channel)
            head = opened(subject.do(advance(channel, fence, 1)))
            final = Settle(head.entry, Final.WITHHELD, b"{}", reason="restricted")
            subject.do(advance(channel, fence, 2, final))
            assert subject.do(Fetch("R1")) == kept
            assert subject.counts(channel) == {"withheld": 1}


class TestParked:
    def _park(self, subject: Subject, receipt: str = "R1") -> Item:
        subject.do(message(receipt, "acme"))
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        parked = Settle(head.entry, Final.PARKED, b'{"parked": 1}', "answer AR", "AR")
        subject.do(advance("acme", fence, 2, parked))
        return subject.items()[-1]

    def test_a_dead_letter_keeps_what_was_to_be_sent(self, subject: Subject) -> None:
        item = self._park(subject)
        assert (item.channel, item.kind, item.receipt, item.part) == ("acme", Kept.PARKED, "R1", 0)
        assert (item.reason, item.attempts, item.sealed) == ("answer AR", 1, copy("acme").sealed)
        assert item.note == copy("acme").note
        assert item.since_ms > 0
        assert subject.counts() == {"parked": 1}
        assert subject.view().depth == 0
        assert subject.do(Fetch("R1")) is not None

    def test_a_replay_goes_to_the_end_of_the_lane(self, subject: Subject) -> None:
        item = self._park(subject)
        subject.do(message("R2", "acme"))
        order = Resolve("acme", item.id, b'{"replay": 1}', copies=(copy("acme"),))
        assert subject.do(order) is True
        assert subject.items() == []
        assert subject.counts() == {"waiting": 2}
        waiting = subject.do(Waiting("acme"))
        assert [entry.receipt for entry in waiting] == ["R2", "R1"]
        assert subject.ledger()[-1] == b'{"replay": 1}'

    def test_an_order_twice_is_one_order(self, subject: Subject) -> None:
        item = self._park(subject)
        order = Resolve("acme", item.id, b'{"replay": 1}', copies=(copy("acme"),))
        assert subject.do(order) is True
        assert subject.do(order) is True
        assert subject.view().depth == 1
        assert subject.ledger().count(b'{"replay": 1}') == 1
        other = Resolve("acme", item.id, b'{"discard": 1}', discard="too late")
        assert subject.do(other) is False
        assert b'{"discard": 1}' not in subject.ledger()

    def test_a_replay_after_an_unknown_outcome_is_a_possible_duplicate(
        self, subject: Subject
    ) -> None:
        """The counterpart may have the first one; parking it forgets nothing."""
        subject.do(message("R1", "acme"))
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        lost = Postpone(head.entry, 0, "no answer", unknown=True)
        opened(subject.do(advance("acme", fence, 2, lost)))
        subject.do(advance("acme", fence, 3, Settle(head.entry, Final.PARKED, b"{}", "AR")))
        (item,) = subject.items()
        assert item.attempts == 2
        subject.do(Resolve("acme", item.id, b"1", hold=Hold("acme", "structure")))
        subject.do(Resolve("acme", item.id, b"2", copies=(copy("acme"),)))
        again = opened(subject.do(advance("acme", fence, 4)))
        assert (again.attempt, again.possible_duplicate) == (1, True)

    def test_a_discard_and_an_empty_decision_withhold(self, subject: Subject) -> None:
        first, second = self._park(subject, "R1"), self._park(subject, "R2")
        subject.do(Resolve("acme", first.id, b"1", discard="entered by hand"))
        subject.do(Resolve("acme", second.id, b"2"))
        assert subject.counts() == {"withheld": 2}
        assert subject.do(Fetch("R1")) is None
        assert subject.do(Fetch("R2")) is None

    def test_items_are_listed_in_pages_and_by_message(self, subject: Subject) -> None:
        subject.store.execute(
            [message(f"R{n}", holds=[Hold("acme", "structure")]) for n in range(12)]
        )
        first = subject.do(Items("acme", limit=5))
        assert [item.receipt for item in first] == [f"R{n}" for n in range(5)]
        rest = subject.do(Items("acme", after=first[-1].id))
        assert [item.receipt for item in rest] == [f"R{n}" for n in range(5, 12)]
        (only,) = subject.items(receipt="R7")
        assert only.receipt == "R7"
        assert subject.do(Items("acme", after=only.id, receipt="R7")) == ()
        assert subject.items(receipt="R99") == []
        assert subject.items("beta") == []


class TestHolds:
    KEY, OTHER = b"\x00key-1\xff", b"\x00key-2\xff"

    def _hold(self, subject: Subject, receipt: str, *keys: bytes) -> Accepted:
        hold = Hold("acme", "unknown-payer", keys or (self.KEY,))
        accepted: Accepted = subject.do(message(receipt, "beta", holds=[hold]))
        return accepted

    def _learn(self, subject: Subject, receipt: str, *keys: bytes) -> Accepted:
        learned = [(key, b"snapshot " + receipt.encode()) for key in keys or (self.KEY,)]
        accepted: Accepted = subject.do(message(receipt, learned=learned))
        return accepted

    def test_what_is_learned_can_be_recalled(self, subject: Subject) -> None:
        assert subject.do(Recall((self.KEY, self.OTHER))) == (None, None)
        self._learn(subject, "R1")
        assert subject.do(Recall((self.OTHER, self.KEY))) == (None, b"snapshot R1")
        self._learn(subject, "R2")
        assert subject.do(Recall((self.KEY,))) == (b"snapshot R2",)
        assert subject.do(Recall(())) == ()

    def test_a_held_message_is_counted_and_listed(self, subject: Subject) -> None:
        self._hold(subject, "R1")
        assert subject.counts("acme") == {"held": 1}
        assert subject.counts("beta") == {"waiting": 1}
        (item,) = subject.items()
        assert (item.kind, item.reason, item.sealed) == (Kept.HELD, "unknown-payer", b"")

    def test_what_was_learned_is_taken_back_only_while_it_stands(self, subject: Subject) -> None:
        self._learn(subject, "R1", self.KEY, self.OTHER)
        self._learn(subject, "R2", self.OTHER)
        for _ in range(2):  # repeated after a lost answer
            for key in (self.KEY, self.OTHER):
                assert subject.do(Unlearn(key, b"snapshot R1")) is None
        assert subject.do(Recall((self.KEY, self.OTHER))) == (None, b"snapshot R2")

    def test_copies_that_take_the_place_of_a_hold_teach_and_release_nobody(
        self, subject: Subject
    ) -> None:
        self._hold(subject, "R1", self.OTHER)
        self._hold(subject, "R2")
        learned = (Learned(self.KEY, b"R1"), Learned(b"third", b"\xff"))
        order = Resolve("acme", "1", b"{}", (copy("acme"), copy("acme", 1)), learned=learned)
        for _ in range(2):
            assert subject.do(order) is True
        assert subject.do(Recall((self.KEY, b"third"))) == (b"R1", b"\xff")
        assert subject.do(NextReleased(10)) == ()
        with pytest.raises(ValueError, match="only copies"):
            Resolve("acme", "1", b"{}", learned=learned)

    def test_what_is_learned_releases_who_waits_for_it(self, subject: Subject) -> None:
        for receipt in ("R1", "R2"):
            self._hold(subject, receipt)
        self._hold(subject, "R3", self.OTHER)
        learned = self._learn(subject, "R4")
        assert learned.released == ("R1", "R2")
        assert subject.do(message("R4", learned=[(self.KEY, b"snapshot R4")])) == learned
        assert subject.do(NextReleased(10)) == ("R1", "R2")
        assert subject.do(NextReleased(1)) == ("R1",)
        (item,) = subject.items(receipt="R1")
        order = Resolve("acme", item.id, b"1", copies=(copy("acme"),), forget_release="R1")
        assert subject.do(order) is True
        assert subject.do(NextReleased(10)) == ("R2",)
        assert subject.do(ForgetReleased("R2")) is None
        assert subject.do(NextReleased(10)) == ()
        assert self._learn(subject, "R5").released == ("R2",)  # it is held still

    def test_what_was_learned_between_decision_and_hold_is_not_missed(
        self, subject: Subject
    ) -> None:
        self._learn(subject, "R1")
        assert self._hold(subject, "R2").released == ("R2",)
        assert subject.do(NextReleased(10)) == ("R2",)

    def test_what_is_learned_while_a_hold_is_decided_again_is_not_missed(
        self, subject: Subject
    ) -> None:
        self._hold(subject, "R1")
        self._learn(subject, "R2")
        assert subject.do(NextReleased(10)) == ("R1",)
        self._learn(subject, "R3")  # after the decider recalled, before it resolves
        (item,) = subject.items()
        again = Hold("acme", "ambiguous-coverage", (self.KEY,))
        subject.do(Resolve("acme", item.id, b"1", hold=again, forget_release="R1"))
        assert subject.do(NextReleased(10)) == ("R1",)
        subject.do(Resolve("acme", item.id, b"2", hold=again, forget_release="R1"))
        assert subject.do(NextReleased(10)) == ()

    def test_held_again_keeps_id_place_and_age(self, subject: Subject) -> None:
        self._hold(subject, "R1")
        self._hold(subject, "R2")
        before = subject.items()
        again = Hold("acme", "ambiguous-coverage", (self.OTHER,))
        assert subject.do(Resolve("acme", before[0].id, b"1", hold=again)) is True
        after = subject.items()
        assert [item.id for item in after] == [item.id for item in before]
        assert after[0].reason == "ambiguous-coverage"
        assert after[0].since_ms == before[0].since_ms
        assert subject.counts() == {"held": 2}
        assert self._learn(subject, "R3", self.KEY).released == ("R2",)
        assert self._learn(subject, "R4", self.OTHER).released == ("R1",)

    def test_a_hold_that_was_resolved_waits_no_more(self, subject: Subject) -> None:
        self._hold(subject, "R1", self.KEY, self.OTHER)
        (item,) = subject.items()
        subject.do(Resolve("acme", item.id, b"1"))
        assert self._learn(subject, "R2", self.KEY, self.OTHER).released == ()

    def test_a_hold_becomes_several_copies(self, subject: Subject) -> None:
        self._hold(subject, "R1")
        (item,) = subject.items()
        copies = (copy("acme", 0), copy("acme", 1))
        subject.do(Resolve("acme", item.id, b"1", copies=copies))
        assert (subject.view().depth, subject.counts()) == (2, {"waiting": 1})
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        head = opened(
            subject.do(advance("acme", fence, 2, Settle(head.entry, Final.DELIVERED, b"{}")))
        )
        assert subject.counts() == {"waiting": 1}
        subject.do(advance("acme", fence, 3, Settle(head.entry, Final.DELIVERED, b"{}")))
        assert subject.counts() == {"delivered": 1}
        assert subject.do(Fetch("R1")) is not None  # beta has it still

    def test_two_channels_of_a_message_wait_apart(self, subject: Subject) -> None:
        holds = [Hold(channel, "unknown-payer", (self.KEY,)) for channel in ("acme", "beta")]
        subject.do(message("R1", holds=holds))
        assert self._learn(subject, "R2").released == ("R1",)
        (item,) = subject.items("acme")
        subject.do(Resolve("acme", item.id, b"1"))
        assert self._learn(subject, "R3").released == ("R1",)


class TestOrders:
    def test_a_paused_lane_opens_nothing_until_it_is_resumed(self, subject: Subject) -> None:
        subject.store.execute([message("R1", "acme"), message("R2", "acme")])
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        assert subject.do(Control("acme", Order.PAUSE, "their upgrade", b'{"pause": 1}')) is True
        close = Settle(head.entry, Final.DELIVERED, b"{}")
        assert subject.do(advance("acme", fence, 2, close)) == Halted(Halt.PAUSED)
        view = subject.view()
        assert (view.order, view.order_reason) == (Order.PAUSE, "their upgrade")
        assert (view.delivered, view.depth) == (1, 1)
        assert subject.do(Control("acme", Order.RESUME, "done", b'{"resume": 1}')) is True
        assert opened(subject.do(advance("acme", fence, 3))).receipt == "R2"
        assert subject.view().order is None
        assert subject.view().order_reason == ""
        assert b'{"pause": 1}' in subject.ledger()

    def test_only_resume_lifts_a_kill(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        fence = subject.claim()
        assert subject.do(Control("acme", Order.KILL, "breach", b"1")) is True
        assert subject.do(Control("acme", Order.PAUSE, "routine", b"2")) is False
        assert (subject.view().order, subject.view().order_reason) == (Order.KILL, "breach")
        assert subject.do(advance("acme", fence, 1)) == Halted(Halt.PAUSED)
        subject.do(Control("acme", Order.RESUME, "over", b"3"))
        assert opened(subject.do(advance("acme", fence, 2))).receipt == "R1"

    def test_an_order_twice_is_one_even_after_another(self, subject: Subject) -> None:
        pause = Control("acme", Order.PAUSE, "upgrade", b'{"pause": 1}')
        subject.do(pause)
        subject.do(Control("acme", Order.RESUME, "done", b'{"resume": 1}'))
        assert subject.do(pause) is True  # a repetition after a lost answer
        assert subject.view().order is None
        assert subject.ledger().count(b'{"pause": 1}') == 1

    def test_resume_lets_the_head_be_tried_at_once(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        subject.do(advance("acme", fence, 2, Postpone(head.entry, 900_000, "refused", False)))
        subject.do(Control("acme", Order.RESUME, "they are back", b"1"))
        assert opened(subject.do(advance("acme", fence, 3))).attempt == 2


class TestReports:
    def test_a_fresh_lane_shows_nothing(self, subject: Subject) -> None:
        view = subject.view("unknown")
        assert view == LaneView(
            "unknown", 0, 0, "", 0, 0, "", None, "", "", 0, 0, 0, 0, 0, 0, waiting=0
        )

    def test_engines_are_seen_while_they_beat(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        lanes = subject.do(Beat("engine-1", b'{"state": "running"}', 500, ("beta", "acme")))
        assert [lane.depth for lane in lanes] == [0, 1]
        subject.do(Beat("engine-2", b"\xff", LEASE_MS, ()))
        view = subject.do(Survey(("acme",)))
        assert view.engines == (("engine-1", b'{"state": "running"}'), ("engine-2", b"\xff"))
        assert view.now_ms >= view.lanes[0].oldest_ms > 0
        subject.pass_ms(510)
        view = subject.do(Survey(()))
        assert view.engines == (("engine-2", b"\xff"),)

    def test_waiting_entries_are_listed_without_their_content(self, subject: Subject) -> None:
        subject.do(message("R1", copies=[copy("acme", 1, b"x" * 700)]))
        subject.do(message("R2", "acme"))
        (entry,) = subject.do(Waiting("acme", limit=1))
        assert (entry.receipt, entry.part, entry.size_bytes) == ("R1", 1, 700)
        assert entry.since_ms == subject.view().oldest_ms
        assert subject.do(Waiting("unknown")) == ()

    def test_the_ledger_is_read_in_pages(self, subject: Subject) -> None:
        subject.store.execute([message(f"R{n}") for n in range(7)])
        first = subject.do(ReadLedger(limit=3))
        position = first[-1][0]
        rest = subject.do(ReadLedger(after=position))
        assert [record for _, record in first + rest] == [
            f'{{"decided": "R{n}"}}'.encode() for n in range(7)
        ]
        assert subject.do(ReadLedger(after=rest[-1][0])) == ()


class TestArchive:
    def deliver(self, subject: Subject, receipt: str) -> None:
        """Bring the head of acme's lane, which is of this receipt, to its end."""
        fence = subject.claim()
        head = opened(subject.do(advance("acme", fence, 1)))
        assert head.receipt == receipt
        record = b'{"delivered": "' + receipt.encode() + b'"}'
        close = Settle(head.entry, Final.DELIVERED, record)
        subject.do(advance("acme", fence, 2, close, open_next=False))

    def test_without_an_archive_a_final_message_leaves_at_once(self, subject: Subject) -> None:
        subject.do(message("R1", "acme"))
        self.deliver(subject, "R1")
        assert subject.do(Fetch("R1")) is None

    def test_with_one_nothing_leaves_before_it_is_let_go(self, subject: Subject) -> None:
        subject.do(KeepForArchive(on=True))
        subject.store.execute([message("R1", "acme"), message("R2", withheld=["acme"])])
        self.deliver(subject, "R1")
        sealed = (b"\x01sealed:R1", b"\x01sealed:R2", None)
        assert subject.do(Contents(("R1", "R2", "R3"), 1000)) == sealed
        records = subject.do(ReadLedger())
        assert [record for _, record in records] == [
            b'{"decided": "R1"}',
            b'{"decided": "R2"}',
            b'{"delivered": "R1"}',
        ]
        batch = [LetGo(records[-1][0], ("R1", "R2")), LetGo(records[-1][0], ("R1", "R2"))]
        assert subject.store.execute(batch) == [None, None]
        assert subject.do(Contents(("R1", "R2"), 1000)) == (None, None)
        assert subject.do(ReadLedger()) == ()
        assert subject.do(ReadLedger(after=records[0][0])) == ()

    def test_what_is_pending_stays_until_the_record_of_its_end(self, subject: Subject) -> None:
        subject.do(KeepForArchive(on=True))
        subject.do(message("R1", "acme"))
        decided = subject.do(ReadLedger())[-1][0]
        subject.do(LetGo(decided, ("R1",), "head 1"))
        assert subject.do(Fetch("R1")) == b"\x01sealed:R1"
        self.deliver(subject, "R1")
        assert subject.do(Fetch("R1")) == b"\x01sealed:R1"
        ((delivered, record),) = subject.do(ReadLedger(after=decided))
        assert record == b'{"delivered": "R1"}'
        subject.do(LetGo(delivered, ("R1",), "head 2"))
        assert subject.do(Fetch("R1")) is None

    def test_contents_end_before_they_grow_too_large(self, subject: Subject) -> None:
        subject.do(KeepForArchive(on=True))
        subject.store.execute([message(f"R{n}", content=b"x" * 90) for n in range(4)])
        receipts = tuple(f"R{n}" for n in range(4))
        sizes = [len(subject.do(Contents(receipts, limit))) for limit in (1, 98, 196, 10_000)]
        assert sizes == [1, 1, 2, 4]
        assert subject.do(Contents((), 1)) == ()

    def test_a_position_of_before_takes_nothing_more(self, subject: Subject) -> None:
        subject.store.execute([message(f"R{n}") for n in range(5)])
        positions = [position for position, _ in subject.do(ReadLedger())]
        subject.store.execute([LetGo(positions[2]), LetGo(positions[0])])
        left = subject.do(ReadLedger(after=positions[0]))
        assert [position for position, _ in left] == positions[3:]

    def test_the_backlog_says_how_much_there_is_and_since_when(self, subject: Subject) -> None:
        assert subject.do(Backlog()) == Unarchived(0, 0, "")
        subject.store.execute([message("R1"), message("R2")])
        backlog = subject.do(Backlog())
        assert backlog.records == 2
        assert backlog.oldest_ms > 0
        last = subject.do(ReadLedger())[-1][0]
        subject.do(LetGo(last, (), "7:abc"))
        assert subject.do(Backlog()) == Unarchived(0, 0, "7:abc")

    def test_switching_it_off_brings_the_old_way_back(self, subject: Subject) -> None:
        subject.store.execute([KeepForArchive(on=True), KeepForArchive(on=False)])
        subject.do(message("R1"))
        assert subject.do(Fetch("R1")) is None
