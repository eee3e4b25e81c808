"""Is this server fit to be trusted with messages? Asked before anything is accepted, and again.

Law: a server that could lose or evict what it said it has is refused by name, with the setting to
change. A server that keeps its settings to itself is used, and every report says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from engine.errors import StoreError
from engine.store.keyfile import KeyFileError
from engine.store.keys import META
from engine.store.machine import OLDEST, OLDEST_VERSION
from engine.store.port import StoreUnavailable

#: setting → value without which a positive acknowledgment would be a lie
_REQUIRED = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
}

#: The concern about a server that hides its settings.
_HIDDEN = "store-settings-unknown"

#: In `META`: by what the key file is known with which the store's content was sealed.
_KEYS = "keys"
#: And the id of the folder with its content keys.
_CONTENT_KEYS = "content_keys"


@dataclass(frozen=True, slots=True)
class Concern:
    """Something about the server that does not stop the engine but belongs in every report."""

    code: str
    what: str
    mend: str


def check_server(client: Redis) -> tuple[Concern, ...]:
    """See that the server keeps what it acknowledges.

    Raises `StoreError` when it does not, `StoreUnavailable` when it cannot be asked.
    """
    with _errors_of_ours():
        _check_version(client)
        return _check_settings(client)


def check_settings(client: Redis) -> tuple[Concern, ...]:
    """As `check_server`, but of what can change while the server runs."""
    with _errors_of_ours():
        return _check_settings(client)


class SettingsLook:
    """Implements `engine.store.watched.Look`: the settings are still what they were at the start.

    A server that hides them is not asked again and again.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._is_hidden = False

    def __call__(self, *, afresh: bool) -> None:
        """Raises `StoreError` when one is not, `StoreUnavailable` when it cannot be asked."""
        if afresh or not self._is_hidden:
            concerns = check_settings(self._client)
            self._is_hidden = any(concern.code == _HIDDEN for concern in concerns)


@contextmanager
def _errors_of_ours() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        raise StoreError(
            "store-refused",
            f"the store refuses this engine ({type(error).__name__}).",
            "Check user, password and rights in store.url.",
        ) from error
    except RedisError as error:
        raise StoreUnavailable(
            "store-unavailable",
            f"the store does not answer ({type(error).__name__}).",
            "Check that it runs, and host, port, user and password in store.url.",
        ) from error


def check_keys(client: Redis, known_by: bytes, folder_id: bytes) -> None:
    """See that the store's content was sealed with the key file that is `known_by` this.

    And that the content keys are those of the folder `folder_id`: no engine of a shared store may
    have a folder of its own, as the others could not open what it seals.

    With another one, such as a new one in the place of one that was lost, nothing that waits could
    be opened, no repetition would be recognised, and what came from now on would be lost as soon as
    the former file is put back. A store that does not answer now is not asked again.

    Raises `KeyFileError`.
    """
    try:
        is_ours = _is_noted(client, _KEYS, known_by)
        is_our_folder = _is_noted(client, _CONTENT_KEYS, folder_id)
    except RedisError:
        return
    if is_ours and not is_our_folder:
        raise KeyFileError(
            "content-keys-differ",
            "what is in the store was sealed with the keys of another folder of content keys.",
            "Put that folder back from its backup, or name it in keys.folder: every engine of a"
            " store needs the same one.",
        )
    if not is_ours:
        raise KeyFileError(
            "keys-differ",
            "what is in the store was sealed with another key file.",
            "Put that file back from its backup; without it nothing that is stored can be opened.",
        )


def has_sealed(client: Redis) -> bool:
    """Whether it is noted with which keys the store's content was sealed; so if nobody answers."""
    try:
        return client.hget(META, _KEYS) is not None
    except RedisError:
        return True


def _is_noted(client: Redis, field: str, value: bytes) -> bool:
    """Whether the store notes `value` there; it does now if there was nothing."""
    if client.hget(META, field) is None:
        client.hsetnx(META, field, value)
    return client.hget(META, field) in {value, None}


def _check_version(client: Redis) -> None:
    info: dict[str, Any] = client.info("server")
    version = str(info.get("valkey_version") or info.get("redis_version") or "0")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_VERSION:
        raise StoreError(
            "store-version",
            f"the store is version {version}.",
            f"Use Valkey or Redis {OLDEST} or later.",
        )


def _check_settings(client: Redis) -> tuple[Concern, ...]:
    try:
        found = _settings(client, *_REQUIRED, "maxmemory")
    except ResponseError:
        return (
            Concern(
                _HIDDEN,
                "the store does not say how durable it is (CONFIG is forbidden).",
                "See yourself that "
                + ", ".join(f"{name} is {value}" for name, value in _REQUIRED.items())
                + ".",
            ),
        )
    for name, required in _REQUIRED.items():
        if found[name] != required:
            raise StoreError(
                "store-not-durable",
                f"the store's {name} is `{found[name]}`: acknowledged messages could be lost.",
                f"Set `{name} {required}` in the server's configuration.",
            )
    if found["maxmemory"] == "0":
        return (
            Concern(
                "store-no-maxmemory",
                "the store has no memory limit: the system may kill it when memory runs out.",
                "Set `maxmemory` in the server's configuration to about half of its memory.",
            ),
        )
    return ()


def _settings(client: Redis, *names: str) -> dict[str, str]:
    given: dict[str | bytes, str | bytes] = client.config_get(*names)  # type: ignore[assignment]
    found = {_text(name): _text(value) for name, value in given.items()}
    return {name: found.get(name, "") for name in names}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
