"""The `deliver` part of a channel: where its messages go, and what follows from an answer.

Law: an answer that the table does not name parks the message (fail closed). `rewrite` and
`control_id` change the copy, so they are read with the channel (`engine.policy.language.channels`).
"""

from __future__ import annotations

import re

from engine.config.addresses import address, demand_secrecy
from engine.config.model import Delivery
from engine.delivery.schedule import (
    DEFAULT_REPLY_ACTIONS,
    Action,
    ReplyAction,
    Retry,
    Schedule,
)
from engine.policy.language import Keys, Reader, Support
from engine.policy.language.source import Mapping, Node, Scalar

DELIVER_KEYS = Keys(
    of="`deliver`",
    required=("to",),
    optional=(
        "insecure",
        "acknowledgement",
        "connect_timeout",
        "on",
        "retry",
        "order",
        "lanes",
        "rewrite",
        "control_id",
    ),
    not_enforced={"tls": "until TLS comes, the engine does not start with a `tls:` address"},
)
TLS_KEYS = Keys(of="`tls`", optional=("ca_file", "certificate_file", "key_file", "server_name"))
ACKNOWLEDGEMENT_KEYS = Keys(
    of="`acknowledgement`", optional=("mode", "timeout", "application_timeout")
)
RETRY_KEYS = Keys(of="`retry`", optional=("first", "factor", "cap", "jitter"))
REPLY_KEYS = Keys(of="`on`", optional=("AE", "AR", "CE", "CR", "timeout"))
LIMIT_KEYS = Keys(of="A reply's action", required=("retry",), optional=("then",))

#: What a whole answer may lead to; `complete` only for a named error code (`{205: complete}`).
ACTIONS = {"retry": Action.RETRY, "park": Action.PARK}
CODE_ACTIONS = {**ACTIONS, "complete": Action.COMPLETE}
ERROR_CODE = re.compile(r"[0-9]{3}")

#: How many queues a channel may ask for, and how often a message may be sent again.
MOST_LANES = 64
MOST_RETRIES = 1000

#: The shortest time that any setting here may name, in seconds.
_LEAST_S = 0.01


#: One queue keeps every patient's order, only slower; an acknowledgment that was to come in two
#: steps would not be what the counterpart agreed to.
ORDER = {"channel": Support.IN_FORCE, "patient": Support.NOT_ENFORCED}
THEN = {"park": Support.IN_FORCE}
MODE = {"original": Support.IN_FORCE, "enhanced": Support.UNSUPPORTED}


def delivery_of(node: Node, reader: Reader) -> Delivery | None:
    """How to reach one counterpart; None after noting why that cannot be known."""
    given = reader.mapping(node, DELIVER_KEYS)
    if given is None or "to" not in given:
        return None
    insecure = reader.flag(given.get("insecure"), "`insecure`") is True
    to = address(given["to"], "`to`", reader, least_port=1)
    if to is not None:
        demand_secrecy(given["to"], to, reader, insecure=insecure)
    for name, value in (reader.mapping(given.get("tls"), TLS_KEYS) or {}).items():
        reader.text(value, f"`{name}`")
    reader.settled(given.get("order"), "order", ORDER)
    lanes = reader.whole(given.get("lanes"), "`lanes`", 1, MOST_LANES)
    if lanes is not None and lanes > 1:
        reader.not_enforced(given["lanes"], "`lanes` (a channel has one)")
    timeouts = _acknowledgement(given.get("acknowledgement"), reader)
    connect_s = reader.seconds(given.get("connect_timeout"), "`connect_timeout`", _LEAST_S)
    if connect_s is not None:
        timeouts["connect_timeout_s"] = connect_s
    schedule = Schedule(_replies(given.get("on"), reader), _retry(given.get("retry"), reader))
    if to is None:
        return None
    return Delivery(to=to, insecure=insecure, schedule=schedule, **timeouts)


def _acknowledgement(node: Node | None, reader: Reader) -> dict[str, float]:
    given = reader.mapping(node, ACKNOWLEDGEMENT_KEYS) or {}
    reader.settled(given.get("mode"), "mode", MODE)
    reader.seconds(given.get("application_timeout"), "`application_timeout`", _LEAST_S)
    timeout_s = reader.seconds(given.get("timeout"), "`timeout`", _LEAST_S)
    return {} if timeout_s is None else {"ack_timeout_s": timeout_s}


def _retry(node: Node | None, reader: Reader) -> Retry:
    given = reader.mapping(node, RETRY_KEYS) or {}
    read = {
        "first_s": reader.seconds(given.get("first"), "`first`", _LEAST_S),
        "factor": reader.decimal(given.get("factor"), "`factor`", 1, 100),
        "cap_s": reader.seconds(given.get("cap"), "`cap`", _LEAST_S),
        "jitter": reader.decimal(given.get("jitter"), "`jitter`", 0, 0.9),
    }
    values = {name: value for name, value in read.items() if value is not None}
    retry = Retry(**values)
    if retry.cap_s < retry.first_s and node is not None:
        reader.bad_value(node, "`cap` is less than `first`.", "Raise `cap` or lower `first`.")
    return retry


# --- answers ------------------------------------------------------------------------------------


def _replies(node: Node | None, reader: Reader) -> dict[str, ReplyAction]:
    """The default table, with every answer that is named replaced together with its error codes."""
    table = dict(DEFAULT_REPLY_ACTIONS)
    given = reader.mapping(node, REPLY_KEYS)
    for name, value in (given or {}).items():
        for key in [key for key in table if key.startswith(f"{name}/")]:
            del table[key]
        if isinstance(value, Mapping) and value.get("retry") is None:
            _by_error_code(name, value, table, reader)
        else:
            action = _action(value, f"`{name}`", ACTIONS, reader)
            table[name] = action or table[name]
    return table


def _by_error_code(name: str, node: Mapping, table: dict[str, ReplyAction], reader: Reader) -> None:
    """`{206: retry, else: park}`: by ERR-3.1, else any."""
    for key, value in node.entries:
        code = key.text or ""
        if code != "else" and (ERROR_CODE.fullmatch(code) is None or name == "timeout"):
            reader.bad_value(
                key,
                f"`{code}` cannot be a case of `{name}`.",
                "Write an error code of ERR-3 such as `206`, or `else`.",
            )
            continue
        actions = ACTIONS if code == "else" else CODE_ACTIONS
        action = _action(value, f"`{name}: {code}`", actions, reader)
        if action is not None:
            table[name if code == "else" else f"{name}/{code}"] = action


def _action(
    node: Node, what: str, actions: dict[str, Action], reader: Reader
) -> ReplyAction | None:
    """`retry`, `park`, or `{retry: 5, then: park}`."""
    if isinstance(node, Scalar):
        text = reader.text(node, what)
        if text is None or text in actions:
            return None if text is None else ReplyAction(actions[text])
        reader.bad_value(
            node,
            f"{what} cannot be `{text}`.",
            "Write " + ", ".join(f"`{name}`" for name in actions) + " or `{retry: 5, then: park}`.",
        )
        return None
    given = reader.mapping(node, LIMIT_KEYS)
    if given is None or "retry" not in given:
        return None
    limit = reader.whole(given["retry"], "`retry`", 1, MOST_RETRIES)
    reader.settled(given.get("then"), "then", THEN)
    return None if limit is None else ReplyAction(Action.RETRY, limit, Action.PARK)
