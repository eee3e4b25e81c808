"""The listener on a transport in memory and a clock that is told what time it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from engine.config.model import Address, Limits, Listener
from engine.intake.admission import Admission
from engine.mllp.framing import encode
from engine.net.budget import ByteBudget
from engine.net.connection import LINGER_S, Connection
from engine.net.incoming import MOST_JUNK_BYTES
from engine.net.listener import ListenerFactory
from engine.net.observer import Closed, Notice, Refusal
from engine.net.receive import Source
from tests.protocol.memory import Peer

LIMITS = Limits(message_bytes=1000, in_flight=4, connections=5, per_peer=3)
SETTINGS = Listener("adt", Address("127.0.0.1", 0), limits=LIMITS, close_after_s=20.0)
HEADER = b"MSH|^~\\&|HIS|HOSP|ENG|PAYHUB|2026||ADT^A04|M1|P|2.5.1\r"


class Watcher:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.messages = 0
        self.size_bytes = 0
        self.connected_peers: list[str] = []
        self.closed: list[Closed] = []
        self.refusals: list[Refusal] = []
        self.notices: dict[Notice, int] = {}

    def connected(self, peer: str) -> None:
        self.connected_peers.append(peer)

    def refused(self, peer: str, why: Refusal) -> None:
        self.refusals.append(why)

    def disconnected(self, peer: str, why: Closed) -> None:
        self.closed.append(why)

    def received(self, messages: int, size_bytes: int) -> None:
        self.messages += messages
        self.size_bytes += size_bytes

    def noticed(self, peer: str, what: Notice, count: int) -> None:
        self.notices[what] = self.notices.get(what, 0) + count


class Intake:
    """An intake that answers when it is told to."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.sources: list[Source] = []
        self.waiting: list[Deferred[bytes | None]] = []

    def receive(self, payload: bytes, source: Source) -> Deferred[bytes | None]:
        deferred: Deferred[bytes | None] = Deferred()
        self.payloads.append(payload)
        self.sources.append(source)
        self.waiting.append(deferred)
        return deferred

    def answer(self, number: int, reply: bytes | None) -> None:
        self.waiting[number].callback(reply)


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0


class Bench:
    """A listener, its clock, its intake, and peers."""

    def __init__(
        self,
        settings: Listener = SETTINGS,
        receive: Callable[[bytes, Source], Deferred[bytes | None]] | None = None,
        budget_bytes: int = 1_000_000,
    ) -> None:
        self.clock = Clock()
        self.intake = Intake()
        self.watcher = Watcher()
        self.budget = ByteBudget(budget_bytes)
        self.factory = ListenerFactory(
            settings,
            receive or self.intake.receive,
            self.clock,
            budget=self.budget,
            observer=self.watcher,
            clock=FixedClock(),
        )

    def connect(self, host: str = "10.1.0.1", port: int = 4000, *, deaf: bool = False) -> Peer:
        protocol = self.admit(host, port)
        assert protocol is not None
        return Peer(protocol, deaf=deaf)

    def admit(self, host: str, port: int = 1) -> Connection | None:
        address: Any = (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)
        return self.factory.buildProtocol(address)


def frames(*payloads: bytes) -> bytes:
    return b"".join(encode(payload) for payload in payloads)


def echo(payload: bytes, _source: Source) -> Deferred[bytes | None]:
    return succeed(b"re:" + payload)


# --- replies ---------------------------------------------------------------------------------


def test_messages_reach_the_intake_with_their_source() -> None:
    bench = Bench()
    peer = bench.connect("10.1.0.1", 4000)
    peer.say(frames(b"a", b"b"))
    assert bench.intake.payloads == [b"a", b"b"]
    assert bench.intake.sources == [Source("adt", "10.1.0.1", 4000)] * 2
    assert (bench.watcher.messages, bench.watcher.size_bytes) == (2, 2)
    assert bench.factory.received == 2


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_n_messages_in_any_chunks_get_n_replies_in_order(size: int) -> None:
    """T4: several messages in one read, one message in several."""
    bench = Bench(receive=echo)
    peer = bench.connect()
    stream = frames(*(b"%d" % n for n in range(20)))
    for at in range(0, len(stream), size):
        peer.say(stream[at : at + size])
    assert peer.heard() == frames(*(b"re:%d" % n for n in range(20)))
    assert peer.reads()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_replies_leave_in_arrival_order(order: tuple[int, ...]) -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0", b"1", b"2"))
    known: set[int] = set()
    for number in order:
        bench.intake.answer(number, b"%d" % number)
        known.add(number)
        ready = list(itertools.takewhile(known.__contains__, range(3)))
        assert peer.heard() == frames(*(b"%d" % n for n in ready))


