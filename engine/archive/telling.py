"""A row of the ledger in one line of plain words. Pure.

Law: it tells what the row says and nothing else; a kind that it does not know is told by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]


def told(row: Row) -> str:
    """The line."""
    return _TELLERS.get(str(row["kind"]), _other)(row)


def _decision(row: Row) -> str:
    parts = []
    for channel, said in row.get("channels", {}).items():
        why = said.get("rules") or said.get("reasons") or ()
        state = f"{said['state']}: " if said.get("state") else ""
        parts.append(f"{channel} {state}{said.get('verdict')} ({', '.join(why)})")
    return f"decided under policy {row.get('revision', '')}: " + "; ".join(parts)


def _delivered(row: Row) -> str:
    doubt = ", possibly twice" if row.get("possible_duplicate") else ""
    answer = row.get("ack") or "no answer"
    text = f"delivered to {_name(row)}: {answer}, attempt {row.get('attempts')}{doubt}"
    return f"{text}; sent {row.get('description', '')}{_cut(row)}"


def _parked(row: Row) -> str:
    text = f"parked for {_name(row)}: {row.get('reason', '')}, attempt {row.get('attempts')}"
    return f"{text}; received there: {row.get('disclosed', 'no')}"


def _withheld(row: Row) -> str:
    return f"withheld from {_name(row)} at the last look: {row.get('reason', '')}"


def _redecided(row: Row) -> str:
    return f"decided again for {row.get('channel')}: {row.get('verdict')}{_who(row)}"


def _discarded(row: Row) -> str:
    return f"discarded for {row.get('channel')}{_who(row)}"


def _look(row: Row) -> str:
    return f"looked at: {row.get('what', '')}{_who(row)}"


def _quarantined(row: Row) -> str:
    of, fault = row.get("of"), row.get("fault")
    return f"a record of kind {of} cannot be archived as it is ({fault}), and is kept sealed"


def _impermissible(row: Row) -> str:
    return f"row {row.get('of')}, to {row.get('channel')}, was named impermissible{_who(row)}"


def _candidate(row: Row) -> str:
    cause = _CAUSES.get(str(row.get("cause")), "")
    return f"may have been impermissible, to {row.get('channel')}: {cause} ({row.get('of')})"


def _other(row: Row) -> str:
    return f"{row['kind']}{_who(row)}"


def _name(row: Row) -> str:
    return str(row.get("recipient", {}).get("name") or row.get("channel"))


def _cut(row: Row) -> str:
    if not row.get("cut_known", True):
        return "; what was cut is not known any more"
    lost = [f"by consent {entry}" for entry in row.get("consents", ())]
    lost += [f"{code} applied" for code in row.get("applied", ())]
    lost += [
        f"{segment} {verb} ({', '.join(reasons)})"
        for verb, of in (
            ("cut", row.get("cut", {})),
            ("withheld", row.get("withheld_segments", {})),
        )
        for segment, reasons in of.items()
    ]
    return f"; {', '.join(lost)}" if lost else ""


def _who(row: Row) -> str:
    why = f", {row['why']}" if row.get("why") else ""
    return f" by {row['by']}{why}" if row.get("by") else why


_TELLERS: Mapping[str, Callable[[Row], str]] = {
    "decision": _decision,
    "delivered": _delivered,
    "parked": _parked,
    "withheld": _withheld,
    "redecided": _redecided,
    "discarded": _discarded,
    "look": _look,
    "quarantined": _quarantined,
    "impermissible": _impermissible,
    "candidate": _candidate,
}

_CAUSES = {
    "merge": "a merge of its patient was taken back",
    "late": "it was on its way when a message denied it",
}
