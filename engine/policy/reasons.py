"""The sentences of reasons: made once, shared by all outcomes, never with a value of a message."""

from __future__ import annotations

from engine.policy.outcome import LABELLED, Code, Reason

#: What each code says where no rule and no channel is named.
TEXTS: dict[Code, str] = {
    Code.ENVIRONMENT: "MSH-11 does not agree with the engine's environment: production takes P,"
    " test takes T and D; and nothing of an archive, a restore or an initial load (MSH-11.2 A, R,"
    " I) is disclosed.",
    Code.AGREEMENT_EXPIRED: "The agreement with this counterpart has expired.",
    Code.FACTS_UNAVAILABLE: "The registry does not answer, and the decision needs it.",
    Code.RESTRICTED: "The patient has restricted it (45 CFR 164.522(a)).",
    Code.AMBIGUOUS_RESTRICTION: "The patient has restrictions, and it is not certain that this is"
    " none of what they are about.",
    Code.PAYMENT_UNCONFIRMED: "The patient restricts what is to be paid in full, and the payment is"
    " not confirmed (45 CFR 164.522(a)(1)(vi)).",
    Code.UNIT_UNKNOWN: "It tells of substance use, and it is not known whether its source unit is"
    " a program under 42 CFR Part 2.",
    Code.NOTICE: "It may go only with a notice, and this type and version has no place for one.",
    Code.UNKNOWN_PAYER: "The message names no insurance and the coverage registry knows none.",
    Code.AMBIGUOUS_COVERAGE: "It is not certain whose insurance this is.",
    Code.NO_COVERAGE: "The patient's insurance is not this payer's.",
    Code.REFUSED: "The patient has refused it.",
    Code.CONSENT_REVOKED: "The rule requires a consent, and the patient has revoked it.",
    Code.CONSENT_EXPIRED: "The rule requires a consent, and it has expired.",
    Code.NOT_DISCLOSED_BEFORE: "What it cancels or corrects was not disclosed to this payer.",
    Code.CANCELLED: "It was cancelled before it could be sent.",
    Code.NO_CONSENT: "The rule requires a consent, and none is in force.",
    Code.WITHHELD_BY_RULE: "A rule withholds it.",
    Code.NO_RULE: "No rule discloses this message type under these conditions.",
    Code.ABOVE_CEILING: "The message type is outside the channel's ceiling.",
    Code.NOTHING_LEFT: "What the rules leave is not worth sending.",
    Code.LEAK: "Something that is withheld would still be told by what is left.",
    Code.STRUCTURE: (
        "The copy cannot be one patient's alone, or would lack what its structure requires."
    ),
    Code.GRANTED: "A rule grants it.",
    Code.NOT_GRANTED: "No rule grants it.",
    Code.OTHER_COVERAGE: "It belongs to another insurer.",
    Code.PARENT_CUT: "What it belongs to is not sent.",
    Code.CONFIDENTIAL_COMMUNICATION: "The patient has asked to be reached elsewhere (45 CFR"
    " 164.522(b)): how the message says it is not sent.",
}


def plain(code: Code) -> Reason:
    """The reason that names no rule."""
    return _PLAIN[code]


def granted(rule: str) -> Reason:
    """Disclosed under this rule."""
    return Reason(Code.GRANTED, TEXTS[Code.GRANTED], rule)


def of_rule(code: Code, rule: str) -> Reason:
    """This rule would grant, and something stands against it."""
    return Reason(code, TEXTS[code], rule)


def withheld_by_rule(rule: str) -> Reason:
    """This rule withholds the message."""
    return Reason(Code.WITHHELD_BY_RULE, TEXTS[Code.WITHHELD_BY_RULE], rule)


TEXTS |= {
    code: f"It is protected content ({label}), and nothing that is in force lifts the protection."
    for label, code in LABELLED.items()
}

_PLAIN = {code: Reason(code, text) for code, text in TEXTS.items()}
