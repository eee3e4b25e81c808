"""How things stand: what `status` says, made of what the store says. Pure.

Law: whoever reads it learns of every queue why it stands, without looking anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.cli.moments import utc
from engine.cli.refused_reload import RefusedReload
from engine.config.model import OperatingSite
from engine.errors import EngineError
from engine.policy.model import State
from engine.store.port import LaneView, Order, Unarchived, View

#: Thresholds of `status --check`: warning, critical.
DEPTH = (25, 100)
OLDEST_S = (300, 900)
PARKED = (1, 10)
HELD = (25, 250)
UNARCHIVED_S = (300, 3600)

#: A head that was tried so often in vain, and waits so long, is a warning before it is merely old.
RETRYING_ATTEMPTS, RETRYING_S = 3, 60

#: What monitoring plug-ins exit with.
OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_WORDS = {OK: "OK", WARNING: "WARNING", CRITICAL: "CRITICAL", UNKNOWN: "UNKNOWN"}

StatusReport = dict[str, Any]


def status_report(
    site: OperatingSite,
    view: View | None,
    unarchived: Unarchived | None = None,
    troubles: Sequence[str] = (),
    *,
    is_off: bool = False,
    has_engine: bool = False,
    refused: RefusedReload | None = None,
) -> StatusReport:
    """The object that `status --json` prints. `view` is None when the store is not reachable.

    `troubles`: why the engine takes no messages although the store answers. `is_off`: the store is
    not reachable because it runs beside an engine only, and there is none. `has_engine`: an engine
    runs here, whatever the store says. `refused`: the last SIGHUP here, if it changed nothing.
    """
    store = "running" if view is not None else "off" if is_off else "away"
    engines = [] if view is None else [json.loads(state) for _, state in view.engines]
    return {
        "engine": _engine(engines, is_in_use=view is None and has_engine),
        "store": {"reachable": view is not None, "state": store},
        "reload_refused": None
        if refused is None or not (engines or has_engine)
        else asdict(refused),
        "troubles": list(troubles),
        "archive": _archive(site, view, unarchived),
        "protections": {
            "on": [pack.id for pack in site.protections.packs],
            "off": dict(site.protections.off),
        },
        "insecure": list(site.insecure),
        "listeners": _listeners(site, engines),
        "channels": _channels(site, view, store, is_running=bool(engines)),
    }


def _engine(engines: list[Mapping[str, Any]], *, is_in_use: bool) -> dict[str, Any]:
    states = {engine["state"] for engine in engines}
    if not states:
        return {"state": "running" if is_in_use else "down", "revision": None}
    state = "running" if "running" in states else "draining"
    revisions = [engine["revision"] for engine in engines if engine["state"] == state]
    return {"state": state, "revision": revisions[-1]}


def _archive(
    site: OperatingSite, view: View | None, unarchived: Unarchived | None
) -> dict[str, int | None] | None:
    """What waits to be archived; None for a site that keeps no archive."""
    if not site.archive.url:
        return None
    if view is None or unarchived is None:
        return {"waiting": None, "oldest_s": None}
    oldest_ms = unarchived.oldest_ms
    oldest_s = max(0, view.now_ms - oldest_ms) // 1000 if oldest_ms else 0
    return {"waiting": unarchived.records, "oldest_s": oldest_s}


def _listeners(site: OperatingSite, engines: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Connections and messages received, added up over engines."""
    found: dict[str, Any] = {
        listener.name: {"address": str(listener.listen), "connections": 0, "received": 0}
        for listener in site.listeners
    }
    for engine in engines:
        for name, listener in engine.get("listeners", {}).items():
            known = found.setdefault(name, {"connections": 0, "received": 0})
            known["address"] = listener["address"]
            known["connections"] += listener["connections"]
            known["received"] += listener["received"]
    return found


def _channels(
    site: OperatingSite, view: View | None, store: str, *, is_running: bool
) -> dict[str, Any]:
    lanes = {} if view is None else {lane.channel: lane for lane in view.lanes}
    found: dict[str, Any] = {}
    for name, state in site.channels.items():
        lane = lanes.get(name)
        if view is None or lane is None:
            found[name] = _unknown(store)
        else:
            found[name] = _lane(lane, view.now_ms)
            if state is not State.LIVE:
                found[name]["state"] = state.value
            elif not is_running and lane.order is None:
                found[name].update(state="stopped", reason="no engine runs")
    return found


def _unknown(store: str) -> dict[str, Any]:
    return {
        "state": "unknown",
        "reason": "no engine runs" if store == "off" else "the store is not reachable",
        **dict.fromkeys(
            ("depth", "oldest_s", "parked", "held", "delivered", "attempts", "next_attempt")
        ),
        "last_ack": {"code": None, "at": None},
    }


