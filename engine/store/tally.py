"""Which one of five states a message is in for a channel, from the states of its parts. Pure.

Law: every message that was decided for a channel counts in exactly one state there, so that
parked + held + waiting + delivered + withheld is the number of messages. The worst part speaks
for the message: what needs a person shows at once. `lua/tally.lua` says the same to the server;
the contract tests hold the two together.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Parts:
    """How many parts of one message are in each state in one channel; withheld ones are gone."""

    parked: int = 0
    held: int = 0
    waiting: int = 0
    delivered: int = 0

    @property
    def state(self) -> str:
        """The name of the counter that the message counts in."""
        if self.parked:
            return "parked"
        if self.held:
            return "held"
        if self.waiting:
            return "waiting"
        return "delivered" if self.delivered else "withheld"

    @property
    def final(self) -> bool:
        """Nothing of the message is left to be done in this channel."""
        return not (self.parked or self.held or self.waiting)
