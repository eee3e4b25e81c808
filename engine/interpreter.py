"""How the interpreter keeps house in a worker: set once, when everything is built.

Law: nothing here changes what the engine does, only when the interpreter does work of its own.
"""

from __future__ import annotations

import gc
import sys

#: So many containers more than were freed, before the collector looks for cycles. Messages leave
#: none behind, so that it would look at those in flight, in vain, at every other message.
COLLECT_AFTER = 50_000

#: How long a thread that waits for the interpreter waits before it asks for it, in seconds. There
#: are two, the reactor's and the store's; at the default of 5 ms a batch that is on disk would wait
#: as long as its sync took, many times over.
SWITCH_AFTER_S = 0.0005


def settle_in() -> None:
    """Call when the worker is built: what lives now lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_AFTER_S)
