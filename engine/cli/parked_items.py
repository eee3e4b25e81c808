"""Dead letters and holds, as a command names them and tells of them.

Law: content is never shown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator
from typing import Any, cast

from engine.cli.arguments import chosen_channels, known_channel
from engine.cli.message_names import MessageName
from engine.cli.moments import shown, utc
from engine.cli.words import visible
from engine.errors import UsageError
from engine.policy.reasons import TEXTS
from engine.store.port import Item, Items, Store

#: What a reason that is a decision's means, in words.
_MEANS = {code.value: text for code, text in TEXTS.items()}

#: How many items one question to the store asks for.
_PAGE = 100


def chosen_items(channels: Collection[str], store: Store, args: argparse.Namespace) -> list[Item]:
    """The items that the command names. Raises `UsageError` when it names none, or unknown ones."""
    everything = getattr(args, "all", False)
    if bool(args.items) == everything:
        raise UsageError(
            "items", "Which items?", "Name CHANNEL/ITEM as `parked ls` shows, or --all."
        )
    if everything:
        return items_of(channels, store, args.channel)
    wanted = [_split(channels, name, args.channel) for name in args.items]
    found = {
        (item.channel, item.id): item
        for channel in dict.fromkeys(channel for channel, _ in wanted)
        for item in _every(store, channel)
    }
    missing = [f"{channel}/{item}" for channel, item in wanted if (channel, item) not in found]
    if missing:
        raise UsageError("unknown-item", f"No such item: {', '.join(missing)}.", "See `parked ls`.")
    return [found[key] for key in dict.fromkeys(wanted)]


def _split(channels: Collection[str], name: str, channel: str | None) -> tuple[str, str]:
    before, slash, item = name.rpartition("/")
    named = agreed(before if slash else None, channel)
    if named is None:
        raise UsageError("items", f"Of which channel is {name!r}?", "Write CHANNEL/ITEM.")
    return known_channel(channels, named), item


def agreed(named: str | None, option: str | None) -> str | None:
    """The channel that is named or that `--channel` says. Raises `UsageError` if they differ."""
    if named is not None and option is not None and named != option:
        raise UsageError(
            "usage", f"{named!r} is not what --channel {option!r} says.", "Name one channel."
        )
    return option if named is None else named


def items_of(channels: Collection[str], store: Store, asked: str | None) -> list[Item]:
    """The items of the channel that is asked for, else of all, oldest first."""
    chosen = chosen_channels(channels, asked)
    return [item for channel in chosen for item in _every(store, channel)]


def _every(store: Store, channel: str) -> Iterator[Item]:
    after = ""
    while True:
        page = cast("tuple[Item, ...]", store.execute([Items(channel, after, _PAGE)])[0])
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].id


def name_of(item: Item) -> str:
    """As `parked ls` shows it."""
    return f"{item.channel}/{item.id}"


def item_as_json(item: Item, name: MessageName) -> dict[str, Any]:
    """An item without its content; the note says which rules it rests on."""
    return {
        "item": name_of(item),
        "kind": item.kind.value,
        "reason": item.reason,
        "channel": item.channel,
        "receipt": item.receipt,
        "type": name.type,
        "control_id": name.control_id,
        "part": item.part,
        "since": utc(item.since_ms),
        "attempts": item.attempts,
        "bytes": len(item.sealed),
        "note": json.loads(item.note) if item.note else {},
    }


def item_as_text(item: Item, name: MessageName, timezone: str) -> str:
    """The same for people, with times of that zone; of a decision's reason what it means."""
    said = item_as_json(item, name) | {"since": shown(item.since_ms, timezone)}
    said |= said.pop("note")
    if item.reason in _MEANS:
        said["means"] = _MEANS[item.reason]
    return "\n".join(
        f"{key:12} {visible(', '.join(map(str, value)) if isinstance(value, list) else str(value))}"
        for key, value in said.items()
    )
