"""A copy's own MSH, and with it the finished copy.

Law: of MSH goes what the plan leaves and what the channel writes, which is escaped and in the
message's character set; the copies of several patients have control ids of their own (rules.md
§10.20, §10.27).
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.hl7.build import field_value, join_fields, put_field
from engine.hl7.wire import Message
from engine.policy.cutting.cut import Cut
from engine.policy.message.reading import version_of
from engine.policy.outcome import Payload

_MSH_CONTROL_ID = 10

#: How long MSH-10 may be, before version 2.7 and from it on (§10.27).
_LONGEST_BEFORE_27 = 20
_LONGEST = 199


class Rewrites:
    """What a channel writes into MSH, made ready for many messages."""

    __slots__ = ("_alike", "_others")

    def __init__(self, written: Mapping[int, str]) -> None:
        #: No delimiter is a letter or digit, so that these are the same in every message.
        self._alike = tuple(
            (number, text.encode("ascii"))
            for number, text in written.items()
            if text.isascii() and text.isalnum()
        )
        alike = {number for number, _ in self._alike}
        self._others = tuple(one for one in written.items() if one[0] not in alike)

    def put_into(self, fields: list[bytes], message: Message) -> None:
        """Write into the fields of MSH."""
        for number, value in self._alike:
            put_field(fields, number, value)
        for number, text in self._others:
            put_field(fields, number, field_value(message, text))


def payload(cut: Cut, rewrites: Rewrites, part: int) -> Payload:
    """The outgoing message. `part` counts the patients that are sent, from 0."""
    message = cut.view.message
    fields = cut.plan.msh_fields(cut.view)
    rewrites.put_into(fields, message)
    control_id = fields[_MSH_CONTROL_ID] if len(fields) > _MSH_CONTROL_ID else b""
    if part:
        suffix = b"-%d" % (part + 1)
        longest = _LONGEST if version_of(message) >= (2, 7) else _LONGEST_BEFORE_27
        control_id = control_id[: longest - len(suffix)] + suffix
        put_field(fields, _MSH_CONTROL_ID, control_id)
    body, kept, added = cut.body
    header = join_fields(fields, message.delimiters.field)
    return Payload(header + b"\r" + body, control_id, kept, added)
