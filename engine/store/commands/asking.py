"""What people and monitors ask and order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.store import keys, scripts
from engine.store.commands.call import Command, Table, call, identity, since_ms, yes
from engine.store.port import (
    Beat,
    Control,
    Entry,
    Item,
    Items,
    Kept,
    LaneView,
    Order,
    ReadLedger,
    Survey,
    View,
    Waiting,
)


def _control(op: Control) -> list[Command]:
    names = [keys.lane(op.channel), keys.LEDGER, keys.META, *keys.RECEIPTS]
    itself = identity(op.channel.encode(), op.order.value.encode(), op.record)
    return [call(scripts.CONTROL, names, itself, op.order.value, op.reason, op.record)]


def _survey(op: Survey | Beat) -> list[Command]:
    names = [keys.ENGINES]
    for channel in op.channels:
        names += [keys.lane(channel), keys.out(channel), keys.counts(channel)]
    return [call(scripts.SURVEY, names)]


def _beat(op: Beat) -> list[Command]:
    return [call(scripts.BEAT, [keys.ENGINES], op.engine, op.state, op.ttl_ms), *_survey(op)]


def _read_survey(op: Survey, replies: Sequence[Any]) -> View:
    now_ms, engines, *lanes = replies[0]
    states = sorted(
        (id_.decode(), state) for id_, state in zip(engines[::2], engines[1::2], strict=True)
    )
    return View(tuple(states), tuple(map(_lane_view, op.channels, lanes)), now_ms)


def _read_beat(op: Beat, replies: Sequence[Any]) -> tuple[LaneView, ...]:
    _, _, *lanes = replies[1]
    return tuple(map(_lane_view, op.channels, lanes))


def _lane_view(channel: str, reply: Sequence[Any]) -> LaneView:
    depth, head, *fields = reply
    entry, attempts, not_before_ms, error, order, reason, ack, ack_ms, *counters = (
        field.decode() for field in fields
    )
    parked, held, waiting, delivered, withheld, duplicates = (int(n or 0) for n in counters)
    return LaneView(
        channel, depth, since_ms(head) if head else 0, entry, int(attempts or 0),
        int(not_before_ms or 0), error, Order(order) if order else None, reason, ack,
        int(ack_ms or 0), parked, held, delivered, withheld, duplicates, waiting,
    )  # fmt: skip


def _items(op: Items) -> list[Command]:
    names = [keys.parked(op.channel), keys.parked_order(op.channel)]
    return [call(scripts.ITEMS, names, op.after or "0", op.limit, op.receipt)]


def _read_items(op: Items, replies: Sequence[Any]) -> tuple[Item, ...]:
    return tuple(_item(op.channel, *reply) for reply in replies[0])


def _item(channel: str, id_: bytes, description: bytes, sealed: bytes, note: bytes) -> Item:
    kind, part, attempts, since_ms, _, receipt, reason = description.decode().split(" ", 6)
    return Item(
        channel, id_.decode(), Kept(kind), receipt, int(part), reason, int(since_ms),
        int(attempts), sealed, note,
    )  # fmt: skip


def _waiting(op: Waiting) -> list[Command]:
    return [call(scripts.WAITING, [keys.out(op.channel)], op.limit)]


def _read_waiting(_: Waiting, replies: Sequence[Any]) -> tuple[Entry, ...]:
    return tuple(
        Entry(entry.decode(), receipt.decode(), part, size_bytes, since_ms(entry))
        for entry, receipt, part, size_bytes in replies[0]
    )


def _read_ledger(op: ReadLedger) -> list[Command]:
    start = f"({op.after}" if op.after else "-"
    return [["XRANGE", keys.LEDGER, start, "+", "COUNT", op.limit]]


def _records(_: ReadLedger, replies: Sequence[Any]) -> tuple[tuple[str, bytes], ...]:
    return tuple((position.decode(), fields[1]) for position, fields in replies[0])


TABLE: Table = {
    Control: (_control, yes),
    Beat: (_beat, _read_beat),
    Survey: (_survey, _read_survey),
    Items: (_items, _read_items),
    Waiting: (_waiting, _read_waiting),
    ReadLedger: (_read_ledger, _records),
}
