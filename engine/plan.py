"""What the supervisor gives a worker: the loaded site and the sockets, as one value.

Law: a worker that replaces another runs the same site, byte for byte, whatever has happened to the
site's files meanwhile, unless the supervisor has loaded them anew as a whole. It is pickled over a
pipe between two processes of one engine and stored nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.model import Site


@dataclass(frozen=True, slots=True)
class ListenerSocket:
    """A listening socket that the worker inherits. `address` is what people connect to."""

    listener: str
    descriptor: int
    family: int
    address: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`takeover`: every former holder of a lane is known to be dead."""

    site: Site
    revision: str
    sockets: tuple[ListenerSocket, ...]
    store_url: str
    takeover: bool


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """What the archiver is given."""

    site: Site
    revision: str
    store_url: str
