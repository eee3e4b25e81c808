"""The folder of content keys, each wrapped by a master key in a file of its own.

Law: a key is on the disk before anything is sealed with it; a file is written whole or not at all;
whoever writes holds the folder's lock. That a key was destroyed stays on record, so that content
that was erased is told from content whose key is lost. Several engines on several machines need one
folder that all of them see, as its id, which the store knows, makes sure.

    content-2026-03-01-0badcafe.key    a wrapped key      master ID, key BASE64
    content-2026-03-01-0badcafe.gone   it was destroyed   when, by whom, why (JSON)
    content-2026-03-01-0badcafe.kept   keys of messages of that day that outlive it, wrapped by
                                       the key that its second line names
    folder-id, lock
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from engine import durable
from engine.store.keyfile import KeyFileError, Keys, KeysAwayError
from engine.store.keynames import KeyClass, KeyName, unwrap, wrap

FOLDER_ID_BYTES = 16

_FIRST_LINE = "payergate-content-key 1"
_FIRST_KEPT = "payergate-kept-keys 1"


class UnknownMasterError(KeysAwayError):
    """A key is wrapped by a master key that is not at hand."""


@dataclass(frozen=True, slots=True)
class Gone:
    """How a key was destroyed. `recorded`: the ledger has it."""

    at: str
    by: str
    why: str
    kept: int
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What the folder holds."""

    keys: frozenset[KeyName] = frozenset()
    gone: frozenset[KeyName] = frozenset()
    kept: frozenset[KeyName] = frozenset()


@dataclass(frozen=True, slots=True)
class Kept:
    """The keys of single messages, each wrapped by the key `by`."""

    by: KeyName
    wrapped: Mapping[bytes, bytes]


