"""Why a store's privacy registry is not known to hold all that it must, and what would settle it.

Law: a registry is doubted when its store has lost something, or is new beside an archive. It is
believed again by itself only where nothing can be missing: an archive has all that was noted of
it, or there was nothing before. Everything else a person must settle.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

_SQLITE = "sqlite:"


@dataclass(frozen=True, slots=True)
class Found:
    """What an archive has: versions, and in how far it can be relied on.

    `gaps`: changes that it never got; `flaws`: findings in the chain and differences from it;
    `carried_ms`: until when it has the store's records, 0 if it has none.
    """

    newest: int
    patients: int
    gaps: int
    flaws: int
    carried_ms: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """`noted`: the registry's version that was noted beside the store; -1: not known."""

    since_ms: int
    noted: int
    is_new: bool = False
    found: Found | None = None

    @classmethod
    def read(cls, said: bytes) -> Doubt:
        """What `Changed.doubt` says."""
        members = json.loads(said)
        found = members.get("found")
        return cls(
            int(members["since_ms"]),
            int(members["noted"]),
            bool(members.get("is_new")),
            None if found is None else Found(**found),
        )

    def write(self) -> bytes:
        """As the store keeps it."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    def with_found(self, found: Found) -> Doubt:
        """With what an archive has."""
        return replace(self, found=found)

    @property
    def is_settled(self) -> bool:
        """Whether nothing can be missing once the store has what was found."""
        found = self.found
        if found is None or found.gaps or found.flaws:
            return False
        return found.newest >= self.noted >= 0 or (self.is_new and not found.carried_ms)

    def text(self, timezone: str) -> str:
        """What may be missing, for people, with times of that zone."""
        why = self._why(timezone)
        return f"the privacy registry may have lost entries, so that everything holds: {why}"

    def _why(self, timezone: str) -> str:
        found = self.found
        if found is None:
            return "what the archive has of it is not known yet"
        if found.flaws:
            return f"the archive is not as it was written ({found.flaws} flaws)"
        if found.gaps:
            return f"{found.gaps} changes never came into the archive"
        lost = max(0, self.noted - found.newest) or "any"
        return f"{lost} changes since {_time(found.carried_ms, timezone)} are lost"


def may_be_archived(url: str, root: Path) -> bool:
    """Whether an archive may know of a store before this one; who cannot tell must say yes."""
    if not url.startswith(_SQLITE):
        return bool(url)
    try:
        path = root / url.removeprefix(_SQLITE).removeprefix("//")
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _time(ms: int, timezone: str) -> str:
    if not ms:
        return "ever"
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(timezone)).isoformat(timespec="seconds")
