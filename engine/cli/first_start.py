"""The keys of a site at the engine's start: made at the first one, never again.

Law: keys that are not there are made only where nothing is known of an engine that ran here before.
A folder that is merely not mounted would look like a new installation else; nothing is made of it
then, so that the mount finds its place as it was.
"""

from __future__ import annotations

from engine.archive.database import ArchiveError
from engine.archive.opening import open_archive
from engine.config.model import Site
from engine.store.check import has_sealed
from engine.store.client import connect
from engine.store.keyfolder import KeyFolder
from engine.store.mark import MARK_FILE
from engine.store.opening import EMBEDDED, url_of
from engine.store.sealing import Sealer


def make_keys_ready(site: Site) -> None:
    """See that the site's keys are there, or make them at a first start.

    Raises `KeyFileError` for keys that were there once.
    """
    folder = KeyFolder(site.keys.folder)
    if not folder.is_made() and _has_run(site):
        site.keys.read()
        folder.id()
    Sealer.of(site.keys, create=True)


def _has_run(site: Site) -> bool:
    """Whether store, archive or var/ know of an engine that had keys.

    An archive that cannot be reached says nothing: messages go on without it.
    """
    if (site.var / MARK_FILE).exists():
        return True
    url = url_of(site.store)
    if url != EMBEDDED:
        with connect(url) as client:
            if has_sealed(client):
                return True
    return bool(site.archive.url) and _is_archive_made(site)


def _is_archive_made(site: Site) -> bool:
    try:
        with open_archive(site):
            return True
    except ArchiveError:
        return False
