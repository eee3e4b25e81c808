"""A rules file: what is disclosed to which channels, when, and why.

Law: a file says its purpose and its legal basis once, and each rule says why it exists. What a rule
grants beyond a channel's ceiling is an error that names both lines (rules.md §1.3), unless the file
says `within: ceiling`; then each channel gets the grant cut to its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.errors import Place
from engine.policy.language.channels import ReadChannel
from engine.policy.language.conditions import ALWAYS, all_of
from engine.policy.language.documents import with_documents_of_rule
from engine.policy.language.grants import grants
from engine.policy.language.keys import Keys
from engine.policy.language.mistakes import Mistake, known_or_close
from engine.policy.language.reader import Reader
from engine.policy.language.source import Mapping as MappingNode
from engine.policy.language.source import Node, Scalar
from engine.policy.language.withholdings import withholdings
from engine.policy.model import (
    WITHOUT_AUTHORIZATION,
    Consent,
    Coverage,
    Kind,
    Purpose,
    Rule,
)
from engine.policy.vocabulary.conditions import Condition

FILE_KEYS = Keys(
    of="A rules file",
    required=("channels", "purpose", "basis", "rules"),
    optional=("consent", "within"),
)
RULE_KEYS = Keys(of="A rule", required=("name", "why"), optional=("when", "disclose", "withhold"))

#: `channels:` — every channel of kind payer.
ALL_PAYERS = "all payers"


@dataclass(frozen=True, slots=True)
class Known:
    """The channels by id; not `complete` where a channel file could not be read."""

    channels: Mapping[str, ReadChannel]
    complete: bool


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A rule as read, and whether its file cuts its grants to each channel's ceiling."""

    rule: Rule
    within_ceiling: bool
    message_place: Place
    coverage_place: Place


def rules_of(node: Node, channels: Known, reader: Reader) -> tuple[ReadRule, ...]:
    """Read one rules file."""
    given = reader.mapping(node, FILE_KEYS)
    if given is None:
        return ()
    head = Rule(
        name="",
        why="",
        place=node.place,
        channels=_channels(given.get("channels"), channels, reader),
        purpose=_purpose(given.get("purpose"), reader),
        basis=(reader.text(given.get("basis"), "`basis`")) or "",
        consent=Consent.NOT_REQUIRED,
        when=ALWAYS,
        coverage=None,
    )
    head = replace(head, consent=_consent(node.place, given, head.purpose, reader))
    if "purpose" in given:
        _allowed_purpose(given["purpose"], head, channels, reader)
    within = _within(given.get("within"), reader)
    items = reader.sequence(given.get("rules"), "`rules`")
    found = (_rule(item, head, within, reader) for item in items or ())
    return tuple(rule for rule in found if rule is not None)


# --- what stands once in a file -----------------------------------------------------------------


def _channels(node: Node | None, channels: Known, reader: Reader) -> frozenset[str]:
    if node is None:
        return frozenset()
    if isinstance(node, Scalar):
        if node.text == ALL_PAYERS:
            return _payers(node, channels, reader)
        reader.wrong_type(node, "`channels`", f"a list of channel ids, or `{ALL_PAYERS}`")
        return frozenset()
    found = reader.each(node, "`channels`", lambda item: _channel(item, channels, reader))
    return frozenset(found or ())


def _payers(node: Node, channels: Known, reader: Reader) -> frozenset[str]:
    found = frozenset(
        name for name, read in channels.channels.items() if read.channel.kind is Kind.PAYER
    )
    if not found:
        reader.problems.note(
            node.place,
            Mistake.NEVER_APPLIES,
            "The site has no channel of kind payer.",
            "Add one to channels/, or name the channels that are meant.",
        )
    return found