def test_a_reply_that_is_not_wanted_is_not_sent_and_blocks_nothing() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0", b"1"))
    bench.intake.answer(1, b"1")
    bench.intake.answer(0, b"")
    assert peer.heard() == frames(b"1")
    assert peer.reads()


def test_in_flight_is_the_most_that_the_intake_holds() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(*(b"%d" % n for n in range(7))))
    assert bench.intake.payloads == [b"0", b"1", b"2", b"3"]
    assert not peer.reads()
    bench.intake.answer(1, b"r1")
    assert len(bench.intake.payloads) == 4  # its reply waits for the first
    bench.intake.answer(0, b"r0")
    assert bench.intake.payloads[4:] == [b"4", b"5"]
    assert not peer.reads()
    for number in (2, 3, 4):
        bench.intake.answer(number, b"r%d" % number)
    assert bench.intake.payloads[6:] == [b"6"]
    assert peer.reads()
    assert peer.heard() == frames(b"r0", b"r1", b"r2", b"r3", b"r4")


# --- no answer -------------------------------------------------------------------------------


def test_after_a_message_without_answer_nothing_is_answered() -> None:
    """Decision 0005: what came before is answered, nothing after it, then the end."""
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0", b"1", b"2"))
    bench.factory.hold()
    bench.intake.answer(2, b"2")
    bench.intake.answer(1, None)
    assert peer.heard() == b""
    bench.intake.answer(0, b"0")
    assert peer.heard() == frames(b"0")
    assert not peer.reads()
    assert not peer.closed()
    bench.clock.advance(19.9)
    assert not peer.closed()
    bench.clock.advance(0.2)
    assert peer.closed()
    assert bench.watcher.closed == [Closed.UNANSWERED]
    assert bench.budget.used_bytes == 0


def test_a_message_that_nobody_can_be_answered_for_ends_its_connection_at_once() -> None:
    """Only a store that is away may come back; a header that cannot be read stays what it is."""
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0", b"1", b"2"))
    bench.intake.answer(1, None)
    assert not peer.closed(), "what came before is answered first"
    bench.intake.answer(0, b"0")
    assert peer.heard() == frames(b"0")
    assert peer.closed()
    assert bench.watcher.closed == [Closed.UNANSWERED]


def test_what_was_not_handed_over_yet_is_left_to_the_sender() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(*(b"%d" % n for n in range(9))))
    bench.intake.answer(0, None)
    for number in range(1, 4):
        bench.intake.answer(number, b"late")
    assert len(bench.intake.payloads) == 4
    assert peer.heard() == b""
    assert bench.budget.used_bytes == 0


@pytest.mark.parametrize("when", ["raised", "failed", "later"])
def test_an_intake_that_breaks_down_is_no_answer(when: str) -> None:
    later: Deferred[bytes | None] = Deferred()

    def receive(_payload: bytes, _source: Source) -> Deferred[bytes | None]:
        if when == "raised":
            raise ValueError
        return fail(ValueError()) if when == "failed" else later

    bench = Bench(receive=receive)
    peer = bench.connect()
    peer.say(frames(b"0"))
    if when == "later":
        later.errback(ValueError())
    assert peer.heard() == b""
    assert bench.watcher.notices == {Notice.RECEIVE_FAILED: 1}
    bench.clock.advance(20)
    assert bench.watcher.closed == [Closed.UNANSWERED]


def test_a_reply_that_cannot_be_framed_is_no_answer() -> None:
    bench = Bench(receive=lambda _payload, _source: succeed(b"a\x1c\r\x0bb"))
    peer = bench.connect()
    peer.say(frames(b"0"))
    assert peer.heard() == b""
    bench.clock.advance(20)
    assert bench.watcher.closed == [Closed.UNANSWERED]


# --- oversize --------------------------------------------------------------------------------


def test_oversize_is_rejected_after_what_came_before_and_closed() -> None:
    """T6: AR when MSH is readable, then close.

    The rest of the payload is read and forgotten: a socket that is closed over unread bytes takes
    the AR with it.
    """
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0") + b"\x0b" + HEADER + b"x" * 2000)
    peer.say(b"x" * 2000)
    assert peer.heard() == b""
    bench.intake.answer(0, b"r0")
    first, second = peer.heard().split(b"\x1c\r", 1)
    assert first == b"\x0br0"
    assert b"\rMSA|AR|M1\rERR|||104^" in second
    assert peer.told_the_end()
    peer.say(b"x" * 2000 + b"\x1c\r" + frames(b"1"))
    assert bench.intake.payloads == [b"0"]
    assert not peer.closed()
    peer.stop_sending()
    assert bench.watcher.closed == [Closed.OVERSIZE]
    assert bench.watcher.notices == {Notice.OVERSIZE: 1}
    assert bench.budget.used_bytes == 0
    assert bench.clock.getDelayedCalls() == []


