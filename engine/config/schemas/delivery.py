"""Shapes of a channel's `deliver`, with the bounds and words that read it."""

from __future__ import annotations

from engine.config.deliver import (
    ACTIONS,
    CODE_ACTIONS,
    ERROR_CODE,
    MODE,
    MOST_LANES,
    MOST_RETRIES,
    ORDER,
    REPLY_KEYS,
    THEN,
    TLS_KEYS,
)
from engine.config.keys import DELIVER_TABLES
from engine.config.schemas.shapes import (
    ADDRESS,
    TEXT,
    Shape,
    choice,
    duration,
    flag,
    mapping,
    settled,
    text,
    whole,
)
from engine.policy.model import ControlId

_HEADER_FIELD = r"^MSH-[1-9]\d*$"


def deliver() -> Shape:
    """A channel's `deliver`."""
    actions = [{"enum": sorted(ACTIONS)}, _limited()]
    of_answer = {"anyOf": [*actions, _by_code(ERROR_CODE.pattern)]}
    of_none = {"anyOf": [*actions, _by_code()]}  # no answer has no error code
    return _table(
        "deliver.",
        {
            "to": text("the address: tcp:HOST:PORT or tls:HOST:PORT", ADDRESS),
            "insecure": flag("copies may go over a network in the clear"),
            "tls": _table("deliver.tls.", dict.fromkeys(TLS_KEYS.all(), TEXT)),
            "connect_timeout": duration("how long a connection may take to open"),
            "acknowledgement": _table(
                "deliver.acknowledgement.",
                {
                    "mode": settled("which acknowledgments", MODE),
                    "timeout": duration("after that the copy is sent again"),
                    "application_timeout": duration("of enhanced mode"),
                },
                "what is waited for",
            ),
            "order": settled("what keeps its order", ORDER),
            "lanes": whole("queues of the channel", 1, MOST_LANES),
            "control_id": choice("MSH-10 of what is sent", ControlId),
            "rewrite": {
                "type": "object",
                "patternProperties": {_HEADER_FIELD: TEXT},
                "additionalProperties": False,
                "description": "MSH fields and the text that each copy has there",
            },
            "retry": _retry(),
            "on": _table(
                "deliver.on.",
                {**dict.fromkeys(REPLY_KEYS.all(), of_answer), "timeout": of_none},
                "what follows from an answer",
            ),
        },
        "how to reach the counterpart",
    )


def _number(description: str) -> Shape:
    return {"type": ["number", "string"], "description": description}


def _retry() -> Shape:
    return _table(
        "deliver.retry.",
        {
            "first": duration("before the second attempt"),
            "factor": _number("each next wait is this many times as long"),
            "cap": duration("the longest wait"),
            "jitter": _number("each wait varies by this part of itself"),
        },
        "the times between attempts",
    )


def _limited() -> Shape:
    return _table(
        "deliver.on.AE.",
        {
            "retry": whole("how many times", 1, MOST_RETRIES),
            "then": settled("what follows", THEN),
        },
    )


def _by_code(codes: str | None = None) -> Shape:
    """By the error code of an answer; `codes`: what one looks like."""
    of_codes = {} if codes is None else {f"^{codes}$": {"enum": sorted(CODE_ACTIONS)}}
    return {
        "type": "object",
        "patternProperties": {**of_codes, "^else$": {"enum": sorted(ACTIONS)}},
        "additionalProperties": False,
    }


def _table(path: str, shapes: dict[str, Shape], description: str = "") -> Shape:
    return mapping(DELIVER_TABLES[path], shapes, description)
