"""A lane against everything at once: answers, silences, crashes, outages, pauses, takeovers.

The insurer's log and the ledger are compared with what was accepted, after every step and at the
end, when everything is allowed to settle down.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.delivery.courier import Courier
from engine.store.memory import Outage
from engine.store.port import Order
from tests.support.delivery_rig import Rig, message

WORDS = ["AA", "AA", "CA", "AE", "AR", "AR/207", "CE", "silence", "cut", "refused", "wrong-id",
         "garble", "hold"]  # fmt: skip


class LaneMachine(RuleBasedStateMachine):
    """One lane, one insurer, one engine after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.engines = 1
        self.courier: Courier = self.rig.courier
        self.courier.start()
        self.accepted: list[str] = []

    # --- what may happen ---

    @rule(count=st.integers(1, 3))
    def accept(self, count: int) -> None:
        """Messages are accepted; an outage delays that, here it ends."""
        self.rig.store.outage = None
        for _ in range(count):
            self.accepted.append(f"M{len(self.accepted)}")
            self.rig.accept(self.accepted[-1])
        self.courier.wake()

    @rule(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
    def script(self, words: list[str]) -> None:
        """What the insurer will say to the next exchanges."""
        self.rig.insurer.script.extend(words)

    @rule(seconds=st.sampled_from([0.0, 0.25, 1.0, 4.0, 12.0, 100.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.rig.run(seconds)

    @precondition(lambda self: self.rig.insurer.holding)
    @rule(word=st.sampled_from(["AA", "AE", "AR", "wrong-id", "garble"]))
    def release(self, word: str) -> None:
        """The insurer answers at last."""
        self.rig.insurer.release(word)

    @rule(order=st.sampled_from(list(Order)), told=st.booleans())
    def order(self, order: Order, told: bool) -> None:
        """A person orders something; a beat may tell the lane of it."""
        self.rig.order(order)
        if told:
            self.courier.observe(self.rig.view())

    @rule(outage=st.sampled_from([None, *Outage]))
    def weather(self, outage: Outage | None) -> None:
        """The store goes away in some way, or comes back."""
        self.rig.store.outage = outage

    @rule(takeover=st.booleans())
    def crash(self, takeover: bool) -> None:
        """The engine dies at this instant; another starts."""
        self.rig.crash()
        self._next_engine().start(takeover=takeover)

    @rule(grace_s=st.sampled_from([0.0, 2.0, 30.0]))
    def restart(self, grace_s: float) -> None:
        """The engine is stopped and another starts, perhaps before the first has let go."""
        self.courier.stop(grace_s)
        self.rig.run(1)
        self.rig.crash()
        self._next_engine().start()

    # --- what always holds ---

    @invariant()
    def every_exchange_carries_the_bytes_that_were_cut(self) -> None:
        """A resend is the same, byte for byte."""
        assert all(payload in self._expected() for payload in self.rig.insurer.offered)

    @invariant()
    def the_insurer_hears_of_messages_in_commit_order(self) -> None:
        """A message is never offered again once a later one was (I3)."""
        numbers = [self.accepted.index(id_) for id_ in self._offered_ids()]
        assert numbers == sorted(numbers)

    @invariant()
    def nothing_is_settled_twice_or_out_of_turn(self) -> None:
        """The ledger has one record an entry, in order; what is not there waits in the lane."""
        receipts = [record["receipt"] for record in self._settled()]
        assert receipts == [f"receipt-{n}" for n in self._numbers(len(receipts))]

    @invariant()
    def nobody_failed(self) -> None:
        """No step of the courier broke."""
        assert self.rig.told.failures == []

    def teardown(self) -> None:
        """Let everything settle down; then the books must agree with the insurer's log."""
        self.rig.store.outage = None
        self.rig.insurer.script.clear()
        if self.rig.insurer.holding:
            self.rig.insurer.release()
        self.rig.run(2)
        self.rig.order(Order.RESUME)
        self.rig.run(40)
        self.rig.order(Order.RESUME)
        self.rig.run(40)
        view = self.rig.view()
        assert view.depth == 0
        assert view.delivered + view.parked == len(self.accepted)
        assert len(self._settled()) == len(self.accepted)
        self._check_duplicates()
        self.nothing_is_settled_twice_or_out_of_turn()
        self.nobody_failed()

    def _check_duplicates(self) -> None:
        """What reached the insurer more than once without being refused is marked."""
        taken = Counter(self._taken_ids())
        for record, id_ in zip(self._settled(), self.accepted, strict=True):
            if record["kind"] == "delivered":
                assert taken[id_] >= 1
            if taken[id_] > 1:
                assert record["possible_duplicate"], "it may have two and nobody was told"

    # --- views ---

    def _next_engine(self) -> Courier:
        self.engines += 1
        self.courier = self.rig.engine(f"engine-{self.engines}")
        return self.courier

    def _numbers(self, count: int) -> list[int]:
        return self.rig.accepted_numbers[:count]

    def _expected(self) -> set[bytes]:
        return {message(id_) for id_ in self.accepted}

    def _offered_ids(self) -> list[str]:
        return [payload.split(b"|")[9].decode() for payload in self.rig.insurer.offered]

    def _taken_ids(self) -> list[str]:
        return [payload.split(b"|")[9].decode() for payload in self.rig.insurer.taken]

    def _settled(self) -> list[dict[str, Any]]:
        records = [json.loads(record) for record in self.rig.ledger()]
        return [record for record in records if record.get("kind") in {"delivered", "parked"}]


LaneMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLaneMachine = LaneMachine.TestCase