def _channel(node: Node, channels: Known, reader: Reader) -> str | None:
    text = reader.text(node, "A channel id")
    if text is None or text in channels.channels:
        return text
    if not channels.complete:
        return None
    reader.problems.note(
        node.place,
        Mistake.UNKNOWN_CHANNEL,
        f"There is no channel `{text}`.",
        known_or_close(text, channels.channels),
    )
    return None


def _purpose(node: Node | None, reader: Reader) -> Purpose:
    found = reader.choice(node, "`purpose`", Purpose)
    return found or Purpose.PAYMENT


def _consent(place: Place, given: Mapping[str, Node], purpose: Purpose, reader: Reader) -> Consent:
    """`consent`, or its default; a purpose that needs an authorization must ask for one."""
    without = purpose in WITHOUT_AUTHORIZATION
    if "consent" not in given:
        return Consent.NOT_REQUIRED if without else Consent.REQUIRED
    node = given["consent"]
    consent = reader.choice(node, "`consent`", Consent)
    if consent is None:
        return Consent.REQUIRED
    if not without and consent is not Consent.REQUIRED:
        reader.problems.note(
            node.place,
            Mistake.NEEDS_CONSENT,
            f"The purpose {purpose.value} needs the patient's authorization (45 CFR 164.508).",
            "Write `consent: required`.",
        )
    return consent


def _allowed_purpose(node: Node, head: Rule, channels: Known, reader: Reader) -> None:
    for name in sorted(head.channels):
        read = channels.channels[name]
        if read.bounded and head.purpose not in read.channel.purposes:
            reader.problems.note(
                node.place,
                Mistake.PURPOSE_NOT_ALLOWED,
                f"{name} may not receive for {head.purpose.value}; see {read.purposes_place}.",
                "Name another purpose, or change the agreement and its channel file.",
            )


def _within(node: Node | None, reader: Reader) -> bool:
    text = reader.text(node, "`within`")
    if node is not None and text is not None and text != "ceiling":
        reader.bad_value(node, f"`within` cannot be `{text}`.", "Write `ceiling`, or remove it.")
    return text == "ceiling"


# --- one rule -----------------------------------------------------------------------------------


def _rule(node: Node, head: Rule, within: bool, reader: Reader) -> ReadRule | None:
    given = reader.mapping(node, RULE_KEYS)
    if given is None:
        return None
    name = reader.text(given.get("name"), "`name`")
    why = reader.text(given.get("why"), "`why`")
    when, coverage, places = _when(given.get("when"), reader)
    if "disclose" not in given and "withhold" not in given:
        reader.missing_key(node.place, "A rule", "disclose", "withhold")
    rule = replace(
        head,
        name=name or "",
        why=why or "",
        place=given["name"].place if "name" in given else node.place,
        when=when,
        coverage=coverage,
        grants=grants(given["disclose"], reader) if "disclose" in given else (),
        withholdings=withholdings(given["withhold"], reader) if "withhold" in given else (),
    )
    rule = with_documents_of_rule(rule)
    return ReadRule(rule, within, places.message or rule.place, places.coverage or rule.place)


@dataclass(frozen=True, slots=True)
class _WhenPlaces:
    message: Place | None = None
    coverage: Place | None = None


def _when(node: Node | None, reader: Reader) -> tuple[Condition, Coverage | None, _WhenPlaces]:
    """The condition without `coverage`, what is asked of coverage, and where both stand."""
    if node is None:
        return ALWAYS, None, _WhenPlaces()
    if not isinstance(node, MappingNode):
        reader.wrong_type(node, "`when`", "a mapping")
        return ALWAYS, None, _WhenPlaces()
    rest = tuple((key, value) for key, value in node.entries if key.text != "coverage")
    found = all_of(rest, reader) or ALWAYS
    message = next((key.place for key, _ in rest if key.text == "message"), None)
    asked = node.get("coverage")
    coverage = None if asked is None else reader.choice(asked, "`coverage`", Coverage)
    return found, coverage, _WhenPlaces(message, asked.place if asked is not None else None)
