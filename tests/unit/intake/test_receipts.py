"""Receipt ids sort in order of arrival, tell their time, and fit MSH-10 of every version."""

from __future__ import annotations

import random
import re

import pytest

from engine.intake.receipts import RECEIPT_CHARACTERS, Receipts, received_ms


class HandClock:
    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def _receipts(clock: HandClock, seed: int = 1) -> Receipts:
    return Receipts(clock, random.Random(seed).getrandbits)


def test_a_receipt_fits_the_control_id_of_every_version() -> None:
    """HL7 2.1 to 2.6 allow 20 characters in MSH-10."""
    receipt = _receipts(HandClock(1_700_000_000_000)).next()
    assert re.fullmatch(r"[0-9A-Z]{20}", receipt)
    assert len(receipt) == RECEIPT_CHARACTERS


@pytest.mark.parametrize("now_ms", [0, 1, 1_700_000_000_123, 4_102_444_800_000])
def test_its_time_can_be_read_back(now_ms: int) -> None:
    assert received_ms(_receipts(HandClock(now_ms)).next()) == now_ms


def test_receipts_sort_in_order_of_arrival_within_one_millisecond() -> None:
    receipts = _receipts(HandClock(1_700_000_000_000))
    made = [receipts.next() for _ in range(1000)]
    assert made == sorted(set(made))


def test_receipts_sort_in_order_of_arrival_when_the_clock_steps_back() -> None:
    clock = HandClock(1_700_000_000_000)
    receipts = _receipts(clock)
    first = receipts.next()
    clock.now_ms -= 60_000
    assert receipts.next() > first


def test_later_milliseconds_sort_later_whatever_chance_says() -> None:
    clock = HandClock(1_700_000_000_000)
    receipts = _receipts(clock)
    made = []
    for _ in range(200):
        made.append(receipts.next())
        clock.now_ms += 1
    assert made == sorted(made)


def test_two_engines_do_not_make_the_same_receipt_in_the_same_millisecond() -> None:
    clock = HandClock(1_700_000_000_000)
    assert _receipts(clock, seed=1).next() != _receipts(clock, seed=2).next()


@pytest.mark.parametrize("text", ["", "A", "U" * 20, "0" * 21, "o" * 20])
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        received_ms(text)
