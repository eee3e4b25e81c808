"""Nothing lost, nothing double: the archive, the queues and the insurers' files say the same.

For every acknowledged message there is one decision that names every channel's outcome; every
disclosure and every hold has exactly one final row; what an insurer has, and how often, is what the
ledger says of it, to the message and its bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Key = tuple[str, str, int]  # receipt, channel, part

ENDS = frozenset({"delivered", "parked", "withheld"})


def conserved(
    acknowledged: Iterable[str],
    ledger: Iterable[Mapping[str, Any]],
    received: Mapping[str, Iterable[bytes]],
    status: Mapping[str, Any],
) -> str:
    """Raise `AssertionError` for whatever does not add up; the counts, as text.

    `acknowledged`: control ids. `received`: the files of each channel's insurer.
    """
    rows = list(ledger)
    channels = sorted(received)
    decisions = [row for row in rows if row["kind"] == "decision"]
    by_control = Counter(row["control_id"] for row in decisions)
    assert set(by_control.values()) <= {1}, "a message was decided twice"
    assert set(by_control) == set(acknowledged), "decisions and acknowledgments differ"
    verdicts: Counter[str] = Counter()
    owed: Counter[Key] = Counter()
    for row in decisions:
        assert sorted(row["channels"]) == channels, "a decision does not name every channel"
        for channel, said in row["channels"].items():
            verdicts[said["verdict"]] += 1
            if said["verdict"] == "disclose":
                owed.update((row["receipt"], channel, part) for part in range(said["parts"]))
            elif said["verdict"] == "hold":
                owed[row["receipt"], channel, 0] += 1
    for row in rows:
        if row["kind"] == "redecided" and row["was"] == "held" and row["verdict"] == "disclose":
            owed.update((row["receipt"], row["channel"], part) for part in range(1, row["parts"]))
    ends = Counter(_key(row) for row in rows if row["kind"] in ENDS)
    given_up = Counter(
        _key(row)
        for row in rows
        if row["kind"] == "discarded"
        or (row["kind"] == "redecided" and row["verdict"] == "withhold")
    )
    moved = Counter(_key(row) for row in rows if row.get("was") == "parked")
    finals = ends + given_up - moved
    kept = sum(view["depth"] + view["held"] for view in status["channels"].values())
    assert not finals - owed, "a final row that nothing was owed for, or two for one"
    assert len(owed - finals) == kept, "what has no final row is not in the queues"
    delivered = [row for row in rows if row["kind"] == "delivered"]
    for channel in channels:
        _agree(channel, [r for r in delivered if r["channel"] == channel], received[channel])
        counted = status["channels"][channel]["delivered"]
        assert counted == sum(row["channel"] == channel for row in delivered), channel
    return (
        f"conservation: {len(decisions)} decisions for {len(by_control)} acknowledged,"
        f" {dict(verdicts)}, {sum(owed.values())} owed, {sum(finals.values())} final rows,"
        f" {kept} in queues, {len(delivered)} delivered"
    )


def _key(row: Mapping[str, Any]) -> Key:
    return row["receipt"], row["channel"], row["part"]


def _agree(channel: str, rows: list[Mapping[str, Any]], received: Iterable[bytes]) -> None:
    """Each delivered row has its bytes at the insurer; twice only where the row says it may be."""
    there = Counter(hashlib.sha256(data).hexdigest() for data in received)
    told = Counter(row["sha256"] for row in rows)
    doubtful = {row["sha256"] for row in rows if row["possible_duplicate"]}
    assert set(there) == set(told), f"{channel}: files and rows differ"
    more = there - told
    assert set(more) <= doubtful, f"{channel}: received twice without the mark"
    assert not told - there, f"{channel}: rows without a file"
