"""The archive's database: SQLite in a file, or PostgreSQL by URL.

Law: what a transaction has committed is on disk when it returns (the store forgets on the strength
of it), and whoever writes holds the one lock of the chain, so that its rows are in one order. A
schema of another version is never written to. No error of ours quotes a URL or a statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from engine.archive import schema
from engine.archive.chain import BEGINNING
from engine.archive.waiting import told
from engine.errors import EngineError, Exit

SQLITE = "sqlite:"
POSTGRESQL = ("postgresql://", "postgres://")

#: How long a writer waits for another one, in seconds.
LOCK_WAIT_S = 30

#: One of so many pages may stay free in a SQLite file: the next day fills the room of the one that
#: was erased, and to give it back moves a page for each that is free.
FREE_PART = 8

#: So many pages are given back at once, so that nobody waits for it.
GIVEN_BACK_PAGES = 4000

#: How long PostgreSQL may take to be reached, in seconds.
CONNECT_S = 5


class ArchiveError(EngineError):
    """The archive cannot be reached, or must not be used as it is."""

    exit_code = Exit.STORE


class ArchiveUnavailableError(ArchiveError):
    """The archive does not answer, or is full. What was to be done may be tried again."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            "archive-unavailable",
            f"the archive does not answer ({cause}).",
            "Check that it runs, its disk has room, and archive.url; it is tried again until then.",
        )


