"""What messages taught, who waits for it, and who was released and is not decided again yet.

Law: a released receipt stays on the list until whoever decides it again says that it is done, and
news that came meanwhile keep it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from engine.store.port import ForgetReleased, Learned, NextReleased, Unlearn


class Waits:
    """Facts by keyed hash, the holds that wait for them, and the released list."""

    def __init__(self) -> None:
        self._learned: dict[bytes, bytes] = {}
        self._waiting: dict[bytes, dict[tuple[str, str], str]] = {}
        self._released: dict[str, bool] = {}  # receipt → learned since it was last read

    def recall(self, keys: Iterable[bytes]) -> tuple[bytes | None, ...]:
        """What is known under each of `keys`."""
        return tuple(self._learned.get(key) for key in keys)

    def learn(self, learned: Iterable[Learned]) -> None:
        """Store what a message taught; nobody is released by that alone."""
        self._learned.update((one.key, one.sealed) for one in learned)

    def unlearn(self, op: Unlearn) -> None:
        """Forget a fact, if it is still that one."""
        if self._learned.get(op.key) == op.sealed:
            del self._learned[op.key]

    def knows_any(self, keys: Iterable[bytes]) -> bool:
        """Whether a wait for one of `keys` is over before it begins."""
        return any(key in self._learned for key in keys)

    def wait(self, channel: str, item: str, receipt: str, keys: Iterable[bytes]) -> None:
        """A hold waits for any of `keys`."""
        for key in keys:
            self._waiting.setdefault(key, {})[channel, item] = receipt

    def stop(self, channel: str, item: str, keys: Iterable[bytes]) -> None:
        """A hold waits no longer."""
        for key in keys:
            self._waiting.get(key, {}).pop((channel, item), None)

    def release(self, key: bytes) -> tuple[str, ...]:
        """Release who waits for `key`, in order of arrival."""
        waiting = tuple(dict.fromkeys(sorted(self._waiting.get(key, {}).values())))
        self._released.update(dict.fromkeys(waiting, True))
        return waiting

    def release_at_once(self, receipt: str) -> None:
        """Release one receipt, whatever it waits for."""
        self._released[receipt] = True

    def next_released(self, op: NextReleased) -> tuple[str, ...]:
        """The first on the released list; from now on only news keep them there."""
        receipts = tuple(islice(self._released, op.limit))
        self._released.update(dict.fromkeys(receipts, False))
        return receipts

    def forget(self, op: ForgetReleased) -> None:
        """Take a receipt off the list, unless there were news since it was read."""
        if not self._released.get(op.receipt, True):
            del self._released[op.receipt]
