"""The demo as it runs: hospital, engine and insurers started, fed, watched and ended.

Law: what is reported is read from the store (`Survey`, as `status` does) and counted by the
insurers themselves; the demo has no count of deliveries of its own. Nothing is left running.
"""

from __future__ import annotations

import json
import pathlib
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.config.model import Site
from engine.demo.arrivals import Kinds, SinkFolder
from engine.demo.board import Arrival, ChannelLine, Snapshot
from engine.demo.feed import Feed
from engine.demo.hospital import Hospital, Sent
from engine.demo.processes import Child
from engine.errors import StoreError
from engine.policy.vocabulary.conditions import MessageType
from engine.store.port import LaneView, Store, Survey, View

#: How long the processes may take to get ready.
_READY_S = 30.0
#: Messages in flight when there is no pace to keep.
_WINDOW = 16
#: Deliveries a second are counted over so many seconds.
_RATE_S = 3.0
#: The latest copies that a board shows, and of how many messages the size is remembered.
_SHOWN = 8
_REMEMBERED = 5000


@dataclass(frozen=True, slots=True)
class Stage:
    """A site's copy, ready to run: where it is, its channels, and the ports of their insurers."""

    site: Site
    folder: pathlib.Path
    ports: Mapping[str, int]

    @property
    def sinks(self) -> pathlib.Path:
        """Where the insurers write what they receive."""
        return self.folder / "insurers"


class Show:
    """One demo. `open_store` opens the store that the engine runs, for reading."""

    def __init__(
        self, stage: Stage, hospital: Hospital, open_store: Callable[[Site], Store]
    ) -> None:
        self._stage = stage
        self._hospital = hospital
        self._open_store = open_store
        self._children: list[Child] = []
        self._store: Store | None = None
        self._began = time.monotonic()
        self._feeds: dict[str, Feed] = {}
        self._folders = {name: SinkFolder(name, stage.sinks / name) for name in stage.ports}
        self._sizes: dict[str, int] = {}
        self._latest: deque[Arrival] = deque(maxlen=_SHOWN)
        self._history: deque[tuple[float, dict[str, int]]] = deque()
        self.acknowledged: Counter[str] = Counter()
        self.kinds = Kinds()
        self.sent = 0
        self.listeners: dict[str, str] = {}

    def start(self) -> None:
        """Start insurers and engine; returns when both are ready. Raises `EngineError`."""
        logs = self._stage.folder / "logs"
        logs.mkdir(exist_ok=True)
        sinks = []
        for channel, number in self._stage.ports.items():
            folder = self._stage.sinks / channel
            arguments = ["sink", "--listen", f"127.0.0.1:{number}", "--out", str(folder)]
            sinks.append(self._child(f"insurer-{channel}", arguments, logs))
        engine = self._child("engine", ["run", "--site", str(self._stage.site.root)], logs)
        for sink in sinks:
            sink.line('"sink_ready"', _READY_S)
        ready = json.loads(engine.line('"engine_ready"', _READY_S))
        self.listeners = ready["listeners"]
        for name, address in self.listeners.items():
            host, _, port = address.rpartition(":")
            self._feeds[name] = Feed(host, int(port), self.acknowledged)
        self._began = time.monotonic()

    def end(self) -> bool:
        """End everything, the engine first; answers whether the engine ended in order."""
        for feed in self._feeds.values():
            feed.close()
        if self._store is not None:
            self._store.close()
        children, self._children = self._children, []
        in_order = [child.end() for child in reversed(children)]
        return all(in_order)

    @property
    def unanswered(self) -> int:
        """How many messages the hospital waits to have acknowledged."""
        return sum(feed.unanswered for feed in self._feeds.values())

    def fill(self, limit: int) -> None:
        """Send until the window is full or `limit` messages were sent in all."""
        while self.sent < limit and self.unanswered < _WINDOW:
            self.send()

    def send(self) -> None:
        """Send the hospital's next message."""
        message = self._hospital.next()
        if len(self._sizes) >= _REMEMBERED:
            self._sizes.pop(next(iter(self._sizes)))
        self._sizes[message.control_id] = message.data.count(b"\r")
        self._feeds[self._listener_for(message)].send(message.data)
        self.sent += 1

    def exchange(self, wait_s: float) -> None:
        """Carry what is to be sent and read answers, for at most `wait_s` seconds."""
        now = time.monotonic()
        for feed in self._feeds.values():
            feed.exchange(now, wait_s / len(self._feeds))

    def look(self) -> Snapshot:
        """How things stand now."""
        now = time.monotonic()
        for folder in self._folders.values():
            for copy in folder.new(self._sizes):
                self._latest.append(copy)
                self.kinds.add(copy)
        view = self._survey()
        lanes = {lane.channel: lane for lane in view.lanes} if view else {}
        rates = self._rates(now, {name: lane.delivered for name, lane in lanes.items()})
        return Snapshot(
            seconds=now - self._began,
            sent=self.sent,
            acknowledged=dict(self.acknowledged),
            channels=tuple(
                self._line(name, lanes.get(name), rates.get(name, 0.0)) for name in self._folders
            ),
            arrivals=tuple(self._latest),
            listeners=self.listeners,
        )

    def _child(self, name: str, arguments: list[str], logs: pathlib.Path) -> Child:
        child = Child(name, arguments, logs)
        self._children.append(child)
        return child

    def _survey(self) -> View | None:
        try:
            if self._store is None:
                self._store = self._open_store(self._stage.site)
            (view,) = self._store.execute([Survey(tuple(self._folders))])
        except StoreError:
            return None
        assert isinstance(view, View)  # noqa: S101 - what a Survey is answered with
        return view

    def _line(self, channel: str, lane: LaneView | None, rate: float) -> ChannelLine:
        received = self._folders[channel].count
        if lane is None:
            return ChannelLine(channel, "unknown", sink_messages=received)
        return ChannelLine(
            channel=channel,
            state=_state(lane),
            depth=lane.depth,
            delivered=lane.delivered,
            parked=lane.parked,
            held=lane.held,
            withheld=lane.withheld,
            duplicates=lane.duplicates,
            sink_messages=received,
            per_second=rate,
            last_ack=lane.last_ack,
        )

    def _rates(self, now: float, delivered: dict[str, int]) -> dict[str, float]:
        self._history.append((now, delivered))
        while now - self._history[0][0] > _RATE_S and len(self._history) > 2:
            self._history.popleft()
        since, earlier = self._history[0]
        passed = max(now - since, 0.001)
        return {name: (count - earlier.get(name, 0)) / passed for name, count in delivered.items()}

    def _listener_for(self, message: Sent) -> str:
        """The first listener that takes messages of this type, else the first of all."""
        code, _, trigger = message.type.partition("^")
        for listener in self._stage.site.listeners:
            admitted = listener.admission.messages
            if not admitted or {MessageType(code), MessageType(code, trigger)} & admitted:
                return listener.name
        return self._stage.site.listeners[0].name


def _state(lane: LaneView) -> str:
    if lane.order is not None:
        return lane.order.value
    if lane.last_error:
        return "retrying"
    return "sending" if lane.depth else "idle"
