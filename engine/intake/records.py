"""What is written down of a decision: one record for the message, one note for each copy. Pure.

Law: a record names every channel's outcome, so that what was not sent is as well accounted for as
what was (I4); neither holds a value of the message but its type and control id (I7).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from engine.hl7.wire import Message
from engine.policy.model import Rule, State
from engine.policy.outcome import Outcome, Verdict

_encode = json.JSONEncoder(separators=(",", ":")).encode

#: What MSH-9 looks like; anything else is not repeated.
_TYPE = re.compile(rb"[A-Z0-9]{3}([^A-Za-z0-9 ][A-Z0-9]{3})?([^A-Za-z0-9 ][A-Z0-9_]{3,7})?")
_CONTROL_ID_CHARACTERS = 199


class Notes:
    """Makes the note of a copy: the rules it rests on, their bases, and the digest of its bytes."""

    def __init__(self, rules: Mapping[str, Rule], revision: str) -> None:
        self._rules = rules
        self._revision = revision
        self._head = lru_cache(maxsize=1024)(self._make_head)

    def note(self, outcome: Outcome, data: bytes, control_id: bytes = b"") -> bytes:
        """The note of one payload of `outcome`; `control_id` where it is one of ours."""
        digest = hashlib.sha256(data).hexdigest()
        said = b',"control_id":"%b"' % control_id if control_id else b""
        return b'%b%b,"sha256":"%b"}' % (self._head(outcome.rules), said, digest.encode("ascii"))

    def _make_head(self, names: tuple[str, ...]) -> bytes:
        rules = [self._rules[name] for name in names]
        said = {
            "rules": names,
            "basis": sorted({rule.basis for rule in rules}),
            "purpose": sorted({rule.purpose.value for rule in rules}),
            "revision": self._revision,
        }
        return _encode(said).encode()[:-1]


def decision_record(
    *,
    receipt: str,
    at: datetime,
    listener: str,
    message: Message,
    digest: bytes,
    revision: str,
    outcomes: Mapping[str, Outcome],
    states: Mapping[str, State],
) -> bytes:
    """The record of one decision, as one JSON object. `at` is wall-clock time, UTC."""
    msh = message.msh
    control_id = msh.field(10).decode("ascii", "backslashreplace")
    return _encode(
        {
            "kind": "decision",
            "receipt": receipt,
            "at": at.isoformat(timespec="milliseconds"),
            "listener": listener,
            "control_id": control_id[:_CONTROL_ID_CHARACTERS],
            "type": _type_of(msh.field(9)),
            "sha256": digest.hex(),
            "revision": revision,
            "channels": {
                channel: outcome_record(outcome, states[channel])
                for channel, outcome in outcomes.items()
            },
        }
    ).encode()


def outcome_record(outcome: Outcome, state: State) -> dict[str, object]:
    """One channel's outcome; `state` is said unless it is live."""
    said: dict[str, object] = {"verdict": outcome.verdict.value}
    if outcome.verdict is Verdict.DISCLOSE:
        said["rules"] = outcome.rules
        said["parts"] = len(outcome.payloads)
    else:
        said["reasons"] = [reason.code.value for reason in outcome.reasons]
    if state is not State.LIVE:
        said["state"] = state.value
    return said


def _type_of(field: bytes) -> str:
    return field.decode("ascii") if _TYPE.fullmatch(field) else ""
