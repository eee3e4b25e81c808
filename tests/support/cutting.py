"""Small policies, written as a site is, and what they make of a message."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime

from engine.config.facts import facts_of
from engine.config.load import load_site
from engine.config.yaml_source import read_yaml
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.decide import decide
from engine.policy.language import Problems, Reader
from engine.policy.outcome import Outcome
from engine.privacy.facts import (
    CoverageKey,
    CoverageRow,
    Coverages,
    Disclosed,
    Facts,
    Level,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

#: Everything that these tests' messages hold, so that a rule alone decides.
OPEN = (
    "{MSH: all, EVN: all, PID: all, PD1: all, PV1: all, PV2: all, NK1: all, MRG: all, DG1: all,"
    " PR1: all, IN1: all, IN2: all, IN3: all, FT1: all, ORC: all, OBR: all, OBX: all, NTE: all,"
    " SPM: all, TXA: all, ZZZ: all}"
)


def channel(name: str, *, ceiling: str = OPEN, more: str = "", kind: str = "payer") -> str:
    """A channel file; a payer's insurance is `IN1-3.1: NAME`."""
    payer = (
        f"identified_by: [{{IN1-3.1: {name.upper()}}}]\nagreement: {{expires: 2027-12-31}}\n"
        if kind == "payer"
        else ""
    )
    return (
        f"channel: {name}\nname: {name} plan\nkind: {kind}\npurposes: [payment, treatment]\n{payer}"
        f"ceiling:\n  messages: [ADT, ORU, DFT, MDM]\n  segments: {ceiling}\n"
        f'deliver: {{to: "tcp:127.0.0.1:6661", insecure: true, {more}}}\n'
    )


def rule(name: str, when: str, disclose: str, more: str = "") -> str:
    """One rule of a rules file."""
    text = f"  - name: {name}\n    why: a test\n    when: {{{when}}}\n"
    return text + (f"    disclose: {{{disclose}}}\n" if disclose else "") + more


def policy(
    rules: Iterable[str],
    channels: Iterable[str] = (channel("acme"),),
    *,
    to: str = "[acme]",
    head: str = "",
    sets: Iterable[str] = (),
    timezone: str = "UTC",
    purpose: str = "payment",
    config: str = "",
) -> CompiledPolicy:
    """The compiled policy of one rules file, and of code sets. `config`: more of config.yaml."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "channels").mkdir()
        (root / "rules" / "sets").mkdir(parents=True)
        (root / "config.yaml").write_text(
            f"engine: {{name: east, environment: production}}\ntimezone: {timezone}\n{config}"
        )
        for number, text in enumerate(sets):
            (root / "rules" / "sets" / f"s{number}.yaml").write_text(text)
        for number, text in enumerate(channels):
            (root / "channels" / f"c{number}.yaml").write_text(text)
        (root / "rules" / "rules.yaml").write_text(
            f'channels: {to}\npurpose: {purpose}\nbasis: "45 CFR 164.506(c)(3)"\n{head}rules:\n'
            + "".join(rules)
        )
        return compile_policy(load_site(root).policy)


def facts(compiled: CompiledPolicy, *lines: str) -> Facts:
    """What the lines of a facts file say; the time is `NOW` unless they do."""
    text = "\n".join((*lines, "" if any("now:" in line for line in lines) else f"now: {NOW}"))
    problems = Problems()
    node = read_yaml(text.encode(), "facts.yaml", problems)
    found = facts_of(node, compiled.policy, Reader(problems))
    assert not problems.sorted(), problems.sorted()
    return found


def hl7(kind: str, *segments: str, msh: str = "P|2.5.1") -> bytes:
    """A message of MSH and these segments."""
    head = f"MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|20260101120000||{kind}|M1|{msh}"
    return "\r".join((head, *segments, "")).encode()


def outcome(
    compiled: CompiledPolicy, raw: bytes, facts: Facts | None = None, of: str = "acme"
) -> Outcome:
    """The outcome for one channel."""
    return decide(Message.parse(raw), compiled, facts or Facts(NOW))[of]


def code(compiled: CompiledPolicy, raw: bytes, facts: Facts | None = None, of: str = "acme") -> str:
    """The code that decided."""
    return outcome(compiled, raw, facts, of).reasons[0].code.value


def sent(
    compiled: CompiledPolicy, raw: bytes, facts: Facts | None = None, of: str = "acme"
) -> list[str]:
    """The segments that are sent, all patients', without MSH."""
    copies = outcome(compiled, raw, facts, of).payloads
    lines = b"".join(copy.data for copy in copies).decode("latin-1").split("\r")
    return [line for line in lines if line and not line.startswith("MSH")]


def covered(*channels: str, visit: str = "", since: str = "", until: str = "") -> Facts:
    """The registry knows these channels for patient A of H."""
    rows = tuple(
        CoverageRow(
            one,
            datetime.fromisoformat(since).date() if since else None,
            datetime.fromisoformat(until).date() if until else None,
        )
        for one in channels
    )
    key = CoverageKey(Level.VISIT if visit else Level.PATIENT, "A", "H", visit)
    return Facts(NOW, {key: Coverages(rows)})


def disclosed(visit: str) -> Facts:
    """Acme received this visit before."""
    return Facts(NOW, disclosed=frozenset({Disclosed("acme", visit=visit)}))
