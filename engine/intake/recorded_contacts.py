"""Confidential communications as JSON, for what is sealed of a patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.privacy.confidential import Address, Confidential, Phone
from engine.privacy.patients import Patient


def confidential_json(fact: Confidential) -> dict[str, Any]:
    """All of it but whose it is and for which channels."""
    return {
        "address": fact.address and asdict(fact.address),
        "phone": fact.phone and asdict(fact.phone),
    }


def confidential_of(said: Mapping[str, Any]) -> Confidential:
    """What was made JSON, with `patient` and `channels`."""
    channels, address, phone = said["channels"], said["address"], said["phone"]
    return Confidential(
        patient=Patient(*said["patient"]),
        channels=None if channels is None else frozenset(channels),
        address=None if address is None else Address(**address),
        phone=None if phone is None else Phone(**phone),
    )
