"""The log: one JSON object a line, each an event of a closed list, with fields of a closed list.

Law (I7): no value of a message ever reaches a log. A field that is not listed here, or that is no
plain value, is dropped and counted in `dropped`; an error is its type, its stable code and the
place in our own code, never its text, which a library may have made out of a message. What Twisted
and other libraries log comes in through the same gate. docs/reference/events.md has an entry for
each event and field.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping
from enum import Enum
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

from engine.clock import Clock
from engine.errors import EngineError

#: No single value may be longer; names and codes never are.
VALUE_CHARACTERS = 200


class Level(Enum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Event(Enum):
    """Everything that is ever logged."""

    # the processes
    ENGINE_STARTING = "engine_starting"
    ENGINE_READY = "engine_ready"
    ENGINE_DRAINING = "engine_draining"
    ENGINE_STOPPED = "engine_stopped"
    WORKER_STARTED = "worker_started"
    WORKER_ENDED = "worker_ended"
    WORKER_FAILED = "worker_failed"
    ARCHIVER_STARTED = "archiver_started"
    ARCHIVER_ENDED = "archiver_ended"
    ARCHIVER_FAILED = "archiver_failed"
    ARCHIVE_UNAVAILABLE = "archive_unavailable"
    ARCHIVE_BACK = "archive_back"
    ARCHIVE_GAP = "archive_gap"
    ARCHIVE_ERASED = "archive_erased"
    ARCHIVE_QUARANTINED = "archive_quarantined"
    STORE_STARTED = "store_started"
    STORE_ADOPTED = "store_adopted"
    STORE_ENDED = "store_ended"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_BACK = "store_back"
    STORE_FORGOT = "store_forgot"
    STORE_RESTORED = "store_restored"
    DISK_FULL = "disk_full"
    DISK_RESERVED = "disk_reserved"
    SITE_RELOADED = "site_reloaded"
    RELOAD_REFUSED = "reload_refused"
    RUNNING_AS_ROOT = "running_as_root"
    SITE_WARNING = "site_warning"
    # receiving
    LISTENER_HELD = "listener_held"
    LISTENER_RELEASED = "listener_released"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_CLOSED = "connection_closed"
    WIRE_NOTICE = "wire_notice"
    MESSAGE_REFUSED = "message_refused"
    CONTROL_ID_REUSED = "control_id_reused"
    DUPLICATE_RECEIVED = "duplicate_received"
    INTAKE_FAILED = "intake_failed"
    # deciding again
    REGISTRY_CONTRADICTORY = "registry_contradictory"
    REGISTRY_CHANGED = "registry_changed"
    REGISTRY_TOO_LATE = "registry_too_late"
    MERGE_QUESTIONED = "merge_questioned"
    REGISTRY_BACK = "registry_back"
    REGISTRY_REBUILT = "registry_rebuilt"
    REGISTRY_UNSETTLED = "registry_unsettled"
    HOLDS_DECIDED = "holds_decided"
    HOLDS_FAILED = "holds_failed"
    # delivering
    DELIVERY_POSTPONED = "delivery_postponed"
    DELIVERY_PARKED = "delivery_parked"
    DELIVERY_WITHHELD = "delivery_withheld"
    LANE_FAILED = "lane_failed"
    # whatever else
    LIBRARY = "library"
    UNEXPECTED = "unexpected"


#: Events that are more than information.
LEVELS = {
    Event.WORKER_ENDED: Level.ERROR,
    Event.WORKER_FAILED: Level.ERROR,
    Event.ARCHIVER_ENDED: Level.ERROR,
    Event.ARCHIVER_FAILED: Level.ERROR,
    Event.ARCHIVE_UNAVAILABLE: Level.ERROR,
    Event.ARCHIVE_GAP: Level.ERROR,
    Event.ARCHIVE_QUARANTINED: Level.ERROR,
    Event.STORE_ENDED: Level.ERROR,
    Event.STORE_UNAVAILABLE: Level.ERROR,
    Event.STORE_FORGOT: Level.ERROR,
    Event.STORE_RESTORED: Level.ERROR,
    Event.DISK_FULL: Level.ERROR,
    Event.RELOAD_REFUSED: Level.ERROR,
    Event.RUNNING_AS_ROOT: Level.WARNING,
    Event.SITE_WARNING: Level.WARNING,
    Event.LISTENER_HELD: Level.WARNING,
    Event.CONNECTION_REFUSED: Level.WARNING,
    Event.CONNECTION_CLOSED: Level.WARNING,
    Event.WIRE_NOTICE: Level.WARNING,
    Event.MESSAGE_REFUSED: Level.WARNING,
    Event.CONTROL_ID_REUSED: Level.WARNING,
    Event.INTAKE_FAILED: Level.ERROR,
    Event.HOLDS_FAILED: Level.ERROR,
    Event.REGISTRY_CONTRADICTORY: Level.ERROR,
    Event.REGISTRY_TOO_LATE: Level.WARNING,
    Event.MERGE_QUESTIONED: Level.WARNING,
    Event.REGISTRY_UNSETTLED: Level.ERROR,
    Event.DELIVERY_POSTPONED: Level.WARNING,
    Event.DELIVERY_PARKED: Level.ERROR,
    Event.DELIVERY_WITHHELD: Level.WARNING,
    Event.LANE_FAILED: Level.ERROR,
    Event.LIBRARY: Level.WARNING,
    Event.UNEXPECTED: Level.ERROR,
}

#: The only fields that reach a log.
FIELDS = frozenset(
    {
        "at",
        "channel",
        "code",
        "count",
        "engine",
        "error",
        "event",
        "level",
        "listener",
        "namespace",
        "peer",
        "pid",
        "place",
        "reason",
        "receipt",
        "revision",
        "seconds",
        "where",
    }
)


class Log:
    """Writes events to `stream`; the only thing in the engine that does."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._clock = clock
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[self._stamp, only_listed, structlog.processors.JSONRenderer()],
            wrapper_class=structlog.BoundLogger,
            context_class=dict,
            cache_logger_on_first_use=True,
        )

    def __call__(self, event: Event, **fields: object) -> None:
        """Log one event; fields that are not on the list are dropped and counted."""
        level = LEVELS.get(event, Level.INFO)
        getattr(self._logger, level.value)(event.value, level=level.value, **fields)

    def failure(self, event: Event, error: BaseException, **fields: object) -> None:
        """Log an event that an exception caused: its type, code and place, never its text."""
        self(event, **describe(error), **fields)

    def _stamp(
        self, _logger: object, _method: str, fields: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        fields["at"] = self._clock.now().isoformat(timespec="milliseconds")
        return fields


def only_listed(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Keep listed fields with plain values; say in `dropped` how many were not."""
    kept: dict[str, Any] = {}
    dropped = 0
    for name, value in fields.items():
        if name not in FIELDS:
            dropped += 1
        elif isinstance(value, str):
            kept[name] = value[:VALUE_CHARACTERS]
        elif isinstance(value, bool | int | float):
            kept[name] = value
        elif value is not None:
            dropped += 1
    if dropped:
        kept["dropped"] = dropped
    return kept


def describe(error: BaseException) -> dict[str, str]:
    """What may be said of an exception."""
    said = {"error": type(error).__name__}
    if isinstance(error, EngineError):
        said["code"] = error.code
    place = _innermost_of_ours(error.__traceback__)
    if place:
        said["where"] = place
    return said


def _innermost_of_ours(trace: TracebackType | None) -> str:
    """`engine.module:line` of the last frame that is ours, so that a fault can be found."""
    place = ""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.startswith("engine."):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


# --- the gates for what others log ----------------------------------------------------------------


def bridge_libraries(log: Log) -> None:
    """Send what the standard `logging` and the interpreter itself report through `log`."""
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler(log)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)

    def uncaught(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
        log.failure(Event.UNEXPECTED, error)

    def uncaught_in_thread(caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None:
            log.failure(Event.UNEXPECTED, caught.exc_value)

    def unraisable(caught: sys.UnraisableHookArgs) -> None:
        if caught.exc_value is not None:
            log.failure(Event.UNEXPECTED, caught.exc_value)

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
    sys.unraisablehook = unraisable


def bridge_twisted(log: Log) -> None:
    """Send Twisted's warnings and failures through `log`, and nothing else of it anywhere."""
    from twisted.logger import (  # noqa: PLC0415 - only a worker needs Twisted
        ILogObserver,
        LogEvent,
        LogLevel,
        globalLogBeginner,
    )

    loud = {LogLevel.warn, LogLevel.error, LogLevel.critical}

    def observe(event: LogEvent) -> None:
        if event.get("log_level") not in loud:
            return
        failure = event.get("log_failure")
        said = describe(failure.value) if failure is not None else {}
        log(Event.LIBRARY, namespace=event.get("log_namespace"), **said)

    observers = [cast("ILogObserver", observe)]
    globalLogBeginner.beginLoggingTo(observers, discardBuffer=True, redirectStandardIO=False)


class _LibraryHandler(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        said = describe(error) if error is not None else {}
        self._log(Event.LIBRARY, namespace=record.name, **said)
