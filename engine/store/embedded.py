"""The store's own server: a Valkey beside the engine, on a unix socket under the site's var/.

Law: one server per var/, known by a lock. The server inherits the locked file, so the lock lives
exactly as long as it does: whoever finds it locked adopts the server behind it, also one that a
killed engine left behind; whoever gets the lock starts the next. It writes and fsyncs before each
reply, refuses work rather than evict, and opens no port.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from redis.exceptions import BusyLoadingError, RedisError

from engine.errors import StoreError
from engine.store.client import connect
from engine.store.machine import find_server, half_of_memory_bytes, private_folder, socket_path_for

#: How long a server that neither answers nor says that it is loading is waited for.
PATIENCE_S = 30.0
#: How long a server may take to flush and end when it is told to.
STOP_S = 10.0
_POLL_S = 0.02
_PING_TIMEOUT_S = 1.0


class EmbeddedServer:
    """The server of one var/ folder, started or adopted.

    `maxmemory_bytes`: what its data may take; half of the machine's memory unless given.
    `patience_s`: how long one that was found is waited for if it neither answers nor loads.
    """

    def __init__(
        self, var: Path, maxmemory_bytes: int | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._var = var.absolute()
        self._patience_s = patience_s
        self._maxmemory_bytes = maxmemory_bytes
        self._lock_path = self._var / "run" / "store.lock"
        self._child: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._socket_path: Path | None = None

    @property
    def pid(self) -> int:
        """The server's process id; 0 before `start`."""
        return self._pid

    @property
    def socket_path(self) -> Path:
        """Where it listens; before `start`, where it would."""
        return self._socket_path or socket_path_for(self._var)

    @property
    def url(self) -> str:
        """For `engine.store.redis.connect`."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def adopted(self) -> bool:
        """Whether the running server was found, not started."""
        return self._pid != 0 and self._child is None

    def start(self) -> None:
        """Adopt the server or start one; returns once it answers and has loaded its data.

        Raises `StoreError` when there is no server program, when it ends at once, or when it does
        not answer.
        """
        for folder in ("", "run", "store", "log"):
            private_folder(self._var / folder)
        if not self.alive():
            self._forget()
        quiet_since_s = time.monotonic()
        while True:
            if self._child is None:
                self._spawn_or_adopt()
            patience_s = self._patience_s if self._child is None else PATIENCE_S
            loading = self._answer()
            if loading is None:
                return
            if self._child is not None and self._child.poll() is not None:
                code, self._child = self._child.returncode, None
                raise StoreError(
                    "store-embedded-ended",
                    f"the embedded store ended while it started (exit {code}).",
                    f"Its log says why: {self._log_path}.",
                )
            if loading:
                quiet_since_s = time.monotonic()
            elif time.monotonic() > quiet_since_s + patience_s:
                raise StoreError(
                    "store-embedded-stuck",
                    f"the embedded store (process {self._pid}) does not answer.",
                    f"See {self._log_path}; end that process if it hangs, then start again.",
                )
            time.sleep(_POLL_S)

    def alive(self) -> bool:
        """Whether the server's process exists; it may be too busy to answer."""
        if self._child is None:
            return self._pid != 0 and self._is_locked()
        if self._child.poll() is None and not self._is_locked():
            self._child.wait()  # it has let go of its lock, which only its end does: it is ending
        return self._child.poll() is None

    def runs(self) -> bool:
        """Whether the folder has a server, whoever started it; changes nothing."""
        return self._lock_path.exists() and self._is_locked()

    def stop(self) -> None:
        """Have it write out everything and end; kill it if it does not (nothing is lost then)."""
        if self.alive():
            try:
                client = connect(self.url, STOP_S)
                client.shutdown(nosave=True)
                client.close()
            except RedisError:
                os.kill(self._pid, signal.SIGTERM)
            if not self._ended_within(STOP_S):
                os.kill(self._pid, signal.SIGKILL)
                self._ended_within(STOP_S)
        self._forget()

    def _forget(self) -> None:
        self._child, self._pid, self._socket_path = None, 0, None

    @property
    def _log_path(self) -> Path:
        return self._var / "log" / "store.log"

    def _spawn_or_adopt(self) -> None:
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._pid, self._socket_path = _read_lock(lock)
            else:
                self._spawn(lock)
        finally:
            os.close(lock)  # the server's copy keeps it locked

    def _spawn(self, lock: int) -> None:
        socket_path = socket_path_for(self._var)
        socket_path.unlink(missing_ok=True)
        with self._log_path.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own program and arguments
                self._command(socket_path),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,  # the terminal's Ctrl-C is for the engine
                cwd=self._var,
            )
        self._pid, self._socket_path = self._child.pid, socket_path
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{self._pid}\n{socket_path}\n".encode(), 0)

    def _command(self, socket_path: Path) -> list[str]:
        maxmemory_bytes = self._maxmemory_bytes or half_of_memory_bytes()
        settings = {
            "port": "0",
            "unixsocket": str(socket_path),
            "unixsocketperm": "700",
            "daemonize": "no",
            "dir": str(self._var / "store"),
            "databases": "1",
            "appendonly": "yes",
            "appendfsync": "always",
            "no-appendfsync-on-rewrite": "no",
            "aof-load-truncated": "yes",  # a torn tail was never answered
            "save": "",
            "maxmemory": str(maxmemory_bytes),
            "maxmemory-policy": "noeviction",
        }
        command = [str(find_server())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        return command

    def _answer(self) -> bool | None:
        """None: it answers. True: it is loading. False: nothing yet."""
        if self._socket_path is None:
            return False
        client = connect(self.url, _PING_TIMEOUT_S)
        try:
            client.ping()
        except BusyLoadingError:
            return True
        except RedisError:
            return False
        finally:
            client.close()
        return None

    def _is_locked(self) -> bool:
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _ended_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True


def _read_lock(lock: int) -> tuple[int, Path | None]:
    """Whose lock it is: process id and socket; 0 and None while its owner has not said so yet."""
    pid, _, socket_path = os.pread(lock, 4096, 0).decode().strip().partition("\n")
    return (int(pid), Path(socket_path)) if socket_path else (0, None)
