"""A site's folder in, what it takes to watch its engine and to order it about out.

Law: an engine keeps the site that it has while somebody edits the files, and whoever is on duty can
still stop a channel: for that, config.yaml must load and nothing else. What decides or sends needs
a `Site`, which is loaded as a whole or not at all.
"""

from __future__ import annotations

import pathlib
import re
from dataclasses import replace

from engine.config.files import CONFIG, channel_files, content_of, read_file
from engine.config.load import keys_in, load_site, store_in
from engine.config.model import OperatingSite, Site
from engine.config.protections import protections_in
from engine.config.settings import Settings, settings_of
from engine.errors import Severity, SiteError
from engine.policy.language import Problems, Reader
from engine.policy.language.channels import CHANNEL_ID
from engine.policy.language.source import Mapping, Scalar
from engine.policy.model import State

#: A key of the file itself, where the file is no YAML.
_LINE = re.compile(
    r"""^["']?(channel|state)["']?[ \t]*:[ \t]*["']?([a-z0-9-]+)["']?[ \t\r]*(?:#|$)""", re.M
)


def load_operating_site(root: pathlib.Path) -> OperatingSite:
    """Load the site in the folder `root`, or what can be known of it while it does not load.

    Raises `SiteError` with all problems of the site, if config.yaml does not load.
    """
    try:
        return operating(load_site(root))
    except SiteError as error:
        settings = _settings(root)
        if settings is None:
            raise
        errors = sum(problem.severity is Severity.ERROR for problem in error.problems)
        return _unloaded(root, settings, errors)


def operating(site: Site) -> OperatingSite:
    """The part of a loaded site."""
    return OperatingSite(
        root=site.root,
        engine=site.engine,
        listeners=site.listeners,
        store=site.store,
        archive=site.archive,
        keys=site.keys,
        var=site.var,
        timezone=site.policy.timezone,
        channels={name: channel.state for name, channel in site.policy.channels.items()},
        protections=site.policy.protections,
        insecure=site.insecure,
    )


def _settings(root: pathlib.Path) -> Settings | None:
    """What config.yaml says; None where it does not load."""
    problems = Problems()
    node = read_file(root, root / CONFIG, problems)
    settings = None if node is None else settings_of(node, Reader(problems))
    is_wrong = any(problem.severity is Severity.ERROR for problem in problems.sorted())
    return None if is_wrong else settings


def _unloaded(root: pathlib.Path, settings: Settings, errors: int) -> OperatingSite:
    folder = root.resolve()
    site = OperatingSite(
        root=folder,
        engine=settings.engine,
        listeners=settings.listeners,
        store=store_in(folder, settings.store),
        archive=settings.archive,
        keys=keys_in(folder, settings.keys),
        var=folder / "var",
        timezone=settings.timezone,
        channels=_channels(root),
        protections=protections_in(settings.protections),
        insecure=(),
        errors=errors,
    )
    return replace(site, insecure=site.insecure_listeners)


def _channels(root: pathlib.Path) -> dict[str, State]:
    """The channels that the files tell of; one whose state cannot be read may be live."""
    found: dict[str, State] = {}
    for path in channel_files(root):
        told = _told(root, path)
        name = told.get("channel", "")
        state = next((one for one in State if one.value == told.get("state")), State.LIVE)
        found[name if CHANNEL_ID.fullmatch(name) else path.stem] = state
    return dict(sorted(found.items()))


def _told(root: pathlib.Path, path: pathlib.Path) -> dict[str, str]:
    """What a channel's file says of itself, whether it is YAML or not."""
    node = read_file(root, path, Problems())
    if isinstance(node, Mapping):
        values = {key: node.get(key) for key in ("channel", "state")}
        return {
            key: one.text for key, one in values.items() if isinstance(one, Scalar) and one.text
        }
    try:
        return dict(_LINE.findall(content_of(path).decode("utf-8-sig", "replace")))
    except OSError:
        return {}
