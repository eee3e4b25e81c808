"""What differs between two contracts with one counterpart: a row for every setting of a channel.

Law: every setting of a channel has a row here, or is compared where rules are, or says why it
discloses nothing; a test fails for a setting that has none of these. What may let more leave counts
as wider, even where no rule uses it yet; of a channel that is not live nothing leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.policy.compare.changes import Cause, Change, Effect, Found, Side
from engine.policy.compare.insurance import named_by
from engine.policy.cutting.segment_plan import MSH_ALWAYS
from engine.policy.meaning.formulas import proven
from engine.policy.meaning.statements import FACTS
from engine.policy.model import Channel, ControlId, LeakScan, State, Structure
from engine.policy.segment.masks import NONE, Mask
from engine.policy.telling.wording import fields, listed, message_types
from engine.policy.vocabulary.conditions import MessageType

_MORE, _LESS = Effect.MAY_DISCLOSE, Effect.DISCLOSES_LESS

#: What a hub passes messages on by: receiving application and facility (HL7 v2.5.1, 2.15.9.5 and
#: 2.15.9.6), and since 2.7 receiving organization and network address. Another one is another
#: receiver behind the same address.
_RECEIVER = frozenset({5, 6, 23, 25})


def contract_changes(name: str, old: Channel | None, new: Channel | None) -> Iterator[Change]:
    """The changes of one channel's file; what rules send is compared elsewhere."""
    if new is None or old is None:
        if new is None:
            yield Change(Effect.NEUTRAL, "the channel is gone", channels=(name,))
        else:
            yield Change(Effect.NEUTRAL, f"a new channel, {new.state.value}", channels=(name,))
        return
    for compare in CHANNEL_ROWS.values():
        for effect, text in compare(old, new):
            yield contract_change(new, effect, text)


def contract_change(new: Channel, effect: Effect, text: str) -> Change:
    """A change of one channel's file; nothing widens where `new` is not live.

    Then nothing is sent, and going live is a change of its own.
    """
    said = Effect.NEUTRAL if effect.widens and new.state is not State.LIVE else effect
    causes = (Cause(Side.NEW.value, new.place, "", "the channel's file"),)
    return Change(said, text, channels=(new.id,), causes=causes)


def _kind(old: Channel, new: Channel) -> Found:
    if old.kind is not new.kind:
        yield _MORE, f"it is a {new.kind.value}, no longer a {old.kind.value}"


def _payer_type(old: Channel, new: Channel) -> Found:
    if old.payer_type is not new.payer_type:
        yield _MORE, "its payer_type is another, and with it what statutes protect from it"


def _purposes(old: Channel, new: Channel) -> Found:
    added = sorted(one.value for one in new.purposes - old.purposes)
    gone = sorted(one.value for one in old.purposes - new.purposes)
    if added:
        yield _MORE, f"it may receive for {listed(added, 'and')}"
    if gone:
        yield _LESS, f"it may no longer receive for {listed(gone, 'and')}"


def _ceiling_messages(old: Channel, new: Channel) -> Found:
    added = _beyond(new.ceiling_messages, old.ceiling_messages)
    gone = _beyond(old.ceiling_messages, new.ceiling_messages)
    if added:
        yield _MORE, f"its ceiling allows {message_types(added)}"
    if gone:
        yield _LESS, f"its ceiling no longer allows {message_types(gone)}"


def _beyond(some: frozenset[MessageType], others: frozenset[MessageType]) -> list[MessageType]:
    return [one for one in some if one not in others and MessageType(one.code) not in others]


def _ceiling(old: Channel, new: Channel) -> Found:
    for segment in sorted({*old.ceiling, *new.ceiling}):
        before, after = _limit(old, segment), _limit(new, segment)
        if after - before != NONE:
            yield _MORE, f"its ceiling allows {segment} {fields(after - before)}"
        if before - after != NONE:
            yield _LESS, f"its ceiling no longer allows {segment} {fields(before - after)}"


def _limit(channel: Channel, segment: str) -> Mask:
    return Mask.of(channel.ceiling[segment]) if segment in channel.ceiling else NONE


def _identified_by(old: Channel, new: Channel) -> Found:
    before, after = named_by(old), named_by(new)
    if not proven(after, before, FACTS):
        yield _MORE, "identified_by: insurance counts as its own that did not before"
    if not proven(before, after, FACTS):
        yield _LESS, "identified_by: insurance no longer counts as its own"


def _expires(old: Channel, new: Channel) -> Found:
    before, after = old.agreement_expires, new.agreement_expires
    if before == after:
        return
    later = before is not None and (after is None or after > before)
    until = "for ever" if after is None else f"until {after}"
    yield (_MORE if later else _LESS), f"its agreement holds {until}, before until {before}"


def _rewrite(old: Channel, new: Channel) -> Found:
    for number in sorted({*old.rewrite, *new.rewrite}):
        was, said = old.rewrite.get(number), new.rewrite.get(number)
        if number in _RECEIVER and was != said:
            before, after = (text if text is not None else "as received" for text in (was, said))
            yield _MORE, f"its receiver in MSH-{number} is {after}, before {before}"
        elif said is None and 1 in MSH_ALWAYS.of_field(number):
            yield Effect.DISCLOSED, f"MSH-{number} is sent as received; it was rewritten before"
        elif was != said:
            yield Effect.NEUTRAL, f"MSH-{number} is rewritten to another value"


def _renumber(old: Channel, new: Channel) -> Found:
    if old.renumber and not new.renumber:
        yield _MORE, "set ids are kept, so that gaps tell what is missing"
    elif new.renumber and not old.renumber:
        yield _LESS, "set ids are numbered anew"


def _control_id(old: Channel, new: Channel) -> Found:
    if old.control_id is not new.control_id:
        if new.control_id is ControlId.KEEP:
            yield _MORE, "copies carry the sender's control id"
        else:
            yield _LESS, "copies carry a control id of their own"


def _state(old: Channel, new: Channel) -> Found:
    if old.state is not new.state:
        text = f"its state is {new.state.value}, before {old.state.value}"
        yield (_MORE if new.state is State.LIVE else _LESS), text


def _structure(old: Channel, new: Channel) -> Found:
    if old.structure is Structure.STRICT and new.structure is not Structure.STRICT:
        yield _MORE, "copies that lack a required segment are no longer held"
    elif old.structure is not new.structure:
        yield _LESS, "copies that lack a required segment are held"


def _leak_scan(old: Channel, new: Channel) -> Found:
    if old.leak_scan is not new.leak_scan:
        if new.leak_scan is LeakScan.CODES:
            yield _MORE, "copies whose free text names what is withheld are no longer held"
        else:
            yield _LESS, "copies whose free text names what is withheld are held"


#: Setting of a channel → what its change does.
CHANNEL_ROWS: dict[str, Callable[[Channel, Channel], Found]] = {
    "kind": _kind,
    "payer_type": _payer_type,
    "purposes": _purposes,
    "ceiling_messages": _ceiling_messages,
    "ceiling": _ceiling,
    "identified_by": _identified_by,
    "agreement_expires": _expires,
    "rewrite": _rewrite,
    "renumber": _renumber,
    "control_id": _control_id,
    "state": _state,
    "structure": _structure,
    "leak_scan": _leak_scan,
}
