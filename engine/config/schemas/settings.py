"""Shapes of config.yaml, with the bounds and words that read it."""

from __future__ import annotations

from engine.config.archiving import PERIOD, RETENTION_KEYS
from engine.config.keys import CONFIG_TABLES
from engine.config.listeners import (
    ACKNOWLEDGED_WHEN,
    ENHANCED,
    LISTENER_TLS_KEYS,
    MOST_AT_ONCE,
    VALIDATE,
)
from engine.config.model import StoreFailureAnswer
from engine.config.packs import packs
from engine.config.schemas.conditions import MESSAGE_TYPES, condition_definitions
from engine.config.schemas.shapes import (
    ADDRESS,
    TEXT,
    Shape,
    choice,
    duration,
    flag,
    listed,
    mapping,
    one_or_list,
    ref,
    settled,
    size,
    text,
    whole,
)
from engine.config.settings import MOST_REPLICAS, MOST_WORKERS, NO_RESERVE, Elements, Environment
from engine.privacy.units import Unit


def _table(path: str, shapes: dict[str, Shape], description: str = "") -> Shape:
    return mapping(CONFIG_TABLES[path], shapes, description)


def config() -> Shape:
    """config.yaml."""
    shape = _table(
        "",
        {
            "engine": _engine(),
            "listeners": listed(_listener(), "where messages come in"),
            "store": _store(),
            "archive": _archive(),
            "retention": _retention(),
            "keys": _keys(),
            "timezone": text("for times without a zone: a name such as America/New_York"),
            "protections": listed(choice("a pack", sorted(packs())), "packs of statutes that hold"),
            "protections_off": _protections_off(),
            "psychotherapy_notes": {
                "type": "object",
                "additionalProperties": listed(TEXT, "values"),
                "description": "fields and their values that say what psychotherapy notes are",
            },
            "sud_counseling_notes": {
                "type": "object",
                "additionalProperties": listed(TEXT, "values"),
                "description": "fields and their values that say what SUD counseling notes are",
            },
            "controller": _controller(),
            "consent_elements": choice("of a consent that lacks elements of its form", Elements),
            "units": _units(),
            "signals": _signals(),
            "workers": whole("processes that receive and deliver", 1, MOST_WORKERS),
        },
    )
    return {**shape, "$defs": condition_definitions()}


def _engine() -> Shape:
    return _table(
        "engine.",
        {
            "name": text("the engine's name, in its log and records"),
            "environment": choice("what MSH-11 must agree with", Environment),
        },
        "who this is",
    )


def _archive() -> Shape:
    return _table(
        "archive.",
        {
            "url": text("sqlite:PATH, postgresql://USER@HOST/NAME, or `none`"),
            "signing_key_file": text("the key that signs the ledger"),
            "password_file": text("a file with the password for PostgreSQL"),
            "password_env": text("a variable of the environment that has it"),
        },
        "where what is done with goes",
    )


def _retention() -> Shape:
    return _table(
        "retention.",
        dict.fromkeys(RETENTION_KEYS.all(), text("a period: 90d, 6y", f"^{PERIOD.pattern}$")),
        "how long each class is kept",
    )


def _keys() -> Shape:
    return _table(
        "keys.",
        {
            "file": text("a file of its own, made at the first start"),
            "env": text("or the environment variable that has its text"),
            "command": text("or a program that prints its text"),
            "folder": text("where the content keys are, wrapped by it"),
        },
        "where the master key is",
    )


def _protections_off() -> Shape:
    return {
        "type": "object",
        "properties": dict.fromkeys(sorted(packs()), text("why the pack is off")),
        "patternProperties": {
            f"^({'|'.join(sorted(packs()))})/[a-z-]+$": text("why this entry is off")
        },
        "additionalProperties": False,
        "description": "packs, or PACK/LABEL, that do not hold, each with the reason why",
    }