def test_a_peer_that_goes_on_after_oversize_is_closed() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(b"\x0b" + HEADER + b"x" * 2000)
    bench.clock.advance(LINGER_S)
    assert bench.watcher.closed == [Closed.OVERSIZE]


def test_oversize_without_a_header_is_closed_without_a_word() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(b"\x0b" + b"x" * 2000)
    assert peer.heard() == b""
    assert peer.told_the_end()


# --- time ------------------------------------------------------------------------------------


def test_a_byte_a_second_meets_the_frame_limit() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(b"\x0b")
    for _ in range(119):
        bench.clock.advance(1)
        peer.say(b"x")
        assert not peer.closed()
    bench.clock.advance(1)
    assert bench.watcher.closed == [Closed.FRAME_TIMEOUT]
    assert bench.watcher.notices == {Notice.ABANDONED_BYTES: 119}


def test_silence_within_a_frame_meets_the_inter_byte_limit() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(b"\x0bMSH")
    bench.clock.advance(14)
    peer.say(b"|")
    bench.clock.advance(14)
    assert not peer.closed()
    bench.clock.advance(1)
    assert bench.watcher.closed == [Closed.INTER_BYTE_TIMEOUT]


def test_each_frame_has_its_own_time() -> None:
    bench = Bench(receive=echo)
    peer = bench.connect()
    peer.say(b"\x0b0")
    for number in range(40):
        bench.clock.advance(10)
        peer.say(b"\x1c\r\x0b%d" % number)
    assert not peer.closed()


def test_a_frame_that_times_out_costs_no_reply_that_is_owed() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0") + b"\x0bMSH")
    bench.clock.advance(15)
    assert not peer.closed()
    assert not peer.reads()
    bench.intake.answer(0, b"r0")
    assert peer.heard() == frames(b"r0")
    assert bench.watcher.closed == [Closed.INTER_BYTE_TIMEOUT]


def test_without_an_idle_limit_a_quiet_connection_stays() -> None:
    bench = Bench()
    peer = bench.connect()
    bench.clock.advance(1_000_000)
    assert not peer.closed()
    assert bench.clock.getDelayedCalls() == []


def test_the_idle_limit_counts_from_the_last_message_or_reply() -> None:
    bench = Bench(replace(SETTINGS, limits=replace(LIMITS, idle_s=60.0)))
    peer = bench.connect()
    bench.clock.advance(59)
    peer.say(frames(b"0"))
    bench.clock.advance(500)  # our time, not the peer's
    assert not peer.closed()
    bench.intake.answer(0, b"r0")
    bench.clock.advance(59)
    peer.say(b"junk is not life")
    assert not peer.closed()
    bench.clock.advance(1)
    assert bench.watcher.closed == [Closed.IDLE]


def test_time_in_which_we_do_not_read_is_not_the_peer_s() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(*(b"%d" % n for n in range(4))) + b"\x0bMSH")
    assert not peer.reads()
    bench.clock.advance(1000)
    bench.intake.answer(0, b"r0")
    assert peer.reads()
    bench.clock.advance(14)
    assert not peer.closed()
    peer.say(b"|")
    bench.clock.advance(15)
    assert bench.watcher.closed == []  # replies are owed
    for number in range(1, 4):
        bench.intake.answer(number, b"r")
    assert bench.watcher.closed == [Closed.INTER_BYTE_TIMEOUT]


def test_a_peer_that_does_not_take_its_replies_is_cut_in_the_end() -> None:
    bench = Bench(receive=echo)
    peer = bench.connect(deaf=True)
    peer.say(frames(b"0") + b"\x0b")
    bench.clock.advance(15)
    assert peer.closed()
    assert not peer.lost()
    bench.clock.advance(LINGER_S)
    assert peer.lost()


# --- admission -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "admitted"),
    [("10.1.2.3", True), ("10.2.0.1", False), ("192.168.0.1", False)],
)
def test_networks_are_checked_before_anything_is_read(host: str, admitted: bool) -> None:
    settings = replace(SETTINGS, admission=Admission(networks=("10.1.0.0/16", "2001:db8::/32")))
    bench = Bench(settings)
    assert (bench.admit(host) is not None) is admitted
    assert bench.watcher.refusals == ([] if admitted else [Refusal.NETWORK])


