"""A worker, put together, and its life.

Law: it receives, decides and delivers. It tells when it listens, drains when it is told to, and
may be killed at any instant: what it acknowledged is in the store, what it did not is still the
hospital's.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from engine.clock import SystemClock
from engine.commit import GroupCommit, StoppedError
from engine.config.model import Delivery, StoreFailureAnswer
from engine.delivery.courier import Courier
from engine.delivery.lane import Lane
from engine.intake.admission import Gate
from engine.intake.receipts import Receipts
from engine.intake.receive import Intake
from engine.intake.recorded import registry_name
from engine.intake.registered import Registered
from engine.intake.sealed import Sealing, about_copy, hash_key
from engine.logs import Event, Log
from engine.net.budget import ByteBudget
from engine.net.listener import ListenerFactory
from engine.net.sender import Sender
from engine.observers import LaneLog, ListenerLog, StoreWatch
from engine.plan import Plan
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.model import State
from engine.redecision.last_look import LastLook
from engine.redecision.redecide import Redecision
from engine.redecision.registry_news import RegistryNews
from engine.redecision.releases import Releases
from engine.store.port import Accept, Beat, KeepForArchive, LaneView, Opened, Result, Store
from engine.store.thread import StoreThread

#: How often the engine's state is published and lanes are looked at, in seconds.
BEAT_S = 0.25

#: How often released holds are looked for unasked, in seconds: another engine may have died.
RELEASES_S = 30.0

#: How long the published state is believed, in milliseconds; many beats.
BEAT_TTL_MS = 5000

#: How long deliveries may settle, and replies leave, when the engine drains, in seconds.
DRAIN_GRACE_S = 10.0

#: Bytes of messages in this process that are not yet answered, over all connections.
BUDGET_BYTES = 64 * 1024 * 1024


class Worker:
    """Everything of one worker process, put together."""

    def __init__(self, plan: Plan, store: Store, sealing: Sealing, reactor: Any, log: Log) -> None:
        site = plan.site
        self._plan = plan
        self._reactor = reactor
        self._log = log
        self._clock = SystemClock()
        self._sealing = sealing
        self._engine_id = f"{site.engine or 'engine'}-{os.getpid()}-{secrets.token_hex(4)}"
        self._thread = StoreThread(reactor.callFromThread)
        watch = StoreWatch(self._store_changed, log, self._clock.monotonic)
        self._commit = GroupCommit(store, self._thread.run, reactor, watch)
        compiled = compile_policy(site.policy, plan.revision, hash_key(sealing))
        self._registered = Registered(sealing)
        self._intake = self._make_intake(compiled)
        self._listeners = self._make_listeners()
        self._ports: list[Any] = []
        redecision = Redecision(compiled, sealing)
        self._couriers = self._make_couriers(compiled, redecision)
        self._channels = tuple(self._couriers)
        self._releases = Releases(
            self._commit,
            redecision,
            self._channels,
            clock=self._clock,
            log=log,
            queued=lambda channel: self._couriers[channel].wake(),
        )
        self._news = RegistryNews(
            self._commit, self._registered, registry_name(sealing), self._releases, log
        )
        self._pulse = LoopingCall(self._look_around)
        self._release_round = LoopingCall(self._news.release_all)
        self._beating = False
        self._draining = False

    # --- its parts ------------------------------------------------------------------------------

    def _make_intake(self, compiled: CompiledPolicy) -> Intake:
        site = self._plan.site
        return Intake(
            compiled=compiled,
            gates={
                listener.name: Gate(listener.admission, site.policy.environment)
                for listener in site.listeners
            },
            answer_while_down=frozenset(
                listener.name
                for listener in site.listeners
                if listener.store_failure is StoreFailureAnswer.NAK
            ),
            commit=self._commit,
            sealing=self._sealing,
            registered=self._registered,
            receipts=Receipts(lambda: time.time_ns() // 1_000_000, secrets.randbits),
            clock=self._clock,
            log=self._log,
            committed=self._committed,
            released=self._look_for_releases,
        )

    def _make_listeners(self) -> dict[str, ListenerFactory]:
        budget = ByteBudget(BUDGET_BYTES)
        return {
            listener.name: ListenerFactory(
                listener,
                self._intake.receive,
                self._reactor,
                budget=budget,
                observer=ListenerLog(listener.name, self._log, self._clock.monotonic),
                clock=self._clock,
            )
            for listener in self._plan.site.listeners
        }

    def _make_couriers(
        self, compiled: CompiledPolicy, redecision: Redecision
    ) -> dict[str, Courier]:
        site = self._plan.site
        look = partial(
            LastLook,
            redecision=redecision,
            commit=self._commit,
            now=self._clock.now,
            taken_back=self._intake.marks.taken_back,
        )
        return {
            channel: self._make_courier(channel, site.deliveries[channel], look)
            for channel in compiled.channels
            if site.policy.channels[channel].state is State.LIVE
        }

    def _make_courier(self, channel: str, delivery: Delivery, look: partial[LastLook]) -> Courier:
        clock = self._clock

        def unseal(opened: Opened) -> bytes:
            about = about_copy(opened.receipt, channel, opened.part)
            return self._sealing.open(opened.sealed, about)

        lane = Lane(channel, self._engine_id, delivery.schedule, clock=clock, uniform=random.random)
        sender = Sender(
            delivery.to.host,
            delivery.to.port,
            reactor=self._reactor,
            connect_timeout_s=delivery.connect_timeout_s,
            ack_timeout_s=delivery.ack_timeout_s,
        )
        return Courier(
            lane,
            self._commit,
            sender,
            look(channel, unseal=unseal),
            timer=self._reactor,
            clock=clock,
            observer=LaneLog(self._log),
        )

    # --- life ---------------------------------------------------------------------------------

    def start(self, listening: Callable[[], object]) -> None:
        """Begin; `listening` is called once the store has answered and connections are taken."""
        archives = bool(self._plan.site.archive.url)
        self._commit.submit(KeepForArchive(archives)).addErrback(self._broke)
        first = self._commit.submit(self._beat())
        first.addCallback(lambda _: self._news.read())
        first.addCallback(lambda _: self._listen(listening)).addErrback(self._cannot_begin)

    def _listen(self, listening: Callable[[], object]) -> None:
        for courier in self._couriers.values():
            courier.start(takeover=self._plan.takeover)
        for bound in self._plan.sockets:
            family = socket.AddressFamily(bound.family)
            factory = self._listeners[bound.listener]
            port = self._reactor.adoptStreamPort(bound.descriptor, family, factory)
            os.close(bound.descriptor)  # the reactor has a duplicate of its own
            self._ports.append(port)
        self._pulse.start(BEAT_S, now=False)
        self._release_round.start(RELEASES_S)
        listening()

    def _cannot_begin(self, failure: Failure) -> None:
        self._broke(failure)
        self._end()

    def drain(self) -> None:
        """Read no more, answer what is committed, settle what is in flight, and end."""
        if self._draining:
            return
        self._draining = True
        if self._release_round.running:
            self._release_round.stop()
        self._reactor.callLater(DRAIN_GRACE_S, self._end)
        quiet: list[Deferred[Any]] = [port.stopListening() for port in self._ports]
        quiet += [factory.drain() for factory in self._listeners.values()]
        quiet += [courier.stop(DRAIN_GRACE_S / 2) for courier in self._couriers.values()]
        DeferredList(quiet, consumeErrors=True).addCallback(self._drained)

    def _drained(self, _: object) -> None:
        if self._pulse.running:
            self._pulse.stop()
        self._commit.stop().addCallback(lambda _: self._end())

    def _end(self) -> None:
        if self._reactor.running:
            self._reactor.stop()

    # --- what its parts tell --------------------------------------------------------------------

    def _store_changed(self, is_down: bool) -> None:
        self._intake.store_is_down = is_down
        for listener in self._plan.site.listeners:
            if listener.store_failure is StoreFailureAnswer.SILENCE:
                factory = self._listeners[listener.name]
                (factory.hold if is_down else factory.release)()
                event = Event.LISTENER_HELD if is_down else Event.LISTENER_RELEASED
                self._log(event, listener=listener.name)

    def _committed(self, accept: Accept) -> None:
        for channel in {copy.channel for copy in accept.copies}:
            self._couriers[channel].wake()

    def _look_for_releases(self) -> None:
        self._releases.wake()

    def _stopped(self, failure: Failure) -> None:
        if not isinstance(failure.value, StoppedError):
            self._broke(failure)

    def _broke(self, failure: Failure) -> None:
        if failure.value is not None:
            self._log.failure(Event.UNEXPECTED, failure.value)

    # --- the beat -------------------------------------------------------------------------------

    def _look_around(self) -> None:
        """Publish this engine's state, and let every courier see how its lane stands."""
        if self._beating:  # the store is slow or away; one beat at a time
            return
        self._beating = True
        beaten = self._commit.submit(self._beat()).addCallback(self._seen)
        beaten.addCallback(lambda _: self._news.read())
        beaten.addErrback(self._stopped).addCallback(self._beaten)

    def _beat(self) -> Beat:
        return Beat(self._engine_id, self._state(), BEAT_TTL_MS, self._channels)

    def _seen(self, result: Result) -> None:
        for view in cast("tuple[LaneView, ...]", result):
            self._couriers[view.channel].observe(view)

    def _beaten(self, _: object) -> None:
        self._beating = False

    def _state(self) -> bytes:
        """What `status` shows of this engine; no PHI."""
        listeners = {
            bound.listener: {
                "address": bound.address,
                "connections": self._listeners[bound.listener].connections,
                "received": self._listeners[bound.listener].received,
            }
            for bound in self._plan.sockets
        }
        state = "draining" if self._draining else "running"
        said: dict[str, Any] = {"state": state, "revision": self._plan.revision, "pid": os.getpid()}
        said["registry"] = self._registered.version
        return json.dumps({**said, "listeners": listeners}).encode()
