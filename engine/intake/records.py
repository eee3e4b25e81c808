"""What is written down of a decision: one record for the message, one note for each copy. Pure.

Law: a record names every channel's outcome, so that what was not sent is as well accounted for as
what was (I4); neither holds a value of the message but its type and control id (I7).

Both are JSON, put together from parts. What depends on the policy alone is encoded once and kept;
the few values that differ between messages are encoded as texts, or can hold nothing that JSON
escapes. So a record reads as if it had been encoded in one piece, at a fraction of the cost.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as text

from engine.hl7.wire import Message
from engine.policy.model import Rule, State
from engine.policy.outcome import Code, Outcome, Verdict

_encode = json.JSONEncoder(separators=(",", ":")).encode

#: What MSH-9 looks like; anything else is not repeated.
_MARK = rb"[!-/:-@\[-`{-~]"
_TYPE = re.compile(rb"[A-Z0-9]{3}(%b[A-Z0-9]{3})?(%b[A-Z0-9_]{3,7})?" % (_MARK, _MARK))
_CONTROL_ID_CHARACTERS = 199

#: What is told of a copy that does not say how the patient is reached (45 CFR 164.522(b)).
_CONFIDENTIAL = (Code.CONFIDENTIAL_COMMUNICATION.value,)

#: Where in a note the digest begins: what stands before it is the same for many copies.
_DIGEST = b',"sha256":"'

#: How many different parts of each kind are kept; a site has fewer.
_KEPT = 4096


class Notes:
    """Makes the note of a copy: what it rests on (rules, bases, consents), and its digest."""

    def __init__(self, rules: Mapping[str, Rule], revision: str) -> None:
        self._rules = rules
        self._revision = revision
        self._head = lru_cache(maxsize=_KEPT)(self._make_head)

    def note(self, outcome: Outcome, data: bytes, control_id: bytes = b"") -> bytes:
        """The note of one payload of `outcome`; `control_id` where it is one of ours."""
        digest = hashlib.sha256(data).hexdigest()
        said = ""
        if control_id:
            said = f',"control_id":{_encode(control_id.decode("ascii", "backslashreplace"))}'
        head = self._head(outcome.rules, outcome.consents, _is_confidential(outcome))
        return f'{head}{said},"sha256":"{digest}"}}'.encode("ascii")

    def _make_head(
        self, names: tuple[str, ...], consents: tuple[str, ...], confidential: bool
    ) -> str:
        rules = [self._rules[name] for name in names]
        said: dict[str, object] = {
            "rules": names,
            "basis": sorted({rule.basis for rule in rules}),
            "purpose": sorted({rule.purpose.value for rule in rules}),
            "revision": self._revision,
        }
        if consents:
            said["consents"] = consents
        if confidential:
            said["applied"] = _CONFIDENTIAL
        return _encode(said)[:-1]


def read_note(note: bytes) -> Mapping[str, object]:
    """What a note says but for the digest of its copy; nothing, of an empty one."""
    before, digest, _ = note.partition(_DIGEST)
    return _read(before + b"}" if digest else note)


@lru_cache(maxsize=1024)
def _read(note: bytes) -> Mapping[str, object]:
    said: Mapping[str, object] = json.loads(note or b"{}")
    return said


class Records:
    """Writes decision records under one policy; `states` are those of its channels."""

    def __init__(self, revision: str, states: Mapping[str, State]) -> None:
        self._states = states
        self._revision = text(revision)
        self._members: dict[tuple[object, ...], str] = {}

    def decision(
        self,
        *,
        receipt: str,
        at: datetime,
        listener: str,
        message: Message,
        digest: bytes,
        outcomes: Iterable[Outcome],
    ) -> bytes:
        """The record of one decision, one JSON object. `at` is wall-clock time, UTC."""
        msh = message.msh
        control_id = msh.field(10).decode("ascii", "backslashreplace")[:_CONTROL_ID_CHARACTERS]
        channels = ",".join([self._member(outcome) for outcome in outcomes])
        return (
            f'{{"kind":"decision","receipt":"{receipt}","at":"{_iso(at)}","listener":{text(listener)},'
            f'"control_id":{text(control_id)},"type":{_type_of(msh.field(9))},'
            f'"sha256":"{digest.hex()}","revision":{self._revision},"channels":{{{channels}}}}}'
        ).encode("ascii")

    def _member(self, outcome: Outcome) -> str:
        """What `channels` says of one channel; made of what the key names and nothing else."""
        key: tuple[object, ...]
        if outcome.verdict is Verdict.DISCLOSE:
            parts, applied = len(outcome.payloads), _is_confidential(outcome)
            key = (outcome.channel, outcome.rules, outcome.consents, parts, applied)
        else:
            key = (outcome.channel, outcome.verdict, *[reason.code for reason in outcome.reasons])
        member = self._members.get(key)
        if member is None:
            said = outcome_record(outcome, self._states[outcome.channel])
            member = f"{text(outcome.channel)}:{_encode(said)}"
            if len(self._members) < _KEPT:
                self._members[key] = member
        return member


def _is_confidential(outcome: Outcome) -> bool:
    """Whether a confidential communication of the patient was applied to a copy."""
    return any(one.code is Code.CONFIDENTIAL_COMMUNICATION for one in outcome.reasons)


def outcome_record(outcome: Outcome, state: State) -> dict[str, object]:
    """One channel's outcome; `state` is said unless it is live."""
    said: dict[str, object] = {"verdict": outcome.verdict.value}
    if outcome.verdict is Verdict.DISCLOSE:
        said["rules"] = outcome.rules
        said["parts"] = len(outcome.payloads)
        if outcome.consents:
            said["consents"] = outcome.consents
        if _is_confidential(outcome):
            said["applied"] = _CONFIDENTIAL
    else:
        said["reasons"] = [reason.code.value for reason in outcome.reasons]
    if state is not State.LIVE:
        said["state"] = state.value
    return said


@lru_cache(maxsize=64)
def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


@lru_cache(maxsize=_KEPT)
def _type_of(field: bytes) -> str:
    return text(field.decode("ascii")) if _TYPE.fullmatch(field) else '""'
