"""The privacy registry: what patients decided, under one version that only grows.

Law: a decision that knew less than the registry is told to be stale, and while the registry is
doubted everything is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from engine.store.memory.journal import Journal
from engine.store.memory.waits import Waits
from engine.store.port import (
    Changed,
    Enter,
    Entered,
    Footing,
    News,
    OpenAttempt,
    Rebuild,
    Trust,
)


class Registry:
    """What is held of each patient, and when it was changed."""

    def __init__(self, journal: Journal, waits: Waits) -> None:
        self._journal = journal
        self._waits = waits
        self.doubt = b""  # why it is doubted
        self.held: dict[bytes, bytes] = {}
        self.versions: dict[bytes, int] = {}  # patient → the version of the last change
        self._entered: dict[tuple[bytes, bytes], Entered] = {}

    @property
    def _newest(self) -> int:
        return max(self.versions.values(), default=0)

    def is_stale(self, footing: Footing) -> bool:
        """Whether a decision knew less of its patients than there is."""
        if self.doubt and (footing.patients or footing.version < 0):
            return True
        newest = self._newest
        if footing.version < 0:
            return newest > 0
        return footing.version > newest or any(
            self.versions.get(patient, 0) > footing.version for patient in footing.patients
        )

    def is_outdated(self, footing: Footing, now_ms: int) -> bool:
        """Whether it is stale, or an entry has begun or ended by itself since."""
        return 0 < footing.until_ms <= now_ms or self.is_stale(footing)

    def recall(self, patients: Iterable[bytes]) -> tuple[bytes | None, ...]:
        """What is held of each; nothing to go by is empty, nothing at all None."""
        return tuple(
            b"" if self.doubt else self.held.get(patient, b"" if patient in self.versions else None)
            for patient in patients
        )

    def enter(self, op: Enter, attempts: tuple[OpenAttempt, ...]) -> Entered:
        """Change what is held of a patient; `attempts` are open on copies about them."""
        act = (op.patient, op.record)
        if act in self._entered:
            return self._entered[act]
        if self.doubt or self.versions.get(op.patient, 0) != op.expects:
            return Entered(0)
        version = self.hold(op.patient, op.sealed, op.record, attempts)
        self._waits.release(op.patient)
        self._entered[act] = Entered(version, attempts)
        return self._entered[act]

    def hold(
        self, patient: bytes, sealed: bytes, record: bytes, attempts: tuple[OpenAttempt, ...]
    ) -> int:
        """What is held of a patient from now on, under the next version."""
        version = self._newest + 1
        self.held[patient] = b"%d %b" % (version, sealed)
        self.versions[patient] = version
        open_ = [[one.channel, one.entry, one.receipt] for one in attempts]
        said = f'"open":{json.dumps(open_, separators=(",", ":"))},' if open_ else ""
        self._journal.write(b'{"version":%d,%b%b' % (version, said.encode(), record[1:]))
        return version

    def news(self, op: News) -> Changed:
        """Who was changed after a version, oldest first."""
        found = sorted(
            (version, patient) for patient, version in self.versions.items() if version > op.since
        )
        patients = tuple((patient, version) for version, patient in found[: op.limit])
        return Changed(patients, self._newest, self.doubt)

    def rebuild(self, op: Rebuild) -> int:
        """Put back what is older here or lost."""
        if not self.doubt:
            return -1
        newest, number = self._newest, 0
        for patient, version, sealed in op.snapshots:
            if self.versions.get(patient, 0) < version:
                newest = self.versions[patient] = max(version, newest + 1)
                self.held[patient] = b"%d %b" % (newest, sealed)
                number += 1
        self.doubt = op.doubt or self.doubt
        return number

    def trust(self, op: Trust) -> bool:
        """Believe it again."""
        if not self.doubt:
            return False
        self.doubt = b""
        self._journal.write(op.record)
        return True
