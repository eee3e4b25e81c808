"""config.yaml: how the engine runs (docs/reference/config.md).

Law: a setting is in force, or it says that it is not; secrets never stand in a site's files.
"""

from __future__ import annotations

import pathlib
import re
import zoneinfo
from dataclasses import dataclass, field
from enum import Enum

from engine.config.addresses import holds_password
from engine.config.archiving import archive_of, retention_of
from engine.config.controllers import RECORDED, Controller, controller_of
from engine.config.listeners import listeners_of
from engine.config.model import ArchiveSettings, Listener, Retention, StoreSettings
from engine.config.protections import NOTES, ProtectionSettings, protections_of
from engine.config.signals import self_pay_of
from engine.config.units import units_of
from engine.policy.language import Keys, Reader
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.model import SelfPay
from engine.privacy.units import Units
from engine.store.keysource import KeySource

CONFIG_KEYS = Keys(
    of="config.yaml",
    required=("engine",),
    optional=(
        *("listeners", "store", "archive", "retention", "keys", "timezone", "workers"),
        *("protections", "protections_off", *NOTES, "units", "controller"),
        *("signals", "consent_elements"),
    ),
    not_enforced={
        "console": "the console",
        "alerts": "alerts",
    },
)
ENGINE_KEYS = Keys(of="`engine`", required=("name",), optional=("environment",))
STORE_KEYS = Keys(
    of="`store`", optional=("url", "url_env", "url_file", "durability", "disk_reserve")
)
REPLICAS_KEYS = Keys(of="`durability`", required=("replicas",))
KEYS_KEYS = Keys(of="`keys`", optional=("file", "env", "command", "folder"))

