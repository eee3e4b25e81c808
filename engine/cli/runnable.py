"""What a site asks of an engine before it is run, at the start and at every reload.

Law: what this engine does not have is named before anything is started; it is never run without.
"""

from __future__ import annotations

from engine.config.model import Site
from engine.errors import EngineError


def refuse_what_cannot_run(site: Site) -> None:
    """Name what the site asks for and this engine does not have. Raises `EngineError`."""
    with_tls = [f"listener {one.name}" for one in site.listeners if one.listen.tls]
    with_tls += [f"channel {name}" for name, one in site.deliveries.items() if one.to.tls]
    if with_tls:
        raise EngineError(
            "tls-unavailable",
            f"This version has no TLS, which the site asks for: {', '.join(with_tls)}.",
            "Write `tcp:` with `insecure: true` and put a TLS proxy or a VPN in between.",
        )
    if not site.listeners:
        raise EngineError(
            "no-listeners",
            "The site has no listeners, so there is nothing to run.",
            "Add one under `listeners` in config.yaml.",
        )
