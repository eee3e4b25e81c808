"""`archive` and `retention` of config.yaml (docs/reference/config.md).

Law: the ledger is never kept for less than six years (45 CFR 164.316(b)(2)(i), 164.528(a)); what
is found stays as long as what it leads to.
"""

from __future__ import annotations

import re

from engine.config.addresses import holds_password
from engine.config.model import ArchiveSettings, Retention
from engine.policy.language import Keys, Reader
from engine.policy.language.source import Node

ARCHIVE_KEYS = Keys(
    of="`archive`", optional=("url", "signing_key_file", "password_file", "password_env")
)
RETENTION_KEYS = Keys(of="`retention`", optional=("content", "parked", "metadata", "ledger"))

#: A year counts 366 days, so that six years are never short of six years.
_YEAR_DAYS = 366
_LEDGER_LEAST_DAYS = 6 * _YEAR_DAYS
_MOST_DAYS = 100 * _YEAR_DAYS

_URL = re.compile(r"none|sqlite:[^\s?]+|(?:postgresql|postgres)://[^\s]+")
PERIOD = re.compile(r"([0-9]{1,6})(d|y)")


def archive_of(node: Node | None, reader: Reader) -> ArchiveSettings:
    """Where what is done with goes."""
    given = reader.mapping(node, ARCHIVE_KEYS) or {}
    usual = ArchiveSettings()
    url = _url(given.get("url"), reader)
    key = reader.text(given.get("signing_key_file"), "`signing_key_file`")
    return ArchiveSettings(
        usual.url if url is None else url,
        key or usual.signing_key_file,
        reader.text(given.get("password_file"), "`password_file`") or "",
        reader.text(given.get("password_env"), "`password_env`") or "",
    )


def retention_of(node: Node | None, reader: Reader) -> Retention:
    """How long each class is kept."""
    given = reader.mapping(node, RETENTION_KEYS) or {}
    usual = Retention()

    def days(key: str, otherwise: int, least: int = 1) -> int:
        found = _days(given.get(key), f"`{key}`", least, reader)
        return otherwise if found is None else found

    found = Retention(
        days("content", usual.content_days),
        days("parked", usual.parked_days),
        days("metadata", usual.metadata_days),
        days("ledger", usual.ledger_days, _LEDGER_LEAST_DAYS),
    )
    longest = max(found.content_days, found.parked_days)
    if node is not None and not longest <= found.metadata_days <= found.ledger_days:
        reader.bad_value(
            given.get("metadata", node),
            "`metadata` is kept at least as long as content, and at most as long as the ledger.",
            f"Write at least `{longest}d`.",
        )
    return found


def _url(node: Node | None, reader: Reader) -> str | None:
    text = reader.text(node, "`url`")
    if node is None or text is None:
        return None
    mend = "Name a file or a variable with `password_file` or `password_env`."
    if not holds_password(node, text, "the archive's", reader, mend) and not _URL.fullmatch(text):
        reader.bad_value(
            node,
            "`url` names no archive.",
            "Write `sqlite:var/archive.db`, `postgresql://HOST/NAME`, or `none`.",
        )
    return "" if text == "none" else text


def _days(node: Node | None, what: str, least: int, reader: Reader) -> int | None:
    text = reader.text(node, what)
    if node is None or text is None:
        return None
    match = PERIOD.fullmatch(text)
    days = 0 if match is None else int(match[1]) * (_YEAR_DAYS if match[2] == "y" else 1)
    if not least <= days <= _MOST_DAYS:
        shortest = f"{least // _YEAR_DAYS}y" if least >= _YEAR_DAYS else f"{least}d"
        reader.bad_value(
            node, f"{what} cannot be `{text}`.", f"Write `7d` or `6y`; at least `{shortest}`."
        )
        return None
    return days
