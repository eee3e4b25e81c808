"""I5: only the holder of the fence opens or settles an attempt; past its deadline it is mute."""

from __future__ import annotations

import json
from collections.abc import Callable

from twisted.internet.defer import Deferred

from engine.delivery.answers import Outcome
from engine.delivery.look import Send, Sight
from engine.store.memory import Outage
from engine.store.port import Opened
from tests.support.delivery_rig import Rig, ScriptedInsurer, message


def settled(rig: Rig) -> list[dict[str, object]]:
    return [json.loads(record) for record in rig.ledger() if b'"kind"' in record]


def test_an_answer_that_comes_to_a_former_holder_settles_nothing() -> None:
    """The second engine has opened the entry; the first one's answer comes before it knows."""
    rig = Rig("hold")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    second = ScriptedInsurer("hold")
    rig.engine("two", second).start(takeover=True)
    rig.turns()
    rig.insurer.release("AR")
    rig.turns()
    assert settled(rig) == []
    assert rig.items() == ()
    second.release("AA")
    rig.turns()
    (record,) = settled(rig)
    assert (record["kind"], record["possible_duplicate"]) == ("delivered", True)


def test_a_former_holder_opens_nothing() -> None:
    rig = Rig()
    rig.courier.start()
    rig.turns()
    second = ScriptedInsurer()
    rig.engine("two", second).start(takeover=True)
    rig.turns()
    rig.accept("A", "B")
    rig.courier.wake()
    rig.run(5)
    assert rig.insurer.offered == []
    assert second.received == [message("A"), message("B")]


def test_a_former_holder_waits_as_long_as_the_new_one_lives_and_then_takes_over() -> None:
    rig = Rig()
    rig.courier.start()
    rig.turns()
    other = Rig()
    other.clock, other.store = rig.clock, rig.store
    other.commit = other.new_commit()
    second = other.engine("two")
    second.start(takeover=True)
    rig.run(30)
    rig.accept("A")
    rig.run(2)
    assert other.insurer.received == [message("A")]
    second.stop(1)
    rig.run(5)
    rig.accept("B")
    rig.run(2)
    assert rig.insurer.received == [message("B")]


def test_a_holder_that_cannot_reach_the_store_writes_nothing_past_its_deadline() -> None:
    """The entry was opened, the look took long, the store went away: somebody else may hold it."""
    sights: list[Deferred[Sight]] = []

    def slow(opened: Opened) -> Deferred[Sight]:
        sights.append(Deferred())
        return sights[-1]

    rig = Rig(look=slow)
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    rig.store.outage = Outage.REFUSES
    rig.run(10)
    sights[0].callback(Send(message("A"), b"A"))
    rig.run(5)
    assert rig.insurer.offered == []


def test_a_connection_that_comes_up_after_the_deadline_carries_nothing() -> None:
    """Before the first byte the sender asks once more whether it may."""

    class SlowToConnect(ScriptedInsurer):
        def connect(self) -> None:
            super().send(message("A"), self.may_send).chainDeferred(self.outcome)

        def send(
            self, payload: bytes, may_send: Callable[[], bool] | None = None
        ) -> Deferred[Outcome]:
            self.may_send = may_send
            self.outcome: Deferred[Outcome] = Deferred()
            return self.outcome

    rig = Rig()
    insurer = SlowToConnect()
    rig.accept("A")
    rig.engine("one", insurer).start()
    rig.turns()
    rig.store.outage = Outage.REFUSES
    rig.run(11)
    insurer.connect()
    assert insurer.offered == []
    rig.store.outage = None
    rig.run(3)
    insurer.connect()
    rig.turns()
    assert insurer.received == [message("A")]
    (record,) = settled(rig)
    assert (record["attempts"], record["possible_duplicate"]) == (1, False)
