"""What was found of coded values before: hospitals send the same few over and over.

Law: bounded; nothing is kept that is too long for a code, and a message whose delimiters cannot be
told from its text by the byte neither asks nor teaches.
"""

from __future__ import annotations

from engine.hl7.wire import Delimiters, Message

#: How many values, of how many bytes, are remembered for messages with the same delimiters.
_VALUES_KEPT, _LONGEST_KEPT, _DELIMITERS_KEPT = 8192, 256, 16


class Memory:
    """What is known of coded values: those without any label, and the labels of others."""

    __slots__ = ("labelled", "without")

    def __init__(self) -> None:
        self.without = {b""}
        self.labelled: dict[bytes, int] = {}

    def keep(self, value: bytes, bits: int) -> None:
        """Remember one value's labels, unless it is too long for a code."""
        if len(value) > _LONGEST_KEPT:
            return
        if len(self.without) + len(self.labelled) >= _VALUES_KEPT:
            self.without = {b""}
            self.labelled = {}
        if bits:
            self.labelled[value] = bits
        else:
            self.without.add(value)


#: What is known of values, for each kind of field.
OfKinds = tuple[Memory, Memory, Memory, Memory]


class Memories:
    """What is known of values in messages, by their delimiters."""

    __slots__ = ("_known", "_last")

    def __init__(self) -> None:
        self._known: dict[Delimiters, OfKinds] = {}
        #: Of the delimiters of the last message, which nearly always are the next one's.
        self._last: tuple[Delimiters | None, OfKinds] = (None, _nothing())

    def of(self, message: Message) -> OfKinds:
        """What is known already of values such as this message's."""
        if message.charset.mask is not None:
            return _nothing()
        last, found = self._last
        if last is message.delimiters:
            return found
        known = self._known.get(message.delimiters)
        if known is None:
            known = _nothing()
            if len(self._known) < _DELIMITERS_KEPT:
                self._known[message.delimiters] = known
        self._last = (message.delimiters, known)
        return known


def _nothing() -> OfKinds:
    return Memory(), Memory(), Memory(), Memory()
