"""The five schemas: of a channel, a rules file, a code set, a suite of tests, and config.yaml."""

from __future__ import annotations

from collections.abc import Callable

from engine.config.schemas.conditions import MESSAGE_TYPES, PATH, condition_definitions
from engine.config.schemas.delivery import deliver
from engine.config.schemas.grants import by_segment, grant_definitions, withheld
from engine.config.schemas.settings import config
from engine.config.schemas.shapes import (
    TEXT,
    Shape,
    choice,
    day,
    duration,
    flag,
    listed,
    mapping,
    one_or_list,
    ref,
    text,
    whole,
)
from engine.policy.language.channels import AGREEMENT_KEYS, CEILING_KEYS, CHANNEL_KEYS
from engine.policy.language.rules import ALL_PAYERS, FILE_KEYS, RULE_KEYS
from engine.policy.language.sets import SET_KEYS
from engine.policy.language.suite_messages import MESSAGE_KEYS
from engine.policy.language.suite_tests import ALL_OTHERS, BECAUSE_KEYS, EXPECT_KEYS, TEST_KEYS
from engine.policy.language.suites import SUITE_KEYS
from engine.policy.model import Consent, Kind, LeakScan, PayerType, Purpose, State, Structure
from engine.privacy.protections import Label

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ID = "^[a-z0-9][a-z0-9-]{0,62}$"


def schema_of(name: str) -> Shape:
    """The schema of one kind of file. Raises `KeyError` for a kind that there is not."""
    title, make = SCHEMAS[name]
    return {"$schema": _DIALECT, "title": title, **make()}


def _channel() -> Shape:
    agreement = mapping(
        AGREEMENT_KEYS,
        {
            "reference": text("its number"),
            "expires": day("the last day it holds; past it, copies are held"),
            "assessed": day("when the counterpart was last assessed"),
            "reassess_after": duration("when to assess it again"),
        },
        "the agreement with it",
    )
    ceiling = mapping(
        CEILING_KEYS,
        {"messages": MESSAGE_TYPES, "segments": by_segment("fields", "segment → fields")},
        "the most it may ever receive",
    )
    shape = mapping(
        CHANNEL_KEYS,
        {
            "channel": text("its id, unique: lower case, digits, hyphens", _ID),
            "name": text("its name for people"),
            "address": text("its postal address, for accountings of disclosures"),
            "kind": choice("what the counterpart is", Kind),
            "payer_type": choice("what kind of payer it is", PayerType),
            "identified_by": listed(ref("condition"), "how messages name it: IN1, IN2, IN3"),
            "agreement": agreement,
            "purposes": listed({"enum": _values(Purpose)}, "what it may ever receive for"),
            "ceiling": ceiling,
            "deliver": deliver(),
            "state": choice("checked only; decided and recorded; live", State),
            "structure": choice("whether copies must be whole by HL7's structures", Structure),
            "renumber": flag("set ids are numbered anew where a segment was removed"),
            "leak_scan": choice("what of withheld content is looked for in what is left", LeakScan),
        },
    )
    of_payers: Shape = {
        "if": {"properties": {"kind": {"const": Kind.PAYER.value}}, "required": ["kind"]},
        "then": {
            "required": ["identified_by", "agreement"],
            "properties": {"agreement": {"required": ["expires"]}},
        },
    }
    return {**shape, **of_payers, "$defs": {**condition_definitions(), **grant_definitions()}}


def _rules() -> Shape:
    rule = mapping(
        RULE_KEYS,
        {
            "name": text("unique in the site; the ledger tells rules apart by it"),
            "why": text("for whoever reviews it"),
            "when": ref("condition", "the condition"),
            "disclose": by_segment("grant", "what is granted"),
            "withhold": withheld(),
        },
    )
    rule["anyOf"] = [{"required": ["disclose"]}, {"required": ["withhold"]}]
    shape = mapping(
        FILE_KEYS,
        {
            "channels": {
                "anyOf": [{"const": ALL_PAYERS}, listed(TEXT)],
                "description": f"channel ids, or `{ALL_PAYERS}`",
            },
            "purpose": choice("what for; every channel must allow it", Purpose),
            "basis": text("the legal basis, written to the ledger with every disclosure"),
            "consent": choice("what is asked of the patient", Consent),
            "within": choice("each channel gets the grants cut to its ceiling", ["ceiling"]),
            "rules": listed(rule),
        },
    )
    return {**shape, "$defs": {**condition_definitions(), **grant_definitions()}}


