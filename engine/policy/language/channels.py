"""A channel file: the contract with one counterpart.

Law: the ceiling of a channel and the identification of a payer are never assumed; a channel without
them does not load (rules.md §10.28). How to reach it (`deliver`) is `engine.config.deliver`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.errors import Place
from engine.policy.language.conditions import compared, condition, message_types
from engine.policy.language.fields import segment_fields
from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import Mistake
from engine.policy.language.paths import path, segment_id
from engine.policy.language.reader import Reader
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node
from engine.policy.model import (
    Channel,
    ControlId,
    FieldMask,
    Kind,
    LeakScan,
    PayerType,
    Purpose,
    State,
    Structure,
)
from engine.policy.vocabulary.conditions import Condition, Matcher, MessageType, Timed

CHANNEL_KEYS = Keys(
    of="A channel",
    required=("channel", "name", "kind", "purposes", "ceiling", "deliver"),
    optional=(
        "payer_type",
        "address",
        "identified_by",
        "agreement",
        "state",
        "structure",
        "renumber",
        "leak_scan",
    ),
)
AGREEMENT_KEYS = Keys(
    of="An agreement",
    optional=("reference", "expires", "assessed", "reassess_after"),
)
CEILING_KEYS = Keys(of="A ceiling", required=("messages", "segments"))

#: What is assessed in the far future is not due within any calendar.
_LAST_YEAR = 9900

CHANNEL_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_IDENTIFYING = frozenset({"IN1", "IN2", "IN3"})

#: MSH fields that no rewriting may touch: the delimiters, the control id that an acknowledgment
#: must repeat, and the acknowledgment mode, which is the channel's own (rules.md §10.20).
NOT_REWRITTEN = frozenset({1, 2, 10, 15, 16})


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most a channel may receive, and where that is written."""

    place: Place
    messages: frozenset[MessageType] = frozenset()
    segments: Mapping[str, FieldMask | None] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadChannel:
    """A channel as read, its ceiling's and purposes' places, and its `deliver` part.

    Where its file has a mistake the channel holds stand-ins; they are never seen, since such a
    site does not load. `bounded` says whether ceiling and purposes could be read.
    """

    channel: Channel
    bounded: bool
    ceiling: Ceiling
    purposes_place: Place
    deliver: Node | None


def channel_of(node: Node, reader: Reader) -> ReadChannel | None:
    """Read one channel file; None if not even its id can be read."""
    given = reader.mapping(node, CHANNEL_KEYS)
    if given is None:
        return None
    identity = _identity(given.get("channel"), reader)
    name = reader.text(given.get("name"), "`name`")
    kind = reader.choice(given.get("kind"), "`kind`", Kind)
    purposes = _purposes(given.get("purposes"), reader)
    ceiling = _ceiling(given.get("ceiling"), node.place, reader)
    reference, expires, reassess_on = _agreement(given.get("agreement"), reader)
    identified_by = _identified_by(given.get("identified_by"), reader)
    if kind is Kind.PAYER:
        _payer_has(node.place, given, reader)
    channel = Channel(
        id=identity or "",
        name=name or "",
        kind=kind or Kind.PAYER,
        place=given["channel"].place if "channel" in given else node.place,
        purposes=purposes,
        ceiling_messages=ceiling.messages,
        ceiling=ceiling.segments,
        payer_type=_payer_type(given.get("payer_type"), kind, reader),
        identified_by=identified_by,
        address=reader.text(given.get("address"), "`address`") or "",
        agreement_reference=reference,
        agreement_expires=expires,
        reassess_on=reassess_on,
        rewrite=_rewrite(given.get("deliver"), reader),
        control_id=_control_id(given.get("deliver"), reader),
        renumber=reader.flag(given.get("renumber"), "`renumber`") is not False,
        state=_state(given.get("state"), reader),
        structure=_structure(given.get("structure"), reader),
        leak_scan=reader.choice(given.get("leak_scan"), "`leak_scan`", LeakScan) or LeakScan.NAMES,
    )
    if identity is None:
        return None
    purposes_place = given["purposes"].place if "purposes" in given else node.place
    bounded = bool(purposes and ceiling.messages and ceiling.segments)
    return ReadChannel(channel, bounded, ceiling, purposes_place, given.get("deliver"))


def _identity(node: Node | None, reader: Reader) -> str | None:
    text = reader.text(node, "`channel`")
    if node is None or text is None:
        return None
    if CHANNEL_ID.fullmatch(text) is None:
        reader.bad_value(
            node,
            f"`{text}` is not a channel id.",
            "Use lower-case letters, digits and hyphens, as in `state-medicaid`.",
        )
    return text


def _payer_has(place: Place, given: Mapping[str, Node], reader: Reader) -> None:
    """Of a payer it must be known how messages name it, and until when the agreement holds."""
    if "identified_by" not in given:
        reader.missing_key(place, "A payer", "identified_by")
    agreement = given.get("agreement")
    if agreement is None:
        reader.missing_key(place, "A payer", "agreement")
    elif isinstance(agreement, MappingNode) and agreement.get("expires") is None:
        reader.missing_key(agreement.place, "The agreement with a payer", "expires")


