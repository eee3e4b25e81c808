"""I4: no disclosure without its ledger row, none without its legal basis; and nothing twice.

For every message one decision that names every channel; for every copy that was queued exactly one
final row, once it has come to its end; and store and archive agree to the message.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.archive import schema
from engine.archive.audit import audit
from engine.redecision.redecide import Act, Redecision
from engine.store.port import Final, Items
from tests.support.archive_rig import Rig, adt, rigs

CHANNELS = ("acme", "beta")
ENDS = (
    (Final.DELIVERED, "AA", ""),
    (Final.PARKED, "AR", "refused"),
    (Final.WITHHELD, "", "no-rule"),
)


def replay(rig: Rig, channel: str) -> None:
    """Decide the oldest parked item of a channel again, as `payergate parked replay` does."""
    items: Any = rig.store.execute([Items(channel)])[0]
    if not items:
        return
    redecision = Redecision(rig.compiled, rig.sealer)
    item = items[0]
    sealed: Any = rig.fetch(item.receipt)
    case = redecision.case(item.receipt, sealed)
    recalled: Any = rig.store.execute([case.recall])[0]
    outcomes = redecision.decide_kept(case, recalled, rig.clock.now())
    act = Act("tester", rig.clock.now(), "again")
    assert rig.store.execute([redecision.resolve(item, case, outcomes, act)]) == [True]


@pytest.mark.parametrize("seed", range(4))
def test_every_copy_has_its_rows_and_no_more(tmp_path: Path, seed: int) -> None:
    for rig in rigs(tmp_path / "site"):
        chance = random.Random(seed)
        rig.archiver = rig.new_archiver(batch_records=chance.randint(1, 20))
        receipts, queued, waiting = a_busy_day(rig, chance)
        rig.archive()
        hold_the_rows_against(rig, receipts)
        states = Counter((row.channel, row.state) for row in rig.rows(schema.outcomes))
        for channel in CHANNELS:
            lane = rig.view(channel)
            counted = [states[channel, state] for state in ("delivered", "parked", "waiting")]
            assert counted == [lane.delivered, lane.parked, lane.waiting]
            assert lane.waiting == waiting[channel]
            assert sum(n for (of, _), n in states.items() if of == channel) == queued[channel]
        with rig.database.reading() as connection:
            assert list(audit(connection, rig.verifier)) == []


def a_busy_day(rig: Rig, chance: random.Random) -> tuple[list[str], Counter[str], Counter[str]]:
    """What was taken, how many copies were queued for each channel, and how many still wait."""
    receipts: list[str] = []
    queued: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for number in range(60):
        payers = [name for name in (*CHANNELS, "gamma") if chance.random() < 0.5] or ["gamma"]
        receipts.append(rig.take(adt(f"M{number}", f"P{number % 7}", *payers)))
        queued.update(set(payers) & set(CHANNELS))
        waiting.update(set(payers) & set(CHANNELS))
        for channel in CHANNELS:
            if waiting[channel] and chance.random() < 0.8:
                rig.end(channel, *chance.choice(ENDS))
                waiting[channel] -= 1
            elif chance.random() < 0.2:
                before = rig.view(channel).depth
                replay(rig, channel)
                waiting[channel] += rig.view(channel).depth - before
        if chance.random() < 0.3:
            rig.archiver.step()
    return receipts, queued, waiting


def hold_the_rows_against(rig: Rig, receipts: list[str]) -> None:
    """The ledger's rows, judged by what was taken in."""
    bodies = rig.bodies()
    decisions = [body for body in bodies if body["kind"] == "decision"]
    assert [body["receipt"] for body in decisions] == receipts
    assert all(set(body["channels"]) == set(CHANNELS) for body in decisions)
    ends = [body for body in bodies if body["kind"] in {"delivered", "withheld"}]
    assert set(Counter((end["receipt"], end["channel"]) for end in ends).values()) <= {1}
    for body in bodies:
        if body["kind"] == "delivered":
            assert body["basis"], "no legal basis"
            assert body["cut_known"]
            assert body["patients"]
