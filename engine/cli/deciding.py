"""A site's policy as its engine decides by it, for commands that decide messages again.

Law: the same meaning, and the same keys of masks that hash, so that a copy is what it would be.
"""

from __future__ import annotations

from engine.config.model import Site
from engine.intake.sealed import hash_key
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.meaning.revision import revision
from engine.store.sealing import Sealer


def compiled_as_run(site: Site, sealer: Sealer) -> CompiledPolicy:
    """The compiled policy, with the engine's own keys, which `sealer` has."""
    return compile_policy(site.policy, revision(site.policy), hash_key(sealer))
