"""What every store must do for the privacy registry (engine/store/port)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from engine.store import keys
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.memory import MemoryStore
from engine.store.port import (
    Accept,
    Changed,
    Claim,
    Claimed,
    Enter,
    Entered,
    Entering,
    Footing,
    Hold,
    Item,
    Items,
    News,
    NextReleased,
    OpenAttempt,
    Opened,
    Postpone,
    ReadLedger,
    Rebuild,
    Recall,
    Release,
    Resolve,
    Snapshot,
    Store,
    Survey,
    Trust,
)
from tests.support.store_samples import LEASE_MS, advance, copy, do, message, opened

ANN, BOB = b"a" * 16, b"\0" * 15 + b" "


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Each store in turn, empty."""
    if request.param == "memory":
        yield MemoryStore()
        return
    yield request.getfixturevalue("redis_store")


def enter(store: Store, patient: bytes, expects: int = 0, name: str = "1") -> Entered:
    record = json.dumps({"name": name}).encode()
    change = Enter(patient, expects, b"sealed " + name.encode(), record, ("acme", "beta"))
    answer = do(store, change)
    assert isinstance(answer, Entered)
    assert do(store, change) == answer or not answer.version
    return answer


def ledger(store: Store) -> list[bytes]:
    return [record for _, record in cast("tuple[tuple[str, bytes], ...]", do(store, ReadLedger()))]


def about(accept: Accept, version: int, *patients: bytes, until_ms: int = 0) -> Accept:
    return replace(accept, footing=Footing(version, patients, until_ms))


def head(store: Store, fence: int = 1, channel: str = "acme") -> Opened:
    claimed = do(store, Claim(channel, f"engine-{fence}", LEASE_MS, takeover=True))
    assert isinstance(claimed, Claimed)
    return opened(do(store, advance(channel, claimed.fence, 1)))


def test_a_change_counts_the_registry_up_and_is_recorded_once(store: Store) -> None:
    assert enter(store, ANN) == Entered(1)
    assert enter(store, BOB, name="2") == Entered(2)
    assert enter(store, ANN, 1, name="3") == Entered(3)
    said = [json.loads(record) for record in ledger(store)]
    assert [(one["version"], one["name"]) for one in said] == [(1, "1"), (2, "2"), (3, "3")]
    assert do(store, News(0)) == Changed(((BOB, 2), (ANN, 3)), 3)
    assert do(store, News(2)) == Changed(((ANN, 3),), 3)
    assert do(store, News(0, limit=1)) == Changed(((BOB, 2),), 3)
    assert do(store, News(3)) == Changed((), 3)


def test_who_expected_another_version_changes_nothing(store: Store) -> None:
    enter(store, ANN)
    assert enter(store, ANN, name="2") == Entered(0)
    assert enter(store, ANN, 7, name="3") == Entered(0)
    assert do(store, Recall((), (ANN, BOB))) == (b"1 sealed 1", None)


def test_what_is_known_of_patients_follows_what_was_learned(store: Store) -> None:
    enter(store, BOB)
    do(store, message("R1", "acme", learned=[(b"key", b"learned")]))
    do(store, about(message("R2", "acme", learned=[(b"key", b"learned")]), 1))
    assert do(store, Recall((b"key", b"no"), (ANN, BOB))) == (b"learned", None, None, b"1 sealed 1")


def test_what_was_decided_on_stale_facts_is_not_stored(store: Store) -> None:
    enter(store, ANN)
    stale = about(message("R1", "acme"), 0, ANN)
    answer = do(store, stale)
    assert answer.stale  # type: ignore[union-attr]
    assert do(store, Survey(("acme",))).lanes[0].depth == 0  # type: ignore[union-attr]
    again = do(store, about(stale, 1, ANN))
    assert not again.stale  # type: ignore[union-attr]
    assert do(store, stale) == again


@pytest.mark.parametrize(
    ("footing", "is_stale"),
    [
        (Footing(0, (BOB,)), False),
        (Footing(1, (ANN,)), False),
        (Footing(0, (BOB, ANN)), True),
        (Footing(2, (BOB,)), True),  # of a registry that this store has lost
        (Footing(), True),
    ],
)
def test_only_what_concerns_a_message_makes_it_stale(
    store: Store, footing: Footing, is_stale: bool
) -> None:
    enter(store, ANN)
    answer = do(store, replace(message("R1", "acme"), footing=footing))
    assert answer.stale is is_stale  # type: ignore[union-attr]


def test_an_attempt_tells_that_the_facts_have_changed_since_the_cut(store: Store) -> None:
    do(store, about(message("R1", "acme"), 0, ANN))
    first = head(store)
    assert not first.stale
    enter(store, BOB)
    assert not head(store, 2).stale
    enter(store, ANN, name="2")
    third = head(store, 3)
    assert third.stale
    assert do(store, advance("acme", 3, 1)) == third


