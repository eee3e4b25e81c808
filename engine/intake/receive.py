"""From a received payload to its acknowledgment.

Laws: no positive acknowledgment before the message is durable (I1), and no message without an
answer or an event. Messages of one connection are decided in order of arrival, all messages in
order of commits. An acknowledgment is made from the receipt that stands and the message alone, so
that a repeated message is answered as the first time, byte for byte.

    payload ──► fault? ──► facts ──► decide ──► seal ──► GroupCommit ──► AA (CA)
                  │          └ Recall, if this process does not know them ◄─┤ stale
                  └──► AR, AE                 never before ─────────────────┘
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from engine.ack.codes import ANSWERS, AckCode, Fault
from engine.clock import Clock
from engine.commit import StoppedError
from engine.errors import NotHL7Error
from engine.hl7.envelope import is_batch
from engine.hl7.wire import Message
from engine.intake.acceptance import Acceptances
from engine.intake.admission import Gate
from engine.intake.arrival import Arrival, Source
from engine.intake.asking import NOTHING_DISCLOSED, Asking, Committer, Recalled
from engine.intake.coverages import KnownCoverages, Teachings
from engine.intake.disclosed import Followed, Marks, followed
from engine.intake.entering import Entries
from engine.intake.receipts import Receipts
from engine.intake.registered import Known, PatientNames, Registered, facts_of
from engine.intake.replies import answer_to, refuse_payload
from engine.intake.sealed import Sealing
from engine.intake.submitted import Submitted
from engine.logs import Event, Log, describe
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.privacy.coverage import coverage_keys, learn, needs_coverage
from engine.privacy.facts import Disclosed
from engine.privacy.renumbered import carried_over
from engine.store.keyfile import KeysAwayError
from engine.store.port import Accept, Accepted


class Intake:
    """Receives. `answer_while_down`: listeners that answer AE instead of silence (config.md).

    `committed` is told of every new message once it is durable, `released` when held messages of
    others can be decided again.
    """

    def __init__(
        self,
        *,
        compiled: CompiledPolicy,
        gates: Mapping[str, Gate],
        answer_while_down: frozenset[str],
        commit: Committer,
        sealing: Sealing,
        registered: Registered | None = None,
        receipts: Receipts,
        clock: Clock,
        log: Log,
        committed: Callable[[Accept], object],
        released: Callable[[], object],
    ) -> None:
        self._compiled = compiled
        self._gates = gates
        self._answer_while_down = answer_while_down
        self._commit = commit
        self._sealing = sealing
        self._receipts = receipts
        self._clock = clock
        self._log = log
        self._committed = committed
        self._released = released
        self._acceptances = Acceptances(compiled, sealing)
        self._known = KnownCoverages(clock.monotonic)
        self._names = PatientNames(sealing)
        self._registered = Registered(sealing) if registered is None else registered
        self._entries = Entries(compiled, sealing)
        self._asking = Asking(
            commit=commit,
            sealing=sealing,
            coverages=self._known,
            registered=self._registered,
            entries=self._entries,
            clock=clock,
        )
        self._units = compiled.policy.units
        self.marks = Marks(compiled, sealing)
        self._teachings = Teachings()
        self._behind: dict[Source, deque[tuple[bytes, Deferred[bytes | None]]]] = {}
        self.store_is_down = False

    def receive(self, payload: bytes, source: Source) -> Deferred[bytes | None]:
        """Take one payload; fires with the unframed answer.

        `b""`: taken, and no answer is wanted. None: there is no answer, and none to what follows on
        this connection.
        """
        waiting = self._behind.get(source)
        if waiting is None:
            return self._take(payload, source)
        answer: Deferred[bytes | None] = Deferred()
        waiting.append((payload, answer))
        return answer

    def _take(self, payload: bytes, source: Source) -> Deferred[bytes | None]:
        receipt = self._receipts.next()
        if is_batch(payload):
            return succeed(self._refuse_payload(payload, receipt, source, Fault.BATCH))
        try:
            arrival = Arrival(receipt, source, Message.parse(payload))
        except NotHL7Error:
            return succeed(self._refuse_payload(payload, receipt, source, Fault.UNREADABLE))
        message = arrival.message
        try:
            fault = self._gates[source.listener].fault(message)
            if fault is None and self.store_is_down and source.listener in self._answer_while_down:
                fault = Fault.STORE_DOWN
            if fault is not None:
                return succeed(self._refuse(arrival, fault))
            keys = coverage_keys(message) if needs_coverage(message, self._compiled) else ()
            cancel = followed(message, self._compiled, self._sealing)
            patients = self._names.of(message)
            said = self._entries.said(message, receipt)
            patients += self._entries.named(said, patients)
        except Exception as error:  # noqa: BLE001 - one bad message must not end its connection
            return succeed(self._fail(arrival, error))
        arrival = Arrival(receipt, source, message, patients, keys, said)
        if (
            self._registered.concerns(patients)
            or cancel is not None
            or self._known.missing(arrival.coverage)
        ):
            return self._recall(arrival, cancel)
        return self._decide(arrival, self._registered.nothing(patients))

    # --- facts --------------------------------------------------------------------------------

    def _recall(self, arrival: Arrival, cancel: Followed | None) -> Deferred[bytes | None]:
        """Ask the store; what this connection sends meanwhile waits behind."""
        source = arrival.source
        self._behind[source] = deque()

        def recalled(found: Recalled) -> Deferred[bytes | None]:
            answer = self._decide(*found)
            self._let_follow(source)
            return answer

        def failed(failure: Failure) -> bytes | None:
            answer = self._not_stored(failure, arrival)
            self._let_follow(source)
            return answer

        asked = Deferred.fromCoroutine(self._asking.ask(arrival, cancel))
        return asked.addCallbacks(recalled, failed)

    def _let_follow(self, source: Source) -> None:
        """Take what waited behind a recall, up to the next message that needs one."""
        waiting = self._behind.pop(source)
        while waiting:
            payload, answer = waiting.popleft()
            self._take(payload, source).chainDeferred(answer)
            again = self._behind.get(source)
            if again is not None:
                again.extend(waiting)
                return

    # --- the decision -------------------------------------------------------------------------

    def _decide(
        self,
        arrival: Arrival,
        known: Known,
        disclosed: frozenset[Disclosed] = NOTHING_DISCLOSED,
    ) -> Deferred[bytes | None]:
        message, said = arrival.message, arrival.said
        try:
            coverages = self._known.look_up(arrival.coverage)
            facts = facts_of(known, self._clock.now(), coverages, disclosed, self._units)
            outcomes = decide(message, self._compiled, facts)
            changes = self._entries.changes(said, known, message, arrival.receipt)
            taught = (
                {} if said is None else carried_over(said.moves, coverages, known.rights.persons)
            )
            taught |= learn(message, self._compiled.identify)
            accept = self._acceptances.accept(
                receipt=arrival.receipt,
                listener=arrival.source.listener,
                message=message,
                outcomes=outcomes,
                asked=arrival.keys,
                taught=taught,
                footing=known.footing,
                patients=arrival.patients,
                enters=changes.enters,
            )
            accept, marks = self.marks.with_marks(accept, message)
        except Exception as error:  # noqa: BLE001 - as above
            return succeed(self._fail(arrival, error))
        if taught and self._teachings.are_new(accept):
            self._known.learned(taught)
        else:
            taught = {}
        given = (Submitted(arrival, accept, taught, marks, disclosed, changes),)
        return self._commit.submit(accept).addCallbacks(
            self._accepted, self._not_accepted, callbackArgs=given, errbackArgs=given
        )

    # --- the answer ---------------------------------------------------------------------------

    def _accepted(self, accepted: Accepted, given: Submitted) -> bytes | Deferred[bytes | None]:
        """It is durable: only now may anybody be told."""
        arrival, accept = given.arrival, given.accept
        listener = arrival.source.listener
        if accepted.stale:
            self._undo(given)
            return self._again(given)
        if accepted.duplicate:
            self._known.refused(given.taught)
            self.marks.forget(given.marks)
            self._log(Event.DUPLICATE_RECEIVED, listener=listener, receipt=accepted.receipt)
        else:
            self._known.committed(given.taught)
            self._committed(accept)
            self._tell_changes(given, accepted.open_attempts)
        if accepted.reused_id:
            self._log(Event.CONTROL_ID_REUSED, listener=listener, receipt=accept.receipt)
        if accepted.released:
            self._released()
        return answer_to(arrival.message, AckCode.AA, accepted.receipt)

    def _tell_changes(self, given: Submitted, open_attempts: int) -> None:
        receipt, changes = given.accept.receipt, given.changes
        if changes.enters:
            self._log(Event.REGISTRY_CHANGED, receipt=receipt, count=len(changes.enters))
        if open_attempts:
            self._log(Event.REGISTRY_TOO_LATE, receipt=receipt, count=open_attempts)
        if changes.questions:
            self._log(Event.MERGE_QUESTIONED, receipt=receipt)

    def _again(self, given: Submitted) -> Deferred[bytes | None]:
        """The registry has changed under the decision, and nothing was stored: decide anew."""
        arrival = given.arrival

        def recalled(found: Recalled) -> Deferred[bytes | None]:
            again, known, _ = found
            return self._decide(again, known, given.disclosed)

        asked = Deferred.fromCoroutine(self._asking.ask(arrival, None))
        return asked.addCallbacks(recalled, self._not_stored, errbackArgs=(arrival,))

    def _not_accepted(self, failure: Failure, given: Submitted) -> bytes | None:
        self._undo(given)
        return self._not_stored(failure, given.arrival)

    def _undo(self, given: Submitted) -> None:
        """It was not stored after all, and taught nobody anything."""
        self._known.refused(given.taught)
        self.marks.forget(given.marks)
        self._teachings.forget(given.accept)

    def _not_stored(self, failure: Failure, arrival: Arrival) -> bytes | None:
        """Silence while the engine stops; otherwise the store refused this very message."""
        if isinstance(failure.value, StoppedError):
            return None
        return self._fail(arrival, failure.value)

    def _refuse(self, arrival: Arrival, fault: Fault) -> bytes:
        listener = arrival.source.listener
        self._log(
            Event.MESSAGE_REFUSED, listener=listener, receipt=arrival.receipt, code=fault.value
        )
        return answer_to(arrival.message, ANSWERS[fault].code, arrival.receipt, fault)

    def _refuse_payload(
        self, payload: bytes, receipt: str, source: Source, fault: Fault
    ) -> bytes | None:
        listener = source.listener
        self._log(Event.MESSAGE_REFUSED, listener=listener, receipt=receipt, code=fault.value)
        return refuse_payload(payload, receipt, fault)

    def _fail(self, arrival: Arrival, error: BaseException | None) -> bytes | None:
        said = {} if error is None else describe(error)
        listener = arrival.source.listener
        self._log(Event.INTAKE_FAILED, listener=listener, receipt=arrival.receipt, **said)
        if isinstance(error, KeysAwayError):
            return None  # it cannot be sealed or decided now: it stays the hospital's
        fault = Fault.APPLICATION_ERROR
        return answer_to(arrival.message, ANSWERS[fault].code, arrival.receipt, fault)
