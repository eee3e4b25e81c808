"""Facts drawn at random: consents, refusals, restrictions, units, coverages, earlier disclosures.

Patients, visits, accounts, orders and charges are those of `random_messages` and near misses of
them, so that a denial often meets its patient and a permit often just does not.
"""

from __future__ import annotations

from hypothesis import strategies as st

from engine.privacy.confidential import Address, Confidential, Phone
from engine.privacy.facts import (
    ConsentKind,
    CoverageKey,
    CoverageRow,
    Coverages,
    Disclosed,
    Facts,
    Item,
    ItemKind,
    Level,
    Relation,
    Restriction,
    Sensitivity,
    SignedConsent,
)
from engine.privacy.patients import Patient
from engine.privacy.standing import Standing
from engine.privacy.units import Unit, Units
from tests.support.cutting import NOW

LABELS = ("sud", "hiv", "mental-health", "genetic", "reproductive", "minor-consented")
CHANNELS = ("acme", "beta", "gamma")

patients = st.builds(Patient, st.sampled_from(["A", "B"]), st.sampled_from(["H", "K", ""]))
some_channels = st.none() | st.frozensets(st.sampled_from(CHANNELS), min_size=1)
instants = st.sampled_from([None, NOW.replace(month=1), NOW.replace(month=6)])
consents = st.builds(
    SignedConsent,
    patient=patients,
    kind=st.sampled_from([ConsentKind.AUTHORIZATION, ConsentKind.PART2_TPO]),
    purposes=st.sampled_from([None, frozenset({"payment"}), frozenset({"treatment"})]),
    channels=some_channels,
    labels=st.frozensets(st.sampled_from(LABELS)),
    begins=instants,
    ends=instants,
    revoked=instants,
    signed_by=st.sampled_from([None, *Relation]),
)
refusals = st.builds(
    SignedConsent, patient=patients, kind=st.just(ConsentKind.REFUSAL), channels=some_channels
)
items = st.sampled_from(
    [Item(ItemKind.EVERYTHING)]
    + [Item(ItemKind.VISIT, number) for number in ("V1", "V2")]
    + [Item(ItemKind.ACCOUNT, "ACC1")]
    + [Item(ItemKind.ORDER, number) for number in ("P1", "P2", "P3", "F1")]
    + [Item(ItemKind.CHARGE, number) for number in ("T1", "T2")]
)
restrictions = st.builds(
    Restriction,
    patient=patients,
    items=st.frozensets(items, min_size=1),
    channels=some_channels,
    since=st.sampled_from([None, NOW.date()]),
    until=st.sampled_from([None, NOW.date()]),
    state=st.sampled_from([None, None, *Standing]),
)
confidential = st.builds(
    Confidential,
    patient=patients,
    channels=some_channels,
    address=st.sampled_from(
        [None, Address("9 QUIET", city="ELSE", state="NV", zip="89101"), Address(zip="89102")]
    ),
    phone=st.sampled_from([None, Phone("702-555-0199")]),
)
sensitivities = st.builds(
    Sensitivity,
    patient=patients,
    item=st.sampled_from(
        [Item(ItemKind.EVERYTHING), Item(ItemKind.VISIT, "V1"), Item(ItemKind.ACCOUNT, "ACC1")]
    ),
    label=st.sampled_from(LABELS),
)
units = st.sampled_from(
    [{}, {"W": Unit.GENERAL}, {"W": Unit.PART2}, {"W": Unit.GENERAL, "S": Unit.PART2}]
).map(Units)
signed = st.builds(
    Facts,
    now=st.just(NOW),
    consents=st.lists(consents | refusals, max_size=4).map(tuple),
    restrictions=st.lists(restrictions, max_size=1).map(tuple),
    units=units,
)

VISIT = CoverageKey(Level.VISIT, "A", "H", "V1")


@st.composite
def covered(draw: st.DrawFn) -> Facts:
    """Who covers the visit, and who had it before; nobody signed anything."""
    rows = tuple(CoverageRow(one) for one in draw(st.sets(st.sampled_from(["acme", "beta"]))))
    is_known: bool = draw(st.booleans())
    known = {VISIT: Coverages(rows, others=True)} if rows or is_known else {}
    had: set[str] = draw(st.sets(st.sampled_from(["acme", "beta"])))
    return Facts(NOW, known, frozenset(Disclosed(one, visit="V1") for one in had))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """All of it, each kind now and then."""
    found = draw(covered())
    if not draw(st.booleans()):
        return found
    more = draw(signed)
    return Facts(
        NOW,
        found.coverages,
        found.disclosed,
        consents=more.consents,
        restrictions=more.restrictions,
        units=more.units,
        confidential=tuple(draw(st.lists(confidential, max_size=2))),
    )
