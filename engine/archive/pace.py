"""How long the archiver rests between two steps. Pure.

Law: messages come first. Archiver, store and worker share processor and disk, so it works a part of
the time only, in steps that are the larger for the rest before them: a transaction costs the same
whether it archives one message or some hundred. Only when it is late does it work without rest, or
the store would fill.
"""

from __future__ import annotations

#: The shortest rest, in seconds; while little comes, steps are so far apart.
SHORTEST_S = 0.25

#: A rest is so many times as long as the step before it: it works a quarter of the time.
REST_RATIO = 3.0

#: The longest rest, in seconds, however long a slow disk took. It must leave room for `REST_RATIO`
#: after a full step on a busy processor, which takes a second or two.
LONGEST_S = 8.0

#: Erasing rests half as long as a transaction of it took, between so many seconds.
ERASING_RATIO = 0.5
SHORTEST_ERASING_S = 0.05
LONGEST_ERASING_S = 2.0

#: From here on it is late: how old the oldest record was that the step took, in seconds.
LATE_S = 60.0


def rest_s(took_s: float, oldest_s: float) -> float:
    """After a step of `took_s`, whose oldest record was `oldest_s` old."""
    if oldest_s >= LATE_S:
        return 0.0
    return min(max(took_s * REST_RATIO, SHORTEST_S), LONGEST_S)


def erasing_rest_s(took_s: float) -> float:
    """After a transaction of erasing, so that intake's syncs have the disk a third of the time."""
    return min(max(took_s * ERASING_RATIO, SHORTEST_ERASING_S), LONGEST_ERASING_S)
