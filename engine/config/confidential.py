"""Reading one confidential communication: whose, for which channels, and what goes instead.

Law: neither an address nor a number in place of what is kept back is no mistake: then nothing is
sent (45 CFR 164.522(b)). What would be no line of an envelope, a control character, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.config.fact_values import FactReader, is_empty
from engine.policy.language import Keys
from engine.policy.language.source import Node
from engine.privacy.confidential import Address, Confidential, Phone

CONFIDENTIAL_KEYS = Keys(
    "a confidential communication",
    required=("patient",),
    optional=("channels", "address", "phone"),
)
ADDRESS_KEYS = Keys("`address`", optional=("street", "other", "city", "state", "zip", "country"))
PHONE_KEYS = Keys("`phone`", optional=("number", "country", "area", "local", "extension"))


def confidential_of(node: Node, read: FactReader) -> Confidential:
    """One item of `confidential`."""
    given = read.mapping(node, CONFIDENTIAL_KEYS)
    channels = read.payers(
        given.get("channels"), "A confidential communication for no channel keeps nothing back."
    )
    address, phone = alternates_of(given, read)
    return Confidential(
        patient=read.patient(given.get("patient")),
        channels=channels,
        address=address,
        phone=phone,
    )


def alternates_of(
    given: Mapping[str, Node], read: FactReader
) -> tuple[Address | None, Phone | None]:
    """What goes instead: the address and the number."""
    address = _texts(given.get("address"), ADDRESS_KEYS, read)
    phone = _texts(given.get("phone"), PHONE_KEYS, read)
    return Address(**address) if address else None, Phone(**phone) if phone else None


def _texts(node: Node | None, keys: Keys, read: FactReader) -> dict[str, str]:
    """The parts that say anything, by name."""
    if node is None or is_empty(node):
        return {}
    given = read.mapping(node, keys)
    found = {name: read.text(value).strip() for name, value in given.items()}
    for name, text in found.items():
        if not text.isprintable():
            read.reader.bad_value(
                given[name], f"`{name}` has a control character.", "Write it on one line."
            )
    return {name: text for name, text in found.items() if text}
