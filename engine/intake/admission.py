"""What a listener does not take, and why. Pure.

Law: only what a resend of the same bytes cannot mend is refused, each by its own name; whatever is
none of a listener's business (who may receive it, whether anybody does) is accepted, because the
acknowledgment must not tell a hospital what an insurer gets (docs/explanation/architecture.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.ack.codes import Fault
from engine.hl7.path import Path, texts
from engine.hl7.wire import Message
from engine.policy.compile import PROCESSING_IDS
from engine.policy.vocabulary.conditions import MessageType

#: MSH-12.1, table 0104, 2.1 to 2.9.1.
VERSIONS = frozenset(
    b"2.1 2.2 2.3 2.3.1 2.3.2 2.4 2.5 2.5.1 2.6 2.7 2.7.1 2.8 2.8.1 2.8.2 2.9 2.9.1".split()
)

_VT, _FS = b"\x0b", b"\x1c"

#: Where a message goes on in another (DSC-1), or has gone on within a segment (HL7 2.9.1 §2.9.2).
_GOES_ON, _ADDED = Path("DSC", 1), "ADD"


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may send what. Empty: anybody on a reachable address, every type."""

    networks: tuple[str, ...] = ()
    sending: tuple[Mapping[str, str], ...] = ()  # each: {"MSH-3": …, "MSH-4": …}
    messages: frozenset[MessageType] = frozenset()


class Gate:
    """One listener's rules of admission, in one environment."""

    def __init__(self, admission: Admission, environment: str) -> None:
        self._senders = tuple(
            tuple((Path.parse(path), text) for path, text in entry.items())
            for entry in admission.sending
        )
        self._types = admission.messages
        self._codes = frozenset(wanted.code for wanted in admission.messages)
        self._processing_ids = frozenset(
            processing_id.encode("ascii") for processing_id in PROCESSING_IDS[environment]
        )

    def fault(self, message: Message) -> Fault | None:
        """Why `message` is not taken; None when it is."""
        if _VT in message.raw or _FS in message.raw:
            return Fault.UNFRAMEABLE
        msh = message.msh
        component = message.delimiters.component or b"^"
        if not msh.field(10):
            return Fault.CONTROL_ID_MISSING
        if self._senders and not any(_is_from(message, sender) for sender in self._senders):
            return Fault.SENDER
        if msh.field(12).partition(component)[0].strip() not in VERSIONS:
            return Fault.VERSION_ID
        if msh.field(11).partition(component)[0] not in self._processing_ids:
            return Fault.PROCESSING_ID
        fault = self._type_fault(msh.field(9).split(component, 2)) if self._types else None
        return fault or _part_fault(message)

    def _type_fault(self, kind: list[bytes]) -> Fault | None:
        code = kind[0].decode("ascii", "replace")
        trigger = kind[1].decode("ascii", "replace") if len(kind) > 1 else ""
        if MessageType(code) in self._types or MessageType(code, trigger) in self._types:
            return None
        return Fault.EVENT_CODE if code in self._codes else Fault.MESSAGE_TYPE


def _part_fault(message: Message) -> Fault | None:
    # MSH-14 does not count: many fill it with other things, and what it continues was refused.
    is_part = _ADDED in message.ids or ("DSC" in message.ids and any(texts(message, _GOES_ON)))
    return Fault.CONTINUED if is_part else None


def _is_from(message: Message, sender: tuple[tuple[Path, str], ...]) -> bool:
    """Every field has its text; a field of several components may have it in the first alone.

    MSH-3 and MSH-4 are of type HD since 2.3: a namespace, then an id that senders leave out.
    """
    for path, wanted in sender:
        first = path if path.component else replace(path, component=1)
        if wanted not in texts(message, path) and wanted not in texts(message, first):
            return False
    return True
