"""Reading one coverage that a person enters (`payergate coverage add`).

Law: it is a permit, so that it names the patient with the authority, and one channel of the site
(rules.md §10.8).
"""

from __future__ import annotations

from engine.config.fact_values import FactReader
from engine.policy.language import Keys
from engine.policy.language.source import Node
from engine.privacy.facts import Cover, Level

COVER_KEYS = Keys(
    "a coverage",
    required=("patient", "channel"),
    optional=("visit", "account", "from", "to", "settles"),
)


def cover_of(node: Node, read: FactReader) -> Cover | None:
    """One row."""
    given = read.mapping(node, COVER_KEYS)
    patient = read.patient(given.get("patient"))
    if patient.id and not patient.authority:
        read.reader.missing_key(node.place, "a patient who is covered", "authority")
    if "visit" in given and "account" in given:
        read.reader.bad_value(
            given["account"], "It is for a visit and for an account.", "Write two rows."
        )
    level = next((one for one in (Level.VISIT, Level.ACCOUNT) if one.value in given), Level.PATIENT)
    number = "" if level is Level.PATIENT else read.text(given[level.value])
    since, until = read.days(given.get("from"), given.get("to"))
    return Cover(
        patient,
        read.channel(given.get("channel")),
        level,
        number,
        since,
        until,
        read.reader.flag(given.get("settles"), "`settles`") is True,
    )