_STORE_URL = re.compile(r"embedded|(?:redis|rediss)://[^\s]+|unix://[^\s]+")
_LATER_STORE_URL = re.compile(r"redis\+(?:sentinel|cluster)://.*")
_URL_ELSEWHERE = (
    "Put the URL where only the engine can read it, and name that place in `url_env` or `url_file`."
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: The most processes that a site may ask for, and replicas that must have a message.
MOST_WORKERS = 256
MOST_REPLICAS = 9

#: The largest reserve; a reserve of none is written as this word.
MOST_RESERVE_BYTES = 64 * 1024**3
NO_RESERVE = "none"

#: Where the master keys and the content keys are unless the site says otherwise, within its folder.
KEY_FILE = "var/keys"
CONTENT_KEYS = "var/content-keys"


class Environment(Enum):
    """What MSH-11 of every message must agree with."""

    PRODUCTION = "production"
    TEST = "test"


class Elements(Enum):
    """What becomes of a consent that lacks an element of its form."""

    REPORT = "report"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class Settings:
    """config.yaml as values; paths are still as written."""

    engine: str = ""
    environment: Environment = Environment.PRODUCTION
    timezone: str = "UTC"
    listeners: tuple[Listener, ...] = ()
    store: StoreSettings = field(default_factory=StoreSettings)
    keys: KeySource = field(
        default_factory=lambda: KeySource(pathlib.Path(CONTENT_KEYS), pathlib.Path(KEY_FILE))
    )
    protections: ProtectionSettings = field(default_factory=ProtectionSettings)
    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    retention: Retention = field(default_factory=Retention)
    units: Units = field(default_factory=Units)
    self_pay: SelfPay | None = None
    controller: Controller = field(default_factory=Controller)
    requires_elements: bool = True


def settings_of(node: Node, reader: Reader) -> Settings:
    """Read config.yaml; what is wrong with it is noted, and stands for its default."""
    given = reader.mapping(node, CONFIG_KEYS)
    if given is None:
        return Settings()
    name, environment = _engine(given.get("engine"), reader)
    workers = reader.whole(given.get("workers"), "`workers`", 1, MOST_WORKERS)
    if workers is not None and workers > 1:
        reader.not_enforced(given["workers"], "`workers` (there is one)")
    protections = protections_of(given, reader)
    if RECORDED in protections.on and "controller" not in given:
        reader.missing_key(node.place, f"config.yaml under `{RECORDED}`", "controller")
    return Settings(
        engine=name,
        environment=environment,
        timezone=_timezone(given.get("timezone"), reader),
        listeners=listeners_of(given["listeners"], reader) if "listeners" in given else (),
        store=_store(given.get("store"), reader),
        keys=_keys(given.get("keys"), reader),
        protections=protections,
        archive=archive_of(given.get("archive"), reader),
        retention=retention_of(given.get("retention"), reader),
        units=units_of(given.get("units"), reader),
        self_pay=self_pay_of(given.get("signals"), reader),
        controller=controller_of(given.get("controller"), reader),
        requires_elements=reader.choice(
            given.get("consent_elements"), "`consent_elements`", Elements
        )
        is not Elements.REPORT,
    )


def _engine(node: Node | None, reader: Reader) -> tuple[str, Environment]:
    given = reader.mapping(node, ENGINE_KEYS) or {}
    name = reader.text(given.get("name"), "`name`")
    environment = reader.choice(given.get("environment"), "`environment`", Environment)
    return name or "", environment or Environment.PRODUCTION


def _timezone(node: Node | None, reader: Reader) -> str:
    text = reader.text(node, "`timezone`")
    if node is None or text is None:
        return "UTC"
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        reader.bad_value(
            node, f"There is no time zone `{text}`.", "Write one such as `America/New_York`."
        )
    return text


def _store(node: Node | None, reader: Reader) -> StoreSettings:
    given = reader.mapping(node, STORE_KEYS) or {}
    url = _store_url(given.get("url"), reader)
    variable = reader.text(given.get("url_env"), "`url_env`")
    if variable is not None and _VARIABLE.fullmatch(variable) is None:
        reader.bad_value(
            given["url_env"],
            "`url_env` names no environment variable.",
            "Write a name such as `PAYERGATE_STORE`, not the URL.",
        )
    file = reader.text(given.get("url_file"), "`url_file`")
    replicas = _replicas(given.get("durability"), reader)
    named = [key for key in ("url", "url_env", "url_file") if key in given]
    for key in named[1:]:
        reader.bad_value(
            given[key], f"`{key}` stands beside `{named[0]}`.", "Say once where the store is."
        )
    reserve_bytes = _reserve(given.get("disk_reserve"), reader)
    if "disk_reserve" in given and url not in {None, "embedded"}:
        reader.not_enforced(given["disk_reserve"], "`disk_reserve` (the store has its own disk)")
    if variable is None and file is None:
        return StoreSettings(url or "embedded", replicas, reserve_bytes=reserve_bytes)
    path = None if file is None else pathlib.Path(file)
    return StoreSettings(
        "", replicas, url_env=variable or "", url_file=path, reserve_bytes=reserve_bytes
    )


def _reserve(node: Node | None, reader: Reader) -> int:
    if node is None:
        return StoreSettings().reserve_bytes
    if isinstance(node, Scalar) and node.text == NO_RESERVE:
        return 0
    size_bytes = reader.size(node, "`disk_reserve`", MOST_RESERVE_BYTES)
    return StoreSettings().reserve_bytes if size_bytes is None else size_bytes


def _store_url(node: Node | None, reader: Reader) -> str | None:
    text = reader.text(node, "`url`")
    if node is None or text is None:
        return None
    if holds_password(node, text, "the store's", reader, _URL_ELSEWHERE):
        return text
    if _LATER_STORE_URL.fullmatch(text):
        reader.unsupported(node, "Redis Sentinel or Cluster")
    elif _STORE_URL.fullmatch(text) is None:
        reader.bad_value(
            node, "`url` names no store.", "Write `embedded` or `redis://HOST:PORT/0`."
        )
    return text


def _replicas(node: Node | None, reader: Reader) -> int:
    """0 for `fsync`, else how many replicas must have a message before it is acknowledged."""
    if node is None:
        return 0
    if isinstance(node, MappingNode):
        given = reader.mapping(node, REPLICAS_KEYS) or {}
        return reader.whole(given.get("replicas"), "`replicas`", 1, MOST_REPLICAS) or 0
    text = reader.text(node, "`durability`")
    if text is not None and text != "fsync":
        reader.bad_value(
            node, f"`durability` cannot be `{text}`.", "Write `fsync` or `{replicas: 1}`."
        )
    return 0


def _keys(node: Node | None, reader: Reader) -> KeySource:
    given = reader.mapping(node, KEYS_KEYS) or {}
    texts = {key: _plain(given.get(key), key, reader) for key in KEYS_KEYS.optional}
    named = [key for key in ("file", "env", "command") if key in given]
    for key in named[1:]:
        reader.bad_value(
            given[key], f"`{key}` stands beside `{named[0]}`.", "Say once where the keys are."
        )
    if "env" in given and _VARIABLE.fullmatch(texts["env"]) is None:
        reader.bad_value(
            given["env"],
            "`env` names no environment variable.",
            "Write a name such as `PAYERGATE_KEYS`, not the keys.",
        )
    folder = pathlib.Path(texts["folder"] or CONTENT_KEYS)
    if texts["env"] or texts["command"]:
        return KeySource(folder, None, texts["env"], texts["command"])
    return KeySource(folder, pathlib.Path(texts["file"] or KEY_FILE))


def _plain(node: Node | None, key: str, reader: Reader) -> str:
    text = reader.text(node, f"`{key}`")
    if node is not None and text is not None and not text.isprintable():
        reader.bad_value(node, f"`{key}` holds a control character.", "Write it without.")
        return ""
    return text or ""