def _set() -> Shape:
    ends: Shape = {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}
    shape = mapping(
        SET_KEYS,
        {
            "set": text("its name, unique in the site", _ID),
            "system": text("the coding system (table 0396): I10, LN, C4, HCPCS, SCT, NDC, …"),
            "codes": listed(TEXT, "whole codes"),
            "prefixes": listed(TEXT, "beginnings of codes"),
            "ranges": listed({"anyOf": [TEXT, ends]}, "from one code to another: F20-F99"),
            "label": choice("the built-in label that it adds to", Label),
            "source": text("where it was taken from"),
            "version": text("of which date or version"),
        },
    )
    one_of = [{"required": [name]} for name in ("codes", "prefixes", "ranges")]
    return {**shape, "anyOf": one_of}


def _suite() -> Shape:
    changed: Shape = {
        "type": "object",
        "patternProperties": {PATH: {"type": ["string", "number", "boolean", "null"]}},
        "additionalProperties": False,
        "minProperties": 1,
    }
    message = mapping(
        MESSAGE_KEYS,
        {
            "file": text("a sample, beside the suite or from the site's folder"),
            "text": text("the message itself"),
            "index": whole("which message of the file", 1, 100_000),
            "set": {**changed, "description": "path → what it is to be"},
            "remove": one_or_list(TEXT, "segments and fields"),
            "add": one_or_list(TEXT, "segments"),
        },
    )
    facts: Shape = {"type": ["object", "string"], "description": "what the registries would know"}
    shapes: dict[str, Shape] = {
        "suite": text("its name in reports"),
        "facts": facts,
        "messages": {"type": "object", "additionalProperties": message, "minProperties": 1},
        "tests": listed(_test(facts)),
    }
    return mapping(SUITE_KEYS, shapes)


def _test(facts: Shape) -> Shape:
    value: Shape = {"type": ["string", "number", "boolean", "null"]}
    expected = mapping(
        EXPECT_KEYS,
        {
            "segments": one_or_list(TEXT, "the segments that are sent, in order"),
            "contains": one_or_list(TEXT, "texts that are sent"),
            "excludes": one_or_list(TEXT, "texts that are not sent"),
            "fields": {
                "type": "object",
                "patternProperties": {PATH: {"anyOf": [value, listed(value)]}},
                "additionalProperties": False,
            },
        },
    )
    because = mapping(BECAUSE_KEYS, {"code": text("a reason"), "rule": text("a rule")})
    test = mapping(
        TEST_KEYS,
        {
            "name": text("what is promised"),
            "message": text("one of the suite's messages"),
            "facts": facts,
            "expect": {"type": "object", "additionalProperties": expected, "minProperties": 1},
            "nothing_for": one_or_list(TEXT, f"channels that receive nothing, or `{ALL_OTHERS}`"),
            "because": {
                "type": "object",
                "additionalProperties": {"anyOf": [TEXT, because]},
                "minProperties": 1,
            },
        },
    )
    return {
        **test,
        "anyOf": [{"required": [name]} for name in ("expect", "nothing_for", "because")],
    }


def _values(options: type[Purpose]) -> list[str]:
    return sorted(option.value for option in options)


#: Kind of file → its title, and what makes its schema.
SCHEMAS: dict[str, tuple[str, Callable[[], Shape]]] = {
    "channel": ("A payergate channel (channels/*.yaml)", _channel),
    "rules": ("A payergate rules file (rules/*.yaml)", _rules),
    "set": ("A payergate code set (rules/sets/*.yaml)", _set),
    "test": ("A payergate suite of tests (rules/*_test.yaml)", _suite),
    "config": ("A payergate site's config.yaml", config),
}
