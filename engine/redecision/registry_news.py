"""This process learns what was changed of the privacy registry, and has it decided again.

Law: whatever a person or a message enters anywhere is known here within a beat. What is held for
somebody who was changed is decided again, and so is everything that waited for the registry as
such, once what it answers can be relied on again, or no longer can.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from engine.commit import GroupCommit, StoppedError
from engine.intake.registered import Registered
from engine.logs import Event, Log
from engine.redecision.releases import Releases
from engine.store.port import Changed, Release


class RegistryNews:
    """Keeps `registered` up to date; `name` is what holds wait for that wait for the registry."""

    def __init__(
        self, commit: GroupCommit, registered: Registered, name: bytes, releases: Releases, log: Log
    ) -> None:
        self._commit = commit
        self._registered = registered
        self._name = name
        self._releases = releases
        self._log = log

    def read(self) -> Deferred[None]:
        """Learn who has entries, as far as that is not known yet; fires once all of it is."""
        return Deferred.fromCoroutine(self._read())

    async def _read(self) -> None:
        is_contradictory = self._registered.is_contradictory
        more, is_news = True, False
        while more:
            changed = cast("Changed", await self._commit.submit(self._registered.news()))
            more = self._registered.learned(changed)
            is_news = is_news or bool(changed.patients)
        if is_news:
            self._releases.wake()  # what is held for somebody who was changed
        if self._registered.is_contradictory is not is_contradictory:
            event = Event.REGISTRY_BACK if is_contradictory else Event.REGISTRY_CONTRADICTORY
            self._log(event)
            self.release_all()

    def release_all(self) -> None:
        """Decide again what waits for the registry to answer, and what was released elsewhere."""
        asked = self._commit.submit(Release(self._name))
        asked.addCallback(lambda _: self._releases.wake()).addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        if failure.value is not None and not isinstance(failure.value, StoppedError):
            self._log.failure(Event.UNEXPECTED, failure.value)