def _lane(lane: LaneView, now_ms: int) -> dict[str, Any]:
    state, reason = _state(lane, now_ms)
    return {
        "state": state,
        "reason": reason,
        "depth": lane.depth,
        "oldest_s": max(0, now_ms - lane.oldest_ms) // 1000 if lane.oldest_ms else 0,
        "parked": lane.parked,
        "held": lane.held,
        "delivered": lane.delivered,
        "attempts": lane.attempts,
        "next_attempt": _time(lane.not_before_ms if lane.not_before_ms > now_ms else 0),
        "last_ack": {"code": lane.last_ack or None, "at": _time(lane.last_ack_ms)},
    }


def _state(lane: LaneView, now_ms: int) -> tuple[str, str | None]:
    """One word for what the lane does, and why it does not do better."""
    if lane.order is Order.KILL:
        return "killed", lane.order_reason or None
    if lane.order is not None:
        return "paused", lane.order_reason or None
    if lane.open_entry:
        return "sending", lane.last_error or None
    if lane.not_before_ms > now_ms:
        return "retrying", lane.last_error or None
    return ("queued", lane.last_error or None) if lane.depth else ("idle", None)


def _time(ms: int) -> str | None:
    return utc(ms) if ms else None


def with_rates(now: StatusReport, before: StatusReport | None, seconds: float) -> None:
    """Add to listeners and channels how many messages came and went in a second since `before`.

    None where that is not known: at the first look, and while the store does not answer.
    """
    for part, counter in (("listeners", "received"), ("channels", "delivered")):
        earlier = {} if before is None else before[part]
        for name, one in now[part].items():
            counts = (one[counter], earlier.get(name, {}).get(counter))
            known = None not in counts and seconds > 0
            # An engine that was started again counts from 0.
            one["per_second"] = round(max(0, counts[0] - counts[1]) / seconds, 1) if known else None


def unknown(error: EngineError) -> tuple[int, str]:
    """The verdict where it cannot be found out how things stand; `error` says why not."""
    return UNKNOWN, f"PAYERGATE {_WORDS[UNKNOWN]} - {error.code}: {error.what}"


def verdict(now: StatusReport) -> tuple[int, str]:
    """What `status --check` says: the exit code of a monitoring plug-in, and its one line."""
    worst = OK
    said: list[str] = []
    for level, text in (*_whole(now), *_of_archive(now["archive"]), *_of_channels(now["channels"])):
        worst = max(worst, level)
        said.append(text)
    measures = " ".join(
        f"{name}_depth={channel['depth']};{DEPTH[0]};{DEPTH[1]}"
        f" {name}_parked={channel['parked']};{PARKED[0]};{PARKED[1]}"
        f" {name}_held={channel['held']};{HELD[0]};{HELD[1]}"
        for name, channel in now["channels"].items()
        if channel["depth"] is not None
    )
    text = "; ".join(said) if said else "all channels deliver"
    return worst, f"PAYERGATE {_WORDS[worst]} - {text}" + (f" | {measures}" if measures else "")


def _whole(now: StatusReport) -> Iterable[tuple[int, str]]:
    for trouble in now["troubles"]:
        yield CRITICAL, trouble
    if now["store"]["state"] == "away":
        yield CRITICAL, "the store is not reachable"
    elif now["engine"]["state"] == "down":
        yield CRITICAL, "no engine runs"
    elif now["engine"]["state"] == "draining":
        yield WARNING, "the engine is draining"


def _of_archive(archive: Mapping[str, int | None] | None) -> Iterable[tuple[int, str]]:
    oldest_s = (archive or {}).get("oldest_s") or 0
    warning, critical = UNARCHIVED_S
    if archive is not None and oldest_s >= warning:
        level = CRITICAL if oldest_s >= critical else WARNING
        yield level, f"archive: {archive['waiting']} records wait, {oldest_s} s old"


def _of_channels(channels: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[int, str]]:
    for name, channel in channels.items():
        if channel["state"] in {"paused", "killed"}:
            yield WARNING, f"{name}: {channel['state']}" + _because(channel)
        elif _is_retrying(channel):
            text = f"{name}: tried {channel['attempts']} times in {channel['oldest_s']} s"
            yield WARNING, text + _because(channel)
        for key, (warning, critical), unit in (
            ("depth", DEPTH, "waiting"),
            ("oldest_s", OLDEST_S, "s old"),
            ("parked", PARKED, "parked"),
            ("held", HELD, "held"),
        ):
            number = channel[key] or 0
            if number >= warning:
                level = CRITICAL if number >= critical else WARNING
                yield level, f"{name}: {number} {unit}" + _because(channel)


def _is_retrying(channel: Mapping[str, Any]) -> bool:
    """Whether the head is tried again and again, and nothing else says so yet."""
    oldest_s, is_tried = channel["oldest_s"] or 0, (channel["attempts"] or 0) >= RETRYING_ATTEMPTS
    return is_tried and bool(channel["reason"]) and RETRYING_S <= oldest_s < OLDEST_S[0]


def _because(channel: Mapping[str, Any]) -> str:
    return f" ({channel['reason']})" if channel["reason"] else ""
