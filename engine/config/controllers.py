"""Who answers for the processing: the controller, and its data protection officer.

Law: the record of processing names them (GDPR Art. 30(1)(a)); a site under that pack says who they
are, or does not load.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.policy.language import Keys, Reader
from engine.policy.language.source import Node

#: The pack under which a site must say who it is.
RECORDED = "eu-gdpr"

CONTROLLER_KEYS = Keys(
    of="`controller`", required=("name", "contact"), optional=("officer", "country")
)


@dataclass(frozen=True, slots=True)
class Controller:
    """All in the site's own words; empty: not stated."""

    name: str = ""
    contact: str = ""
    officer: str = ""
    country: str = ""


def controller_of(node: Node | None, reader: Reader) -> Controller:
    """Read `controller` of config.yaml."""
    given = reader.mapping(node, CONTROLLER_KEYS) or {}
    said = {key: reader.text(value, f"`{key}`") or "" for key, value in given.items()}
    known = (*CONTROLLER_KEYS.required, *CONTROLLER_KEYS.optional)
    return Controller(**{key: said.get(key, "") for key in known})