@pytest.mark.parametrize(
    ("host", "admitted"),
    [("2001:db8::5", True), ("::ffff:10.1.9.9", True), ("fe80::1%eth0", False), ("::1", False)],
)
def test_networks_of_ipv6_and_of_mapped_addresses(host: str, admitted: bool) -> None:
    settings = replace(SETTINGS, admission=Admission(networks=("10.1.0.0/16", "2001:db8::/32")))
    bench = Bench(settings)
    assert (bench.admit(host) is not None) is admitted


def test_one_peer_cannot_take_every_connection_nor_all_more_than_there_are() -> None:
    """T10: total and per-peer limits; refusals are counted."""
    bench = Bench()
    peers = [bench.connect("10.1.0.1") for _ in range(3)]
    assert bench.admit("10.1.0.1") is None
    bench.connect("10.1.0.2")
    bench.connect("10.1.0.2")
    assert bench.admit("10.1.0.3") is None
    assert bench.watcher.refusals == [Refusal.PER_PEER, Refusal.CONNECTIONS]
    peers[0].hang_up()
    assert bench.factory.connections == 4
    assert bench.admit("10.1.0.1") is not None


def _full(stale_s: float = 30.0) -> Bench:
    """A listener for one connection of each peer."""
    return Bench(replace(SETTINGS, limits=replace(LIMITS, per_peer=1, stale_s=stale_s)))


def test_a_peer_that_comes_back_replaces_its_stale_connection() -> None:
    """T9: it was cut off, and we have not noticed yet."""
    bench = _full()
    stale = bench.connect()
    bench.clock.advance(29.9)
    assert bench.admit("10.1.0.1") is None
    bench.clock.advance(0.1)
    fresh = bench.connect()
    assert stale.closed()
    assert bench.watcher.closed == [Closed.REPLACED]
    assert bench.factory.connections == 1
    assert bench.admit("10.1.0.1") is None  # the new one is not stale
    fresh.say(frames(b"0"))
    bench.intake.answer(0, b"re:0")
    assert fresh.heard() == frames(b"re:0")


def test_a_connection_at_work_never_gives_way() -> None:
    bench = _full()
    at_work = bench.connect()
    at_work.say(frames(b"0"))
    bench.clock.advance(1000)
    assert bench.admit("10.1.0.1") is None  # a reply is owed
    bench.intake.answer(0, b"re:0")
    assert bench.admit("10.1.0.1") is None  # it was given just now
    bench.clock.advance(20)
    at_work.say(encode(b"1")[:-1])
    bench.clock.advance(14)
    assert bench.admit("10.1.0.1") is None  # in the middle of a frame
    assert not at_work.closed()


def test_while_nothing_is_read_nobody_is_stale() -> None:
    bench = _full()
    peer = bench.connect()
    bench.factory.hold()
    bench.clock.advance(19)
    bench.factory.release()
    bench.clock.advance(29)
    assert bench.admit("10.1.0.1") is None
    assert not peer.closed()


def test_nobody_gives_way_to_another_peer_nor_where_it_is_switched_off() -> None:
    bench = Bench()
    for number in range(5):
        bench.connect(f"10.1.0.{number}")
    bench.clock.advance(1000)
    assert bench.admit("10.1.0.9") is None
    assert bench.connect("10.1.0.3") is not None  # at the limit of all, in its own place
    assert bench.watcher.closed == [Closed.REPLACED]
    never = _full(stale_s=0)
    never.connect()
    never.clock.advance(1000)
    assert never.admit("10.1.0.1") is None


# --- hold, drain, budget, output -------------------------------------------------------------


def test_a_short_hold_costs_no_connection() -> None:
    bench = Bench(receive=echo)
    peer = bench.connect()
    bench.factory.hold()
    assert not peer.reads()
    late = bench.connect("10.1.0.2")
    assert not late.reads()
    bench.clock.advance(19)
    bench.factory.release()
    assert peer.reads()
    assert late.reads()
    bench.clock.advance(1000)
    assert bench.watcher.closed == []
    peer.say(frames(b"0"))
    assert peer.heard() == frames(b"re:0")


def test_a_long_hold_closes_each_connection_in_its_time() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0"))
    bench.factory.hold()
    bench.factory.hold()
    bench.clock.advance(10)
    late = bench.connect("10.1.0.2")
    bench.clock.advance(10)
    assert peer.closed()
    assert peer.heard() == b""
    assert not late.closed()
    bench.clock.advance(10)
    assert late.closed()
    assert bench.watcher.closed == [Closed.HELD, Closed.HELD]
    bench.intake.answer(0, b"r0")  # stored after all: the resend will be answered
    assert peer.heard() == b""
    bench.factory.release()
    assert bench.budget.used_bytes == 0


