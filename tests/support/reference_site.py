"""The site of this repository, and a store that has taken its sample messages."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from engine.config.load import load_site
from engine.config.model import Site
from engine.hl7.wire import Message
from engine.intake.acceptance import Acceptances
from engine.intake.receipts import Receipts
from engine.intake.sealed import Sealing
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.decide import decide
from engine.privacy.coverage import coverage_keys, learn, needs_coverage
from engine.privacy.facts import Facts
from engine.store.port import Accept

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


def reference_site() -> Site:
    """The repository's own site."""
    return load_site(ROOT)


def copy_of_reference_site(folder: Path) -> Path:
    """A copy that a test may change, in `folder`, which is made if it is not there."""
    for name in ("channels", "rules"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "config.yaml", folder)
    return folder


def sample(name: str) -> bytes:
    """One of its sample messages."""
    return (ROOT / "rules" / "samples" / f"{name}.hl7").read_bytes()


class Reception:
    """Decides and seals messages as intake does, with no facts but what a message says."""

    def __init__(self, site: Site, sealing: Sealing) -> None:
        self.compiled: CompiledPolicy = compile_policy(site.policy, "revision-1")
        self._acceptances = Acceptances(self.compiled, sealing)
        self._receipts = Receipts(lambda: int(NOW.timestamp() * 1000), lambda bits: 1)

    def accept(self, payload: bytes) -> Accept:
        """The operation that takes responsibility for `payload`."""
        message = Message.parse(payload)
        keys = coverage_keys(message) if needs_coverage(message, self.compiled) else ()
        return self._acceptances.accept(
            receipt=self._receipts.next(),
            listener="adt",
            message=message,
            outcomes=decide(message, self.compiled, Facts(NOW)),
            asked=keys,
            taught=dict(learn(message, self.compiled.identify)),
        )
