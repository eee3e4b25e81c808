"""What is told to be sent to nobody is what no copy of any message has, and nothing else."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.model import State
from engine.policy.unlisted.tally import Tally
from engine.privacy.facts import Facts
from tests.support.random_facts import facts
from tests.support.random_messages import messages
from tests.support.random_sites import Site, compiled, sites

#: A segment, or a field of one.
Paths = set[tuple[str, int]]

#: Where what the patient named instead may stand, which is not what was received.
REPLACED: Paths = {("PID", 11), ("PID", 13)}


def paths(line: bytes) -> Paths:
    name = line[:3].decode("latin-1")
    return {(name, 0)} | {
        (name, n) for n, value in enumerate(line.split(b"|")) if n and value.strip(b"^~&")
    }


def sent(policy: CompiledPolicy, message: Message, known: Facts) -> Paths:
    """What the copies of live channels have, read as bytes; what we put in ourselves apart."""
    found: Paths = set()
    for channel, outcome in decide(message, policy, known).items():
        if policy.policy.channels[channel].state is State.LIVE:
            for payload in outcome.payloads:
                lines = [line for line in payload.data.split(b"\r")[1:] if b"42 CFR" not in line]
                found |= {path for line in lines if line for path in paths(line)}
    return found


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sites(), st.lists(messages(), min_size=1, max_size=5), facts())
def test_the_report_says_of_every_message_what_deciding_all_of_them_says(
    site: Site, received: list[bytes], known: Facts
) -> None:
    policy = compiled(site)
    tally = Tally(policy)
    seen: list[Paths] = []
    left: Paths = set()
    for raw in received:
        message = Message.parse(raw)
        lines = [line for line, name in zip(message.lines, message.ids, strict=True) if name]
        seen.append({path for line in lines[1:] for path in paths(line)})
        left |= sent(policy, message, known)
        asked = tally.see(message, 0, "")
        if asked:
            tally.decide(message, known, asked)
    found = {
        (one.content.segment, one.content.field): one.seen.messages
        for one in tally.unsent()
        if one.content.segment not in ("", "MSH")
    }
    unclear = REPLACED if known.confidential else set()
    for (name, field), number in found.items():
        assert (name, field) not in left - unclear
        assert number == sum((name, field) in one for one in seen)
    everything = {path for one in seen for path in one}
    of_sent = {(name, field) for name, field in everything if not field or (name, 0) in left}
    assert of_sent - left - unclear <= set(found)
