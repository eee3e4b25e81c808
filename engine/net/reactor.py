"""Twisted's reactor, with its timers on the clock that never goes back.

Law: Twisted takes the wall clock for them. Were that set back by an hour, no timeout, retry or
renewal would come for an hour; set forward, all would come at once.
"""

from __future__ import annotations

import time
from typing import Any


def monotonic_reactor() -> Any:
    """The reactor of this process; to be asked for before anything is timed by it."""
    from twisted.internet import reactor  # noqa: PLC0415 - installs itself when imported

    installed: Any = reactor
    installed.seconds = time.monotonic
    return installed
