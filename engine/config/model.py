"""A loaded site: what config.yaml and the `deliver:` part of channels say, as values.

Units are in the names. Defaults are docs/reference/config.md; a setting exists here if and only if
it has an entry there.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from engine.config.controllers import Controller
from engine.delivery.schedule import Schedule
from engine.errors import Problem
from engine.intake.admission import Admission
from engine.policy.model import Policy, State
from engine.privacy.protections import Protections
from engine.store.keysource import KeySource


@dataclass(frozen=True, slots=True)
class Address:
    """`tcp:HOST:PORT` or `tls:HOST:PORT`; port 0 means any free one (listeners only)."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one listener bears. 0 seconds: no limit."""

    message_bytes: int = 10 * 1024 * 1024
    in_flight: int = 32
    connections: int = 128
    per_peer: int = 32
    idle_s: float = 0.0
    frame_s: float = 120.0
    inter_byte_s: float = 15.0
    stale_s: float = 30.0


class StoreFailureAnswer(Enum):
    """What a listener says while the store is down."""

    SILENCE = "silence"
    NAK = "nak"


@dataclass(frozen=True, slots=True)
class Listener:
    """One MLLP listener."""

    name: str
    listen: Address
    insecure: bool = False
    admission: Admission = field(default_factory=Admission)
    limits: Limits = Limits()
    store_failure: StoreFailureAnswer = StoreFailureAnswer.SILENCE
    close_after_s: float = 20.0
    bare_fs: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to reach one channel's counterpart."""

    to: Address
    insecure: bool = False
    ack_timeout_s: float = 30.0
    connect_timeout_s: float = 10.0
    schedule: Schedule = field(default_factory=Schedule)


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """`url`: `embedded` or `redis://…`; empty where an environment variable or a file has it.

    `reserve_bytes`: of disk, beside an embedded store.
    """

    url: str = "embedded"
    replicas: int = 0  # durability: fsync when 0, else WAITAOF for that many
    url_env: str = ""
    url_file: pathlib.Path | None = None  # absolute once loaded
    reserve_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """`url`: `sqlite:PATH`, `postgresql://…`, or empty for none. Files are relative to the site."""

    url: str = "sqlite:var/archive.db"
    signing_key_file: str = "var/ledger-key"
    password_file: str = ""
    password_env: str = ""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each class is kept, in days."""

    content_days: int = 7
    parked_days: int = 90
    metadata_days: int = 90
    ledger_days: int = 6 * 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where an engine takes messages, and where its store, its keys and its archive are."""

    root: pathlib.Path
    engine: str
    listeners: tuple[Listener, ...]
    store: StoreSettings = StoreSettings()
    archive: ArchiveSettings = ArchiveSettings()
    keys: KeySource = field(default_factory=lambda: KeySource.beside(pathlib.Path("var/keys")))
    var: pathlib.Path = pathlib.Path("var")  # absolute once loaded

    @property
    def insecure_listeners(self) -> tuple[str, ...]:
        """Those that say `insecure: true` and listen in the clear: `listener adt`."""
        return tuple(
            f"listener {one.name}" for one in self.listeners if one.insecure and not one.listen.tls
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSite(Installation):
    """What it takes to watch an engine and to give it orders; nothing can be decided with it."""

    timezone: str
    channels: Mapping[str, State]
    protections: Protections
    insecure: tuple[str, ...]  # as `Site.insecure`
    errors: int = 0  # that keep the files from loading; then no channel is among `insecure`


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Installation):
    """Everything that a site's files say."""

    policy: Policy
    deliveries: Mapping[str, Delivery]  # channel id → how to reach it
    retention: Retention = Retention()
    warnings: tuple[Problem, ...] = ()
    requires_elements: bool = True  # a consent that lacks one is not entered
    controller: Controller = field(default_factory=Controller)

    @property
    def insecure(self) -> tuple[str, ...]:
        """What says `insecure: true` and goes in the clear: `listener adt`, `channel acme`."""
        channels = (f"channel {name}" for name in self.insecure_channels)
        return (*self.insecure_listeners, *channels)

    @property
    def insecure_channels(self) -> tuple[str, ...]:
        """Of these the channels, by id."""
        return tuple(
            name for name, one in sorted(self.deliveries.items()) if one.insecure and not one.to.tls
        )
