"""A store that is looked at again and again while it is in use.

Law: what was checked at the start can change at run time (a setting, the server itself, its data).
Nothing is done on a connection before every look has found it well, and none is believed for longer
than `LOOK_S`. While one finds it unfit, the store counts as unavailable: nothing is acknowledged,
and the batch is repeated until it is fit again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from engine.errors import StoreError
from engine.store.port import Operation, Result, Store, StoreFull, StoreUnavailable

#: How long what a look has found is believed, in seconds.
LOOK_S = 1.0


class Look(Protocol):
    """Something to see to."""

    def __call__(self, *, afresh: bool) -> None:
        """Look; `afresh`: the server may be another one, or may have begun anew.

        Raises `StoreError` when the store must not be used, `StoreUnavailable` when it is away.
        """


class WatchedStore:
    """Implements `engine.store.port.Store` over another one. `monotonic`: in seconds."""

    def __init__(self, store: Store, looks: Sequence[Look], monotonic: Callable[[], float]) -> None:
        self._store = store
        self._looks = looks
        self._monotonic = monotonic
        self._is_known = False
        self._until_s = 0.0

    def prepare(self, batch: Sequence[Operation]) -> Callable[[], list[Result]]:
        """As the store beneath prepares it; the look is a part of the call."""
        return partial(self._carry_out, self._store.prepare(batch))

    def execute(self, batch: Sequence[Operation]) -> list[Result]:
        """Look, if it is time, and do all of `batch`."""
        return self.prepare(batch)()

    def close(self) -> None:
        """Let go of the store beneath."""
        self._store.close()

    def _carry_out(self, call: Callable[[], list[Result]]) -> list[Result]:
        if not self._is_known or self._monotonic() >= self._until_s:
            self._look()
        try:
            return call()
        except StoreFull:
            raise
        except StoreUnavailable:
            self._is_known = False  # its connection was given up
            raise

    def _look(self) -> None:
        afresh, self._is_known = not self._is_known, False
        try:
            for look in self._looks:
                look(afresh=afresh)
        except StoreUnavailable:
            raise
        except StoreError as unfit:
            raise StoreUnavailable(unfit.code, unfit.what, unfit.mend) from unfit
        self._is_known = True
        self._until_s = self._monotonic() + LOOK_S
