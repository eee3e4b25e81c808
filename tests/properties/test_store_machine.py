"""A store through any sequence of steps: no message is lost, and none is counted twice.

The store on Redis answers what the store in memory answers, each thing also when it is repeated.
The model is the plainest there is: for each message and channel, what became of each part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.memory import MemoryStore
from engine.store.port import (
    Accept,
    Accepted,
    Advance,
    Claim,
    Claimed,
    Control,
    Fetch,
    Final,
    ForgetReleased,
    Halted,
    Hold,
    Item,
    Items,
    Kept,
    NextReleased,
    Opened,
    Operation,
    Order,
    Postpone,
    ReadLedger,
    Recall,
    Reopen,
    Resolve,
    Settle,
    Store,
    Survey,
    View,
)
from engine.store.redis import RedisStore
from tests.support.store_samples import LEASE_MS, copy, do, message

CHANNELS = ("acme", "beta")
KEYS = (b"key-1", b"key-2")
STATES = ("parked", "held", "waiting", "delivered")

channels = st.sampled_from(CHANNELS)
keys = st.lists(st.sampled_from(KEYS), unique=True, max_size=2)
plans = st.fixed_dictionaries(
    {name: st.sampled_from(["copy", "two copies", "hold", "withhold", "nothing"])
     for name in CHANNELS}
)  # fmt: skip


@dataclass
class _Hand:
    """How far the holder of one lane is, at one store."""

    fence: int = 0
    turn: int = 0
    opened: Opened | None = None


@dataclass
class _Subject:
    """A store, and what differs from store to store: fences and the ids of entries."""

    store: Store
    hands: dict[str, _Hand] = field(default_factory=lambda: {name: _Hand() for name in CHANNELS})


class StoreMachine(RuleBasedStateMachine):
    """Does the same to every store and to the model."""

    def __init__(self, stores: Sequence[Store]) -> None:
        super().__init__()
        self.subjects = [_Subject(store) for store in stores]
        self.accepted: list[Accept] = []
        #: (receipt, channel) → state → parts; as the model sees it
        self.parts: dict[tuple[str, str], Counter[str]] = {}
        self.times: Counter[tuple[str, str]] = Counter()  # how often it was reopened
        self.records = 0
        self.number = 0

    def everywhere(self, operation: Operation) -> Any:
        """The one answer that all stores give, now and when the operation is repeated."""
        answers = [do(subject.store, operation) for subject in self.subjects]
        again = [do(subject.store, operation) for subject in self.subjects]
        assert again == answers
        assert all(answer == answers[0] for answer in answers), answers
        return answers[0]

    def record(self) -> bytes:
        self.number += 1
        self.records += 1
        return f'{{"record": {self.number}}}'.encode()

    def move(self, receipt: str, channel: str, origin: str, to: str, number: int = 1) -> None:
        parts = self.parts[receipt, channel]
        parts[origin] -= 1
        parts[to] += number

    # --- intake ---

    @rule(plan=plans, waits_for=keys, learned=keys)
    def accept(self, plan: dict[str, str], waits_for: list[bytes], learned: list[bytes]) -> None:
        self.number += 1
        receipt = f"R{self.number}"
        copies = [copy(name, part) for name, what in plan.items()
                  for part in range({"copy": 1, "two copies": 2}.get(what, 0))]  # fmt: skip
        holds = [Hold(name, "why", tuple(waits_for)) for name, what in plan.items()
                 if what == "hold"]  # fmt: skip
        withheld = [name for name, what in plan.items() if what == "withhold"]
        accept = message(
            receipt, copies=copies, holds=holds, withheld=withheld,
            learned=[(key, receipt.encode()) for key in learned],
        )  # fmt: skip
        answer = self.everywhere(accept)
        assert isinstance(answer, Accepted)
        assert (answer.receipt, answer.duplicate, answer.reused_id) == (receipt, False, False)
        self.records += 1
        self.accepted.append(accept)
        for name, what in plan.items():
            if what != "nothing":
                self.parts[receipt, name] = Counter(
                    waiting={"copy": 1, "two copies": 2}.get(what, 0), held=int(what == "hold")
                )
        for key in learned:
            assert self.everywhere(Recall((key,))) == (receipt.encode(),)

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def the_same_message_again(self, data: st.DataObject) -> None:
        first = data.draw(st.sampled_from(self.accepted))
        again = replace(first, receipt=f"{first.receipt}-again")
        assert self.everywhere(again) == Accepted(first.receipt, duplicate=True)
        assert self.everywhere(first).receipt == first.receipt

    # --- lanes ---

    @rule(channel=channels)
    def claim(self, channel: str) -> None:
        for subject in self.subjects:
            for _ in range(2):
                claimed = do(subject.store, Claim(channel, "engine", LEASE_MS, takeover=True))
                assert isinstance(claimed, Claimed)
                assert claimed.fence > subject.hands[channel].fence
                subject.hands[channel] = _Hand(claimed.fence)

    @precondition(lambda self: any(hand.fence for hand in self.subjects[0].hands.values()))
    @rule(
        channel=channels,
        how=st.sampled_from([*Final, "no answer", "refused", "unsent"]),
        open_next=st.booleans(),
    )
    def step(self, channel: str, how: Final | str, open_next: bool) -> None:
        if not self.subjects[0].hands[channel].fence:
            return
        opened = self.subjects[0].hands[channel].opened
        record = self.record() if opened and isinstance(how, Final) else b""
        answers = [self._step_of(subject, channel, how, record, open_next)
                   for subject in self.subjects]  # fmt: skip
        assert all(answer == answers[0] for answer in answers), answers
        if opened and isinstance(how, Final):
            self.move(opened.receipt, channel, "waiting", how.value)

    def _step_of(
        self, subject: _Subject, channel: str, how: Final | str, record: bytes, open_next: bool
    ) -> Opened | Halted:
        hand = subject.hands[channel]
        close: Settle | Postpone | None = None
        if hand.opened and isinstance(how, Final):
            close = Settle(hand.opened.entry, how, record, "" if how is Final.DELIVERED else "why")
        elif hand.opened:
            close = Postpone(
                hand.opened.entry, 0, str(how), how == "no answer", keep_attempt=how != "unsent"
            )
        hand.turn += 1
        step = Advance(channel, hand.fence, hand.turn, LEASE_MS, close, open_next)
        answer = do(subject.store, step)
        assert do(subject.store, step) == answer
        assert isinstance(answer, (Opened, Halted))
        hand.opened = answer if isinstance(answer, Opened) else None
        return replace(answer, entry="", waited_ms=0) if isinstance(answer, Opened) else answer

    # --- holds and orders ---

    def _items(self, channel: str) -> list[Item]:
        found = [do(subject.store, Items(channel, limit=1000)) for subject in self.subjects]
        plain = [[replace(item, since_ms=0) for item in items] for items in found]  # type: ignore[union-attr,type-var]
        assert all(items == plain[0] for items in plain)
        return plain[0]  # type: ignore[return-value]

    @rule(
        channel=channels,
        way=st.sampled_from(["copy", "two copies", "hold", "discard", "withhold"]),
        waits_for=keys,
        forget=st.booleans(),
        data=st.data(),
    )
    def resolve(
        self, channel: str, way: str, waits_for: list[bytes], forget: bool, data: st.DataObject
    ) -> None:
        items = self._items(channel)
        if not items:
            return
        item = data.draw(st.sampled_from(items))
        number = {"copy": 1, "two copies": 2}.get(way, 0)
        order = Resolve(
            channel,
            item.id,
            self.record(),
            copies=tuple(copy(channel, part) for part in range(number)),
            hold=Hold(channel, "again", tuple(waits_for)) if way == "hold" else None,
            discard="why" if way == "discard" else "",
            forget_release=item.receipt if forget else "",
        )
        assert self.everywhere(order) is True
        to = {"hold": "held", "discard": "withheld", "withhold": "withheld"}.get(way, "waiting")
        self.move(item.receipt, channel, item.kind.value, to, number or 1)
        there = [other.id for other in self._items(channel)]
        assert (item.id in there) is (way == "hold")

    @precondition(lambda self: self.accepted)
    @rule(
        channel=channels,
        way=st.sampled_from(["copy", "two copies", "hold", "withhold"]),
        waits_for=keys,
        doubtful=st.booleans(),
        data=st.data(),
    )
    def reopen(
        self, channel: str, way: str, waits_for: list[bytes], *, doubtful: bool, data: st.DataObject
    ) -> None:
        """A message that is done with for a channel, or was never decided for it."""
        accept = data.draw(st.sampled_from(self.accepted))
        known = (accept.receipt, channel) in self.parts
        parts = self.parts.get((accept.receipt, channel), Counter())
        if any(parts[state] for state in ("parked", "held", "waiting")):
            return
        number = {"copy": 1, "two copies": 2}.get(way, 0)
        time = self.times[accept.receipt, channel]
        order = Reopen(
            channel,
            accept.receipt,
            accept.sealed,
            self.record(),
            time,
            parts["delivered"] if known else None,
            doubtful,
            copies=tuple(copy(channel, part) for part in range(number)),
            hold=Hold(channel, "again", tuple(waits_for)) if way == "hold" else None,
        )
        assert self.everywhere(order) is True
        assert self.everywhere(replace(order, record=b"another's")) is False
        self.times[accept.receipt, channel] += 1
        parts = self.parts.setdefault((accept.receipt, channel), Counter())
        parts["waiting"] += number
        parts["held"] += way == "hold"

    @rule(limit=st.integers(1, 3), forget=st.booleans())
    def read_released(self, limit: int, forget: bool) -> None:
        receipts = self.everywhere(NextReleased(limit))
        if receipts and forget:
            assert self.everywhere(ForgetReleased(receipts[0])) is None
            assert receipts[0] not in self.everywhere(NextReleased(1000))

    @rule(channel=channels, order=st.sampled_from(Order))
    def control(self, channel: str, order: Order) -> None:
        self.everywhere(Control(channel, order, "why", self.record()))

    # --- what always holds ---

    @invariant()
    def every_message_counts_once_in_every_channel(self) -> None:
        expected: dict[str, Counter[str]] = {name: Counter() for name in CHANNELS}
        for (_, channel), parts in self.parts.items():
            state = next((state for state in STATES if parts[state] > 0), "withheld")
            expected[channel][state] += 1
        lanes = []
        for subject in self.subjects:
            view = do(subject.store, Survey(CHANNELS))
            assert isinstance(view, View)
            for lane in view.lanes:
                counted = {state: getattr(lane, state) for state in (*STATES, "withheld")}
                assert counted == {state: expected[lane.channel][state] for state in counted}
                assert lane.depth == sum(
                    parts["waiting"]
                    for (_, name), parts in self.parts.items()
                    if name == lane.channel
                )
            lanes.append([
                replace(lane, oldest_ms=0, not_before_ms=0, open_entry=bool(lane.open_entry))  # type: ignore[arg-type]
                for lane in view.lanes
            ])  # fmt: skip
        assert all(views == lanes[0] for views in lanes)

    @invariant()
    def a_message_is_kept_until_all_of_it_is_final(self) -> None:
        for accept in self.accepted:
            open_parts = sum(
                parts[state]
                for (receipt, _), parts in self.parts.items()
                if receipt == accept.receipt
                for state in ("parked", "held", "waiting")
            )
            for subject in self.subjects:
                kept = do(subject.store, Fetch(accept.receipt))
                assert kept == (accept.sealed if open_parts else None)

    @invariant()
    def every_item_is_listed_and_every_act_recorded_once(self) -> None:
        for channel in CHANNELS:
            kinds = Counter(item.kind for item in self._items(channel))
            for kind in Kept:
                assert kinds[kind] == sum(
                    parts[kind.value] for (_, name), parts in self.parts.items() if name == channel
                )
        ledgers = [do(subject.store, ReadLedger(limit=10_000)) for subject in self.subjects]
        for ledger in ledgers:
            records = [record for _, record in ledger]  # type: ignore[union-attr,misc,str-unpack]
            assert len(records) == self.records == len(set(records))


def test_the_store_in_memory() -> None:
    run_state_machine_as_test(
        lambda: StoreMachine([MemoryStore()]),  # type: ignore[arg-type]
        settings=settings(max_examples=60, stateful_step_count=40),
    )


def test_the_store_on_redis_answers_the_same(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "var")
    server.start()
    client = connect(server.url)
    store = RedisStore(client)

    def machine() -> StoreMachine:
        client.flushall()
        return StoreMachine([MemoryStore(), store])

    try:
        run_state_machine_as_test(
            machine,  # type: ignore[arg-type]
            settings=settings(
                max_examples=40, stateful_step_count=30, phases=[Phase.explicit, Phase.generate]
            ),
        )
    finally:
        store.close()
        client.close()
        server.stop()