def test_an_attempt_tells_that_the_facts_have_run_out(store: Store) -> None:
    do(store, about(message("R1", "acme"), 0, ANN, until_ms=1))
    assert head(store).stale


def test_a_change_lists_the_attempts_that_are_open(store: Store) -> None:
    do(store, about(message("R1", "acme", "beta"), 0, ANN, BOB))
    attempt = head(store)
    (found,) = enter(store, BOB).open
    assert found == OpenAttempt("acme", attempt.entry, "R1", found.since_ms)
    assert found.since_ms > 0
    assert enter(store, b"c" * 16, name="2").open == ()
    do(store, advance("acme", 1, 2, Postpone(attempt.entry, 60_000, "refused", unknown=False)))
    assert enter(store, ANN, name="3").open == ()
    records = [json.loads(record) for record in ledger(store)]
    changes = [(one["version"], one.get("open")) for one in records if "version" in one]
    assert changes == [(1, [["acme", attempt.entry, "R1"]]), (2, None), (3, None)]


def test_an_open_attempt_on_nobody_knows_whom_is_listed(store: Store) -> None:
    do(store, message("R1", "acme"))
    head(store)
    assert len(enter(store, ANN).open) == 1


def test_a_change_releases_what_waits_for_the_patient(store: Store) -> None:
    held = message("R1", holds=[Hold("acme", "ambiguous-restriction", (ANN,))])
    do(store, about(held, 0, ANN))
    enter(store, BOB)
    assert do(store, NextReleased(10)) == ()
    enter(store, ANN, name="2")
    assert do(store, NextReleased(10)) == ("R1",)


def test_one_key_can_be_released_by_itself(store: Store) -> None:
    do(store, about(message("R1", holds=[Hold("acme", "facts-unavailable", (BOB,))]), 0, ANN))
    assert do(store, Release(ANN)) == ()
    assert do(store, Release(BOB)) == ("R1",)
    assert do(store, NextReleased(10)) == ("R1",)


def test_a_hold_that_is_put_back_on_stale_facts_is_released_again(store: Store) -> None:
    hold = Hold("acme", "ambiguous-restriction", (ANN,))
    do(store, about(message("R1", holds=[hold]), 0, ANN))
    enter(store, ANN)
    do(store, NextReleased(10))
    (item,) = do(store, Items("acme"))  # type: ignore[misc]
    again = Resolve("acme", item.id, b"again", hold=hold, forget_release="R1")  # type: ignore[union-attr]
    do(store, replace(again, footing=Footing(1, (ANN,))))
    assert do(store, NextReleased(10)) == ()
    do(store, replace(again, record=b"stale", footing=Footing(0, (ANN,))))
    assert do(store, NextReleased(10)) == ("R1",)


def test_copies_that_were_decided_again_have_their_footing(store: Store) -> None:
    do(store, about(message("R1", holds=[Hold("acme", "leak", ())]), 0, ANN))
    (item,) = do(store, Items("acme"))  # type: ignore[misc]
    enter(store, ANN)
    resolve = Resolve("acme", item.id, b"go", copies=(copy("acme"),))  # type: ignore[union-attr]
    do(store, replace(resolve, footing=Footing(1, (ANN,))))
    assert not head(store).stale
    enter(store, ANN, 1, name="2")
    assert head(store, 2).stale


def entering(accept: Accept, version: int, *patients: bytes) -> Accept:
    """A message that changes what is held of everybody it is about."""
    by = b"by " + accept.receipt.encode()
    enters = tuple(Entering(one, by, b'{"of":"%b"}' % one[:1].hex().encode()) for one in patients)
    return replace(about(accept, version, *patients), enters=enters)


def test_a_message_changes_the_registry_in_one_step_with_its_acceptance(store: Store) -> None:
    enter(store, ANN)
    merge = entering(message("r1"), 1, ANN, BOB)
    answer = do(store, merge)
    assert answer == do(store, merge)
    assert do(store, Recall((), (ANN, BOB))) == (b"2 by r1", b"3 by r1")
    assert do(store, News(1)) == Changed(((ANN, 2), (BOB, 3)), 3)
    records = [one[1] for one in do(store, ReadLedger())]  # type: ignore[union-attr, index]
    assert records[1:] == [
        b'{"version":2,"of":"61"}', b'{"version":3,"of":"00"}', merge.record,
    ]  # fmt: skip


def test_a_message_that_is_stale_changes_nothing(store: Store) -> None:
    enter(store, ANN)
    assert do(store, entering(message("r1"), 0, ANN)).stale  # type: ignore[union-attr]
    assert do(store, Recall((), (ANN,))) == (b"1 sealed 1",)


def test_who_follows_in_the_same_step_is_stale_unless_it_is_about_others(store: Store) -> None:
    batch = [
        entering(message("r1"), 0, ANN),
        about(message("r2"), 0, ANN),
        about(message("r3"), 0, BOB),
        entering(message("r4"), 0, BOB),
        entering(message("r5"), 0, BOB),
    ]
    stale = [one.stale for one in store.execute(batch)]  # type: ignore[union-attr]
    assert stale == [False, True, False, False, True]
    assert do(store, News(0)) == Changed(((ANN, 1), (BOB, 2)), 2)


