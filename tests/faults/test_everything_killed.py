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
import sqlalchemy as sa

from engine.archive import schema
from engine.archive.audit import audit
from engine.archive.chain import Head
from engine.archive.opening import open_archive, signing_key_of
from engine.archive.signing import public_file, read_verifier
from engine.cli.reach import running_store
from engine.config.load import load_site
from engine.store.port import Backlog, Unarchived
from tests.support.conservation import conserved
from tests.support.estate import CHANNELS
from tests.support.hospital import MARK, Sent, deliver, make_messages
from tests.support.revoking import (
    Revoker,
    RevokingEstate,
    about_them,
    check_revoked,
    without_them,
)

CONNECTIONS = 8
MESSAGES = 5000
KILLS = 24
SEED = 20260301


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_when_everything_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever is killed whenever: acknowledged means delivered, in order, cut, or kept.

    What patients revoke meanwhile stops with the command.
    """
    chance = random.Random(SEED)
    batches = [make_messages(n, MESSAGES // CONNECTIONS, SEED) for n in range(CONNECTIONS)]
    resends: list[str] = []
    with RevokingEstate(tmp_path) as estate:
        revoker = Revoker(estate, random.Random(SEED))
        revoker.grant()
        theirs = about_them(MESSAGES // CONNECTIONS)
        rate = 12.0  # messages a second and connection: the run outlasts its kills
        senders = [
            threading.Thread(target=deliver, args=(estate.listener_port, batch, rate, resends))
            for batch in (*batches, theirs)
        ]
        senders.append(revoker)
        for sender in senders:
            sender.start()
        roles = ["worker", "store", "sink", "archiver", "worker", "store", "sink", "supervisor"]
        while sum(estate.kills.values()) < KILLS or any(s.is_alive() for s in senders):
            time.sleep(chance.uniform(0.5, 2.5))
            if sum(estate.kills.values()) < KILLS:
                estate.kill(chance.choice(roles), chance)
        for sender in senders:
            sender.join()
        status = estate.wait_until_empty(120)
        ledger = read_ledger(estate.site, 120)
        everything = {channel: estate.received(channel) for channel in CHANNELS}
        revoked = check_revoked(estate, revoker, ledger)
        kills = dict(estate.kills)
    sent = [message.control_id for batch in (*batches, theirs) for message in batch]
    counts = conserved(sent, ledger, everything, status)
    received = {channel: without_them(messages) for channel, messages in everything.items()}
    report = check(batches, received, ledger, status)
    with capsys.disabled():
        print(f"\nfaults: kills {kills}, hospital resends {len(resends)}, {report}; {revoked}")
        print(counts)


def read_ledger(root: Path, seconds: float) -> list[dict[str, object]]:
    """Every row of the ledger, in order, once all of it is archived; the chain is whole."""
    site = load_site(root)
    deadline = time.monotonic() + seconds
    with running_store(site) as store:
        while (left := cast("Unarchived", store.execute([Backlog()])[0])).records:
            assert time.monotonic() < deadline, left
            time.sleep(0.5)
    verifier = read_verifier(public_file(signing_key_of(site)))
    with open_archive(site) as archive, archive.reading() as connection:
        assert list(audit(connection, verifier, [Head.read(left.head)])) == []
        asked = sa.select(schema.ledger.c.body).order_by(schema.ledger.c.seq)
        rows = [json.loads(body) for body in connection.execute(asked).scalars()]
    ends = Counter((r["receipt"], r["channel"]) for r in rows if r["kind"] == "delivered")
    assert set(ends.values()) == {1}, "a disclosure has two rows"
    return rows


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
