"""Holds and parked messages beside a running engine: real processes, a real store."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from tests.estate import PAYERGATE, REPOSITORY, Estate
from tests.hospital import deliver, make_messages


def test_results_that_come_before_their_registration_follow_it(tmp_path: Path) -> None:
    messages = make_messages(7, 60, seed=3)
    results = next(one for one in messages if b"|ORU^R01|" in one.data)
    visit = messages[(messages.index(results) // 3) * 3]
    with Estate(tmp_path) as estate:
        deliver(estate.listener_port, [results], 100, [])
        done = subprocess.run(
            [*PAYERGATE, "parked", "ls", "--json", "--site", str(estate.site)],
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
            timeout=30,
        )
        items = json.loads(done.stdout)["items"]
        assert {item["reason"] for item in items} == {"unknown-payer"}
        deliver(estate.listener_port, [visit], 100, [])
        deadline = time.monotonic() + 10
        for channel in visit.channels:
            while len(estate.received(channel)) < 2:
                assert time.monotonic() < deadline, estate.status()
                time.sleep(0.1)
            assert results.control_id.encode() in estate.received(channel)[-1]
