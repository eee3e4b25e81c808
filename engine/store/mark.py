"""Whether the store is an older copy of itself: a mark is kept in it and, apart from it, in a file.

The same file notes the version of the privacy registry: a store that has less has lost changes of
it, and the registry is doubted until an archive or a person has said what it must hold.

Law: the store's mark is counted up at every start and every second, and the file is written only
after the store has it on its disk; so a store that is behind the file has lost what it once had. An
old copy was put back, or its disk has lost more than it promised. Then nothing is sent before a
person says so: every lane is paused, and whatever came before is sent as a possible repetition.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from redis import Redis
from redis.exceptions import NoScriptError, RedisError

from engine import durable
from engine.store import keys
from engine.store.port import Order, StoreUnavailable
from engine.store.scripts import MARK

#: Within var/. It tells of the store as it is, so it belongs in no backup.
MARK_FILE = Path("run", "store.mark")

#: Why a lane is paused, as `status` shows it (docs/how-to/restore-from-a-backup.md).
REASON = (
    "store-restored: the store is an older copy of itself, so what waits here may have been sent"
    " already; see how-to/restore-from-a-backup, then `queue resume`"
)

#: No version of the registry was noted.
_UNKNOWN = -1

_DIGITS = 20
_REPLICAS_WAIT_MS = 1000


class MarkLook:
    """Implements `engine.store.watched.Look`.

    `is_ours`: the store lives under the same var/, so a store with a mark and no file beside it was
    put back from a backup, too. `before`: the earliest receipt that could be made now. `found` is
    called when an older copy was found and the lanes are paused. `replicas`: how many must have the
    mark, too, before the file says so: one of them may take over. `is_archived`: an archive may
    know of a store before this one.
    """

    def __init__(
        self,
        client: Redis,
        var: Path,
        channels: Sequence[str],
        *,
        is_ours: bool,
        now: Callable[[], datetime],
        before: Callable[[datetime], str],
        found: Callable[[], object],
        replicas: int = 0,
        is_archived: bool = False,
    ) -> None:
        self._client = client
        self._file = var / MARK_FILE
        self._channels = channels
        self._is_ours = is_ours
        self._now = now
        self._before = before
        self._found = found
        self._replicas = replicas
        self._is_archived = is_archived
        self._known = read_mark(self._file)
        self._noted = read_noted(self._file)

    def __call__(self, *, afresh: bool) -> None:
        """Compare, and count up. Raises `StoreUnavailable` when the store does not answer."""
        del afresh  # it may be put back under a connection that stays, too
        try:
            mark, is_older, noted = self._count()
            is_kept = self._is_kept()
        except RedisError as error:
            raise StoreUnavailable(
                "store-unavailable",
                "the store does not answer.",
                "Check that it runs and can be reached; the engine tries again until it answers.",
            ) from error
        if is_older:
            self._found()
        if not is_kept:
            return
        self._known, self._noted = mark, noted
        with suppress(OSError):  # a mark that lags finds less, and stops nobody
            write_mark(self._file, mark, noted)

    def _count(self) -> tuple[int, bool, int]:
        names = [keys.META, keys.LEDGER, keys.PRIVACY_VERSIONS, *map(keys.lane, self._channels)]
        now = self._now()
        arguments = [self._known, int(self._is_ours), self._before(now), REASON]
        arguments += [self._noted, int(self._is_archived)]
        arguments += [_record(channel, now) for channel in self._channels]
        call = (len(names), *names, *arguments)
        try:
            reply = self._client.execute_command("EVALSHA", MARK.sha, *call)  # type: ignore[no-untyped-call]
        except NoScriptError:
            reply = self._client.execute_command("EVAL", MARK.source, *call)  # type: ignore[no-untyped-call]
        mark, paused, newest = reply
        return mark, paused == 1, newest

    def _is_kept(self) -> bool:
        """Whether the mark outlives the server, as far as the site demands it."""
        if not self._replicas:
            return True
        wait = ("WAITAOF", 1, self._replicas, _REPLICAS_WAIT_MS)
        local, replicas = self._client.execute_command(*wait)  # type: ignore[no-untyped-call]
        return bool(local >= 1 and replicas >= self._replicas)


def read_mark(file: Path) -> int:
    """What was written last; 0 when nothing is there that can be read."""
    return _numbers(file)[0]


def read_noted(file: Path) -> int:
    """The version of the privacy registry that was written with the mark; -1: none."""
    return _numbers(file)[1]


def _numbers(file: Path) -> tuple[int, int]:
    try:
        mark, *noted = map(int, file.read_bytes().split())
    except (OSError, ValueError):
        return 0, _UNKNOWN
    return mark, noted[0] if noted else _UNKNOWN


def write_mark(file: Path, mark: int, noted: int) -> None:
    """Have it on the disk, in place: also where there is no room for another file."""
    durable.write_in_place(file, f"{mark:0{_DIGITS}d}\n{noted:0{_DIGITS}d}\n".encode())


def _record(channel: str, now: datetime) -> bytes:
    record = {
        "kind": "order",
        "channel": channel,
        "order": Order.PAUSE.value,
        "reason": REASON,
        "at": now.isoformat(),
        "by": "payergate",
    }
    return json.dumps(record, separators=(",", ":")).encode()
