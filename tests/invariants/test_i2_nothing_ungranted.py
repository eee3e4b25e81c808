"""I2: no byte leaves that no rule granted, and none beyond the channel's ceiling.

The judge here knows nothing of how a copy is cut. It splits what was received and what was sent
naively and demands of every field that was sent that it is the field that was received, or parts of
it that the rules name, or a set id, or the channel's own MSH.
"""

from __future__ import annotations

import itertools
import pathlib

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import NotHL7Error
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Payload
from engine.privacy.facts import Facts
from tests.support.cutting import NOW, channel, policy, rule

#: Segment → the fields that a rule may grant; a tuple names components of a field.
FIELDS: dict[str, list[str]] = {
    "EVN": ["1", "2", "6"],
    "PID": ["1", "3", "5", "7", "5.1", "11.3", "11.5", "3.1", "3.4"],
    "PV1": ["1", "2", "3.4", "19", "44", "46"],
    "NK1": ["1", "2"],
    "DG1": ["1", "3", "6"],
    "IN1": ["1", "2", "3", "4"],
    "FT1": ["1", "2", "4", "6", "14", "19"],
    "OBR": ["1", "2", "3", "4", "7"],
    "OBX": ["1", "2", "3", "5", "11"],
    "NTE": ["1", "3"],
}
NUMBERED = {"PID", "PV1", "NK1", "DG1", "IN1", "FT1", "OBR", "OBX", "NTE"}
MSH_SENT = {*range(8), *range(9, 13), 17, 18}

Granted = dict[str, set[str]]


def compiled_of(granted: Granted, ceiling: Granted) -> CompiledPolicy:
    def written(of: Granted) -> str:
        return ", ".join(f"{name}: [{', '.join(sorted(of[name]))}]" for name in sorted(of))

    one = channel("acme", ceiling="{" + written(ceiling) + "}")
    return policy([rule("r", "coverage: any", written(granted))], (one,))


def judge(received: bytes, payload: Payload, granted: Granted) -> None:
    lines = [line for line in received.replace(b"\n", b"\r").split(b"\r") if line.strip()]
    lines = lines[next(i for i, line in enumerate(lines) if line.startswith(b"MSH")) :]
    assert payload.data.endswith(b"\r")
    copies = payload.data.split(b"\r")[:-1]
    assert len(copies) == len(payload.kept)
    bar = lines[0][3:4]
    encoding = lines[0].split(bar)[1]
    caret, tilde = encoding[:1], encoding[1:2]
    for copy, index in zip(copies, payload.kept, strict=True):
        got, had = copy.split(bar), lines[index].split(bar)
        name = got[0].decode()
        assert got[0] == had[0]
        for number, value in enumerate(got[1:], start=1):
            if name == "MSH":
                assert not value or (number + 1 in MSH_SENT and value == had[number]), number
                continue
            if not value or (number == 1 and name in NUMBERED and value.isdigit()):
                assert not value or "1" in granted.get(name, ())
                continue
            original = had[number]
            if str(number) in granted.get(name, ()):
                assert value == original
                continue
            named = {
                part.split(".")[1] for part in granted.get(name, ()) if f"{number}." in part[:3]
            }
            for kept, was in itertools.zip_longest(
                value.split(tilde), original.split(tilde)[: len(value.split(tilde))], fillvalue=b""
            ):
                parts = was.split(caret)
                for position, component in enumerate(kept.split(caret), start=1):
                    assert not component or str(position) in named
                    assert not component or component == parts[position - 1]


@st.composite
def grants(draw: st.DrawFn) -> Granted:
    chosen = draw(st.sets(st.sampled_from(sorted(FIELDS)), min_size=3))
    return {name: draw(st.sets(st.sampled_from(FIELDS[name]), min_size=1)) for name in chosen}


values = st.text('AB1^~&\\"', max_size=6)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["ADT^A01", "ORU^R01", "DFT^P03"]))
    names = draw(st.lists(st.sampled_from([*sorted(FIELDS), "ZZZ", "PV2"]), max_size=12))
    lines = [f"MSH|^~\\&|A|B|C|D|20260101|SEC|{kind}|M1|P|2.5.1|1|2|AL|NE|USA|8859/1|x|y"]
    for number, name in enumerate(["PID", *(one for one in names if one != "PID")]):
        fields = draw(st.lists(values, max_size=12))
        lines.append("|".join([name, str(number), *fields]))
    return ("\r".join(lines) + "\r").encode()


def test_of_any_message_only_what_is_granted_leaves() -> None:
    @given(messages(), grants())
    def only_what_is_granted(raw: bytes, granted: Granted) -> None:
        outcome = decide(Message.parse(raw), compiled_of(granted, granted), Facts(NOW))["acme"]
        for payload in outcome.payloads:
            judge(raw, payload, granted)

    only_what_is_granted()


OPEN = {
    "EVN": {"1", "2"},
    "PID": {"1", "3", "5.1", "7", "11.3", "11.5"},
    "PV1": {"2", "3.4", "19"},
    "DG1": {"1", "3"},
    "IN1": {"1", "2", "3"},
    "FT1": {"1", "4", "6"},
    "OBR": {"1", "4", "7"},
    "OBX": {"1", "2", "3", "5", "11"},
}


def test_of_the_public_messages_only_what_is_granted_leaves(corpus: list[pathlib.Path]) -> None:
    compiled = compiled_of(OPEN, OPEN)
    for path in corpus[::7]:
        for raw in split_messages(path.read_bytes())[:20]:
            try:
                message = Message.parse(raw)
            except NotHL7Error:
                continue
            if not raw.isascii() or message.delimiters.component != b"^":
                continue  # the judge splits on plain bytes
            for payload in decide(message, compiled, Facts(NOW))["acme"].payloads:
                judge(raw, payload, OPEN)