def _controller() -> Shape:
    return _table(
        "controller.",
        {
            "name": text("who answers for the processing"),
            "contact": text("how to reach them"),
            "officer": text("the data protection officer"),
            "country": text("where they are established"),
        },
        "for the record of processing (GDPR Art. 30)",
    )


def _units() -> Shape:
    return {
        "type": "object",
        "additionalProperties": choice("what the unit is", Unit),
        "description": "source units (PV1-3.1), and whether each is a Part 2 program",
    }


def _signals() -> Shape:
    return _table(
        "signals.",
        {
            "self_pay": _table(
                "signals.self_pay.",
                {
                    "segment": text("a Z segment", "^Z[A-Z0-9]{2}$"),
                    "when": ref("condition"),
                    **dict.fromkeys(
                        ("visit", "account", "order", "charge"),
                        text("the field that names it, such as ZSP-3"),
                    ),
                },
                "a request to keep an item from payers (45 CFR 164.522(a)(1)(vi))",
            )
        },
        "what the site's own segments say of confidentiality",
    )


def _store() -> Shape:
    replicas = _table(
        "store.durability.", {"replicas": whole("how many must have a message", 1, MOST_REPLICAS)}
    )
    return _table(
        "store.",
        {
            "url": text("`embedded`, or redis://HOST:PORT/DB"),
            "url_env": text("a variable of the environment that has the URL"),
            "url_file": text("a file that has the URL, password and all"),
            "durability": {
                "anyOf": [{"const": "fsync"}, replicas],
                "description": "when a message counts as stored",
            },
            "disk_reserve": {
                "anyOf": [{"const": NO_RESERVE}, size("of disk, kept for deliveries")],
                "description": "how much of the disk is kept for deliveries",
            },
        },
        "where messages are kept until all their channels are final",
    )


def _listener() -> Shape:
    sending: Shape = {
        "type": "object",
        "patternProperties": {r"^MSH-[1-9]\d*(\.[1-9]\d*)?$": TEXT},
        "additionalProperties": False,
    }
    accept = _table(
        "listeners.accept.",
        {
            "from": one_or_list(TEXT, "networks or addresses that may connect"),
            "sending": listed(sending, "a message must agree with one of these"),
            "messages": MESSAGE_TYPES,
        },
        "who may send what",
    )
    return _table(
        "listeners.",
        {
            "name": text("its name, unique in the site"),
            "listen": text("the address: tcp:HOST:PORT or tls:HOST:PORT", ADDRESS),
            "insecure": flag("messages may come over a network in the clear"),
            "tls": _table("listeners.tls.", dict.fromkeys(LISTENER_TLS_KEYS.all(), TEXT)),
            "accept": accept,
            "acknowledge": _table(
                "listeners.acknowledge.",
                {
                    "enhanced": settled("whether MSH-15 and MSH-16 are honoured", ENHANCED),
                    "when": settled("when messages are acknowledged", ACKNOWLEDGED_WHEN),
                },
            ),
            "validate": settled("checking against HL7's tables", VALIDATE),
            "limits": _limits(),
            "on_store_failure": _table(
                "listeners.on_store_failure.",
                {
                    "answer": choice("what a sender meets", StoreFailureAnswer),
                    "close_after": duration("after that the connection closes"),
                },
                "while the store is away",
            ),
            "bare_fs": flag("a frame may end in FS alone"),
        },
    )


def _limits() -> Shape:
    return _table(
        "listeners.limits.",
        {
            "message": size("the longest message"),
            "in_flight": whole("unanswered messages of one connection", 1, MOST_AT_ONCE),
            "connections": whole("connections of the listener", 1, MOST_AT_ONCE),
            "per_peer": whole("connections of one address", 1, MOST_AT_ONCE),
            "idle": duration("quiet between messages"),
            "frame": duration("from the first byte of a message to its last"),
            "stale": duration("how long one must have been quiet to give way to a new one"),
            "inter_byte": duration("between two reads within a message"),
        },
        "what is borne",
    )
