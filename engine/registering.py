"""The privacy registry in the store: what commands and the console change it by.

Law: a change is one durable write, with its record, or none at all; whoever finds that another has
been there reads again. When it returns, every message that is committed is decided with it, and
every copy that is opened for sending is looked at with it; of those that were open, it tells.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from engine.intake.recorded import entry_id, patient_name, seal_held, unseal_held
from engine.intake.sealed import Sealing
from engine.privacy.registry import Act, Change, Fact, Held, RegistryError, Verb
from engine.store.port import Changed, Enter, Entered, News, Recall, Store, StoreUnavailable

#: How often a change is tried again while others change the same patient.
_ATTEMPTS = 20

#: How often a change is repeated whose outcome is not known; it is one change all the same.
_REPEATS = 3

#: How many patients one question to the store asks for.
_PAGE = 500

#: How many facts are entered in one step.
_TOGETHER = 200


class StoredRegistry:
    """Implements `engine.privacy.registry.Registry`. `channels`: whose open attempts to tell."""

    def __init__(self, store: Store, sealing: Sealing, channels: Sequence[str]) -> None:
        self._store = store
        self._sealing = sealing
        self._channels = tuple(channels)

    def held(self, patient: str) -> Held:
        """What is held of one identifier.

        Raises `RegistryError` when it cannot be read, `StoreUnavailable` when there is no answer.
        """
        return self._read((patient_name(self._sealing, patient),))[0][0]

    def add(self, fact: Fact, act: Act) -> Change:
        """Enter a fact; version 0 if it was there."""
        return self.add_all([fact], act)[0]

    def add_all(self, facts: Sequence[Fact], act: Act) -> list[Change]:
        """Enter many facts, in few steps; the changes in the order of the facts."""
        changes: list[Change] = []
        for start in range(0, len(facts), _TOGETHER):
            changes += self._add_some(facts[start : start + _TOGETHER], act)
        return changes

    def would_add(self, facts: Sequence[Fact], act: Act) -> int:
        """How many of the facts `add_all` would write."""
        number = 0
        for start in range(0, len(facts), _TOGETHER):
            page = facts[start : start + _TOGETHER]
            known = self._read(tuple(self._name(fact) for fact in page))
            number += sum(
                held.added(entry_id(self._sealing, fact), fact, act) is not held
                for fact, (held, _) in zip(page, known, strict=True)
            )
        return number

    def end(self, patient: str, entry: str, act: Act) -> Change:
        """Revoke or lift an entry; version 0 if it was over. Raises `RegistryError`."""
        return self._change_one(patient, entry, act, Held.ended)

    def told(self, patient: str, entry: str, act: Act) -> Change:
        """Note that the patient was told of an entry; version 0 if it was noted before."""
        return self._change_one(patient, entry, act, Held.told)

    def _change_one(
        self, patient: str, entry: str, act: Act, deed: Callable[[Held, str, Act], Held]
    ) -> Change:
        name = patient_name(self._sealing, patient)
        for _ in range(_ATTEMPTS):
            ((held, version),) = self._read((name,))
            after = deed(held, entry, act)
            changed = after.entry(entry)
            if after is held or changed is None:
                return Change(entry, 0)
            verb = changed.history[-1][0]
            (change,) = self._enter([self._change(name, version, after, ((entry, verb),), act)])
            if change.version:
                return _told(entry, change)
        raise _busy()

    def everyone(self) -> Iterable[Held]:
        """What is held, identifier by identifier, in the order of the last changes."""
        since = 0
        while True:
            changed = cast("Changed", self._store.execute([News(since, _PAGE)])[0])
            if not changed.patients:
                return
            for held, _ in self._read(tuple(name for name, _ in changed.patients)):
                yield held
            since = changed.patients[-1][1]

    def _add_some(self, facts: Sequence[Fact], act: Act) -> list[Change]:
        """Read all their patients, write all that is new, and again for whom others changed."""
        found: dict[int, Change] = {}
        for _ in range(_ATTEMPTS):
            left: dict[bytes, list[int]] = {}
            for place, fact in enumerate(facts):
                if place not in found:
                    left.setdefault(self._name(fact), []).append(place)
            if not left:
                return [found[place] for place in range(len(facts))]
            writes: list[tuple[Enter, list[int]]] = []
            known = self._read(tuple(left))
            for (name, places), (held, version) in zip(left.items(), known, strict=True):
                after, new = self._with(held, facts, places, act)
                found |= {place: Change(self._id(facts[place]), 0) for place in {*places} - {*new}}
                if new:
                    deeds = [(self._id(facts[place]), Verb.ADDED) for place in new]
                    writes.append((self._change(name, version, after, deeds, act), new))
            entered = self._enter([change for change, _ in writes])
            for (_, new), one in zip(writes, entered, strict=True):
                if one.version:
                    found |= {place: _told(self._id(facts[place]), one) for place in new}
        raise _busy()

    def _with(
        self, held: Held, facts: Sequence[Fact], places: Iterable[int], act: Act
    ) -> tuple[Held, list[int]]:
        """What is held with some of the facts, and which of these are new."""
        new = []
        for place in places:
            before = held
            held = before.added(self._id(facts[place]), facts[place], act)
            if held is not before:
                new.append(place)
        return held, new

    def _id(self, fact: Fact) -> str:
        return entry_id(self._sealing, fact)

    def _name(self, fact: Fact) -> bytes:
        return patient_name(self._sealing, fact.patient.id)

    def _change(
        self,
        name: bytes,
        version: int,
        after: Held,
        deeds: Sequence[tuple[str, Verb]],
        act: Act,
    ) -> Enter:
        sealed = seal_held(self._sealing, name, after)
        record = _record(name, deeds, act, sealed)
        return Enter(name, version, sealed, record, self._channels)

    def _enter(self, changes: Sequence[Enter]) -> list[Entered]:
        """One durable step; repeated, as the same changes, while its outcome is not known."""
        for left in reversed(range(_REPEATS)):
            try:
                return cast("list[Entered]", self._store.execute(changes))
            except StoreUnavailable:
                if not left:
                    raise
        return []

    def _read(self, names: tuple[bytes, ...]) -> list[tuple[Held, int]]:
        recalled, changed = self._store.execute([Recall((), names), News(0, 0)])
        answers = cast("tuple[bytes | None, ...]", recalled)
        if cast("Changed", changed).doubt:
            raise RegistryError(
                "registry-doubted",
                "The registry may have lost entries; until that is settled it is not changed.",
                "See `registry status`, and docs/how-to/restore-from-a-backup.md.",
            )
        return [self._opened(name, answer) for name, answer in zip(names, answers, strict=True)]

    def _opened(self, name: bytes, answer: bytes | None) -> tuple[Held, int]:
        if answer is None:
            return Held(), 0
        try:
            number, _, sealed = answer.partition(b" ")
            return unseal_held(self._sealing, name, sealed), int(number)
        except (ValueError, KeyError, TypeError):
            raise RegistryError(
                "registry-damaged",
                "What the registry holds of this patient cannot be read.",
                "Messages of the patient hold until it can; restore the store from its backup.",
            ) from None


def _told(entry: str, entered: Entered) -> Change:
    attempts = tuple((one.channel, one.entry, one.receipt, one.since_ms) for one in entered.open)
    return Change(entry, entered.version, attempts)


def _busy() -> RegistryError:
    return RegistryError(
        "registry-busy",
        "The patient's entries are being changed by others all the time; nothing was changed.",
        "Try again.",
    )


def _record(name: bytes, deeds: Sequence[tuple[str, Verb]], act: Act, sealed: bytes) -> bytes:
    """What the ledger says: hashes, codes, who, when and why; and, sealed, all that is held now.

    From the last record of each patient a lost registry can be made again. `change` tells two
    changes apart that say the same.
    """
    return json.dumps(
        {
            "kind": "registry",
            "entries": [[entry, verb.value] for entry, verb in deeds],
            "at": act.at.isoformat(timespec="milliseconds"),
            "by": act.by,
            "why": act.why,
            "document": act.document,
            "patient": name.hex(),
            "change": secrets.token_hex(8),
            "sealed": base64.b64encode(sealed).decode("ascii"),
        },
        separators=(",", ":"),
    ).encode()