def _payer_type(node: Node | None, kind: Kind | None, reader: Reader) -> PayerType | None:
    if node is None:
        return PayerType.HEALTH_PLAN if kind is Kind.PAYER else None
    if kind is not None and kind is not Kind.PAYER:
        reader.bad_value(
            node, f"A {kind.value} has no `payer_type`.", "Remove it, or write `kind: payer`."
        )
    return reader.choice(node, "`payer_type`", PayerType)


def _purposes(node: Node | None, reader: Reader) -> frozenset[Purpose]:
    if node is None:
        return frozenset()
    found = reader.each(node, "`purposes`", lambda item: reader.choice(item, "A purpose", Purpose))
    return frozenset(found or ())


def _agreement(node: Node | None, reader: Reader) -> tuple[str, str | None, date | None]:
    """Its reference, the last day it holds, and the day to assess the counterpart again."""
    given = reader.mapping(node, AGREEMENT_KEYS)
    if given is None:
        return "", None, None
    reference = reader.text(given.get("reference"), "`reference`")
    expires = reader.day(given.get("expires"), "`expires`")
    assessed = reader.day(given.get("assessed"), "`assessed`")
    seconds = reader.seconds(given.get("reassess_after"), "`reassess_after`")
    return reference or "", expires, _reassess_on(assessed, seconds)


def _reassess_on(assessed: str | None, after_s: float | None) -> date | None:
    """None: nobody asked to be reminded; the first of all days: it was never assessed."""
    if after_s is None:
        return None
    if assessed is None:
        return date.min
    day = date.fromisoformat(assessed)
    return day + timedelta(seconds=after_s) if day.year < _LAST_YEAR else None


def _state(node: Node | None, reader: Reader) -> State:
    found = reader.choice(node, "`state`", State)
    return found or State.LIVE


def _structure(node: Node | None, reader: Reader) -> Structure:
    return reader.choice(node, "`structure`", Structure) or Structure.LENIENT


# --- the ceiling ------------------------------------------------------------------------------


def _ceiling(node: Node | None, place: Place, reader: Reader) -> Ceiling:
    given = reader.mapping(node, CEILING_KEYS)
    if node is None or given is None:
        return Ceiling(place)
    types = message_types(given.get("messages"), reader)
    segments: dict[str, FieldMask | None] = {}
    places: dict[str, Place] = {}
    for key, value in reader.entries(given.get("segments"), "`segments`", "a mapping of segments"):
        segment = segment_id(key, reader)
        fields = None if segment is None else segment_fields(value, segment, reader)
        if segment is not None and fields is not None:
            segments[segment], places[segment] = fields[0], key.place
    place = given["segments"].place if "segments" in given else node.place
    return Ceiling(place, types or frozenset(), segments, places)


# --- how messages name it, and what they are made to say ----------------------------------------


def _identified_by(node: Node | None, reader: Reader) -> tuple[Condition, ...]:
    return reader.each(node, "`identified_by`", lambda item: _entry(item, reader)) or ()


def _entry(node: Node, reader: Reader) -> Condition | None:
    """A condition on one IN1 with the IN2 and IN3 that follow it (rules.md §10.16)."""
    found = condition(node, "An entry of `identified_by`", reader)
    if found is None:
        return None
    paths = compared(found)
    if paths and all(compare.path.segment in _IDENTIFYING for compare in paths):
        if any(_moves(compare.matcher) for compare in paths):
            reader.bad_value(
                node,
                "Whose insurance an IN1 is cannot depend on when it is asked.",
                "Compare with fixed dates; coverage is decided on the date of service anyhow.",
            )
        return found
    reader.problems.note(
        node.place,
        Mistake.BAD_PATH,
        "An entry of `identified_by` speaks of one IN1 with its IN2 and IN3.",
        "Compare fields of these, as in `{IN1-3.1: ACME01}`.",
    )
    return None


def _moves(matcher: Matcher) -> bool:
    """Whether a matcher speaks of now."""
    return isinstance(matcher, Timed) and any(
        moment is not None and moment.from_now is not None
        for moment in (matcher.after, matcher.before)
    )


def _rewrite(deliver: Node | None, reader: Reader) -> dict[int, str]:
    """`deliver.rewrite`: MSH field → the text to send, not yet escaped."""
    node = deliver.get("rewrite") if isinstance(deliver, MappingNode) else None
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        reader.wrong_type(node, "`rewrite`", "a mapping of MSH fields")
        return {}
    texts: dict[int, str] = {}
    for key, value in node.entries:
        target = path(key, reader)
        text = reader.text(value, f"`{key.text}`")
        if target is None or text is None:
            continue
        if target.segment != "MSH" or str(target) != f"MSH-{target.field}":
            reader.bad_value(
                key, f"{target} cannot be rewritten.", "Rewrite whole fields of MSH only."
            )
        elif target.field in NOT_REWRITTEN:
            reader.bad_value(key, f"{target} cannot be rewritten.", "Remove it.")
        else:
            texts[target.field] = text
    return texts


def _control_id(deliver: Node | None, reader: Reader) -> ControlId:
    node = deliver.get("control_id") if isinstance(deliver, MappingNode) else None
    return reader.choice(node, "`control_id`", ControlId) or ControlId.KEEP
