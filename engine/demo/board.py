"""What the demo shows: a live board, or a table at the end, as lines of text. Pure.

Law: a line names message types, segment ids, channels and counts; never a value of a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """One channel as the store and its insurer see it.

    `per_second` is the rate of deliveries just now; `last_ack` the last acknowledgment code;
    `sink_messages` what the insurer itself has counted.
    """

    channel: str
    state: str
    depth: int = 0
    delivered: int = 0
    parked: int = 0
    held: int = 0
    withheld: int = 0
    duplicates: int = 0
    sink_messages: int = 0
    per_second: float = 0.0
    last_ack: str = ""

    @property
    def final(self) -> int:
        """How many messages this channel has an outcome for, other than waiting in its lane."""
        return self.delivered + self.parked + self.held + self.withheld


@dataclass(frozen=True, slots=True)
class Arrival:
    """A copy that reached an insurer: its type and the ids of its segments, in order.

    `sent_segments` is how many segments the hospital sent, 0 where that is not known.
    """

    channel: str
    type: str
    segments: tuple[str, ...]
    sent_segments: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """All copies of one message type that one insurer got: how many, and every segment id seen."""

    channel: str
    type: str
    copies: int
    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at everything. `arrivals` are the latest copies, oldest first."""

    seconds: float
    sent: int
    acknowledged: Mapping[str, int]
    channels: tuple[ChannelLine, ...]
    arrivals: tuple[Arrival, ...] = ()
    listeners: Mapping[str, str] | None = None


_LIVE = (
    "channel",
    "state",
    "depth",
    "delivered",
    "parked",
    "held",
    "withheld",
    "rate/s",
    "last ack",
)
#: How long a line may be where no screen can be redrawn, and what it ends with if it is too short.
_WIDTH, _AND_SO_ON = 120, ", …"

_END = ("channel", "delivered", "parked", "held", "withheld", "duplicates", "at the insurer")


def compact(segments: Iterable[str]) -> str:
    """Segment ids in order of first occurrence, with how often: `MSH PID OBR OBX*4`."""
    counts = Counter(segments)
    return " ".join(name if count == 1 else f"{name}*{count}" for name, count in counts.items())


def live(snapshot: Snapshot) -> list[str]:
    """The board."""
    where = ", ".join(f"{name} {at}" for name, at in (snapshot.listeners or {}).items())
    lines = [
        f"payergate demo: hospital -> {where or 'engine'} -> insurers, {snapshot.seconds:.0f} s",
        f"sent {snapshot.sent}   acknowledged {_codes(snapshot.acknowledged)}",
        "",
    ]
    rows = [
        (
            line.channel,
            line.state,
            str(line.depth),
            str(line.delivered),
            str(line.parked),
            str(line.held),
            str(line.withheld),
            f"{line.per_second:.1f}",
            line.last_ack or "-",
        )
        for line in snapshot.channels
    ]
    lines += _table(_LIVE, rows, left=(0, 1, 8))
    lines += ["", "the latest copies (segments that the insurer received)"]
    width = max((len(line.channel) for line in snapshot.channels), default=0)
    lines += [f"  {arrival(copy, width)}" for copy in snapshot.arrivals] or ["  nothing yet"]
    return lines


def brief(snapshot: Snapshot) -> str:
    """The board in one line, for where no screen can be redrawn; what does not fit is left out."""
    channels = snapshot.channels
    others = ", ".join(
        f"{word} {sum(counts)}"
        for word, counts in (
            ("waiting", [line.depth for line in channels]),
            ("held", [line.held for line in channels]),
            ("parked", [line.parked for line in channels]),
        )
    )
    delivered = ", ".join(f"{line.channel} {line.delivered}" for line in channels)
    text = f"{snapshot.seconds:5.0f} s  sent {snapshot.sent}, {others}; delivered: {delivered}"
    if len(text) <= _WIDTH:
        return text
    return text[: _WIDTH - len(_AND_SO_ON)].rpartition(", ")[0] + _AND_SO_ON


def arrival(copy: Arrival, width: int = 0) -> str:
    """One copy, in one line; the channel's name takes `width`."""
    of = f"{len(copy.segments)} of {copy.sent_segments}" if copy.sent_segments else "?"
    return f"{copy.type:<8} -> {copy.channel:<{width}}  {of:>8} segments: {compact(copy.segments)}"


def end(snapshot: Snapshot, kinds: Sequence[Kind]) -> list[str]:
    """What went where, once all lanes are empty."""
    codes = _codes(snapshot.acknowledged)
    lines = [
        f"{snapshot.sent} messages sent, acknowledged {codes}, in {snapshot.seconds:.1f} s",
        "",
    ]
    rows = [
        (
            line.channel,
            str(line.delivered),
            str(line.parked),
            str(line.held),
            str(line.withheld),
            str(line.duplicates),
            str(line.sink_messages),
        )
        for line in snapshot.channels
    ]
    lines += _table(_END, rows, left=(0,))
    seen = [(kind.channel, kind.type, str(kind.copies), " ".join(kind.segments)) for kind in kinds]
    if seen:
        lines += ["", *_table(("channel", "type", "copies", "segments seen"), seen, left=(0, 1, 3))]
    return lines


def _codes(acknowledged: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(acknowledged.items())) or "none"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    return [
        "  ".join(
            text.ljust(width) if i in left else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]
