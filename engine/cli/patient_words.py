"""Reasons, entries and fields in words for patients: without jargon.

Law: every reason code has its sentence; where a statute decided, it is cited, and how far its entry
was checked is said with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.archive.accounting import PURPOSES
from engine.cli.field_names import SEGMENTS, field_name
from engine.policy.outcome import LABELLED, Code
from engine.policy.telling.patient import ALL, plainly
from engine.privacy.confidential import Confidential
from engine.privacy.facts import (
    ConsentKind,
    Cover,
    Item,
    ItemKind,
    Relation,
    Restriction,
    Sensitivity,
    SignedConsent,
)
from engine.privacy.protections import Certainty, Label, Protections
from engine.privacy.sorts import Fact
from engine.privacy.standing import Standing

#: What each label is about.
SENSITIVE = {
    Label.SUD: "substance use and its treatment",
    Label.MENTAL_HEALTH: "mental health",
    Label.HIV: "HIV",
    Label.GENETIC: "genetic information",
    Label.REPRODUCTIVE: "reproductive health",
    Label.SEXUAL_VIOLENCE: "sexual violence",
    Label.PSYCHOTHERAPY_NOTES: "psychotherapy notes",
    Label.MINOR_CONSENTED: "care that a minor consented to alone",
    Label.SEXUALLY_TRANSMITTED: "sexually transmitted infections",
    Label.GENDER: "gender-affirming care",
    Label.SUD_COUNSELING_NOTES: "notes of counseling about substance use",
}

WHY = {
    Code.ENVIRONMENT: "It is a test message, or this is a test system; or it repeats what is past.",
    Code.AGREEMENT_EXPIRED: "Our agreement with this recipient has ended; it waits.",
    Code.FACTS_UNAVAILABLE: "What you have signed could not be read; it waits.",
    Code.RESTRICTED: "You have restricted it (45 CFR 164.522(a)).",
    Code.AMBIGUOUS_RESTRICTION: "You have restricted some of your care, and it is not certain that"
    " this is none of it; it waits for a person.",
    Code.PAYMENT_UNCONFIRMED: "You want to pay for some of it yourself; it waits until your"
    " payment is confirmed.",
    Code.UNIT_UNKNOWN: "It is about substance use, and it is not known whether the unit is a"
    " treatment program that the law protects (42 CFR Part 2); it waits.",
    Code.NOTICE: "The law asks for a notice to go along, and there is no place for it; it waits.",
    Code.UNKNOWN_PAYER: "It is not known who insures this; it waits.",
    Code.AMBIGUOUS_COVERAGE: "It is not certain who insures this; it waits for a person.",
    Code.NO_COVERAGE: "This recipient does not insure it.",
    Code.NOT_DISCLOSED_BEFORE: "It corrects something that this recipient never had.",
    Code.REFUSED: "You have refused it.",
    Code.CONSENT_REVOKED: "It needs your consent, and you have revoked it.",
    Code.CONSENT_EXPIRED: "It needs your consent, and your consent has ended.",
    Code.CANCELLED: "It was cancelled before it could be sent.",
    Code.NO_CONSENT: "It needs your consent, and there is none.",
    Code.WITHHELD_BY_RULE: "Our rules keep it back.",
    Code.NO_RULE: "This recipient needs no messages of this kind.",
    Code.ABOVE_CEILING: "It is more than this recipient may ever have.",
    Code.NOTHING_LEFT: "Without what is kept back, nothing is left that is worth sending.",
    Code.STRUCTURE: "It could not be made whole, or one person's alone; it waits for a person.",
    Code.LEAK: "What is left would still tell what is kept back; it waits for a person.",
    Code.GRANTED: "This recipient needs it.",
    Code.NOT_GRANTED: "This recipient does not need it.",
    Code.OTHER_COVERAGE: "It belongs to another insurer.",
    Code.PARENT_CUT: "What it belongs to is not sent.",
    Code.CONFIDENTIAL_COMMUNICATION: "You have asked to be reached elsewhere (45 CFR 164.522(b)).",
} | {
    code: f"The law protects it especially ({SENSITIVE[Label(label)]}), and nothing that you have"
    " signed allows it."
    for label, code in LABELLED.items()
}

#: How far an entry of a pack was checked (docs/reference/protections.md).
CHECKED = {
    Certainty.VERIFIED: "checked against the text",
    Certainty.SECONDARY: "from a secondary source",
    Certainty.MEMORY: "not checked against the text",
}

_KINDS = {
    ConsentKind.AUTHORIZATION: "An authorization",
    ConsentKind.PART2_TPO: "A consent about substance use treatment (42 CFR Part 2)",
    ConsentKind.REFUSAL: "A refusal",
}
#: What is said of a restriction that does not hold as it reads.
_STANDS = {
    Standing.REQUESTED: "this is requested, and we have not agreed to it",
    Standing.PENDING_PAYMENT: "it waits until your payment is confirmed",
    Standing.DECLINED: "we have not agreed to it",
    Standing.TERMINATED_BY_PATIENT: "you have ended this",
    Standing.VOID_PAYMENT_FAILED: "the payment failed, and this holds no more",
}

_SIGNERS = {
    Relation.SELF: "the patient",
    Relation.PERSONAL_REPRESENTATIVE: "a personal representative",
    Relation.GUARDIAN: "a guardian",
    Relation.PARENT: "a parent",
}


def why(code: str, protections: Protections) -> str:
    """A reason in a sentence, with the statutes behind it."""
    found = Code(code)
    laws = [
        f"{one.citation}, {CHECKED[one.certainty]}"
        for pack in protections.packs
        for one in pack.protections
        if LABELLED[one.label.value] is found
    ]
    return WHY[found] + (f" ({'; '.join(dict.fromkeys(laws))})" if laws else "")


def entry_in_words(fact: Fact, names: Mapping[str, str], timezone: str) -> str:
    """What a patient has signed or restricted. `names`: of the channels."""
    if isinstance(fact, SignedConsent):
        return _consent(fact, names, timezone)
    if isinstance(fact, Confidential):
        return _confidential(fact, names)
    if isinstance(fact, Sensitivity):
        return f"Protected especially ({SENSITIVE[Label(fact.label)]}): {_item(fact.item)}."
    return _cover(fact, names) if isinstance(fact, Cover) else _restriction(fact, names)


def channels_of(fact: Fact) -> frozenset[str]:
    """The channels that it names."""
    if isinstance(fact, Sensitivity):
        return frozenset()
    return frozenset({fact.channel}) if isinstance(fact, Cover) else fact.channels or frozenset()


def _cover(fact: Cover, names: Mapping[str, str]) -> str:
    said = f"Insured with {names.get(fact.channel, fact.channel)}"
    days = (("from", fact.since), ("until", fact.until))
    parts = [said, *(f"{word} {day.isoformat()}" for word, day in days if day is not None)]
    return ", ".join(parts)


def _confidential(fact: Confidential, names: Mapping[str, str]) -> str:
    recipients = "Every insurer" if fact.channels is None else _named(fact.channels, names)
    alternates = ((fact.address, "address"), (fact.phone, "phone number"))
    found = [word for what, word in alternates if what is not None]
    instead = f"the other {' and '.join(found)} that you named" if found else "no address or number"
    return f"{recipients} gets {instead}, and none that our messages have."


def _consent(fact: SignedConsent, names: Mapping[str, str], timezone: str) -> str:
    verb = "against" if fact.kind is ConsentKind.REFUSAL else "for"
    purposes = "every purpose" if fact.purposes is None else _purposes(fact.purposes)
    if fact.kind is ConsentKind.PART2_TPO and fact.purposes is None:
        purposes = "treatment, payment and health care operations"
    parts = [f"{_KINDS[fact.kind]} {verb} {purposes}, {_recipients(fact.channels, names)}"]
    if fact.labels:
        about = ", ".join(SENSITIVE[Label(label)] for label in sorted(fact.labels))
        parts.append(f"it names {about}")
    if fact.description:
        parts.append(f"about: {fact.description}")
    if fact.is_verbal:
        parts.append("only said, not written")
    if fact.event:
        parts.append(f"until {fact.event}")
    last = fact.ends and fact.ends - timedelta(microseconds=1)  # `ends` is the first moment after
    ends = (("from", fact.begins), ("until", last), ("revoked", fact.revoked))
    parts += [f"{word} {_day(when, timezone)}" for word, when in ends if when is not None]
    if fact.signed_by is not None:
        parts.append(f"signed by {_SIGNERS[fact.signed_by]}")
    return "; ".join(parts) + "."


def _restriction(fact: Restriction, names: Mapping[str, str]) -> str:
    items = ", ".join(sorted(_item(item) for item in fact.items))
    recipients = "any insurer" if fact.channels is None else _named(fact.channels, names)
    parts = [f"Not to be told to {recipients}: {items}"]
    parts.append({"self-pay-in-full": "you asked to pay for it in full"}.get(
        fact.reason.value, "you asked for it"
    ))  # fmt: skip
    days = (("from", fact.since), ("until", fact.until))
    parts += [f"care {word} {when.isoformat()}" for word, when in days if when is not None]
    standing = Standing.PENDING_PAYMENT if fact.awaits_payment else fact.standing
    parts += [_STANDS[standing]] if standing in _STANDS else []
    return "; ".join(parts) + "."


def _item(item: Item) -> str:
    if item.kind is ItemKind.EVERYTHING:
        return "all care"
    return f"{item.kind.value} {item.number}"


def _purposes(purposes: Iterable[str]) -> str:
    return ", ".join(PURPOSES[purpose] for purpose in sorted(purposes))


def _recipients(channels: Iterable[str] | None, names: Mapping[str, str]) -> str:
    return "to every recipient" if channels is None else f"to {_named(channels, names)}"


def _named(channels: Iterable[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(channel, channel) for channel in sorted(channels))


def _day(when: datetime, timezone: str) -> str:
    return when.astimezone(ZoneInfo(timezone)).date().isoformat()


def fields_in_words(found: Mapping[str, set[str]]) -> list[str]:
    """`Diagnosis (DG1): Diagnosis code`, a line a segment."""
    return [_segment(segment, names) for segment, names in plainly(found).items()]


def _segment(segment: str, names: list[str]) -> str:
    title = f"{SEGMENTS[segment]} ({segment})" if segment in SEGMENTS else segment
    if names == [ALL]:
        return f"{title}: all of it"
    return f"{title}: {', '.join(_field(segment, name) for name in names)}"


def _field(segment: str, name: str) -> str:
    number, _, component = name.partition(".")
    if not number.isdigit():
        return name
    said = field_name(segment, int(number), int(component) if component.isdigit() else 0)
    return said.lower() if said else f"field {name}"