def test_replies_that_become_known_during_a_hold_still_leave() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0"))
    bench.factory.hold()
    bench.intake.answer(0, b"r0")
    assert peer.heard() == frames(b"r0")
    assert not peer.reads()


def test_drain_sends_what_is_owed_and_says_when_all_are_gone() -> None:
    bench = Bench()
    idle, busy = bench.connect(), bench.connect()
    busy.say(frames(b"0") + b"\x0bunfinished")
    drained: list[None] = []
    bench.factory.drain().addCallback(drained.append)
    assert idle.closed()
    assert not busy.reads()
    assert bench.admit("10.1.0.1") is None
    assert drained == []
    bench.intake.answer(0, b"r0")
    assert busy.heard() == frames(b"r0")
    assert drained == [None]
    assert bench.watcher.closed == [Closed.DRAINED, Closed.DRAINED]
    assert Bench().factory.drain().called


def test_a_peer_that_closed_its_sending_side_gets_its_replies() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"0"))
    peer.stop_sending()
    assert not peer.closed()
    bench.intake.answer(0, b"r0")
    assert peer.heard() == frames(b"r0")
    assert bench.watcher.closed == [Closed.PEER]


def test_a_peer_that_reads_nothing_is_not_read_from() -> None:
    bench = Bench(receive=echo)
    peer = bench.connect()
    peer.stop_taking()
    assert not peer.reads()
    peer.take_all()
    assert peer.reads()


def test_reading_pauses_at_the_byte_budget_and_resumes_below() -> None:
    settings = replace(SETTINGS, limits=replace(LIMITS, in_flight=100))
    bench = Bench(settings, budget_bytes=250)
    one, other = bench.connect(), bench.connect()
    one.say(frames(b"x" * 100, b"x" * 100))
    assert one.reads()
    other.say(frames(b"y" * 100))
    assert not other.reads()
    assert one.reads()  # it learns at its next read
    one.say(frames(b"x" * 10))
    assert not one.reads()
    bench.intake.answer(0, b"r")
    assert one.reads()
    assert other.reads()


def test_the_budget_does_not_jam_on_unfinished_frames() -> None:
    """Each could finish, together they cannot: one at a time may."""
    bench = Bench(budget_bytes=1000)
    one, other, third = bench.connect(), bench.connect(), bench.connect()
    for peer in (one, other, third):
        peer.say(b"\x0b" + b"x" * 400)
    assert [one.reads(), other.reads(), third.reads()] == [True, True, True]
    one.say(b"x")
    other.say(b"x")
    assert [one.reads(), other.reads(), third.reads()] == [False, False, True]
    third.say(b"xx")
    assert third.reads()
    third.say(b"\x1c\r")
    assert [one.reads(), other.reads(), third.reads()] == [False, False, False]
    bench.intake.answer(0, b"r")
    assert [one.reads(), other.reads(), third.reads()] == [True, True, True]


def test_a_connection_that_goes_away_leaves_its_messages_counted() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"x" * 100) + b"\x0byyy")
    assert bench.budget.used_bytes == 103
    peer.hang_up()
    assert bench.budget.used_bytes == 100
    bench.intake.answer(0, b"r")
    assert bench.budget.used_bytes == 0
    assert peer.heard() == b""
    assert bench.clock.getDelayedCalls() == []


def test_who_sends_only_junk_is_closed_once_it_has_its_replies() -> None:
    bench = Bench()
    peer = bench.connect()
    peer.say(frames(b"1"))
    for _ in range(MOST_JUNK_BYTES // 1024):
        peer.say(b"x\n" * 512)
    assert not peer.closed()
    peer.say(b" ")
    assert not peer.reads()
    bench.intake.answer(0, b"r1")
    assert peer.heard() == frames(b"r1")
    assert peer.closed()
    peer.hang_up()
    assert bench.watcher.closed == [Closed.JUNK]


def test_junk_between_frames_is_forgotten_with_each_frame() -> None:
    bench = Bench(receive=echo)
    peer = bench.connect()
    for number in range(20):
        peer.say(b"x" * 8192 + frames(b"%d" % number))
    assert not peer.closed()


def test_tolerated_faults_are_counted() -> None:
    bench = Bench(receive=echo)
    peer = bench.connect()
    peer.say(b"xx\x0b1\x1c\n\x0b2\x1c\x0b3\x1c\r\n")
    assert peer.heard() == frames(b"re:1", b"re:2", b"re:3")
    assert bench.watcher.notices == {Notice.JUNK_BYTES: 2, Notice.ODD_ENDING: 2}
