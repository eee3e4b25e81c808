"""The lane as a value: inputs that were not waited for change nothing."""

from __future__ import annotations

from engine.delivery.answers import Failed, NotSent
from engine.delivery.command import Ask, Finished, Rest, State, TakeLook, Transmit
from engine.delivery.lane import Lane
from engine.delivery.look import Send
from engine.delivery.schedule import Schedule
from engine.store.port import Advance, Claim, Claimed, Halt, Halted, Opened, Postpone
from tests.support.delivery_rig import BenchClock, message

OPENED = Opened("1-0", "r1", 0, message("A"), b"{}", 1, False, 0)
SEND = Send(message("A"), b"A")


def new_lane() -> Lane:
    return Lane("acme", "one", Schedule(), clock=BenchClock(), uniform=lambda: 0.5)


def exchanging() -> Lane:
    lane = new_lane()
    lane.start()
    lane.told(Claimed(7))
    lane.told(OPENED)
    lane.looked(SEND)
    return lane


def test_from_claim_to_exchange() -> None:
    lane = new_lane()
    assert lane.start(takeover=True) == Ask(Claim("acme", "one", 10_000, takeover=True))
    assert lane.told(Claimed(7)) == Ask(Advance("acme", 7, 1, 10_000))
    assert lane.told(OPENED) == TakeLook(OPENED)
    assert lane.looked(SEND) == Transmit(message("A"))
    close = Postpone("1-0", 5000, "connection-refused", unknown=False, keep_attempt=False)
    assert lane.answered(NotSent(Failed.REFUSED)) == Ask(Advance("acme", 7, 2, 10_000, close))
    assert lane.told(Halted(Halt.WAIT, 2000)) == Rest(2.0, Halt.WAIT)


def test_a_rest_never_outlasts_the_lease() -> None:
    lane = new_lane()
    lane.start()
    lane.told(Claimed(7))
    command = lane.told(Halted(Halt.WAIT, 900_000))
    assert isinstance(command, Rest)
    assert command.seconds < 5


def test_a_lane_that_somebody_else_holds_is_asked_for_again() -> None:
    lane = new_lane()
    lane.start()
    assert lane.told(Claimed(0, 1500)) == Rest(1.5, Halt.FENCED)
    assert lane.rested() == Ask(Claim("acme", "one", 10_000))


def test_a_lost_fence_is_claimed_anew() -> None:
    lane = new_lane()
    lane.start()
    lane.told(Claimed(7))
    assert lane.told(Halted(Halt.FENCED)) == Rest(1.0, Halt.FENCED)
    assert lane.rested() == Ask(Claim("acme", "one", 10_000))


def test_inputs_that_were_not_waited_for_change_nothing() -> None:
    lane = exchanging()
    assert lane.told(OPENED) is None
    assert lane.looked(SEND) is None
    assert lane.rested() is None
    assert lane.state is State.EXCHANGING
    lane = new_lane()
    lane.start()
    assert lane.answered(NotSent(Failed.REFUSED)) is None


def test_only_an_attempt_is_renewed_and_by_the_step_that_opened_it() -> None:
    lane = new_lane()
    assert lane.renewal() is None
    assert exchanging().renewal() == Advance("acme", 7, 1, 10_000)


def test_after_a_renewal_that_found_another_holder_the_answer_is_not_settled() -> None:
    lane = exchanging()
    assert not lane.renewed(Halted(Halt.FENCED), 0.0)
    assert lane.answered(NotSent(Failed.DROPPED)) == Rest(1.0, Halt.FENCED)


def test_a_stopped_lane_gives_its_lease_back() -> None:
    lane = exchanging()
    assert lane.stop() is None
    command = lane.answered(NotSent(Failed.REFUSED))
    assert isinstance(command, Ask)
    assert isinstance(command.operation, Advance)
    assert command.operation.lease_ms == 0
    assert not command.operation.open_next
    assert lane.told(Halted(Halt.WAIT, 5000)) == Finished()


def test_a_byte_may_be_written_only_before_the_deadline_and_if_nobody_withdrew_it() -> None:
    clock = BenchClock()
    lane = Lane("acme", "one", Schedule(), clock=clock, uniform=lambda: 0.5)
    lane.start()
    lane.told(Claimed(7))
    assert not lane.may_send()
    lane.told(OPENED)
    lane.looked(SEND)
    assert lane.may_send()
    clock.advance(10)
    assert not lane.may_send()
    lane.renewed(OPENED, 5.0)
    assert lane.may_send()
    lane.withdraw()
    assert not lane.may_send()


def test_what_was_withdrawn_is_asked_for_again_at_once_and_does_not_count() -> None:
    lane = exchanging()
    close = Postpone("1-0", 0, "withdrawn", unknown=False, keep_attempt=False)
    command = lane.answered(NotSent(Failed.WITHDRAWN))
    assert command == Ask(Advance("acme", 7, 2, 10_000, close))
