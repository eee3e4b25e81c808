"""I8, I3, I2 under fire: worker, store, supervisor and insurers killed at random, many times."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from engine.config.load import load_site
from engine.store.opening import open_store
from engine.store.port import ReadLedger
from tests.estate import CHANNELS, Estate
from tests.hospital import MARK, Sent, deliver, make_messages

CONNECTIONS = 8
MESSAGES = 5000
KILLS = 24
SEED = 20260301


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_everything_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is killed whenever: acknowledged means delivered, in order, cut, or kept."""
    chance = random.Random(SEED)
    batches = [make_messages(n, MESSAGES // CONNECTIONS, SEED) for n in range(CONNECTIONS)]
    resends: list[str] = []
    with Estate(tmp_path) as estate:
        rate = 12.0  # messages a second and connection: the run outlasts its kills
        senders = [
            threading.Thread(target=deliver, args=(estate.listener_port, batch, rate, resends))
            for batch in batches
        ]
        for sender in senders:
            sender.start()
        roles = ["worker", "store", "sink", "worker", "store", "sink", "supervisor"]
        while sum(estate.kills.values()) < KILLS or any(s.is_alive() for s in senders):
            time.sleep(chance.uniform(0.5, 2.5))
            if sum(estate.kills.values()) < KILLS:
                estate.kill(chance.choice(roles), chance)
        for sender in senders:
            sender.join()
        status = estate.wait_until_empty(120)
        ledger = read_ledger(estate.site)
        received = {channel: estate.received(channel) for channel in CHANNELS}
        kills = dict(estate.kills)
    report = check(batches, received, ledger, status)
    with capsys.disabled():
        print(f"\nfaults: kills {kills}, hospital resends {len(resends)}, {report}")


def read_ledger(site: Path) -> list[dict[str, object]]:
    """Every record, in order."""
    loaded = load_site(site)
    store, _server = open_store(loaded.store, loaded.var)
    records: list[dict[str, object]] = []
    after = ""
    while True:
        (page,) = store.execute([ReadLedger(after=after)])
        assert isinstance(page, tuple)
        if not page:
            store.close()
            return records
        for position, record in cast("tuple[tuple[str, bytes], ...]", page):
            after = position
            records.append(json.loads(record))


def check(
    batches: list[list[Sent]],
    received: dict[str, list[bytes]],
    ledger: list[dict[str, object]],
    status: dict[str, object],
) -> str:
    """Hold what the insurers have against what was acknowledged; the counts as text."""
    committed = [str(r["control_id"]) for r in ledger if r["kind"] == "decision"]
    receipts = {str(r["receipt"]): str(r["control_id"]) for r in ledger if r["kind"] == "decision"}
    position = {control_id: n for n, control_id in enumerate(committed)}
    assert len(position) == len(committed), "a resend was stored twice"
    marked = {
        (receipts[str(r["receipt"])], str(r["channel"]))
        for r in ledger
        if r["kind"] == "delivered" and r["possible_duplicate"]
    }
    duplicates: Counter[str] = Counter()
    for channel, messages in received.items():
        expected = {m.control_id for batch in batches for m in batch if channel in m.channels}
        seen: dict[str, bytes] = {}
        order: list[str] = []
        for data in messages:
            assert MARK.encode() not in data
            for other in CHANNELS:
                assert other == channel or f"MEMBER-{other.upper()}".encode() not in data
            control_id = data.split(b"|")[9].decode()
            if control_id in seen:
                assert seen[control_id] == data, "a resend has other bytes"
                assert (control_id, channel) in marked, f"{control_id} is not marked in the ledger"
                duplicates[channel] += 1
            else:
                seen[control_id] = data
                order.append(control_id)
        view = status["channels"][channel]  # type: ignore[index]
        assert view["parked"] == view["held"] == 0
        assert set(seen) == expected, (len(expected - set(seen)), len(set(seen) - expected))
        assert order == sorted(order, key=position.__getitem__), "not in commit order"
    counts = {channel: len(messages) for channel, messages in received.items()}
    total = sum(len(batch) for batch in batches)
    return f"acknowledged {total}, received {counts}, possible duplicates {dict(duplicates)}"
