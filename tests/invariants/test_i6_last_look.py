"""I6: what is queued or held goes out under today's policy, never wider than it was cut."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

from engine.commit import GroupCommit
from engine.delivery.look import ParkIt, Send, Sight, Withhold
from engine.hl7.wire import Message
from engine.intake.registered import MOST_NAMED
from engine.intake.sealed import about_message
from engine.logs import Log
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.finished.narrower import is_no_wider
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Redecision
from engine.redecision.releases import Releases
from engine.store.memory import MemoryStore
from engine.store.port import Items, NextReleased, Waiting
from engine.store.sealing import Sealer
from tests.support.delivery_rig import BenchClock, Told, at_once
from tests.support.looking import head_of, looked
from tests.support.reference_site import NOW, Reception, reference_site, sample

SITE = reference_site()


class Bench:
    """A store with what `revision-1` of the reference site decided."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.clock = BenchClock()
        self.sealer = Sealer.from_file(folder / "keys", create=True)
        self.store = MemoryStore(self.clock)
        self.reception = Reception(SITE, self.sealer)
        self.commit = GroupCommit(self.store, at_once, self.clock, Told())
        for name in names:
            self.do(self.reception.accept(sample(name)))

    def do(self, operation: Any) -> Any:
        return self.store.execute([operation])[0]

    def releases(self, queued: list[str], log: io.StringIO) -> Releases:
        return Releases(
            self.commit,
            Redecision(self.reception.compiled, self.sealer),
            tuple(SITE.policy.channels),
            clock=self.clock,
            log=Log(log, self.clock),
            queued=queued.append,
        )

    def look(self, policy: CompiledPolicy) -> tuple[Sight, bytes]:
        opened, cut = head_of(self.store, self.sealer, "acme")
        redecision = Redecision(policy, self.sealer)
        look = LastLook("acme", redecision, self.commit, lambda _: cut, lambda: NOW)
        return looked(look, opened, self.clock.turns), cut


def naming_too_many(name: str) -> bytes:
    """A sample with more identifiers than a message may name."""
    pid = next(one for one in sample(name).split(b"\r") if one.startswith(b"PID|"))
    fields = pid.split(b"|")
    fields[3] = b"~".join([fields[3], *(b"%d^^^H" % one for one in range(MOST_NAMED))])
    return sample(name).replace(pid, b"|".join(fields))


def test_an_unchanged_policy_sends_what_was_cut(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "adt-a01")
    sight, cut = bench.look(bench.reception.compiled)
    assert isinstance(sight, Send)
    assert sight.payload == cut


def test_another_revision_that_gives_the_same_bytes_sends_them(tmp_path: Path) -> None:
    sight, cut = Bench(tmp_path, "adt-a01").look(compile_policy(SITE.policy, "revision-2"))
    assert isinstance(sight, Send)
    assert sight.payload == cut


def test_a_message_that_names_more_patients_than_may_be_is_parked_as_that(tmp_path: Path) -> None:
    """It was taken in before there was that limit: a person can mend it, but no key file."""
    bench = Bench(tmp_path)
    bench.do(bench.reception.accept(naming_too_many("adt-a01")))
    sight, _ = bench.look(compile_policy(SITE.policy, "revision-2"))
    assert sight == ParkIt("too-many-identifiers")


def test_a_message_that_does_not_open_or_is_none_is_undecipherable(tmp_path: Path) -> None:
    for folder, opens in (("a", False), ("b", True)):
        bench = Bench(tmp_path / folder)
        accept = bench.reception.accept(sample("adt-a01"))
        about = about_message(accept.receipt)
        sealed = bench.sealer.seal_message(b"no message", about) if opens else b"no blob"
        bench.do(dataclasses.replace(accept, sealed=sealed))
        sight, _ = bench.look(compile_policy(SITE.policy, "revision-2"))
        assert sight == ParkIt("undecipherable")


def test_what_is_disclosed_no_more_is_withheld_with_the_reason(tmp_path: Path) -> None:
    policy = dataclasses.replace(SITE.policy, rules=())
    sight, _ = Bench(tmp_path, "adt-a01").look(compile_policy(policy, "revision-2"))
    assert sight == Withhold("no-rule")