def test_a_message_releases_who_waits_for_what_it_changes(store: Store) -> None:
    held = message("r1", holds=(Hold("acme", "ambiguous-restriction", (ANN,)),))
    do(store, about(held, 0, ANN))
    assert do(store, entering(message("r2"), 0, ANN)).released == ("r1",)  # type: ignore[union-attr]
    assert do(store, NextReleased(9)) == ("r1",)


def test_a_message_that_changes_notes_the_attempts_that_are_open(store: Store) -> None:
    """For each whom it changes, of the channels that it watches, alpha's and beta's lanes apart."""
    do(store, about(message("r1", "acme", "beta"), 0, ANN))
    attempt, other = head(store), head(store, channel="beta")
    merge = replace(entering(message("r2"), 0, ANN, BOB), watches=("gamma", "acme", "beta"))
    third = replace(entering(message("r3"), 0, b"c" * 16), watches=("acme",))
    answers = store.execute([merge, third])
    assert [one.open_attempts for one in answers] == [2, 0]  # type: ignore[union-attr]
    records = [json.loads(record) for record in ledger(store)]
    open_ = [["acme", attempt.entry, "r1"], ["beta", other.entry, "r1"]]
    changes = [(one["version"], one.get("open")) for one in records if "version" in one]
    assert changes == [(1, open_), (2, None), (3, None)]
    assert do(store, merge) == answers[0]


def test_a_message_changes_nobody_whom_its_decision_does_not_rest_on() -> None:
    with pytest.raises(ValueError, match="rests on"):
        replace(message("r1"), enters=(Entering(ANN, b"", b""),))


def lose(store: Store, server: EmbeddedServer, doubt: bytes = b"{}") -> None:
    """Have the registry doubted."""
    if isinstance(store, MemoryStore):
        store.registry.doubt = doubt
        return
    client = connect(server.url)
    client.hset(keys.META, "registry", doubt)
    client.close()


def test_a_doubted_registry_answers_nobody_and_is_not_changed(
    store: Store, server: EmbeddedServer
) -> None:
    do(store, message("R0", "acme", learned=[(b"key", b"learned")]))
    enter(store, ANN)
    lose(store, server, b"why")
    assert do(store, Recall((b"key",), (ANN, BOB))) == (b"learned", b"", b"")
    assert do(store, News(1)) == Changed((), 1, b"why")
    assert enter(store, BOB, name="2") == Entered(0)
    assert enter(store, ANN, 1, name="3") == Entered(0)


def test_nothing_is_decided_of_anybody_on_a_doubted_registry(
    store: Store, server: EmbeddedServer
) -> None:
    do(store, about(message("R1", "acme"), 0, ANN))
    lose(store, server)
    assert head(store).stale
    assert do(store, about(message("R2", "acme"), 0, ANN)).stale  # type: ignore[union-attr]
    held = message("R3", holds=[Hold("acme", "facts-unavailable", (BOB,))])
    assert not do(store, about(held, 0)).stale  # type: ignore[union-attr]
    (item,) = cast("tuple[Item, ...]", do(store, Items("acme")))
    again = Resolve("acme", item.id, b"{}", hold=Hold("acme", "no", (BOB,)), footing=Footing(0))
    do(store, again)
    assert do(store, NextReleased(9)) == ()


def test_what_is_put_back_takes_the_place_of_what_is_older(
    store: Store, server: EmbeddedServer
) -> None:
    enter(store, ANN)
    assert do(store, Rebuild((Snapshot(BOB, 7, b"late"),))) == -1
    assert do(store, Trust(b'{"kind":"none"}')) is False
    lose(store, server)
    back = (Snapshot(ANN, 1, b"no"), Snapshot(BOB, 4, b"four"), Snapshot(ANN, 5, b"five"))
    assert do(store, Rebuild(back, b"found")) == 2
    assert do(store, Rebuild(back)) == 0
    assert do(store, News(0)) == Changed(((BOB, 4), (ANN, 5)), 5, b"found")
    assert do(store, Trust(b'{"kind":"over"}')) is True
    assert do(store, Trust(b'{"kind":"over"}')) is False
    assert do(store, Recall((), (ANN, BOB))) == (b"5 five", b"4 four")
    assert enter(store, ANN, 5, name="2") == Entered(6)
    assert ledger(store)[1] == b'{"kind":"over"}'


def test_no_two_patients_have_one_version(store: Store, server: EmbeddedServer) -> None:
    enter(store, ANN)
    lose(store, server)
    do(store, Rebuild((Snapshot(BOB, 1, b"old"),)))
    assert do(store, News(0)).patients == ((ANN, 1), (BOB, 2))  # type: ignore[union-attr]