class KeyFolder:
    """Reads and writes the files above; remembers nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make it, unless it is there."""
        with _away_if_refused(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            durable.keep_entries(self.path.parent)
            with self._locked():
                file = self.path / "folder-id"
                if not file.exists():
                    durable.replace(file, secrets.token_hex(FOLDER_ID_BYTES).encode("ascii"))

    def is_made(self) -> bool:
        """Whether it is there; the empty place of a mount is not it. Raises `KeysAwayError`."""
        with _away_if_refused(self.path):
            return (self.path / "folder-id").exists()

    def id(self) -> bytes:
        """What tells this folder from others."""
        with _away_if_refused(self.path):
            return (self.path / "folder-id").read_bytes()

    def stamp(self) -> int:
        """Another number after every change. Raises `KeysAwayError`."""
        with _away_if_refused(self.path):
            found = self.path.stat()
        if found.st_mode & 0o077:
            raise KeysAwayError(
                "content-keys-open",
                f"the folder of content keys {self.path} is open to others.",
                f"chmod 700 {self.path}",
            )
        return found.st_mtime_ns

    def names(self) -> Listing:
        """The keys that are there, that were destroyed, and that have single keys kept."""
        found: dict[str, set[KeyName]] = {".key": set(), ".gone": set(), ".kept": set()}
        with _away_if_refused(self.path):
            files = [file for file in self.path.iterdir() if file.suffix in found]
        for file in files:
            if not file.name.startswith("."):  # a draft that a killed process has left
                try:
                    found[file.suffix].add(KeyName.parse(file.stem))
                except ValueError:
                    raise _damaged(file) from None
        return Listing(*(frozenset(found[ending]) for ending in (".key", ".gone", ".kept")))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile."""
        with _away_if_refused(self.path), self._locked():
            yield

    # --- a key ----------------------------------------------------------------------------------

    def read(self, name: KeyName, masters: Mapping[bytes, bytes]) -> bytes:
        """The key itself. Raises `KeysAwayError`, `UnknownMasterError`."""
        file = self._file(name, "key")
        master, wrapped = self._wrapped(name)
        if master not in masters:
            raise UnknownMasterError(
                "content-keys-master",
                f"the content key {file} is wrapped by another master key, {master.hex()}.",
                "Put that master key back from its backup.",
            )
        try:
            return unwrap(masters[master], wrapped, str(name).encode("ascii"))
        except ValueError:
            raise _damaged(file) from None

    def master_of(self, name: KeyName) -> bytes:
        """The id of the master key that wraps it."""
        return self._wrapped(name)[0]

    def write(self, name: KeyName, key: bytes, keys: Keys) -> None:
        """Wrap it with the current master key. Durable when this returns."""
        wrapped = wrap(keys.masters[keys.current], key, str(name).encode("ascii"))
        lines = [_FIRST_LINE, f"master {keys.current.hex()}", f"key {_encode(wrapped)}"]
        durable.replace(self._file(name, "key"), _text(lines))

    def _wrapped(self, name: KeyName) -> tuple[bytes, bytes]:
        file = self._file(name, "key")
        with _away_if_refused(file):
            text = file.read_bytes()
        try:
            master, wrapped = _lines(text, _FIRST_LINE)
            id_ = bytes.fromhex(master.removeprefix("master "))
            return id_, _decode(wrapped.removeprefix("key "))
        except ValueError:
            raise _damaged(file) from None

    # --- keys that are no more ------------------------------------------------------------------

    def destroy(self, name: KeyName, gone: Gone) -> None:
        """Note that it is gone, and have its file overwritten and removed."""
        self.write_gone(name, gone)
        durable.wipe(self._file(name, "key"))

    def write_gone(self, name: KeyName, gone: Gone) -> None:
        """Note how it was destroyed."""
        durable.replace(self._file(name, "gone"), json.dumps(asdict(gone)).encode("ascii"))

    def read_gone(self, name: KeyName) -> Gone:
        """How it was destroyed."""
        file = self._file(name, "gone")
        with _away_if_refused(file):
            text = file.read_bytes()
        try:
            return Gone(**json.loads(text))
        except (ValueError, TypeError):
            raise _damaged(file) from None

    def wipe_drafts(self) -> None:
        """Overwrite and remove what killed processes have left: each may be a copy of a key.

        The folder's lock is the caller's, so that nobody is writing one.
        """
        with _away_if_refused(self.path):
            names = tuple(f"{one.value}-" for one in KeyClass)
            for file in list(self.path.iterdir()):
                if file.name.startswith(".") and file.name[1:].startswith(names):
                    durable.wipe_left(file)

    # --- keys of single messages ----------------------------------------------------------------

    def read_kept(self, name: KeyName) -> Kept:
        """The keys of messages that outlive the key `name`."""
        file = self._file(name, "kept")
        with _away_if_refused(file):
            text = file.read_bytes()
        try:
            by, *lines = _lines(text, _FIRST_KEPT)
            pairs = (line.split() for line in lines)
            wrapped = {message.encode("ascii"): _decode(key) for message, key in pairs}
            return Kept(KeyName.parse(by.removeprefix("by ")), wrapped)
        except ValueError:
            raise _damaged(file) from None

    def unwrap_kept(self, name: KeyName, kept: Kept, by: bytes, message: bytes) -> bytes:
        """The key of one message that is kept, `by` being what wraps it. Raises `KeysAwayError`."""
        try:
            return unwrap(by, kept.wrapped[message], name.header + message)
        except ValueError:
            raise _damaged(self._file(name, "kept")) from None

    def write_kept(self, name: KeyName, kept: Kept) -> None:
        """Put them in the place of those that were kept."""
        lines = [
            f"{message.decode('ascii')} {_encode(key)}" for message, key in kept.wrapped.items()
        ]
        file = self._file(name, "kept")
        durable.replace_and_wipe(file, _text([_FIRST_KEPT, f"by {kept.by}", *lines]))

    def wipe_kept(self, name: KeyName) -> None:
        """Nothing of that day is needed any more."""
        durable.remove_and_wipe(self._file(name, "kept"))

    # --- files ----------------------------------------------------------------------------------

    def _file(self, name: KeyName, ending: str) -> Path:
        return self.path / f"{name}.{ending}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


@contextmanager
def _away_if_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise KeysAwayError(
            "content-keys-missing",
            f"{error.filename or path} is not there.",
            "Put the folder of content keys back, or mount it; see docs/how-to/rotate-keys.md.",
        ) from None
    except OSError as error:
        raise KeysAwayError(
            "content-keys-unusable",
            f"{path} cannot be read or written ({error.strerror or type(error).__name__}).",
            "Let the engine's user, and nobody else, use it, and see that there is room.",
        ) from None


def _damaged(file: Path) -> KeyFileError:
    return KeysAwayError(
        "content-keys-damaged",
        f"{file} is damaged.",
        "Put it back from its backup; if there is none, `payergate keys shred --lost` gives it up.",
    )


def _lines(text: bytes, first: str) -> list[str]:
    """The lines after the first, which must be this one. Raises `ValueError`."""
    found, *lines = text.decode("ascii").splitlines() or [""]
    if found != first:
        raise ValueError("the first line")
    return lines


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("ascii")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
