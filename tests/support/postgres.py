"""A real PostgreSQL for tests, in a folder of its own, reached by a unix socket only.

Where the machine has none, tests are skipped and say so; under CI they fail.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

_FOLDERS = ("/usr/local/bin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))))


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_FOLDERS]))


def _user() -> int | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    return 65534


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server that is gone afterwards; skips, or fails under CI, without one."""
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        message = (
            "no PostgreSQL (initdb, postgres) on this machine: the archive is not tested on it"
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    user = _user()
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        root = Path(name)
        data = root / "data"
        data.mkdir()
        if user is not None:
            os.chown(root, user, -1)
            os.chown(data, user, -1)
        subprocess.run(
            [initdb, "-D", data, "-U", "payergate", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            cwd=root,
        )
        command: list[str | Path] = [postgres, "-D", data, "-k", root, "-c", "listen_addresses="]
        command += ["-c", "fsync=off", "-c", "shared_buffers=32MB"]
        with (root / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=root)
        url = f"postgresql://payergate@/postgres?host={root}"
        try:
            _wait(url, server)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return
        assert server.poll() is None, "PostgreSQL has ended"
        time.sleep(0.1)
    raise AssertionError("PostgreSQL does not answer")


def fresh_database(url: str, name: str) -> str:
    """The URL of a new, empty database on the server of `url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.replace("/postgres?", f"/{name}?")
