"""Every key of config.yaml and of a channel's `deliver`, by the path that leads to it.

docs/reference/config.md has an entry for each; a test compares both.
"""

from __future__ import annotations

from engine.config.archiving import ARCHIVE_KEYS, RETENTION_KEYS
from engine.config.controllers import CONTROLLER_KEYS
from engine.config.deliver import (
    ACKNOWLEDGEMENT_KEYS,
    DELIVER_KEYS,
    LIMIT_KEYS,
    REPLY_KEYS,
    RETRY_KEYS,
    TLS_KEYS,
)
from engine.config.listeners import (
    ACCEPT_KEYS,
    ACKNOWLEDGE_KEYS,
    LIMITS_KEYS,
    LISTENER_KEYS,
    LISTENER_TLS_KEYS,
    STORE_FAILURE_KEYS,
)
from engine.config.settings import (
    CONFIG_KEYS,
    ENGINE_KEYS,
    KEYS_KEYS,
    REPLICAS_KEYS,
    STORE_KEYS,
)
from engine.config.signals import SELF_PAY_KEYS, SIGNALS_KEYS
from engine.policy.language import Keys

#: Tables of keys by the path of the mapping that holds them.
CONFIG_TABLES: dict[str, Keys] = {
    "": CONFIG_KEYS,
    "engine.": ENGINE_KEYS,
    "listeners.": LISTENER_KEYS,
    "listeners.tls.": LISTENER_TLS_KEYS,
    "listeners.accept.": ACCEPT_KEYS,
    "listeners.acknowledge.": ACKNOWLEDGE_KEYS,
    "listeners.limits.": LIMITS_KEYS,
    "listeners.on_store_failure.": STORE_FAILURE_KEYS,
    "store.": STORE_KEYS,
    "store.durability.": REPLICAS_KEYS,
    "archive.": ARCHIVE_KEYS,
    "retention.": RETENTION_KEYS,
    "keys.": KEYS_KEYS,
    "signals.": SIGNALS_KEYS,
    "signals.self_pay.": SELF_PAY_KEYS,
    "controller.": CONTROLLER_KEYS,
}

DELIVER_TABLES: dict[str, Keys] = {
    "deliver.": DELIVER_KEYS,
    "deliver.tls.": TLS_KEYS,
    "deliver.acknowledgement.": ACKNOWLEDGEMENT_KEYS,
    "deliver.retry.": RETRY_KEYS,
    "deliver.on.": REPLY_KEYS,
    "deliver.on.AE.": LIMIT_KEYS,
}


def documented_keys() -> tuple[str, ...]:
    """Every key as its entry is headed: `listeners.limits.idle`, `deliver.on.AE.then`."""
    tables = {**CONFIG_TABLES, **DELIVER_TABLES}
    return tuple(path + key for path, table in tables.items() for key in table.all())
