"""How a command reaches a site's store, with or without an engine beside it.

Law: a command leaves things as it found them: a server that it had to start it also stops, unless
an engine or another command has come to use it meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from engine.config.model import Installation
from engine.errors import StoreError
from engine.store.check import check_keys, check_settings, has_sealed
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.keyfolder import KeyFolder
from engine.store.opening import EMBEDDED, open_checked, url_of
from engine.store.port import Store, StoreUnavailable
from engine.store.redis import RedisStore
from engine.store.reserve import DiskShort, Reserve
from engine.store.sealing import Sealer
from engine.store.varlock import StoreUse, has_engine

#: How long a command waits for an embedded server that does not answer: a person waits for it.
PATIENCE_S = 4.0


#: How long a store may take to write its log anew, in seconds, and how often it is asked.
_REWRITE_S = 60.0
_POLL_S = 0.1


class StoreOff(StoreUnavailable):
    """The site's own store merely does not run, as no engine does."""


@contextmanager
def working_store(site: Installation) -> Iterator[Store]:
    """The site's store, its own server started for the while if it does not run.

    Raises `StoreError` when it cannot be had.
    """
    if url_of(site.store) != EMBEDDED:
        store = open_checked(site.store, site.var).store
        try:
            yield store
        finally:
            store.close()
        return
    use = StoreUse(site.var)
    try:
        with _embedded_store(site, use) as store:
            yield store
    finally:
        use.end()


@contextmanager
def _embedded_store(site: Installation, use: StoreUse) -> Iterator[Store]:
    """The server started, if need be, and stopped again, unless others have come to use it."""
    opened = open_checked(site.store, site.var, patience_s=PATIENCE_S)
    try:
        yield opened.store
    finally:
        opened.store.close()
        if opened.server is not None and not opened.server.adopted:
            lock = use.alone()
            if lock is not None:
                try:
                    opened.server.stop()
                finally:
                    lock.release()


@contextmanager
def running_store(site: Installation) -> Iterator[Store]:
    """The site's store as it is; its first answer raises `StoreUnavailable` if it does not run."""
    store = RedisStore(connect(_running_url(site)), site.store.replicas)
    try:
        yield store
    except StoreUnavailable as away:
        if not _is_off(site):
            raise
        raise StoreOff(
            "store-off",
            "the store is off, as no engine runs.",
            "Start the engine: its own store starts with it.",
        ) from away
    finally:
        store.close()


def fitting_sealer(site: Installation, *, create: bool = False) -> Sealer:
    """The site's keys, if they are those that the content of its running store is sealed with.

    What another folder's keys sealed would be lost as soon as the former folder is put back, and a
    rotation beside another folder would drop the master key that the former one needs. `create`:
    make them, where the store has never seen any. Raises `KeyFileError`.
    """
    client = connect(_running_url(site))
    try:
        sealer = Sealer.of(site.keys, create=create and not has_sealed(client))
        check_keys(client, sealer.known_by, KeyFolder(site.keys.folder).id())
    finally:
        client.close()
    return sealer


def engine_runs(site: Installation) -> bool:
    """Whether an engine runs here, whatever its store says."""
    try:
        return has_engine(site.var)
    except OSError:  # this user may not look there
        return False


def _is_off(site: Installation) -> bool:
    """Whether it is as `StoreOff` says."""
    try:
        is_ours = url_of(site.store) == EMBEDDED
        return is_ours and not EmbeddedServer(site.var).runs() and not has_engine(site.var)
    except OSError:  # this user may not look there
        return False


def store_troubles(site: Installation) -> list[str]:
    """Why an engine takes no messages on this store, although it answers.

    Raises `StoreUnavailable` when it does not.
    """
    troubles = []
    client = connect(_running_url(site))
    try:
        check_settings(client)
    except StoreUnavailable:
        raise
    except StoreError as unfit:
        troubles.append(str(unfit))
    finally:
        client.close()
    return troubles + disk_troubles(site)


def disk_troubles(site: Installation) -> list[str]:
    """The same of the disk beside an embedded store, where an engine has run."""
    reserve = Reserve(site.var, site.store.reserve_bytes)
    is_short = url_of(site.store) == EMBEDDED and reserve.is_made() and reserve.is_short()
    return [str(DiskShort((), ()))] if is_short else []


def rewrite_log(site: Installation) -> bool:
    """Have the store's log written anew, so that nothing stays in it of what has left the store.

    Whether that was done; a server that does not let us, or is at it already, does so by itself
    when its log has grown.
    """
    client = connect(_running_url(site))
    try:
        client.bgrewriteaof()
        for _ in range(int(_REWRITE_S / _POLL_S)):
            said = client.info("persistence")
            if not (said["aof_rewrite_in_progress"] or said["aof_rewrite_scheduled"]):
                return bool(said["aof_last_bgrewrite_status"] == "ok")
            time.sleep(_POLL_S)
    except RedisError:
        pass
    finally:
        client.close()
    return False


def _running_url(site: Installation) -> str:
    url = url_of(site.store)
    return EmbeddedServer(site.var).url if url == EMBEDDED else url
