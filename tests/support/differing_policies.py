"""One small policy, and for every setting of the model a policy that differs by it alone.

A new field of the model belongs into one of these tables, and with it into `diff` and `matrix`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.errors import Place
from engine.hl7.path import Path
from engine.policy.model import (
    Channel,
    Consent,
    ControlId,
    Coverage,
    Grant,
    Kind,
    LabelSet,
    LeakScan,
    Mark,
    Masking,
    MaskKind,
    PayerType,
    Policy,
    Purpose,
    Rule,
    SelfPay,
    State,
    Structure,
    Withholding,
)
from engine.policy.vocabulary.codesets import CodeSet
from engine.policy.vocabulary.conditions import (
    AllOf,
    Compare,
    MessageIs,
    MessageType,
    OneOf,
)
from engine.privacy.protections import Certainty, Label, Pack, Protection, Protections
from engine.privacy.units import Unit, Units

HERE = Place("rules/r.yaml", 7, 5)
A01, A04, R01 = MessageType("ADT", "A01"), MessageType("ADT", "A04"), MessageType("ORU", "R01")


def one(path: str, *values: str, fold: bool = False) -> Compare:
    return Compare(Path.parse(path), OneOf(frozenset(values), fold))


def only(*types: MessageType) -> MessageIs:
    return MessageIs(frozenset(types))


ACME = Channel(
    id="acme",
    name="Acme",
    kind=Kind.PAYER,
    place=HERE,
    purposes=frozenset({Purpose.PAYMENT}),
    ceiling_messages=frozenset({MessageType("ADT"), R01}),
    ceiling={"PID": None, "PV1": None, "DG1": None, "IN1": None, "OBR": None, "OBX": None},
    identified_by=(one("IN1-3.1", "ACME01"),),
    agreement_reference="A-1",
    agreement_expires="2030-12-31",
    payer_type=PayerType.HEALTH_PLAN,
    rewrite={5: "ACME"},
)
BETA = replace(ACME, id="beta", name="Beta", identified_by=(one("IN1-3.1", "BETA01"),))
PID = Grant("PID", {3: None, 5: frozenset({1, 2})}, HERE)
DG1 = Grant("DG1", {3: None}, HERE, where=one("DG1-6", "A", "W"))
OBR = Grant("OBR", {4: None}, HERE)
OBX = Grant("OBX", {3: None, 5: None}, HERE)
IN1 = Grant("IN1", {3: None}, HERE, which_own=True)
WITHHELD = Withholding(HERE, segment="DG1", where=one("DG1-3.1", "F32"))
RULE = Rule(
    name="r",
    why="",
    place=HERE,
    channels=frozenset({"acme"}),
    purpose=Purpose.PAYMENT,
    basis="law",
    consent=Consent.UNLESS_REFUSED,
    when=AllOf((only(A01, R01), one("PV1-2", "I", "O"))),
    coverage=Coverage.OWN,
    grants=(PID, DG1, OBR, OBX, IN1),
    withholdings=(WITHHELD,),
)
PACK = Pack("us-x", "X", (Protection("us-x", Label.HIV, "law", Certainty.VERIFIED),))
BASE = Policy({"acme": ACME, "beta": BETA}, (RULE,), "production")


def channel(**changes: Any) -> Policy:
    return replace(BASE, channels={**BASE.channels, "acme": replace(ACME, **changes)})


def rule(**changes: Any) -> Policy:
    return replace(BASE, rules=(replace(RULE, **changes),))


def grant(old: Grant, **changes: Any) -> Policy:
    return rule(grants=tuple(replace(g, **changes) if g is old else g for g in RULE.grants))


def withholding(**changes: Any) -> Policy:
    return rule(withholdings=(replace(WITHHELD, **changes),))


#: For every setting a policy that is wider than BASE by it alone; the reverse is narrower.
WIDER: dict[tuple[type, str], Policy] = {
    (Policy, "channels"): replace(
        BASE, channels={**BASE.channels, "c": replace(ACME, id="c")},
        rules=(replace(RULE, channels=frozenset({"acme", "c"})),),
    ),
    (Policy, "rules"): replace(
        BASE, rules=(RULE, replace(RULE, name="s", grants=(Grant("PV1", {2: None}, HERE),)))
    ),
    (Channel, "purposes"): channel(purposes=frozenset({Purpose.PAYMENT, Purpose.OPERATIONS})),
    (Channel, "ceiling_messages"): channel(ceiling_messages=frozenset(
        {MessageType("ADT"), R01, MessageType("DFT")})),
    (Channel, "ceiling"): channel(ceiling={**ACME.ceiling, "ZZZ": None}),
    (Channel, "identified_by"): channel(identified_by=(one("IN1-3.1", "ACME01", "ACME02"),)),
    (Channel, "agreement_expires"): channel(agreement_expires="2031-12-31"),
    (Channel, "renumber"): channel(renumber=False),
    (Channel, "leak_scan"): channel(leak_scan=LeakScan.CODES),
    (Rule, "channels"): rule(channels=frozenset({"acme", "beta"})),
    (Rule, "consent"): rule(consent=Consent.NOT_REQUIRED),
    (Rule, "when"): rule(when=AllOf((only(A01, R01), one("PV1-2", "I", "O", "E")))),
    (Rule, "coverage"): rule(coverage=Coverage.ANY),
    (Rule, "grants"): rule(grants=(*RULE.grants, Grant("PV1", None, HERE))),
    (Rule, "withholdings"): rule(withholdings=()),
    (Grant, "segment"): rule(grants=(*RULE.grants, replace(PID, segment="PV1"))),
    (Grant, "mask"): grant(PID, mask={3: None, 5: frozenset({1, 2}), 19: None}),
    (Grant, "where"): grant(DG1, where=None),
    (Grant, "which_own"): grant(IN1, which_own=False),
    (Grant, "alone"): grant(OBR, alone=True),
    (Grant, "documents"): grant(OBX, documents=True),
    (Withholding, "segment"): withholding(segment="PV1"),
    (Withholding, "mask"): withholding(mask={1: None}),
    (Withholding, "where"): withholding(
        where=AllOf((one("DG1-3.1", "F32"), one("DG1-6", "A")))
    ),
}  # fmt: skip

#: Settings of which both directions are wider: the two cannot be compared.
EITHER: dict[tuple[type, str], Policy] = {
    (Policy, "environment"): replace(BASE, environment="test"),
    (Policy, "timezone"): replace(BASE, timezone="America/New_York"),
    (Channel, "rewrite"): channel(rewrite={5: "BETA"}),
    (Channel, "kind"): channel(kind=Kind.VENDOR, payer_type=None),
    (Channel, "payer_type"): channel(payer_type=PayerType.LIFE),
    (Rule, "purpose"): rule(purpose=Purpose.OPERATIONS),
}

#: Settings of which the new value is narrower; the reverse is wider.
NARROWER: dict[tuple[type, str], Policy] = {
    (Channel, "state"): channel(state=State.SHADOW),
    (Channel, "control_id"): channel(control_id=ControlId.NEW),
    (Channel, "structure"): channel(structure=Structure.STRICT),
    (Withholding, "message"): withholding(message=True, segment="", where=None),
    (Withholding, "labels"): rule(withholdings=(
        WITHHELD, Withholding(HERE, labels=frozenset({"hiv"})))),
    (Grant, "maskings"): grant(PID, maskings={(5, 1): Masking(MaskKind.INITIAL)}),
    (Grant, "repetitions"): grant(PID, repetitions={3: one("PID-3.5", "MB")}),
    (Policy, "sets"): replace(BASE, sets={"x": CodeSet("x", codes=frozenset("A"), label="hiv")}),
    (Policy, "self_pay"): replace(BASE, self_pay=SelfPay("ZSP", one("ZSP-2", "Y"))),
    (Policy, "units"): replace(BASE, units=Units({"SUD1": Unit.PART2})),
    (Policy, "protections"): replace(BASE, protections=Protections((PACK,))),
    (Policy, "label_sets"): replace(
        BASE, label_sets=(LabelSet("hiv", CodeSet("x", codes=frozenset("A"))),)),
    (Policy, "marks"): replace(
        BASE, marks=(Mark(Path("TXA", 2), frozenset({"PSN"}), "psychotherapy-notes"),)),
}  # fmt: skip

#: Settings that disclose nothing, and why.
WITHOUT_EFFECT = {
    (Channel, "id"): "what channels are told apart by",
    (Channel, "name"): "read by people; two payers of one name do not contest (tested below)",
    (Channel, "place"): "where it is written",
    (Channel, "address"): "where reports go that people send",
    (Channel, "agreement_reference"): "read by people",
    (Channel, "reassess_on"): "a reminder",
    (Rule, "name"): "rules are compared by what they mean",
    (Rule, "why"): "read by people",
    (Rule, "place"): "where it is written",
    (Rule, "basis"): "written to the ledger",
    (Grant, "place"): "where it is written",
    (Withholding, "place"): "where it is written",
}
