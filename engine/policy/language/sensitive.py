"""Fields that say more than they seem to: what people type, and what tells a person apart.

Law: data for advice; what is listed is granted like anything else where a rule grants it.
"""

from __future__ import annotations

from engine.policy.model import Purpose

#: Segment id → field → what is typed there (data types FT and TX, and descriptions).
FREE_TEXT: dict[str, dict[int, str]] = {
    "ACC": {5: "description of an accident"},
    "AL1": {5: "reactions"},
    "CON": {5: "text of a consent", 6: "text of a consent"},
    "DG1": {4: "description of a diagnosis"},
    "DSP": {3: "lines to display"},
    "FT1": {8: "description of a charge", 9: "description of a charge"},
    "NTE": {3: "notes and comments"},
    "OBR": {13: "clinical information", 39: "comment of a collector"},
    "OBX": {5: "a value that may be a report or a document"},
    "PR1": {4: "description of a procedure"},
}

#: OBX-2 of values that a person wrote. Documents are granted apart (`Grant.documents`).
TEXT_TYPES = frozenset({"TX", "FT"})

_NOBODY: frozenset[Purpose] = frozenset()
_COUNTING = frozenset({Purpose.RESEARCH, Purpose.OPERATIONS})
_CARE = frozenset({Purpose.TREATMENT})

#: Segment id → field → what it is, and the purposes that commonly need it (45 CFR 164.502(b)).
IDENTIFYING: dict[str, dict[int, tuple[str, frozenset[Purpose]]]] = {
    "PID": {
        6: ("mother's maiden name", _NOBODY),
        9: ("alias", _CARE),
        10: ("race", _COUNTING),
        17: ("religion", _CARE),
        19: ("social security number", _NOBODY),
        20: ("driver's licence", _NOBODY),
        21: ("mother's identifier", _CARE),
        22: ("ethnic group", _COUNTING),
        26: ("citizenship", _NOBODY),
    },
    "NK1": {37: ("social security number", _NOBODY)},
    "GT1": {12: ("social security number", _NOBODY)},
    "IN2": {2: ("social security number", _NOBODY)},
}
