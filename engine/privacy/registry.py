"""The privacy registry as commands and the console see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from engine.privacy.acts import Act, Verb
from engine.privacy.held import Held
from engine.privacy.sorts import Fact


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a change. `version` 0: it was so already, and nothing was written.

    `open_attempts`: copies about those whom it concerned of which a byte may still leave, as
    channel, entry, receipt and Unix milliseconds; all others are looked at with the change before
    they are sent.
    """

    entry: str
    version: int
    open_attempts: tuple[tuple[str, str, str, int], ...] = ()


class Registry(Protocol):
    """The registry as commands and the console see it. Every change is durable when it returns."""

    def held(self, patient: str) -> Held:
        """What is held of one identifier (PID-3.1)."""

    def add(self, fact: Fact, act: Act) -> Change:
        """Enter a fact under its patient's identifier."""

    def end(self, patient: str, entry: str, act: Act) -> Change:
        """Revoke a consent or lift a restriction. Raises `RegistryError` if it is not there."""

    def step(self, patient: str, entry: str, verb: Verb, act: Act) -> Change:
        """Take a restriction one step on. Raises `RegistryError` and `StepError`."""

    def told(self, patient: str, entry: str, act: Act) -> Change:
        """Note that the patient was told of an entry. Raises `RegistryError`, as `end`."""

    def everyone(self) -> Iterable[Held]:
        """What is held, identifier by identifier, in the order of the last changes."""
