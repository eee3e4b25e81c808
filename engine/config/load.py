"""A site's folder in, a `Site` or every problem of it out.

Law: a site loads as a whole or not at all, and whoever mends it is told everything at once.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import replace

from engine.config.deliver import delivery_of
from engine.config.files import read_files
from engine.config.insurers import note_insurers
from engine.config.lawful import note_bases
from engine.config.model import Delivery, Site, StoreSettings
from engine.config.protections import protected
from engine.config.settings import Settings, settings_of
from engine.config.sharing import note_shared
from engine.errors import Severity, SiteError
from engine.policy.language import Problems, Reader, note_incomplete, policy_of
from engine.policy.language.advice import advise
from engine.policy.language.source import Node
from engine.policy.model import Policy
from engine.store.keysource import KeySource


def load_site(root: pathlib.Path) -> Site:
    """Load the site in the folder `root`.

    Raises `SiteError` with all problems, warnings included, sorted by place, if there is any
    error. Warnings alone are in `Site.warnings`.
    """
    problems = Problems()
    reader = Reader(problems)
    files = read_files(root, problems)
    settings = Settings() if files.config is None else settings_of(files.config, reader)
    read = policy_of(
        files.channels,
        files.rules,
        every_channel_read=files.every_channel_read,
        environment=settings.environment.value,
        timezone=settings.timezone,
        problems=problems,
        set_files=files.sets,
        every_set_read=files.every_set_read,
    )
    note_bases(read.policy.rules, settings.protections.on, problems)
    note_insurers(read.policy, settings.protections.on, problems)
    deliveries = _deliveries(read.deliver, reader)
    found = problems.sorted()
    if any(problem.severity is Severity.ERROR for problem in found):
        raise SiteError(found)
    # Of rules that could not be read it would be said that they lack something.
    note_incomplete(read.policy, problems)
    advise(read.policy, problems)
    note_shared(read.policy, deliveries, read.deliver, problems)
    return _site(root.resolve(), settings, read.policy, deliveries, problems)


def _deliveries(nodes: Mapping[str, Node], reader: Reader) -> dict[str, Delivery]:
    found = {channel: delivery_of(node, reader) for channel, node in nodes.items()}
    return {channel: delivery for channel, delivery in found.items() if delivery is not None}


def _site(
    folder: pathlib.Path,
    settings: Settings,
    policy: Policy,
    deliveries: Mapping[str, Delivery],
    problems: Problems,
) -> Site:
    return Site(
        root=folder,
        engine=settings.engine,
        policy=protected(
            replace(policy, units=settings.units, self_pay=settings.self_pay),
            settings.protections,
        ),
        listeners=settings.listeners,
        deliveries=deliveries,
        archive=settings.archive,
        retention=settings.retention,
        store=store_in(folder, settings.store),
        keys=keys_in(folder, settings.keys),
        var=folder / "var",
        warnings=problems.sorted(),
        controller=settings.controller,
        requires_elements=settings.requires_elements,
    )


def keys_in(folder: pathlib.Path, keys: KeySource) -> KeySource:
    """Where the keys are, seen from anywhere."""
    file = None if keys.file is None else folder / keys.file
    return replace(keys, file=file, folder=folder / keys.folder, site=folder)


def store_in(folder: pathlib.Path, store: StoreSettings) -> StoreSettings:
    """Where the store is, seen from anywhere."""
    file = store.url_file
    return store if file is None else replace(store, url_file=folder / file)
