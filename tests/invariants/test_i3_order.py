"""I3: a lane delivers in commit order, whatever the insurer, the store or the engine does."""

from __future__ import annotations

import itertools
import json

import pytest

from engine.store.memory import Outage
from engine.store.port import Order
from tests.support.delivery_rig import Rig

IDS = ["A", "B", "C", "D"]


def in_order(ids: list[str]) -> bool:
    """No id comes again once another has followed it."""
    runs = [id_ for id_, _ in itertools.groupby(ids)]
    return runs == sorted(set(ids))


@pytest.mark.parametrize("word", ["AE", "AR", "AR/207", "silence", "cut", "refused", "garble"])
@pytest.mark.parametrize("position", range(len(IDS)))
def test_a_message_in_trouble_is_never_overtaken(word: str, position: int) -> None:
    rig = Rig(*["AA"] * position, word)
    rig.accept(*IDS)
    rig.courier.start()
    rig.run(30)
    assert in_order(rig.received_ids())
    settled = [json.loads(record) for record in rig.ledger() if b'"kind"' in record]
    assert [record["receipt"] for record in settled] == [f"receipt-{n + 1}" for n in range(4)]


@pytest.mark.parametrize("takeover", [False, True])
@pytest.mark.parametrize("delivered", range(len(IDS)))
def test_a_new_holder_goes_on_where_the_dead_one_was(delivered: int, takeover: bool) -> None:
    rig = Rig(*["AA"] * delivered, "hold")
    rig.accept(*IDS)
    rig.courier.start()
    rig.turns()
    rig.crash()
    rig.engine("two").start(takeover=takeover)
    rig.run(12)
    assert in_order(rig.received_ids())
    assert rig.view().delivered == len(IDS)


@pytest.mark.parametrize("outage", list(Outage))
def test_an_outage_of_the_store_changes_no_order(outage: Outage) -> None:
    rig = Rig("AA", "hold")
    rig.accept(*IDS)
    rig.courier.start()
    rig.turns()
    rig.store.outage = outage
    rig.insurer.release()
    rig.run(5)
    rig.store.outage = None
    rig.run(5)
    assert rig.received_ids() == IDS


def test_what_is_accepted_during_a_pause_or_a_back_off_waits_behind() -> None:
    rig = Rig("refused")
    rig.accept("A")
    rig.courier.start()
    rig.turns()
    rig.accept("B")
    rig.courier.wake()
    rig.order(Order.PAUSE)
    rig.accept("C")
    rig.run(20)
    rig.order(Order.RESUME)
    rig.accept("D")
    rig.run(2)
    assert rig.received_ids() == IDS
