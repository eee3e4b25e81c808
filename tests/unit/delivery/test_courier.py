"""A lane at work: order, answers, retries, orders of people, leases, outages, stopping."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from engine.delivery.answers import Outcome
from engine.delivery.look import ParkIt, Send, Sight, Withhold
from engine.store.memory import Outage
from engine.store.port import Opened, Order, Postpone
from tests.support.delivery_rig import CHANNEL, Rig, ScriptedInsurer, message


def kinds(rig: Rig) -> list[str]:
    """What the ledger says of deliveries, in order."""
    records = [json.loads(record) for record in rig.ledger()]
    return [record["kind"] for record in records if "kind" in record]


def test_entries_are_delivered_in_order_one_at_a_time() -> None:
    rig = Rig()
    rig.accept("A", "B", "C")
    rig.courier.start()
    rig.turns()
    assert rig.received_ids() == ["A", "B", "C"]
    assert rig.view().delivered == 3
    assert rig.view().depth == 0
    assert rig.view().last_ack == "AA"


def test_the_record_of_a_delivery_names_what_and_how_and_carries_the_note() -> None:
    rig = Rig()
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert json.loads(rig.ledger()[-1]) == {
        "kind": "delivered",
        "receipt": "receipt-1",
        "channel": CHANNEL,
        "part": 0,
        "at": "2026-03-01T12:00:00.000+00:00",
        "attempts": 1,
        "possible_duplicate": False,
        "ack": "AA",
        "rules": ["r1"],
    }


def test_a_new_entry_wakes_an_empty_lane_at_once() -> None:
    rig = Rig()
    rig.courier.start()
    rig.turns()
    rig.accept("A")
    rig.courier.wake()
    rig.turns()
    assert rig.received_ids() == ["A"]


def test_a_wake_that_comes_while_the_store_is_asked_is_not_forgotten() -> None:
    rig = Rig()
    rig.courier.start()  # claimed: the question is on its way
    rig.courier.wake()
    rig.turns(1)
    rig.courier.wake()
    rig.accept("A")
    rig.turns()
    assert rig.received_ids() == ["A"]


def test_an_entry_that_nobody_told_of_is_found_within_a_second() -> None:
    rig = Rig()
    rig.courier.start()
    rig.run(5)
    rig.accept("A")
    rig.run(1.25)
    assert rig.received_ids() == ["A"]


def test_an_answer_of_the_store_to_a_beat_wakes_the_lane() -> None:
    rig = Rig()
    rig.courier.start()
    rig.turns()
    rig.accept("A")
    rig.courier.observe(rig.view())
    rig.turns()
    assert rig.received_ids() == ["A"]


def test_a_store_that_was_emptied_is_told_of_and_what_comes_then_is_delivered() -> None:
    rig = Rig()
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert rig.told.forgot == 0
    rig.store.__init__(rig.clock)  # type: ignore[misc]  # FLUSHALL
    rig.accept("B")
    rig.courier.wake()
    rig.run(30)
    assert rig.told.forgot == 1
    assert rig.received_ids() == ["A", "B"]


def test_an_old_copy_of_the_store_is_told_of() -> None:
    rig = Rig()
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    old = copy.deepcopy(rig.store, {id(rig.clock): rig.clock})
    rig.accept("B")
    rig.courier.wake()
    rig.turns()
    vars(rig.store).update(vars(old))
    rig.accept("C")
    rig.courier.wake()
    rig.run(30)
    assert rig.told.forgot == 1
    assert rig.received_ids() == ["A", "B", "C"]


def test_an_unreachable_insurer_is_tried_for_ever_and_no_attempt_counts() -> None:
    rig = Rig(*["refused"] * 12)
    rig.accept("A")
    rig.courier.start()
    rig.run(60)
    assert rig.view().last_error == "connection-refused"
    assert rig.view().attempts == 0
    rig.run(3 * 3600, step_s=5)
    assert rig.received_ids() == ["A"]
    record = json.loads(rig.ledger()[-1])
    assert (record["attempts"], record["possible_duplicate"]) == (1, False)


def test_back_off_grows_while_the_insurer_is_unreachable() -> None:
    rig = Rig(usual="refused")
    rig.accept("A")
    rig.courier.start()
    at: list[float] = []
    for _ in range(300):
        before = len(rig.insurer.offered)
        rig.run(0.25)
        at.extend([rig.clock.seconds()] * (len(rig.insurer.offered) - before))
    waits = [round(later - earlier) for earlier, later in itertools.pairwise(at)]
    assert waits == [5, 10, 20]


def test_silence_is_followed_by_the_same_bytes_on_a_new_connection_marked() -> None:
    rig = Rig("silence", "AA")
    rig.accept("A")
    rig.courier.start()
    rig.run(6)
    assert rig.insurer.received == [message("A")] * 2
    assert rig.insurer.dropped == 1
    record = json.loads(rig.ledger()[-1])
    assert (record["attempts"], record["possible_duplicate"]) == (2, True)
    assert rig.view().duplicates == 1


@pytest.mark.parametrize(
    ("word", "error"), [("wrong-id", "ack-mismatch"), ("garble", "ack-unreadable")]
)
def test_an_answer_to_something_else_leaves_the_outcome_unknown(word: str, error: str) -> None:
    rig = Rig(word, "AA")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert rig.view().last_error == error
    assert rig.insurer.dropped == 1
    rig.run(6)
    assert json.loads(rig.ledger()[-1])["possible_duplicate"] is True


def test_an_error_that_is_answered_makes_no_possible_duplicate() -> None:
    rig = Rig("AE", "AA")
    rig.accept("A")
    rig.courier.start()
    rig.run(6)
    record = json.loads(rig.ledger()[-1])
    assert (record["attempts"], record["possible_duplicate"]) == (2, False)
    assert rig.insurer.dropped == 0


def test_errors_up_to_the_limit_park_and_the_next_entry_follows() -> None:
    rig = Rig(*["AE"] * 6)
    rig.accept("A", "B")
    rig.courier.start()
    rig.run(400)
    assert rig.received_ids() == ["A"] * 6 + ["B"]
    (item,) = rig.items()
    assert (item.reason, item.attempts) == ("ack-AE-limit", 6)
    assert kinds(rig) == ["parked", "delivered"]


def test_a_refusal_parks_at_once_but_one_for_now_is_tried_again() -> None:
    rig = Rig("AR/206", "AR/203")
    rig.accept("A")
    rig.courier.start()
    rig.run(6)
    (item,) = rig.items()
    assert (item.reason, item.attempts) == ("ack-AR", 2)
    assert rig.view().last_ack == "AR"


def test_a_paused_lane_sends_nothing_and_goes_on_within_a_second_of_its_resumption() -> None:
    rig = Rig()
    rig.courier.start()
    rig.turns()
    rig.order(Order.PAUSE, "payer asked")
    rig.accept("A", "B")
    rig.courier.wake()
    rig.run(60)
    assert rig.received_ids() == []
    rig.order(Order.RESUME)
    rig.run(1)
    assert rig.received_ids() == ["A", "B"]


def test_a_pause_holds_between_two_attempts() -> None:
    rig = Rig(usual="refused")
    rig.accept("A")
    rig.courier.start()
    rig.run(7)
    rig.order(Order.PAUSE)
    offered = len(rig.insurer.offered)
    rig.run(120)
    assert len(rig.insurer.offered) == offered


def test_resumption_ends_a_back_off_at_once() -> None:
    rig = Rig(*["refused"] * 8, usual="AA")
    rig.accept("A")
    rig.courier.start()
    rig.run(800)
    assert rig.received_ids() == []
    rig.order(Order.RESUME)
    rig.courier.observe(rig.view())
    rig.turns()
    assert rig.received_ids() == ["A"]


def test_a_beat_tells_a_paused_lane_of_its_resumption() -> None:
    rig = Rig()
    rig.accept("A")
    rig.order(Order.PAUSE)
    rig.courier.start()
    rig.turns()
    rig.order(Order.RESUME)
    rig.courier.observe(rig.view())
    rig.turns()
    assert rig.received_ids() == ["A"]


def test_a_kill_ends_the_exchange_under_way_and_nothing_is_lost() -> None:
    rig = Rig("hold")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    rig.order(Order.KILL, "breach")
    rig.courier.observe(rig.view())
    rig.run(60)
    assert not rig.insurer.holding
    assert rig.received_ids() == ["A"]
    assert rig.view().depth == 1
    rig.order(Order.RESUME)
    rig.run(1)
    assert rig.received_ids() == ["A", "A"]
    assert json.loads(rig.ledger()[-1])["possible_duplicate"] is True


def test_a_pause_lets_the_exchange_under_way_end() -> None:
    rig = Rig("hold")
    rig.accept("A", "B")
    rig.courier.start()
    rig.turns()
    rig.order(Order.PAUSE)
    rig.courier.observe(rig.view())
    rig.insurer.release()
    rig.run(5)
    assert rig.received_ids() == ["A"]
    assert rig.view().delivered == 1


def test_the_lease_outlasts_a_long_exchange() -> None:
    rig = Rig("hold")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    second = ScriptedInsurer()
    rig.engine("two", second).start()
    rig.run(60)
    assert second.offered == []
    rig.insurer.release()
    rig.turns()
    assert rig.view().delivered == 1


def test_an_idle_lane_stays_with_its_holder() -> None:
    rig = Rig()
    rig.courier.start()
    second = ScriptedInsurer()
    rig.engine("two", second).start()
    rig.run(60)
    rig.accept("A")
    rig.run(1.25)
    assert rig.received_ids() == ["A"]
    assert second.offered == []


def test_a_dead_holders_lane_is_taken_over_when_its_lease_ends() -> None:
    rig = Rig("hold")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    rig.crash()
    rig.engine("two").start()
    rig.run(9)
    assert rig.received_ids() == ["A"]
    rig.run(2)
    assert rig.received_ids() == ["A", "A"]
    assert json.loads(rig.ledger()[-1])["possible_duplicate"] is True


def test_a_takeover_does_not_wait_and_the_former_holder_drops_its_connection() -> None:
    rig = Rig("hold")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    second = ScriptedInsurer()
    rig.engine("two", second).start(takeover=True)
    rig.turns()
    assert second.received == [message("A")]
    rig.run(4)
    assert not rig.insurer.holding, "the renewal found out that the lane was lost"
    assert rig.view().delivered == 1
    assert json.loads(rig.ledger()[-1])["possible_duplicate"] is True


def test_a_holder_past_its_deadline_sends_nothing_before_it_has_asked_again() -> None:
    sights: list[tuple[Opened, Deferred[Sight]]] = []

    def slow(opened: Opened) -> Deferred[Sight]:
        sights.append((opened, Deferred()))
        return sights[-1][1]

    rig = Rig(look=slow)
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    rig.store.outage = Outage.REFUSES
    rig.run(11)
    opened, sight = sights[0]
    sight.callback(Send(opened.sealed, b"A"))
    rig.turns()
    assert rig.insurer.offered == []
    rig.store.outage = None
    rig.run(3)
    opened, sight = sights[1]
    assert (opened.attempt, opened.possible_duplicate) == (1, False)
    sight.callback(Send(opened.sealed, b"A"))
    rig.turns()
    assert rig.received_ids() == ["A"]


@pytest.mark.parametrize("outage", list(Outage))
def test_an_outage_of_the_store_between_answer_and_settlement_makes_no_duplicate(
    outage: Outage,
) -> None:
    rig = Rig("hold")
    rig.accept("A", "B")
    rig.courier.start()
    rig.turns()
    rig.store.outage = outage
    rig.insurer.release()
    rig.run(30)
    rig.store.outage = None
    rig.run(3)
    assert rig.received_ids() == ["A", "B"]
    assert kinds(rig) == ["delivered", "delivered"]
    assert rig.view().duplicates == 0
    assert rig.told.store == ["down", "up"]


def test_what_a_look_withholds_is_settled_as_withheld_and_never_sent() -> None:
    rig = Rig(look=lambda opened: Withhold("no-coverage"))
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert rig.insurer.offered == []
    record = json.loads(rig.ledger()[-1])
    assert (record["kind"], record["reason"], record["attempts"]) == ("withheld", "no-coverage", 0)
    assert rig.view().withheld == 1


def test_what_a_look_parks_is_parked() -> None:
    rig = Rig(look=lambda opened: ParkIt("undecipherable"))
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert rig.items()[0].reason == "undecipherable"
    assert rig.insurer.offered == []


def test_a_look_that_fails_parks_and_is_told() -> None:
    def broken(opened: Opened) -> Sight:
        raise LookupError

    rig = Rig(look=broken)
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert rig.items()[0].reason == "last-look-failed"
    assert rig.told.failures == ["LookupError"]


def test_a_payload_that_cannot_be_framed_parks() -> None:
    rig = Rig(look=lambda opened: Send(opened.sealed + b"\x1c", b"A"))
    rig.accept("A", "B")
    rig.courier.start()
    rig.turns()
    assert [item.reason for item in rig.items()] == ["unframeable"] * 2
    assert rig.insurer.offered == []


def test_what_a_look_narrows_is_recorded_with_its_own_note() -> None:
    rig = Rig(look=lambda opened: Send(message("A"), b"A", b'{"rules":["r2"]}'))
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    assert json.loads(rig.ledger()[-1])["rules"] == ["r2"]


def test_stop_waits_for_the_answer_settles_it_and_gives_the_lane_back() -> None:
    rig = Rig("hold")
    rig.accept("A", "B")
    rig.courier.start()
    rig.turns()
    stopped: list[str] = []
    rig.courier.stop(30).addCallback(lambda _: stopped.append("stopped"))
    rig.run(5)
    assert stopped == []
    rig.insurer.release()
    rig.turns()
    assert stopped == ["stopped"]
    assert rig.view().delivered == 1
    assert rig.insurer.closed
    second = ScriptedInsurer()
    rig.engine("two", second).start()
    rig.turns()
    assert second.received == [message("B")]


def test_stop_waits_no_longer_than_its_grace() -> None:
    rig = Rig("hold")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    stopped: list[str] = []
    rig.courier.stop(2).addCallback(lambda _: stopped.append("stopped"))
    rig.run(2)
    rig.turns()
    assert stopped == ["stopped"]
    assert rig.view().depth == 1
    assert isinstance(rig.told.closes[-1], Postpone)
    assert rig.told.closes[-1].unknown


@pytest.mark.parametrize("script", [(), ("refused",)])
def test_stop_at_rest_is_done_at_once(script: tuple[str, ...]) -> None:
    rig = Rig(*script)
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    stopped: list[str] = []
    rig.courier.stop(30).addCallback(lambda _: stopped.append("stopped"))
    rig.turns()
    assert stopped == ["stopped"]
    assert rig.clock.getDelayedCalls() == []


def test_stop_before_the_start_and_twice() -> None:
    rig = Rig()
    stopped: list[str] = []
    rig.courier.stop(30).addCallback(lambda _: stopped.append("stopped"))
    rig.courier.stop(30).addCallback(lambda _: stopped.append("stopped"))
    assert stopped == ["stopped", "stopped"]


def test_an_entry_that_was_opened_but_not_sent_when_the_lane_stops_is_no_duplicate() -> None:
    sights: list[Deferred[Sight]] = []

    def slow(opened: Opened) -> Deferred[Sight]:
        sights.append(Deferred())
        return sights[-1]

    rig = Rig(look=slow)
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    rig.courier.stop(30)
    sights[0].callback(Send(message("A"), b"A"))
    rig.turns()
    assert rig.insurer.offered == []
    assert rig.view().attempts == 0


def test_what_breaks_gives_the_lane_up_and_claims_it_again() -> None:
    class Fragile(ScriptedInsurer):
        def send(
            self, payload: bytes, may_send: Callable[[], bool] | None = None
        ) -> Deferred[Outcome]:
            if not self.offered:
                self.offered.append(payload)
                raise OSError
            return super().send(payload, may_send)

    rig = Rig()
    fragile = Fragile()
    rig.accept("A")
    rig.engine("one", fragile).start()
    rig.run(2)
    assert rig.told.failures == ["OSError"]
    assert fragile.received == [message("A")]
    assert rig.view().delivered == 1
