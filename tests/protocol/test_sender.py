"""The sender on a connection in memory and a clock that is told what time it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from engine.delivery.answers import Answer, Failed, NotSent, Outcome, Unanswered
from engine.mllp.framing import UnframeablePayload, encode
from engine.net.sender import MAX_ANSWER_BYTES, Sender
from tests.protocol.memory import Peer


class Endpoint:
    """Connections that are made when the test says so."""

    def __init__(self) -> None:
        self.attempts: list[tuple[Any, Deferred[Any]]] = []

    def connect(self, factory: Any) -> Deferred[Any]:
        deferred: Deferred[Any] = Deferred()
        self.attempts.append((factory, deferred))
        return deferred

    def accept(self) -> Peer:
        factory, deferred = self.attempts[-1]
        protocol = factory.buildProtocol(None)
        peer = Peer(protocol)
        deferred.callback(protocol)
        return peer

    def refuse(self, failure: Exception) -> None:
        self.attempts[-1][1].errback(failure)


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.outcomes: list[Outcome] = []
        self.sender = Sender(
            "payer.example",
            2575,
            reactor=self.clock,
            connect_timeout_s=10.0,
            ack_timeout_s=30.0,
            endpoint=self.endpoint,
        )

    def send(self, payload: bytes, may_send: bool | None = None) -> Deferred[Outcome]:
        allowed = None if may_send is None else (lambda: may_send)
        return self.sender.send(payload, allowed).addCallback(self._came)

    def _came(self, outcome: Outcome) -> Outcome:
        self.outcomes.append(outcome)
        return outcome

    def connected(self) -> Peer:
        """A sender whose first message was answered."""
        self.send(b"first")
        peer = self.endpoint.accept()
        peer.say(encode(b"ack"))
        assert self.outcomes == [Answer(b"ack")]
        self.outcomes.clear()
        return peer


def test_a_message_is_sent_and_its_answer_handed_back() -> None:
    bench = Bench()
    bench.send(b"MSH|1")
    peer = bench.endpoint.accept()
    assert peer.heard() == encode(b"MSH|1")
    assert bench.outcomes == []
    peer.say(encode(b"ack"))
    assert bench.outcomes == [Answer(b"ack")]
    assert bench.sender.connected
    assert bench.clock.getDelayedCalls() == []


def test_the_connection_is_kept() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.clock.advance(100_000)
    bench.send(b"second")
    peer.say(encode(b"ack2"))
    assert bench.outcomes == [Answer(b"ack2")]
    assert len(bench.endpoint.attempts) == 1


def test_an_answer_may_come_byte_by_byte_with_blanks_around() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    for byte in b"\r\n" + encode(b"ack2") + b"\r\n":
        peer.say(bytes([byte]))
    assert bench.outcomes == [Answer(b"ack2")]
    assert bench.sender.connected
    assert bench.sender.unexpected == 0


def test_one_message_at_a_time() -> None:
    bench = Bench()
    bench.send(b"first")
    with pytest.raises(RuntimeError):
        bench.sender.send(b"second")


def test_the_next_may_be_sent_from_the_callback_of_the_last() -> None:
    bench = Bench()
    peer = bench.connected()

    def send_third(outcome: Outcome) -> Outcome:
        bench.send(b"third")
        return outcome

    bench.send(b"second").addCallback(send_third)
    peer.say(encode(b"ack2"))
    assert peer.heard().endswith(encode(b"second") + encode(b"third"))


def test_what_cannot_be_framed_is_refused_before_anything_happens() -> None:
    bench = Bench()
    with pytest.raises(UnframeablePayload):
        bench.sender.send(b"a\x1c\r\x0bb")
    assert bench.endpoint.attempts == []
    bench.connected()


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (error.ConnectionRefusedError, Failed.REFUSED),
        (error.DNSLookupError, Failed.NAME),
        (error.NoRouteError, Failed.NO_ROUTE),
        (error.TimeoutError, Failed.CONNECT_TIMEOUT),
        (error.ConnectError, Failed.CONNECT),
        (ValueError, Failed.CONNECT),
    ],
)
def test_no_connection_is_certainly_not_sent(
    failure: Callable[[], Exception], reason: Failed
) -> None:
    bench = Bench()
    bench.send(b"first")
    bench.endpoint.refuse(failure())
    assert bench.outcomes == [NotSent(reason)]
    bench.send(b"first")
    bench.endpoint.accept().say(encode(b"ack"))
    assert bench.outcomes[1:] == [Answer(b"ack")]


def test_connecting_takes_no_longer_than_its_timeout() -> None:
    bench = Bench()
    bench.send(b"first")
    bench.clock.advance(10)
    assert bench.outcomes == [NotSent(Failed.CONNECT_TIMEOUT)]
    assert bench.clock.getDelayedCalls() == []


@pytest.mark.parametrize("connected", [False, True])
def test_permission_is_asked_for_directly_before_the_first_byte(connected: bool) -> None:
    """A lane that lost its lease while it connected sends nothing."""
    bench = Bench()
    peer = bench.connected() if connected else None
    bench.send(b"second", may_send=False)
    peer = peer or bench.endpoint.accept()
    assert bench.outcomes == [NotSent(Failed.WITHDRAWN)]
    assert b"second" not in peer.heard()
    bench.send(b"third", may_send=True)
    assert peer.heard().endswith(encode(b"third"))


def test_after_an_ack_timeout_the_socket_is_closed_before_the_resend() -> None:
    """A8: a late answer cannot settle the next message, nor the same one again."""
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    bench.clock.advance(29.9)
    assert not peer.closed()
    bench.clock.advance(0.1)
    assert bench.outcomes == [Unanswered(Failed.ACK_TIMEOUT)]
    assert peer.lost()
    bench.send(b"second")
    assert len(bench.endpoint.attempts) == 2
    fresh = bench.endpoint.accept()
    assert fresh.heard() == encode(b"second")
    fresh.say(encode(b"ack2"))
    assert bench.outcomes[1:] == [Answer(b"ack2")]


def test_a_caller_that_cannot_use_the_answer_drops_the_connection() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.sender.drop()
    assert peer.lost()
    assert not bench.sender.connected
    bench.send(b"second")
    assert bench.endpoint.accept().heard() == encode(b"second")
    bench.sender.drop()
    assert bench.outcomes == [Unanswered(Failed.DROPPED)]


def test_the_old_socket_is_gone_before_a_new_one_opens() -> None:
    """Twisted ends an aborted connection a turn later."""
    bench = Bench()
    peer = bench.connected()
    peer.abort_later()
    bench.sender.drop()
    bench.send(b"second")
    assert len(bench.endpoint.attempts) == 1
    peer.hang_up()
    assert len(bench.endpoint.attempts) == 2
    assert bench.endpoint.accept().heard() == encode(b"second")


@pytest.mark.parametrize(
    "bytes_", [encode(b"late"), b"\x0b", b"x", b"<html>", b"\r\n\x0bMSH", b" x "]
)
def test_bytes_that_nobody_asked_for_close_the_connection(bytes_: bytes) -> None:
    bench = Bench()
    peer = bench.connected()
    peer.say(bytes_)
    assert peer.lost()
    assert bench.sender.unexpected == 1
    bench.send(b"second")
    assert bench.endpoint.accept().heard() == encode(b"second")


@pytest.mark.parametrize("more", [encode(b"other"), b"\x0bMSH", b"OK"])
def test_more_than_one_answer_closes_the_connection_after_the_first(more: bytes) -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    peer.say(encode(b"ack2") + more)
    assert bench.outcomes == [Answer(b"ack2")]
    assert peer.lost()


def test_noise_before_the_answer_is_passed_over() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    peer.say(b"noise")
    peer.say(encode(b"ack2"))
    assert bench.outcomes == [Answer(b"ack2")]
    assert not peer.closed()


def test_an_answer_without_end_is_bounded() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    peer.say(b"\x0b" + b"x" * (MAX_ANSWER_BYTES + 1))
    assert bench.outcomes == [Unanswered(Failed.OVERSIZE)]
    assert peer.lost()


def test_a_connection_that_is_lost_leaves_the_outcome_unknown() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    peer.say(b"\x0bhalf")
    peer.hang_up()
    assert bench.outcomes == [Unanswered(Failed.LOST)]
    assert bench.clock.getDelayedCalls() == []


def test_a_connection_lost_between_messages_is_made_anew() -> None:
    bench = Bench()
    peer = bench.connected()
    peer.hang_up()
    assert not bench.sender.connected
    bench.send(b"second")
    assert bench.endpoint.accept().heard() == encode(b"second")


def test_cancelling_a_message_under_way_is_an_unknown_outcome() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second").cancel()
    assert bench.outcomes == [Unanswered(Failed.DROPPED)]
    assert peer.lost()


def test_cancelling_while_connecting_sends_nothing() -> None:
    bench = Bench()
    bench.send(b"second").cancel()
    assert bench.outcomes == [NotSent(Failed.DROPPED)]


def test_close_between_messages_is_polite() -> None:
    bench = Bench()
    peer = bench.connected()
    closed: list[None] = []
    bench.sender.close().addCallback(closed.append)
    assert peer.lost()
    assert closed == [None]
    assert bench.clock.getDelayedCalls() == []
    bench.send(b"second")
    assert bench.outcomes == [NotSent(Failed.CLOSED)]


def test_close_with_a_message_under_way_leaves_it_unanswered() -> None:
    bench = Bench()
    peer = bench.connected()
    bench.send(b"second")
    bench.sender.close()
    assert bench.outcomes == [Unanswered(Failed.CLOSED)]
    assert peer.lost()


def test_close_while_connecting_sends_nothing() -> None:
    bench = Bench()
    bench.send(b"first")
    bench.sender.close()
    assert bench.outcomes == [NotSent(Failed.CLOSED)]
    assert bench.clock.getDelayedCalls() == []


def test_an_answer_before_all_has_left_is_early_and_ends_the_connection() -> None:
    bench = Bench()
    peer = bench.connected()
    peer.stop_taking()
    bench.send(b"MSH|2")
    peer.say(encode(b"ack"))
    assert bench.outcomes == [Answer(b"ack", early=True)]
    assert peer.lost()
    assert not bench.sender.connected


def test_an_answer_after_all_has_left_is_not_early() -> None:
    bench = Bench()
    peer = bench.connected()
    peer.stop_taking()
    bench.send(b"MSH|2")
    peer.take_all()
    peer.say(encode(b"ack"))
    assert bench.outcomes == [Answer(b"ack")]
    assert bench.sender.connected
    bench.sender.close()
    assert peer.lost()
