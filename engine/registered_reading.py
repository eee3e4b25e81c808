"""What the store holds of the patients of the privacy registry, opened, with its versions."""

from __future__ import annotations

from typing import cast

from engine.intake.recorded import unseal_held
from engine.intake.sealed import Sealing
from engine.privacy.held import Held
from engine.registering_errors import damaged, doubted
from engine.store.port import Changed, News, Recall, Store


def recall(store: Store, sealing: Sealing, names: tuple[bytes, ...]) -> list[tuple[Held, int]]:
    """Of each of the names. Raises `RegistryError` when it cannot be read or is doubted."""
    recalled, changed = store.execute([Recall((), names), News(0, 0)])
    answers = cast("tuple[bytes | None, ...]", recalled)
    if cast("Changed", changed).doubt:
        raise doubted()
    return [_opened(sealing, name, answer) for name, answer in zip(names, answers, strict=True)]


def _opened(sealing: Sealing, name: bytes, answer: bytes | None) -> tuple[Held, int]:
    if answer is None:
        return Held(), 0
    try:
        number, _, sealed = answer.partition(b" ")
        return unseal_held(sealing, name, sealed), int(number)
    except (ValueError, KeyError, TypeError):
        raise damaged() from None
