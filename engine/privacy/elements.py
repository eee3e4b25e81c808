"""Which elements a consent lacks that the law wants it to have.

Law: an authorization says what, from whom, to whom, for what, until when, is signed and dated, says
by which authority a representative signs, and tells of revocation, conditioning and redisclosure
(45 CFR 164.508(c)(1) and (2)); a Part 2 consent does, but may have no end (42 CFR 2.31(a)). Whoever
refuses owes no form.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.privacy.facts import ConsentKind, Relation, SignedConsent, Statement

_ELEMENTS: dict[str, Callable[[SignedConsent], bool]] = {
    "mode": lambda one: not one.is_verbal,
    "description": lambda one: bool(one.description),
    "given": lambda one: one.begins is not None,
    "signed_by": lambda one: one.signed_by is not None,
    "signer": lambda one: bool(one.signer),
    "signer_authority": lambda one: one.signed_by is Relation.SELF or bool(one.authority),
    "statements": lambda one: one.statements == frozenset(Statement),
}


def lacking(consent: SignedConsent) -> tuple[str, ...]:
    """What is missing, by the names that commands have for it; of a refusal nothing."""
    if consent.kind is ConsentKind.REFUSAL:
        return ()
    found = [name for name, is_there in _ELEMENTS.items() if not is_there(consent)]
    has_end = consent.ends is not None or bool(consent.event)
    if consent.kind is ConsentKind.AUTHORIZATION and not has_end:
        found.append("expires or event")
    return tuple(found)
