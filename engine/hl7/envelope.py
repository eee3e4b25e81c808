"""Messages out of a file: one, several, a batch, or frames; each as the bytes it has there.

Law: a message begins where a line begins with MSH and ends where the next begins, at an envelope
segment, or at the end of its frame. Envelopes (FHS, BHS, BTS, FTS; HL7 2.9.1 §2.10.3) are passed
over whether or not they are balanced; nothing is repaired, nothing is raised.
"""

from __future__ import annotations

import re

from engine.hl7.wire import is_wide

# A line's beginning, as the view looks for it; or a trailer; or the end of a frame (FS).
_EDGE = re.compile(
    rb"(?:\A|[\r\n\x0b])(?:\xef\xbb\xbf|[ \t\x0b\x0c])*+"
    rb"(?:(?P<message>MSH[!-/:-@\[-`{-~])|(?:(?P<header>FHS|BHS)|BTS|FTS)(?=[!-/:-@\[-`{-~\r\n]|\Z))"
    rb"|(?P<frame_end>\x1c)(?=[\r\n\x0b]|\Z)"
)


def is_batch(payload: bytes) -> bool:
    """Whether a payload begins as a batch or a file: what its header says is of all its messages.

    FHS-15 to 17 and BHS-15 to 17 hold security labels and instructions (2.9.1, §2.14).
    """
    begins = (edge for edge in _EDGE.finditer(payload) if edge["message"] or edge["header"])
    first = next(begins, None)
    return first is not None and first["header"] is not None


def split_messages(data: bytes) -> list[bytes]:
    """The messages in `data`, in order; none without an MSH. Never raises.

    Text in UTF-16 or UTF-32 is given back whole, so that reading it says what is wrong with it.
    """
    if is_wide(data):
        return [data]
    messages = []
    start = -1
    for edge in _EDGE.finditer(data):
        if start >= 0:
            messages.append(data[start : edge.start()])
        start = edge.start("message") if edge["message"] else -1
    if start >= 0:
        messages.append(data[start:])
    return messages
