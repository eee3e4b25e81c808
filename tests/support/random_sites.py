"""Sites drawn at random: channels, rules and code sets of every form of the language, as documents.

A document is what a person would write, as mappings and lists; `compiled` reads it as the engine
reads a file. Grants are cut to ceilings (`within: ceiling`), so that every site loads.

Strategies are made once: to make them at every draw takes longer than to draw from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis import strategies as st

from engine.config.protections import ProtectionSettings, protected
from engine.config.yaml_source import read_yaml
from engine.policy.compile import CompiledPolicy, compile_policy
from engine.policy.language import Problems, policy_of
from engine.policy.meaning.revision import revision
from tests.support.random_messages import CODES

Document = dict[str, Any]

FIELDS = {
    "EVN": ["1", "2"],
    "PID": ["1", "3", "5", "5.1", "7", "8", "11.3-11.5", "13", "18"],
    "NK1": ["1", "2.1"],
    "PV1": ["1", "2", "10", "19", "47", "46-49"],
    "PV2": ["3"],
    "MRG": ["1"],
    "AL1": ["1", "3"],
    "DG1": ["1", "3", "6"],
    "PR1": ["1", "3", "15"],
    "IN1": ["1", "2", "3", "36", "1-4"],
    "IN2": ["2", "25"],
    "IN3": ["1"],
    "ORC": ["1", "2", "3"],
    "OBR": ["1", "2", "3", "4", "25", "29"],
    "TQ1": ["1"],
    "OBX": ["1", "2", "3", "3.1", "5", "11"],
    "NTE": ["1", "3"],
    "SPM": ["1", "4"],
    "FT1": ["1", "2", "4", "6", "7", "14", "19", "31"],
    "TXA": ["1", "2"],
    "RXA": ["1", "2"],
    "ZPV": ["1"],
    "ZAL": ["1", "2"],
    "MSH": ["13", "14", "8"],
}

#: Conditions of one segment and its ancestors, and of the message.
WHERE = {
    "PID-8": ["F", "M"],
    "PV1-2": ["I", "O"],
    "PV1-10": CODES,
    "PID-7": ["19800101"],
    "EVN-2": ["20260101"],
    "OBX-1": ["1", "2"],
    "DG1-3": CODES,
    "DG1-6": ["A", "F"],
    "OBR-4": ["LA", "LB"],
    "OBX-3.1": CODES,
    "OBX-11": ["F", "P", "C"],
    "FT1-6": ["CG", "PY"],
    "FT1-2": ["T1", "T2"],
    "PR1-15": CODES,
    "NTE-3": ["note"],
}
#: Coded fields, of which a code set is asked.
CODED = ["DG1-3", "OBX-3", "PR1-15", "FT1-19"]
SETS = ["few", "more"]
#: Packs whose notices no message of these tests has a place for would only hold copies.
PACKS = ["us-ca", "us-fl", "us-il"]
ALL = ["acme", "beta", "gamma"]
TYPES = ["ADT", "ADT^A01", "ADT^A40", "ORU", "ORU^R01", "DFT", "DFT^P11", "MDM", "BAR", "VXU"]


@dataclass
class Site:
    """Channels, rules files and code sets, as documents, and the packs that are on."""

    channels: list[Document]
    files: list[Document] = field(default_factory=list)
    sets: list[Document] = field(default_factory=list)
    packs: frozenset[str] = frozenset({"us-federal"})

    def rules(self) -> list[Document]:
        """Every rule of every file."""
        return [rule for file in self.files for rule in file["rules"]]


def compiled(site: Site) -> CompiledPolicy:
    """Read and compile it, as the engine does with files."""
    problems = Problems()
    nodes = [
        [
            read_yaml(json.dumps(one).encode(), f"{what}{n}.yaml", problems)
            for n, one in enumerate(of)
        ]
        for what, of in (
            ("channels/c", site.channels),
            ("rules/r", site.files),
            ("rules/sets/s", site.sets),
        )
    ]
    channels, files, sets = ([node for node in of if node is not None] for of in nodes)
    read = policy_of(
        channels,
        files,
        every_channel_read=True,
        environment="production",
        timezone="UTC",
        problems=problems,
        set_files=sets,
    )
    errors = [one for one in problems.sorted() if one.severity.value == "error"]
    assert not errors, errors
    policy = protected(read.policy, ProtectionSettings(site.packs))
    return compile_policy(policy, revision(policy), b"a key of these tests")


def matchers(values: list[str]) -> st.SearchStrategy[Any]:
    value = st.sampled_from(values)
    return st.one_of(
        value,
        st.lists(value, min_size=1, max_size=2, unique=True),
        st.fixed_dictionaries({"not": value}),
        st.fixed_dictionaries({"prefix": value}),
        st.fixed_dictionaries({"fold": value.map(str.lower)}),
        st.fixed_dictionaries({"exists": st.sampled_from(["true", "false"])}),
        st.fixed_dictionaries({"matches": st.sampled_from(["[A-F].*", "[IO]", "T[12]", ".*P"])}),
        st.fixed_dictionaries({"at_least": st.sampled_from(["0", "1", "2"])}),
        st.fixed_dictionaries({"before": st.sampled_from(["now", "1990-01-01", "now-30d"])}),
    )


of_sets = st.tuples(st.sampled_from(CODED), st.sampled_from(SETS)).map(
    lambda asked: {asked[0]: {"set": asked[1]}}
)


@cache
def of_path(path: str) -> st.SearchStrategy[Document]:
    """One comparison at this path."""
    return matchers(WHERE[path]).map(lambda matcher: {path: matcher})


of_values = st.sampled_from(sorted(WHERE)).flatmap(of_path)
comparisons = st.one_of(of_values, of_values, of_values, of_sets)


def joined(inner: st.SearchStrategy[Document]) -> st.SearchStrategy[Document]:
    """Conditions made of such conditions."""
    some = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        some.map(lambda parts: {"any": parts}),
        some.map(lambda parts: {"all": parts}),
        inner.map(lambda part: {"not": part}),
    )


conditions: st.SearchStrategy[Document] = st.one_of(
    *(comparisons, comparisons, comparisons),
    joined(comparisons),
    joined(comparisons | joined(comparisons)),
)


@cache
def one_in(count: int) -> st.SearchStrategy[bool]:
    """True now and then."""
    return st.integers(0, count - 1).map(lambda number: number == 0)


@cache
def masks(segment: str) -> st.SearchStrategy[Any]:
    """`all`, or a list of fields."""
    some: st.SearchStrategy[Any] = st.lists(
        st.sampled_from(FIELDS[segment]), min_size=1, max_size=5, unique=True
    )
    return st.just("all") | some if segment != "MSH" else some


#: Which of a patient's ids, in `random_messages`.
REPETITIONS: list[Document] = [
    {"PID-3.5": "MB"},
    {"PID-3.5": {"not": "MB"}},
    {"PID-3.4": ["H", "ACME"]},
    {"PID-3.1": {"prefix": "A"}},
]
MASKS = ["year", "zip3", "initial", "last4", "keyed-hash", {"constant": "ZZ"}]


some_masks = st.sampled_from(MASKS)
some_repetitions = st.sampled_from(REPETITIONS)


@cache
def some_of(names: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """One or two of these."""
    return st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)


def maskings(draw: st.DrawFn, mask: list[str]) -> Document:
    """Masks of some of the fields and components that a grant names; not of set ids."""
    named = tuple(sorted(name for name in mask if "-" not in name and name != "1"))
    return {key: draw(some_masks) for key in draw(some_of(named))} if named else {}


@cache
@st.composite
def grants(draw: st.DrawFn, segment: str) -> Any:
    """One grant: a list, `all`, or a mapping of what a grant may say."""
    mask = draw(masks(segment))
    found: Document = {}
    if draw(one_in(5)):
        where: Document = draw(conditions)
        found["where"] = where
    if segment in {"IN1", "FT1"} and draw(one_in(3)):
        found["which"] = "own"
    if segment == "OBR" and draw(one_in(4)):
        found["alone"] = "true"
    if segment == "OBX" and (mask == "all" or "5" in mask) and draw(one_in(4)):
        found["documents"] = "true"
    elif isinstance(mask, list) and segment != "MSH" and draw(one_in(5)):
        masked = maskings(draw, mask)
        # A field that is masked as a whole has no component that is masked apart.
        masked = {
            key: kind
            for key, kind in masked.items()
            if "." not in key or key.partition(".")[0] not in masked
        }
        found |= {"mask": masked} if masked else {}
    if segment == "PID" and "3" in mask and draw(one_in(3)):
        found["repetitions"] = {"3": draw(some_repetitions)}
    spelt_out: bool = draw(one_in(2))
    return {"fields": mask, **found} if found or spelt_out else mask


segments = st.sampled_from(sorted(FIELDS))
#: Most types are not worth sending without some of these.
WORTH = ["PID", "OBR", "OBX", "FT1", "TXA", "MRG"]
BASES = [WORTH, WORTH, ["PID"], ["PID", "OBR", "OBX", "NTE"], ["PID", "FT1", "DG1", "PV1"]]
granted = st.tuples(st.sampled_from(BASES), st.lists(segments, max_size=10)).map(
    lambda some: list(dict.fromkeys(some[0] + some[1]))
)
withholdings = st.one_of(
    st.sampled_from([[name] for name in ("DG1", "NTE", "OBR", "FT1", "PV1-10", "PID-5", "OBX-5")]),
    st.tuples(
        st.sampled_from(["DG1", "NTE", "OBR", "OBX", "FT1", "PID-11", "PV1"]), conditions
    ).map(lambda one: {one[0]: {"where": one[1]}}),
    st.just({"PID": ["5", "13"]}),
    st.lists(st.sampled_from([*SETS, "hiv", "mental-health"]), min_size=1, unique=True).map(
        lambda labels: {"labels": labels}
    ),
)


some_types = st.lists(st.sampled_from(TYPES), min_size=3, max_size=6, unique=True)
some_coverage = st.sampled_from(["any", "any", "any", "any", "own", "none"])


@cache
@st.composite
def rules(draw: st.DrawFn, name: str) -> Document:
    """One rule that discloses, withholds, or both."""
    when: Document = {}
    if draw(one_in(3)):
        when["message"] = draw(some_types)
    when["coverage"] = draw(some_coverage)
    if draw(one_in(8)):
        also: Document = draw(conditions)
        when |= also
    rule: Document = {"name": name, "why": "a test", "when": when}
    chosen: list[str] = draw(granted)
    rule["disclose"] = {segment: draw(grants(segment)) for segment in chosen}
    if draw(one_in(4)):
        rule["withhold"] = draw(withholdings)
    return rule


few_segments = st.lists(segments, max_size=4)


@cache
@st.composite
def channels(draw: st.DrawFn, name: str, kind: str) -> Document:
    """A channel whose ceiling is everything, or some of it."""
    ceiling: Document = dict.fromkeys(FIELDS, "all")
    for segment in draw(few_segments):
        ceiling[segment] = draw(masks(segment))
    found: Document = {
        "channel": name,
        "name": name.upper(),
        "kind": kind,
        "purposes": ["payment"],
        "ceiling": {
            "messages": ["ADT", "ORU", "DFT", "MDM", "BAR", "VXU"],
            "segments": ceiling,
        },
        "deliver": {"to": "tcp:127.0.0.1:6661", "rewrite": {"MSH-6": name.upper()}},
    }
    if kind == "payer":
        found["identified_by"] = [{"IN1-3.1": name.upper()}]
        found["agreement"] = {"expires": "2030-12-31"}
    if draw(one_in(6)):
        found["structure"] = "strict"
    if draw(one_in(6)):
        found["renumber"] = "false"
    if draw(one_in(6)):
        found["leak_scan"] = "codes"
    return found


some_labels = st.sampled_from(["hiv", "mental-health", "sud"])


@cache
@st.composite
def sets(draw: st.DrawFn, name: str) -> Document:
    """A set of some codes; now and then they tell of what the law protects."""
    codes = draw(some_of(tuple(CODES)))
    found: Document = {"set": name, "codes": codes}
    if draw(one_in(3)):
        found["label"] = draw(some_labels)
    return found


some_packs = st.lists(st.sampled_from(PACKS), max_size=1)
some_channels = st.sampled_from([ALL, ALL, ALL, ALL, ["acme"], ["beta", "gamma"]])
some_consents = st.sampled_from(["not-required"] * 4 + ["unless-refused", "required"])
file_counts = st.integers(1, 2)
rule_counts = st.integers(1, 3)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """Two payers and a vendor, some files of rules, two code sets, and some packs."""
    site = Site(
        [
            draw(channels("acme", "payer")),
            draw(channels("beta", "payer")),
            draw(channels("gamma", "vendor")),
        ],
        sets=[draw(sets(name)) for name in SETS],
        packs=frozenset({"us-federal", *draw(some_packs)}),
    )
    names = iter(range(100))
    for _ in range(draw(file_counts)):
        of = draw(some_channels)
        consent = draw(some_consents)
        site.files.append(
            {
                "consent": consent,
                "channels": of,
                "purpose": "payment",
                "basis": "a test",
                "within": "ceiling",
                "rules": [draw(rules(f"r{next(names)}")) for _ in range(draw(rule_counts))],
            }
        )
    return site


def shuffled(document: Any, shuffle: Callable[[list[Any]], list[Any]]) -> Any:
    """The same document with its keys, and the members of its lists, in another order."""
    if isinstance(document, dict):
        return {key: shuffled(document[key], shuffle) for key in shuffle(list(document))}
    if isinstance(document, list):
        return shuffle([shuffled(one, shuffle) for one in document])
    return document
