"""Reading a facts file: what offline commands take in the place of the registries.

Law: what is written is what holds: whoever asks what a payer would receive under a restriction must
not be told what it would receive without. Anything that cannot be read is a problem with its place
(rules.md §7); no problem repeats what is written, since in
the wrong place it may be an identifier of a patient.
"""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from datetime import UTC, datetime

from engine.config.confidential import confidential_of
from engine.config.consents import consent_of
from engine.config.fact_values import FactReader
from engine.config.restrictions import restriction_of
from engine.config.sensitivities import sensitivity_of
from engine.config.units import units_of
from engine.config.yaml_source import MOST_BYTES, read_yaml
from engine.errors import UsageError
from engine.policy.language import Keys, Problems, Reader
from engine.policy.language.source import Node
from engine.policy.model import Policy
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Disclosed, Facts, Level
from engine.privacy.units import Units

FILE_KEYS = Keys(
    "facts",
    optional=(
        *("now", "consents", "coverages", "units", "disclosed", "restrictions", "labels"),
        "confidential",
    ),
)
_COVERAGE_KEYS = Keys(
    "a coverage", required=("patient", "channel"), optional=("visit", "account", "from", "to")
)
_DISCLOSED_KEYS = Keys(
    "an earlier disclosure", required=("channel",), optional=("visit", "control_id")
)


def read_facts(path: pathlib.Path, policy: Policy) -> Facts:
    """The facts in a file; `now` is the clock's where the file does not say.

    Raises `UsageError` (`facts`) with everything that is wrong, by line and column.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)  # a device would have no end
    except OSError as error:
        raise UsageError(
            "facts",
            f"The facts file cannot be read ({type(error).__name__}).",
            "Give --facts the path of a YAML file.",
        ) from error
    problems = Problems(repeats_values=False)
    node = read_yaml(data, path.name, problems)
    facts = facts_of(node, policy, Reader(problems))
    found = problems.sorted()
    if found:
        raise UsageError("facts", "The facts cannot be used.\n" + "\n".join(map(str, found)))
    return facts


def facts_of(node: Node | None, policy: Policy, reader: Reader) -> Facts:
    """The facts that a node holds; what is wrong with it goes to the reader's problems."""
    read = FactReader(reader, policy)
    keys = reader.mapping(node, FILE_KEYS) or {}
    return Facts(
        now=read.instant(keys.get("now"), "`now`") or datetime.now(UTC),
        coverages=_coverages(read, keys.get("coverages")),
        disclosed=_disclosed(read, keys.get("disclosed")),
        consents=tuple(
            one
            for item in read.items(keys.get("consents"), "`consents`")
            if (one := consent_of(item, read)) is not None
        ),
        restrictions=tuple(
            restriction_of(item, read)
            for item in read.items(keys.get("restrictions"), "`restrictions`")
        ),
        confidential=tuple(
            confidential_of(item, read)
            for item in read.items(keys.get("confidential"), "`confidential`")
        ),
        sensitivities=tuple(
            label
            for item in read.items(keys.get("labels"), "`labels`")
            if (label := sensitivity_of(item, read)) is not None
        ),
        units=Units({**policy.units, **units_of(keys.get("units"), reader)}),
    )


def _coverages(read: FactReader, node: Node | None) -> Mapping[CoverageKey, Coverages]:
    rows: dict[CoverageKey, list[CoverageRow]] = {}
    for item in read.items(node, "`coverages`"):
        keys = read.reader.mapping(item, _COVERAGE_KEYS)
        if keys is None:
            continue
        patient = read.patient(keys.get("patient"))
        days = read.days(keys.get("from"), keys.get("to"))
        row = CoverageRow(read.channel(keys.get("channel")), *days)
        visit, account = read.text(keys.get("visit")), read.text(keys.get("account"))
        if patient.id and patient.authority:  # a permit matches by both (§10.8)
            key = _key(patient.id, patient.authority, visit, account)
            rows.setdefault(key, []).append(row)
    return {key: Coverages(tuple(found)) for key, found in rows.items()}


def _disclosed(read: FactReader, node: Node | None) -> frozenset[Disclosed]:
    found = set()
    for item in read.items(node, "`disclosed`"):
        keys = read.reader.mapping(item, _DISCLOSED_KEYS)
        if keys is None:
            continue
        if "visit" not in keys and "control_id" not in keys:
            read.reader.missing_key(item.place, _DISCLOSED_KEYS.of, "visit", "control_id")
        found.add(
            Disclosed(
                read.channel(keys.get("channel")),
                read.text(keys.get("visit")),
                read.text(keys.get("control_id")),
            )
        )
    return frozenset(found)


def _key(patient: str, authority: str, visit: str, account: str) -> CoverageKey:
    if visit:
        return CoverageKey(Level.VISIT, patient, authority, visit)
    if account:
        return CoverageKey(Level.ACCOUNT, patient, authority, account)
    return CoverageKey(Level.PATIENT, patient, authority)
