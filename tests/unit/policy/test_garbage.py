"""What is made for a message is gone with it: nothing of it waits for the collector of cycles."""

from __future__ import annotations

import gc
import pathlib
from datetime import UTC, datetime

from engine.config.load import load_site
from engine.hl7.wire import Message
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.privacy.coverage import coverage_keys, learn
from engine.privacy.facts import Facts

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]


def test_a_message_that_was_decided_leaves_no_cycles() -> None:
    policy = compile_policy(load_site(REPOSITORY).policy)
    samples = [path.read_bytes() for path in sorted((REPOSITORY / "rules/samples").glob("*.hl7"))]
    assert samples

    def take(raw: bytes) -> None:
        message = Message.parse(raw)
        coverage_keys(message)
        policy.asks_disclosed(message)
        decide(message, policy, Facts(datetime(2026, 3, 1, tzinfo=UTC)))
        dict(learn(message, policy.identify))

    for raw in samples:
        take(raw)  # what is kept for all messages of a form is made now
    gc.collect()
    gc.disable()
    try:
        for raw in samples:
            take(raw)
        assert gc.collect() == 0
    finally:
        gc.enable()
