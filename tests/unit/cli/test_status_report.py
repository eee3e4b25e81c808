"""What `status` says: every queue, and why it stands."""

from __future__ import annotations

import dataclasses
import json

import pytest

from engine.cli.refused_reload import RefusedReload
from engine.cli.status import as_text
from engine.cli.status_report import StatusReport, status_report, verdict, with_rates
from engine.cli.table import table
from engine.config.operating import operating
from engine.store.port import LaneView, Order, View
from tests.support.reference_site import reference_site

SITE = operating(reference_site())
NOW_MS = 1_772_540_000_000
ENGINE = {
    "state": "running",
    "revision": "abc",
    "pid": 1,
    "listeners": {"adt": {"address": "127.0.0.1:2575", "connections": 2, "received": 40}},
}

EMPTY = LaneView("acme", 0, 0, "", 0, 0, "", None, "", "", 0, 0, 0, 0, 0, 0)


def of(lane: LaneView, *engines: dict[str, object]) -> StatusReport:
    running = engines or (ENGINE,)
    states = tuple((f"e{n}", json.dumps(state).encode()) for n, state in enumerate(running))
    return status_report(SITE, View(states, (lane,), NOW_MS))


def test_the_shape_is_the_contract() -> None:
    lane = dataclasses.replace(
        EMPTY, depth=3, oldest_ms=NOW_MS - 61_000, not_before_ms=NOW_MS + 5000,
        last_error="refused", last_ack="AE", last_ack_ms=NOW_MS - 1000, parked=1, held=2,
        delivered=7,
    )  # fmt: skip
    now = of(lane)
    assert now["engine"] == {"state": "running", "revision": "abc"}
    assert now["store"] == {"reachable": True, "state": "running"}
    assert now["listeners"]["adt"] == {
        "address": "127.0.0.1:2575",
        "connections": 2,
        "received": 40,
    }
    assert now["channels"]["acme"] == {
        "state": "retrying",
        "reason": "refused",
        "depth": 3,
        "oldest_s": 61,
        "parked": 1,
        "held": 2,
        "delivered": 7,
        "attempts": 0,
        "next_attempt": "2026-03-03T12:13:25Z",
        "last_ack": {"code": "AE", "at": "2026-03-03T12:13:19Z"},
    }


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, "idle", None),
        ({"depth": 1}, "queued", None),
        ({"depth": 1, "open_entry": "1-1"}, "sending", None),
        ({"depth": 1, "open_entry": "1-1", "last_error": "ack-timeout"}, "sending", "ack-timeout"),
        ({"depth": 1, "not_before_ms": NOW_MS + 1, "last_error": "x"}, "retrying", "x"),
        ({"depth": 1, "not_before_ms": NOW_MS - 1, "last_error": "x"}, "queued", "x"),
        ({"order": Order.PAUSE, "order_reason": "asked"}, "paused", "asked"),
        ({"order": Order.KILL, "order_reason": "breach", "open_entry": "1-1"}, "killed", "breach"),
    ],
)
def test_a_word_for_what_the_lane_does_and_why(
    changes: dict[str, object], state: str, reason: str | None
) -> None:
    channel = of(dataclasses.replace(EMPTY, **changes))["channels"]["acme"]  # type: ignore[arg-type]
    assert (channel["state"], channel["reason"]) == (state, reason)


def test_without_an_engine_a_queue_stands_because_of_that() -> None:
    now = status_report(SITE, View((), (dataclasses.replace(EMPTY, depth=2),), NOW_MS))
    assert now["engine"]["state"] == "down"
    channel = now["channels"]["acme"]
    assert (channel["state"], channel["reason"], channel["depth"]) == (
        "stopped",
        "no engine runs",
        2,
    )


def test_without_a_store_it_answers_all_the_same() -> None:
    now = status_report(SITE, None)
    assert now["store"] == {"reachable": False, "state": "away"}
    assert set(now["channels"]) == set(SITE.channels)
    assert now["channels"]["acme"]["state"] == "unknown"
    assert "not reachable" in as_text(now, "UTC")
    assert verdict(now)[0] == 2


def test_a_store_that_runs_beside_an_engine_only_is_off_without_one() -> None:
    now = status_report(SITE, None, is_off=True)
    assert now["store"] == {"reachable": False, "state": "off"}
    assert now["channels"]["acme"]["reason"] == "no engine runs"
    text = as_text(now, "UTC")
    assert "store off: it starts with the engine" in text
    assert "not reachable" not in text
    code, line = verdict(now)
    assert (code, line) == (2, "PAYERGATE CRITICAL - no engine runs")


def test_text_has_times_of_the_site_and_the_object_has_utc() -> None:
    now = of(dataclasses.replace(EMPTY, depth=1, not_before_ms=NOW_MS + 5000))
    assert now["channels"]["acme"]["next_attempt"] == "2026-03-03T12:13:25Z"
    assert "2026-03-03T07:13:25-05:00" in as_text(now, "America/New_York")