def test_less_is_sent_with_a_note_of_its_own(tmp_path: Path) -> None:
    acme = SITE.policy.channels["acme"]
    ceiling = {name: mask for name, mask in acme.ceiling.items() if name != "DG1"}
    channels = {**SITE.policy.channels, "acme": dataclasses.replace(acme, ceiling=ceiling)}
    policy = dataclasses.replace(SITE.policy, channels=channels)
    sight, cut = Bench(tmp_path, "adt-a01").look(compile_policy(policy, "revision-2"))
    assert isinstance(sight, Send)
    assert b"\rDG1|" in cut
    assert b"\rDG1|" not in sight.payload
    assert sight.note is not None
    assert b"revision-2" in sight.note


def test_a_policy_that_has_widened_widens_nothing_that_is_queued(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    acme = SITE.policy.channels["acme"]
    ceiling = {name: mask for name, mask in acme.ceiling.items() if name != "DG1"}
    channels = {**SITE.policy.channels, "acme": dataclasses.replace(acme, ceiling=ceiling)}
    narrow = dataclasses.replace(SITE.policy, channels=channels)
    reception = Reception(dataclasses.replace(SITE, policy=narrow), bench.sealer)
    bench.do(reception.accept(sample("adt-a01")))
    sight, cut = bench.look(compile_policy(SITE.policy, "revision-2"))
    assert isinstance(sight, Send)
    assert sight.payload == cut
    assert b"\rDG1|" not in cut


def test_more_or_other_is_never_no_wider() -> None:
    old = Message.parse(b"MSH|^~\\&|A|B\rPID|1||7^^^GH\rOBX|2|NM|X||5\r")
    for same in (
        old.raw,
        b"MSH|^~\\&|A|B\rPID|1\rOBX|1|NM\r",
        b"MSH|^~\\&|A|B\rPID|1||7\rOBX|1|NM|||\r",
        b"MSH|^~\\&|A|B\r",
    ):
        assert is_no_wider(Message.parse(same), old)
    for more in (
        b"MSH|^~\\&|A|B\rPID|1||7^^^GH\rOBX|2|NM|X||5\rOBX|3|NM|X||5\r",
        b"MSH#^~\\&#A#B\rPID#1##7\r",
        b"MSH|^~\\&|A|B\rPID|1||8^^^GH\r",
        b"MSH|^~\\&|A|B\rPID|1||7^^^GH|9\r",
        b"MSH|^~\\&|A|B\rOBX|1|NM|X||5\rPID|1||7^^^GH\r",
        b"MSH|^~\\&|A|B\rPID|1||7^^^GH\rNTE|1\r",
    ):
        assert not is_no_wider(Message.parse(more), old)


def test_a_hold_is_queued_once_its_coverage_is_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "adt-a03", "adt-a01")
    assert len(bench.do(Items("acme"))) == 1
    queued: list[str] = []
    releases = bench.releases(queued, io.StringIO())
    releases.wake()
    bench.clock.pump([0.0] * 40)
    assert queued == ["acme", "review-partners"]
    assert bench.do(Items("acme")) == ()
    assert len(bench.do(Waiting("acme"))) == 2
    assert bench.do(NextReleased(10)) == ()


def test_a_hold_that_names_more_patients_than_may_be_is_not_tried_for_ever(tmp_path: Path) -> None:
    """It was taken in before there was that limit: it stays held, and says why."""
    bench = Bench(tmp_path)
    bench.do(bench.reception.accept(naming_too_many("adt-a03")))
    bench.do(bench.reception.accept(sample("adt-a01")))
    before = bench.do(Items("acme"))
    assert [one.reason for one in before] == ["unknown-payer"]
    assert len(bench.do(NextReleased(10))) == 1
    log = io.StringIO()
    releases = bench.releases([], log)
    for _ in range(2):
        releases.wake()
        bench.clock.pump([0.0] * 40)
    assert bench.do(NextReleased(10)) == ()
    after = bench.do(Items("acme"))
    assert [(one.id, one.kind) for one in after] == [(one.id, one.kind) for one in before]
    assert [one.reason for one in after] == ["too-many-identifiers"]
    assert log.getvalue().count("holds_failed") == 1
