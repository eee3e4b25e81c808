"""A copy of a site that is safe to play with: loopback only, a store and keys of its own.

Law: nothing of the original is changed, and nothing in the copy points at the world: listeners and
`deliver.to` are 127.0.0.1, TLS files and passwords are not needed, the store is embedded. The
copy's policy is the original's, word for word. Files are edited as YAML nodes, not as values, so
that `NO` and `012` stay what they were (rules.md §1.5).
"""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable, Mapping

import yaml

_CONFIG = "config.yaml"
_FOLDERS = ("channels", "rules")
#: Listener settings that would keep a hospital on loopback out, or need files that are not here.
_LISTENER_DROPPED = ("tls",)
_ACCEPT_DROPPED = ("from", "client")
#: What the engine keeps on disk or asks of other servers: all by default, under the copy's var/.
_CONFIG_DROPPED = ("store", "archive", "keys", "console", "alerts", "workers")
_DELIVER_DROPPED = ("tls",)
_TRUE = "true"


def copy_site(original: pathlib.Path, target: pathlib.Path, ports: Mapping[str, int]) -> None:
    """Copy `original` to the folder `target`; channel ids in `ports` deliver to those ports.

    A site that does not load is copied as it is: whoever loads it says what is wrong.
    """
    target.mkdir(parents=True, exist_ok=True)
    _rewrite(original / _CONFIG, target / _CONFIG, _config_for_loopback)
    for folder in _FOLDERS:
        if (original / folder).is_dir():
            shutil.copytree(original / folder, target / folder)
    for file in sorted((target / "channels").glob("*.yaml")):
        _rewrite(file, file, lambda root: _channel_for_loopback(root, ports))


def _rewrite(
    source: pathlib.Path, target: pathlib.Path, edit: Callable[[yaml.MappingNode], None]
) -> None:
    text = source.read_text("utf-8")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        root = None
    if isinstance(root, yaml.MappingNode):
        edit(root)
        text = yaml.serialize(root, Dumper=yaml.SafeDumper, allow_unicode=True)
    target.write_text(text, "utf-8")


def _config_for_loopback(root: yaml.MappingNode) -> None:
    for key in _CONFIG_DROPPED:
        _drop(root, key)
    listeners = _get(root, "listeners")
    if not isinstance(listeners, yaml.SequenceNode):
        return
    for listener in listeners.value:
        if not isinstance(listener, yaml.MappingNode):
            continue
        _set(listener, "listen", "tcp:127.0.0.1:0")
        for key in _LISTENER_DROPPED:
            _drop(listener, key)
        accept = _get(listener, "accept")
        if isinstance(accept, yaml.MappingNode):
            for key in _ACCEPT_DROPPED:
                _drop(accept, key)
            if not accept.value:
                _drop(listener, "accept")


def _channel_for_loopback(root: yaml.MappingNode, ports: Mapping[str, int]) -> None:
    channel, deliver = _get(root, "channel"), _get(root, "deliver")
    if not isinstance(channel, yaml.ScalarNode) or not isinstance(deliver, yaml.MappingNode):
        return
    if channel.value in ports:
        _set(deliver, "to", f"tcp:127.0.0.1:{ports[channel.value]}")
        _set(deliver, "insecure", _TRUE)
        for key in _DELIVER_DROPPED:
            _drop(deliver, key)


def _get(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in mapping.value if name.value == key), None)


def _drop(mapping: yaml.MappingNode, key: str) -> None:
    mapping.value = [(name, value) for name, value in mapping.value if name.value != key]


def _set(mapping: yaml.MappingNode, key: str, text: str) -> None:
    _drop(mapping, key)
    mapping.value.append((_scalar(key), _scalar(text)))


def _scalar(text: str) -> yaml.ScalarNode:
    tag = "tag:yaml.org,2002:bool" if text == _TRUE else "tag:yaml.org,2002:str"
    return yaml.ScalarNode(tag, text)
