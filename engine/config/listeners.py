"""The `listeners` of config.yaml: where messages come in, from whom, and how much is borne.

Law: a listener outside loopback is TLS or says `insecure: true`; who may send is what the file
says, so a restriction that this version cannot keep does not load.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from engine.config.addresses import address, demand_secrecy
from engine.config.model import Limits, Listener, StoreFailureAnswer
from engine.intake.admission import Admission
from engine.policy.language import Keys, Mistake, Reader, Support
from engine.policy.language.conditions import message_types
from engine.policy.language.paths import path
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node

LISTENER_KEYS = Keys(
    of="A listener",
    required=("name", "listen"),
    optional=(
        "insecure",
        "accept",
        "acknowledge",
        "validate",
        "limits",
        "on_store_failure",
        "bare_fs",
    ),
    not_enforced={"tls": "until TLS comes, the engine does not start with a `tls:` address"},
)
LISTENER_TLS_KEYS = Keys(of="`tls`", optional=("certificate_file", "key_file", "client_ca_file"))
ACCEPT_KEYS = Keys(
    of="`accept`",
    optional=("from", "sending", "messages"),
    unsupported={"client": "names of client certificates"},
)
ACKNOWLEDGE_KEYS = Keys(of="`acknowledge`", optional=("enhanced", "when"))
LIMITS_KEYS = Keys(
    of="`limits`",
    optional=(
        "message",
        "in_flight",
        "connections",
        "per_peer",
        "idle",
        "frame",
        "inter_byte",
        "stale",
    ),
)
STORE_FAILURE_KEYS = Keys(of="`on_store_failure`", optional=("answer", "close_after"))

#: No message may be larger, whatever the site says.
MOST_MESSAGE_BYTES = 64 * 1024 * 1024
#: The most that a limit on messages or connections may be.
MOST_AT_ONCE = 10_000
_LEAST_S = 0.01


#: To check less than asked is reported; to let pass what the site refuses, it does not load.
VALIDATE = {
    "off": Support.IN_FORCE,
    "report": Support.NOT_ENFORCED,
    "reject": Support.UNSUPPORTED,
}
ENHANCED = {"honour": Support.IN_FORCE}
ACKNOWLEDGED_WHEN = {"stored": Support.IN_FORCE, "delivered": Support.UNSUPPORTED}


def listeners_of(node: Node, reader: Reader) -> tuple[Listener, ...]:
    """Every listener; what cannot be read is noted and left out."""
    listeners: list[Listener] = []
    names: dict[str, Node] = {}
    for item in reader.sequence(node, "`listeners`") or ():
        listener = _listener(item, reader)
        if listener is None:
            continue
        first = names.setdefault(listener.name, item)
        if first is not item:
            reader.problems.note(
                item.place,
                Mistake.DUPLICATE_LISTENER,
                f"The listener `{listener.name}` stands in line {first.place.line} already.",
                "Give one of them another name.",
            )
        listeners.append(listener)
    return tuple(listeners)


def _listener(node: Node, reader: Reader) -> Listener | None:
    given = reader.mapping(node, LISTENER_KEYS)
    if given is None:
        return None
    name = reader.text(given.get("name"), "`name`")
    insecure = reader.flag(given.get("insecure"), "`insecure`") is True
    listen = address(given.get("listen"), "`listen`", reader, least_port=0)
    if listen is not None:
        demand_secrecy(given["listen"], listen, reader, insecure=insecure)
    for key, value in (reader.mapping(given.get("tls"), LISTENER_TLS_KEYS) or {}).items():
        reader.text(value, f"`{key}`")
    _not_yet(given, reader)
    admission = _admission(given.get("accept"), reader)
    limits = _limits(given.get("limits"), reader)
    answer, close_after_s = _store_failure(given.get("on_store_failure"), reader)
    bare_fs = reader.flag(given.get("bare_fs"), "`bare_fs`") is True
    if name is None or listen is None:
        return None
    return Listener(
        name=name,
        listen=listen,
        insecure=insecure,
        admission=admission,
        limits=limits,
        store_failure=answer,
        close_after_s=close_after_s,
        bare_fs=bare_fs,
    )


def _not_yet(given: Mapping[str, Node], reader: Reader) -> None:
    """Settings of which this version knows one value only."""
    reader.settled(given.get("validate"), "validate", VALIDATE)
    acknowledge = reader.mapping(given.get("acknowledge"), ACKNOWLEDGE_KEYS) or {}
    reader.settled(acknowledge.get("enhanced"), "enhanced", ENHANCED)
    reader.settled(acknowledge.get("when"), "when", ACKNOWLEDGED_WHEN)


def _admission(node: Node | None, reader: Reader) -> Admission:
    given = reader.mapping(node, ACCEPT_KEYS)
    if given is None:
        return Admission()
    networks = reader.each(given.get("from"), "`from`", lambda item: _network(item, reader))
    sending = reader.each(given.get("sending"), "`sending`", lambda item: _sender(item, reader))
    messages = message_types(given.get("messages"), reader)
    return Admission(networks or (), sending or (), messages or frozenset())


def _network(node: Node, reader: Reader) -> str | None:
    text = reader.text(node, "A network")
    if text is None:
        return None
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        reader.bad_value(node, f"`{text}` is not a network.", "Write `10.1.0.0/16` or one address.")
        return None


def _sender(node: Node, reader: Reader) -> dict[str, str] | None:
    """Fields of MSH with the text that they must have."""
    if not isinstance(node, MappingNode) or not node.entries:
        reader.wrong_type(node, "An item of `sending`", "a mapping of MSH fields")
        return None
    texts: dict[str, str] = {}
    for key, value in node.entries:
        target = path(key, reader)
        text = reader.text(value, f"`{key.text}`")
        if target is not None and (target.segment != "MSH" or not target.field):
            reader.bad_value(key, f"{target} does not name a sender.", "Name fields of MSH.")
        elif target is not None and text is not None:
            texts[str(target)] = text
    return texts if len(texts) == len(node.entries) else None


def _limits(node: Node | None, reader: Reader) -> Limits:
    given = reader.mapping(node, LIMITS_KEYS)
    if given is None:
        return Limits()
    counts: dict[str, int] = {
        key: value
        for key in ("in_flight", "connections", "per_peer")
        if (value := reader.whole(given.get(key), f"`{key}`", 1, MOST_AT_ONCE))
    }
    size = reader.size(given.get("message"), "`message`", MOST_MESSAGE_BYTES)
    counts |= {} if size is None else {"message_bytes": size}
    times: dict[str, float] = {}
    least = {"idle": 0.0, "frame": _LEAST_S, "inter_byte": _LEAST_S, "stale": 0.0}
    for key, least_s in least.items():
        seconds = reader.seconds(given.get(key), f"`{key}`", least_s)
        times |= {} if seconds is None else {f"{key}_s": seconds}
    return Limits(**counts, **times)  # type: ignore[arg-type]  # counts are whole, times are not


def _store_failure(node: Node | None, reader: Reader) -> tuple[StoreFailureAnswer, float]:
    default = (StoreFailureAnswer.SILENCE, 20.0)
    given = reader.mapping(node, STORE_FAILURE_KEYS)
    if given is None:
        return default
    answer = reader.choice(given.get("answer"), "`answer`", StoreFailureAnswer)
    close_after_s = reader.seconds(given.get("close_after"), "`close_after`", _LEAST_S)
    return answer or default[0], close_after_s or default[1]
