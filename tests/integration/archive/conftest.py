"""Archives on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.archive_rig import Rig, rigs
from tests.support.postgres import fresh_database, running_postgres

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    """An empty archive on each database in turn."""
    url = "sqlite:var/archive.db"
    if request.param == "postgresql":
        url = fresh_database(request.getfixturevalue("postgres"), f"archive{next(_numbers)}")
    yield from rigs(tmp_path / "site", url)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Rig]:
    """An empty archive in a file, for what only a file has."""
    yield from rigs(tmp_path / "site")