class ArchiveRefusedError(ArchiveError):
    """The archive is there, but does not take this: a value that does not fit, a name twice."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            "archive-refused",
            f"the archive does not take what it was given ({cause}).",
            "This is a fault of payergate: please report it.",
        )


class Database:
    """The archive, open. `root` is the site's folder, which a SQLite path is relative to.

    `waiting`: called, from another thread, when somebody else has had it locked for a while.
    """

    def __init__(
        self,
        url: str,
        root: Path,
        password: str | None = None,
        waiting: Callable[[], object] | None = None,
    ) -> None:
        self._waiting = waiting
        self._file = root / _path(url) if url.startswith(SQLITE) else None
        self._engine = _engine(url, self._file, password)
        self._writer = self._engine.execution_options(writes=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A view of one instant. Raises `ArchiveUnavailableError`."""
        with _translated(), ExitStack() as stack:
            with told(self._waiting):
                connection = stack.enter_context(self._engine.connect())
                stack.enter_context(connection.begin())
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that alone may add to the chain; all of it or nothing."""
        with _translated(), ExitStack() as stack:
            with told(self._waiting):
                connection = stack.enter_context(self._writer.begin())
                if self.dialect == "postgresql":
                    connection.execute(sa.select(schema.head.c.id).with_for_update())
            yield connection

    def migrate(self) -> None:
        """Bring the schema to this version. Raises `ArchiveError` for one of a newer engine."""
        if self._file is not None:
            _make(self._file)
        current = self._revision()
        if current == schema.HEAD:
            return
        if current is not None and current > schema.HEAD:
            raise _other_version("archive-newer", current)
        with _translated(), self._writer.begin() as connection:
            if self.dialect == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7079736572)"))
            _upgrade(connection)
            if connection.execute(sa.select(schema.head.c.id)).first() is None:
                row = {"id": 1, "seq": BEGINNING.seq, "hash": BEGINNING.hash, "position": ""}
                connection.execute(schema.head.insert(), row)

    def check(self) -> None:
        """See that the schema is this version's. Raises `ArchiveError`."""
        current = self._revision()
        if current is None:
            raise ArchiveError(
                "archive-missing",
                "there is no archive yet.",
                "The engine makes it at its first start; check archive.url.",
            )
        if current != schema.HEAD:
            raise _other_version(
                "archive-newer" if current > schema.HEAD else "archive-older", current
            )

    def give_back(self) -> None:
        """Give the room of erased rows back to the file system, where that is asked for.

        What a few days of traffic will fill again is kept.
        """
        if self.dialect == "sqlite":
            with _translated(), closing(self._engine.raw_connection()) as connection:
                driver: Any = connection.driver_connection
                pages, free = (
                    driver.execute(f"PRAGMA {what}").fetchone()[0]
                    for what in ("page_count", "freelist_count")
                )
                surplus = min(free - pages // FREE_PART, GIVEN_BACK_PAGES)
                if surplus > 0:
                    # A page goes at each step of the statement; only a script is run to its end.
                    driver.executescript(f"PRAGMA incremental_vacuum({surplus})")

    def overwrite_erased(self) -> bool:
        """Have what was erased overwritten on the disk now; whether it is.

        PostgreSQL does so when it needs the room: there rows are cleaned away, and bytes may stay.
        """
        if self.dialect == "sqlite":
            self.give_back()
            with _translated(), closing(self._engine.raw_connection()) as connection:
                driver: Any = connection.driver_connection
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
        cleaning = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        with _translated(), cleaning.connect() as connection:
            connection.execute(sa.text("VACUUM journal, messages, outcomes, terms"))
        return False

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    def _revision(self) -> str | None:
        if self._file is not None and not self._file.exists():
            return None  # to connect would make the file, and a new engine would ask what it knows
        with self.reading() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
            return None if found is None else str(found[0])


def _path(url: str) -> str:
    return url.removeprefix(SQLITE).removeprefix("//")


def _make(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            file.touch(mode=0o600)
    except OSError as error:
        raise ArchiveUnavailableError(type(error).__name__) from None


def _engine(url: str, file: Path | None, password: str | None) -> Engine:
    if file is not None:
        engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(file)), connect_args={"timeout": LOCK_WAIT_S}
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    for scheme in POSTGRESQL:
        if url.startswith(scheme):
            try:
                parsed = sa.make_url("postgresql+psycopg://" + url.removeprefix(scheme))
            except (SQLAlchemyError, ValueError):
                break
            if password is not None:
                parsed = parsed.set(password=password)
            return sa.create_engine(
                parsed,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args={"connect_timeout": CONNECT_S},
            )
    raise ArchiveError(
        "archive-url",
        "archive.url is not one of sqlite:PATH and postgresql://HOST/NAME.",
        "Write `sqlite:var/archive.db`.",
    )


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, in so many words
    for pragma in (
        "auto_vacuum = INCREMENTAL",  # erased rows give their room back
        "journal_mode = WAL",  # readers and the writer do not wait for each other
        "synchronous = FULL",  # a commit is on disk: the store forgets on the strength of it
        "secure_delete = ON",  # an erased row is overwritten, not only forgotten
        "foreign_keys = ON",
        "cache_size = -65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """Errors of drivers as ours, without their texts, which quote statements and values."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise ArchiveRefusedError(_cause(error)) from None
    except DBAPIError as error:
        raise ArchiveUnavailableError(_cause(error)) from None
    except SQLAlchemyError as error:
        raise ArchiveUnavailableError(type(error).__name__) from None


def _cause(error: DBAPIError) -> str:
    """What the driver calls it: SQLITE_BUSY, SQLITE_CORRUPT; else the kind of error."""
    return getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)


def _other_version(code: str, current: str) -> ArchiveError:
    newer = code == "archive-newer"
    return ArchiveError(
        code,
        f"the archive has the schema {current}; this engine's is {schema.HEAD}.",
        "Run the engine that wrote it." if newer else "Start the engine once: it brings it along.",
    )


def _upgrade(connection: Connection) -> None:
    from alembic.command import upgrade  # noqa: PLC0415 - only the archiver migrates
    from alembic.config import Config  # noqa: PLC0415

    with as_file(files("engine.archive").joinpath("migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        attributes: dict[str, Any] = config.attributes
        attributes["connection"] = connection
        upgrade(config, "head")
