"""A kept message decided again: released holds, replayed dead letters."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, cast

import pytest

from engine.intake.sealed import about_copy
from engine.policy.compile import compile_policy
from engine.policy.model import State
from engine.redecision.redecide import Act, Redecision, RedecisionError
from engine.store.memory import MemoryStore
from engine.store.port import (
    Advance,
    Claim,
    Claimed,
    Fetch,
    Final,
    Item,
    Items,
    Kept,
    Opened,
    Operation,
    Resolve,
    Settle,
)
from engine.store.sealing import Sealer
from tests.support.delivery_rig import BenchClock
from tests.support.looking import head_of
from tests.support.reference_site import NOW, Reception, reference_site, sample

ACT = Act("pat", NOW, "payer is back")
SITE = reference_site()


class Desk:
    """A store, its keys, and somebody who takes messages and decides them again."""

    def __init__(self, folder: Path) -> None:
        self.sealer = Sealer.from_file(folder / "keys", create=True)
        self.clock = BenchClock()
        self.store = MemoryStore(self.clock)
        self.reception = Reception(SITE, self.sealer)
        self.redecision = Redecision(self.reception.compiled, self.sealer)

    def do(self, operation: Operation) -> Any:
        return self.store.execute([operation])[0]

    def take(self, payload: bytes) -> str:
        accept = self.reception.accept(payload)
        self.do(accept)
        return accept.receipt

    def park(self, channel: str, count: int = 1) -> None:
        """Have the insurer refuse the first entries of a lane."""
        fence = cast("Claimed", self.do(Claim(channel, "one", 1000, takeover=True))).fence
        opened = self.do(Advance(channel, fence, 1, 1000))
        for turn in range(2, count + 2):
            close = Settle(opened.entry, Final.PARKED, b"{}", "ack-AR", "AR")
            opened = self.do(Advance(channel, fence, turn, 1000, close, turn <= count))

    def head(self, channel: str) -> tuple[Opened, bytes]:
        """The next entry of a lane, and what is in it."""
        return head_of(self.store, self.sealer, channel)

    def items(self, channel: str) -> tuple[Item, ...]:
        return cast("tuple[Item, ...]", self.do(Items(channel)))

    def resolve(self, item: Item, redecision: Redecision | None = None) -> Resolve:
        redecision = redecision or self.redecision
        case = redecision.case(item.receipt, self.do(Fetch(item.receipt)))
        outcomes = redecision.decide(case, self.do(case.recall), NOW)
        return redecision.resolve(item, case, outcomes, ACT)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_hold_is_released_by_coverage_that_was_learned_since(desk: Desk) -> None:
    receipt = desk.take(sample("adt-a03"))
    (item,) = desk.items("acme")
    assert (item.kind, item.receipt) == (Kept.HELD, receipt)
    desk.take(sample("adt-a01"))
    resolve = desk.resolve(item)
    assert len(resolve.copies) == 1
    assert desk.do(resolve) is True
    assert desk.items("acme") == ()


def test_what_is_still_unknown_is_held_again_and_keeps_waiting_for_the_same(desk: Desk) -> None:
    desk.take(sample("adt-a03"))
    (item,) = desk.items("acme")
    resolve = desk.resolve(item)
    assert resolve.copies == ()
    assert resolve.hold is not None
    assert resolve.hold.reason == "unknown-payer"
    assert resolve.hold.waits_for
    desk.do(resolve)
    assert desk.items("acme")[0].id == item.id


def test_a_dead_letter_comes_back_as_todays_policy_cuts_it(desk: Desk) -> None:
    desk.take(sample("adt-a01"))
    _, first = desk.head("acme")
    desk.park("acme")
    (item,) = desk.items("acme")
    assert desk.do(desk.resolve(item)) is True
    opened, again = desk.head("acme")
    assert again == first
    assert (opened.receipt, opened.attempt) == (item.receipt, 1)


def test_a_policy_that_grants_nothing_any_more_withholds(desk: Desk) -> None:
    desk.take(sample("adt-a01"))
    desk.park("acme")
    (item,) = desk.items("acme")
    stricter = compile_policy(dataclasses.replace(SITE.policy, rules=()), "revision-2")
    resolve = desk.resolve(item, Redecision(stricter, desk.sealer))
    assert (resolve.copies, resolve.hold, resolve.discard) == ((), None, "")
    assert json.loads(resolve.record)["reasons"] == ["no-rule"]
    assert desk.do(resolve) is True
    assert desk.items("acme") == ()


@pytest.mark.parametrize("state", [State.DRAFT, State.SHADOW, None])
def test_an_item_of_a_channel_that_is_not_live_stays(desk: Desk, state: State | None) -> None:
    desk.take(sample("adt-a01"))
    desk.park("acme")
    (item,) = desk.items("acme")
    channels = dict(SITE.policy.channels)
    if state is None:
        del channels["acme"]
        rules = tuple(rule for rule in SITE.policy.rules if "acme" not in rule.channels)
    else:
        channels["acme"] = dataclasses.replace(channels["acme"], state=state)
        rules = SITE.policy.rules
    other = compile_policy(dataclasses.replace(SITE.policy, channels=channels, rules=rules), "r2")
    with pytest.raises(RedecisionError) as raised:
        desk.resolve(item, Redecision(other, desk.sealer))
    assert raised.value.code == "channel-not-live"


def test_the_record_says_who_when_why_and_what_was_decided(desk: Desk) -> None:
    receipt = desk.take(sample("adt-a01"))
    desk.park("acme")
    record = json.loads(desk.resolve(desk.items("acme")[0]).record)
    assert record["kind"] == "redecided"
    assert (record["receipt"], record["channel"], record["was_reason"]) == (
        receipt,
        "acme",
        "ack-AR",
    )
    assert (record["by"], record["why"], record["verdict"]) == ("pat", "payer is back", "disclose")
    assert record["at"] == "2026-03-03T12:00:00.000+00:00"
    assert record["revision"] == "revision-1"


def two_patients() -> bytes:
    """Results of two patients in one message, both insured as sample A01 teaches."""
    results = sample("oru-r01").rstrip(b"\r") + b"\r"
    body = results[results.index(b"PID|") :]
    return results + body.replace(b"MR100001", b"MR100002").replace(b"V100001", b"V100002").replace(
        b"AC100001", b"AC100002"
    )


def desk_with_two_parked_parts(desk: Desk) -> tuple[Item, ...]:
    desk.take(sample("adt-a01"))
    second = sample("adt-a01").replace(b"MR100001", b"MR100002").replace(b"V100001", b"V100002")
    desk.take(second.replace(b"AC100001", b"AC100002").replace(b"SAMPLE-A01-1", b"SAMPLE-A01-2"))
    desk.take(two_patients())
    (held,) = desk.items("acme")
    desk.do(desk.resolve(held))
    desk.park("acme", 4)
    return desk.items("acme")[2:]


def test_a_hold_of_several_patients_comes_back_whole(desk: Desk) -> None:
    first, second = desk_with_two_parked_parts(desk)
    assert first.receipt == second.receipt
    assert (first.part, second.part) == (0, 1)


def test_a_parked_part_comes_back_alone(desk: Desk) -> None:
    _, second = desk_with_two_parked_parts(desk)
    (copy,) = desk.resolve(second).copies
    assert copy.part == 1
    about = about_copy(second.receipt, "acme", 1)
    sent = desk.sealer.open(copy.sealed, about)
    assert b"MR100002" in sent
    assert b"MR100001" not in sent


def test_a_part_that_would_be_another_patients_today_stays(desk: Desk) -> None:
    """When one of two patients is withheld today, part 0 is the other one's."""
    first, second = desk_with_two_parked_parts(desk)
    case = desk.redecision.case(first.receipt, desk.do(Fetch(first.receipt)))
    outcomes = dict(desk.redecision.decide(case, desk.do(case.recall), NOW))
    acme = outcomes["acme"]
    outcomes["acme"] = acme._replace(payloads=acme.payloads[1:])
    for item in (first, second):
        with pytest.raises(RedecisionError) as raised:
            desk.redecision.resolve(item, case, outcomes, ACT)
        assert raised.value.code == "part-unclear"
