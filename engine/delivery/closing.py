"""What closes an attempt in the store: settled with its record, or put off to go again. Pure.

Law: an attempt of which no byte left does not count; whatever ends has its record (I4). `at` is
wall-clock time, UTC.
"""

from __future__ import annotations

from datetime import datetime

from engine.delivery.ending import Ending
from engine.delivery.look import ParkIt, Withhold
from engine.delivery.record import delivery_record
from engine.delivery.schedule import Again, Complete, Happened, Park
from engine.store.port import Final, Opened, Postpone, Settle


def postponed(opened: Opened, step: Again, ending: Ending) -> Postpone:
    """It goes again, as the schedule says."""
    return Postpone(
        opened.entry,
        int(step.delay_s * 1000),
        ending.error,
        unknown=step.unknown,
        answered=ending.code,
        keep_attempt=ending.happened is not Happened.NOT_SENT,
    )


def settled(
    channel: str,
    opened: Opened,
    step: Complete | Park,
    at: datetime,
    *,
    ack: str,
    note: bytes | None,
) -> Settle:
    """It was delivered, or is parked. `note`: of what was sent, where that was not what was cut."""
    final, reason = (Final.PARKED, step.reason) if isinstance(step, Park) else (Final.DELIVERED, "")
    record = delivery_record(
        channel, opened, final, at, attempts=opened.attempt, ack=ack, reason=reason, note=note
    )
    return Settle(opened.entry, final, record, reason, ack)


def unsent(channel: str, opened: Opened, sight: Withhold | ParkIt, at: datetime) -> Settle:
    """It was opened and is not sent any more: this attempt does not count."""
    final = Final.WITHHELD if isinstance(sight, Withhold) else Final.PARKED
    attempts = opened.attempt - 1
    record = delivery_record(channel, opened, final, at, attempts=attempts, reason=sight.reason)
    return Settle(opened.entry, final, record, sight.reason)


def unused(opened: Opened, error: str, wait_s: float = 0.0) -> Postpone:
    """The attempt was opened and not a byte left: it does not count, and may be opened again."""
    delay_ms = int(wait_s * 1000)
    return Postpone(opened.entry, delay_ms, error, unknown=False, keep_attempt=False)