def test_several_engines_are_added_up() -> None:
    draining = {**ENGINE, "state": "draining", "revision": "old"}
    now = of(EMPTY, ENGINE, draining)
    assert now["engine"] == {"state": "running", "revision": "abc"}
    assert now["listeners"]["adt"]["received"] == 80
    assert of(EMPTY, draining)["engine"]["state"] == "draining"


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({}, 0, "PAYERGATE OK - all channels deliver"),
        ({"depth": 25}, 1, "acme: 25 waiting"),
        ({"depth": 100, "last_error": "refused"}, 2, "acme: 100 waiting (refused)"),
        ({"oldest_ms": NOW_MS - 300_000}, 1, "acme: 300 s old"),
        ({"oldest_ms": NOW_MS - 900_000}, 2, "acme: 900 s old"),
        (
            {"depth": 1, "oldest_ms": NOW_MS - 75_000, "attempts": 3, "last_error": "ack-timeout"},
            1,
            "acme: tried 3 times in 75 s (ack-timeout)",
        ),
        (
            {"depth": 1, "oldest_ms": NOW_MS - 75_000, "attempts": 2, "last_error": "ack-timeout"},
            0,
            "all channels deliver",
        ),
        (
            {"depth": 1, "oldest_ms": NOW_MS - 59_000, "attempts": 9, "last_error": "ack-timeout"},
            0,
            "all channels deliver",
        ),
        ({"parked": 1}, 1, "acme: 1 parked"),
        ({"parked": 10}, 2, "acme: 10 parked"),
        ({"held": 24}, 0, "all channels deliver"),
        ({"held": 25}, 1, "acme: 25 held"),
        ({"held": 250}, 2, "acme: 250 held"),
        ({"order": Order.PAUSE, "order_reason": "asked"}, 1, "acme: paused (asked)"),
        ({"order": Order.KILL}, 1, "acme: killed"),
    ],
)
def test_the_check_speaks_as_monitoring_plug_ins_do(
    changes: dict[str, object], code: int, text: str
) -> None:
    lane = dataclasses.replace(EMPTY, depth=0)
    lane = dataclasses.replace(lane, **changes)  # type: ignore[arg-type]
    if lane.last_error:
        lane = dataclasses.replace(lane, not_before_ms=NOW_MS + 1)
    found, line = verdict(of(lane))
    assert found == code
    assert text in line
    assert f"acme_depth={lane.depth};25;100" in line
    assert "\n" not in line


def test_no_engine_is_critical() -> None:
    assert verdict(status_report(SITE, View((), (EMPTY,), NOW_MS)))[0] == 2


def test_a_table_aligns_numbers_to_the_right_and_shows_what_is_missing() -> None:
    assert table(("A", "N"), [("x", 5), (None, 10)]) == "A   N\nx   5\n-  10"


def test_the_text_says_why() -> None:
    lane = dataclasses.replace(EMPTY, order=Order.KILL, order_reason="breach")
    assert "breach" in as_text(of(lane), "UTC")


def test_a_store_that_must_not_be_used_is_critical_and_said() -> None:
    view = View((("e", json.dumps(ENGINE).encode()),), (EMPTY,), NOW_MS)
    now = status_report(SITE, view, troubles=["store-not-durable: so it is."])
    code, line = verdict(now)
    assert code == 2
    assert "store-not-durable: so it is." in line
    assert "\nstore-not-durable: so it is.\n" in as_text(now, "UTC")


def rated(now: StatusReport, before: StatusReport | None, seconds: float) -> tuple[object, object]:
    with_rates(now, before, seconds)
    return now["listeners"]["adt"]["per_second"], now["channels"]["acme"]["per_second"]


def test_rates_are_what_was_added_since_the_last_look() -> None:
    first = of(dataclasses.replace(EMPTY, delivered=7))
    assert rated(first, None, 0.0) == (None, None)
    came = ENGINE | {"listeners": {"adt": ENGINE["listeners"]["adt"] | {"received": 45}}}  # type: ignore[index]
    second = of(dataclasses.replace(EMPTY, delivered=10), came)
    assert rated(second, first, 2.0) == (2.5, 1.5)
    assert "A SECOND" in as_text(second, "UTC")
    assert "A SECOND" not in as_text(of(EMPTY), "UTC")


def test_there_is_no_rate_while_the_store_is_away_and_none_below_zero() -> None:
    first = of(dataclasses.replace(EMPTY, delivered=7))
    away = status_report(SITE, None)
    assert rated(away, first, 2.0)[1] is None
    back = of(dataclasses.replace(EMPTY, delivered=9))
    assert rated(back, away, 2.0)[1] is None
    restarted = of(EMPTY, ENGINE | {"listeners": {}})
    assert rated(restarted, first, 2.0) == (0.0, 0.0)


def test_files_that_a_reload_refused_are_told_with_their_place_while_an_engine_runs() -> None:
    refused = RefusedReload("2026-03-01T12:00:00Z", "site", "rules/all.yaml:3:1", 2)
    view = View((("e", json.dumps(ENGINE).encode()),), (EMPTY,), NOW_MS)
    now = status_report(SITE, view, refused=refused)
    assert now["reload_refused"] == {
        "at": "2026-03-01T12:00:00Z",
        "code": "site",
        "place": "rules/all.yaml:3:1",
        "problems": 2,
    }
    assert (
        "the files on disk were refused by the reload of 2026-03-01T12:00:00+00:00: site at"
        " rules/all.yaml:3:1 (2 problems); the engine keeps the site that it had"
    ) in as_text(now, "UTC")
    assert verdict(now)[0] == 0  # it does well
    down = status_report(SITE, View((), (EMPTY,), NOW_MS), refused=refused)
    assert down["reload_refused"] is None
    assert "refused" not in as_text(down, "UTC")


def test_what_counts_since_the_start_says_so_and_so_does_what_counts_all() -> None:
    text = as_text(of(dataclasses.replace(EMPTY, delivered=7)), "UTC")
    assert "RECEIVED SINCE START" in text
    assert "DELIVERED IN ALL" in text
