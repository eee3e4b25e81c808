"""Every message of the corpus through the real commands: exits as documented, bytes as received."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.config.load import load_site
from engine.errors import Exit, NotHL7Error
from engine.hl7.envelope import split_messages
from engine.hl7.wire import Delimiters, Message
from engine.policy.compile import compile_policy
from engine.policy.decide import decide
from engine.policy.model import Policy
from engine.privacy.facts import Facts
from tests.support.independent import Grants, differences

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("PAYERGATE_CORPUS", ROOT.parent / "shared" / "corpus"))
OPEN = ROOT / "tests" / "sites" / "open"
DOCUMENTED = {Exit.OK, Exit.NOTHING, Exit.NOT_HL7}
FILES_A_CALL = 60

#: Character sets in which a byte may look like a delimiter; the second opinion splits on bytes.
MULTIBYTE = (b"GB", b"BIG", b"ISO IR87", b"JIS", b"KS", b"CNS")


def corpus() -> list[Path]:
    """Files of the public corpus where it is there, and always our own samples."""
    files = sorted((ROOT / "rules" / "samples").glob("*.hl7"))
    return files + sorted(path for path in CORPUS.glob("*/*") if path.suffix == ".hl7")


def grants_of(policy: Policy, channel: str) -> Grants:
    """What the rules of one channel grant in all, from the written model."""
    found: dict[str, dict[int, frozenset[int] | None] | None] = {}
    for rule in policy.rules:
        if channel not in rule.channels:
            continue
        for grant in rule.grants:
            if grant.mask is None:
                found[grant.segment] = None
            elif found.get(grant.segment, {}) is not None:
                merged = found.setdefault(grant.segment, {})
                assert merged is not None
                for number, components in grant.mask.items():
                    before = merged.get(number, frozenset())
                    merged[number] = (
                        None if components is None or before is None else before | components
                    )
    return found


def escaped(text: str, marks: Delimiters) -> bytes:
    """A rewrite as it must stand among these delimiters."""
    names = {marks.component: b"S", marks.repetition: b"R", marks.subcomponent: b"T"}
    name = names.get(b"&")
    return text.encode().replace(b"&", marks.escape + name + marks.escape if name else b"&")


@pytest.mark.parametrize(
    ("site", "channel"),
    [
        (OPEN, "whole"),
        (OPEN, "cut"),
        (ROOT, "acme"),
        (ROOT, "state-medicaid"),
        (ROOT, "review-partners"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_disclose_ends_as_documented_on_every_file(
    site: Path, channel: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    files = corpus()
    for start in range(0, len(files), FILES_A_CALL):
        some = [str(path) for path in files[start : start + FILES_A_CALL]]
        code = main(["disclose", *some, "--site", str(site), "--channel", channel])
        out, err = capfdbinary.readouterr()
        assert code in DOCUMENTED
        assert (code == Exit.OK) == bool(out)
        assert not out or out.endswith(b"\r")
        assert b"Traceback" not in err
        assert b"internal" not in err


def test_explain_tells_every_file(capfd: pytest.CaptureFixture[str]) -> None:
    files = corpus()
    for start in range(0, len(files), FILES_A_CALL):
        some = [str(path) for path in files[start : start + FILES_A_CALL]]
        assert main(["explain", *some, "--site", str(OPEN), "--json"]) in DOCUMENTED
        for line in capfd.readouterr().out.splitlines():
            told = json.loads(line)
            assert set(told["channels"]) == {"whole", "cut"}


@pytest.mark.parametrize("site", [OPEN, ROOT], ids=["open", "reference"])
def test_what_is_sent_is_what_was_received_cut_as_granted(site: Path) -> None:
    """Judged by a second opinion that shares no code with the cut."""
    policy = load_site(site).policy
    compiled = compile_policy(policy)
    facts = Facts(datetime(2026, 3, 1, tzinfo=UTC))
    granted = {channel: grants_of(policy, channel) for channel in policy.channels}
    disclosures = 0
    for path in corpus():
        for raw in split_messages(path.read_bytes()):
            try:
                message = Message.parse(raw)
            except NotHL7Error:
                continue
            if message.msh.field(18).startswith(MULTIBYTE):
                continue
            for channel, outcome in decide(message, compiled, facts).items():
                rewritten = {
                    number: escaped(text, message.delimiters)
                    for number, text in policy.channels[channel].rewrite.items()
                }
                for payload in outcome.payloads:
                    disclosures += 1
                    found = differences(raw, payload.data, granted[channel], rewritten)
                    assert not found, (path.name, channel, found)
    if site == OPEN and CORPUS.is_dir():
        assert disclosures >= 1500
