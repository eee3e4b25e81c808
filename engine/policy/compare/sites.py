"""What differs between two sites as a whole: a row for every setting that is of no one channel.

Law: as for contracts (`engine.policy.compare.contracts`): every setting of a policy has a row, and
what may let more leave counts as wider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.policy.compare.changes import Change, Effect, Found
from engine.policy.compare.insurance import contests
from engine.policy.meaning.canonical import labelling
from engine.policy.model import Policy
from engine.privacy.units import Unit

_MORE, _LESS = Effect.MAY_DISCLOSE, Effect.DISCLOSES_LESS


def site_changes(old: Policy, new: Policy) -> Iterator[Change]:
    """What is of no single channel."""
    for compare in POLICY_ROWS.values():
        for effect, text in compare(old, new):
            yield Change(effect, text)
    yield from contests(old, new)


def _environment(old: Policy, new: Policy) -> Found:
    if old.environment != new.environment:
        yield _MORE, f"messages of the {new.environment} environment are accepted"


def _timezone(old: Policy, new: Policy) -> Found:
    if old.timezone != new.timezone:
        yield _MORE, f"days begin and end in {new.timezone}, before in {old.timezone}"


def _sets(old: Policy, new: Policy) -> Found:
    """Code sets that label; what a condition asks of others is compared with the condition."""
    before, after = labelling(old), labelling(new)
    if before - after:
        yield _MORE, "code sets label other content, or less of it"
    elif after - before:
        yield _LESS, "code sets label more content"


def _protections(old: Policy, new: Policy) -> Found:
    """Packs of statutes: one that is gone may let more leave, whatever others hold."""
    before, after = _statutes(old), _statutes(new)
    names = sorted(_pack_names(old) - _pack_names(new))
    if before - after:
        gone = f"the packs {', '.join(names)} no longer hold" if names else "packs protect less"
        yield _MORE, gone
    elif after - before:
        yield _LESS, "packs of statutes protect more"
    for name, reason in sorted(new.protections.off.items()):
        if old.protections.off.get(name) != reason:
            yield Effect.NEUTRAL, f"{name} is switched off: {reason}"


def _statutes(policy: Policy) -> frozenset[object]:
    return frozenset(
        one for pack in policy.protections.packs for one in (*pack.protections, *pack.minors)
    )


def _pack_names(policy: Policy) -> frozenset[str]:
    return frozenset(pack.id for pack in policy.protections.packs)


def _label_sets(old: Policy, new: Policy) -> Found:
    before, after = frozenset(old.label_sets), frozenset(new.label_sets)
    if before - after:
        yield _MORE, "the built-in labels are put on less"
    elif after - before:
        yield _LESS, "the built-in labels are put on more"


def _marks(old: Policy, new: Policy) -> Found:
    """One by one: a value that no longer marks is a value that is no longer protected."""
    before, after = _marked(old), _marked(new)
    if before - after:
        yield _MORE, "fewer values mark protected content, such as psychotherapy notes"
    elif after - before:
        yield _LESS, "more values mark protected content, such as psychotherapy notes"


def _marked(policy: Policy) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (str(mark.path), text, mark.label) for mark in policy.marks for text in mark.texts
    )


def _units(old: Policy, new: Policy) -> Found:
    """What is no Part 2 program is not protected as one; an unlisted unit may be one."""
    before, after = _units_that_are(old, Unit.PART2), _units_that_are(new, Unit.PART2)
    if before - after or _units_that_are(new, Unit.GENERAL) - _units_that_are(old, Unit.GENERAL):
        yield _MORE, "units: fewer source units are, or may be, Part 2 programs"
    elif old.units != new.units:
        yield _LESS, "units: more source units are, or may be, Part 2 programs"


def _self_pay(old: Policy, new: Policy) -> Found:
    """What asks for it at other conditions may ask for it less often."""
    if old.self_pay == new.self_pay:
        return
    if old.self_pay is None:
        yield _LESS, "messages may ask that what was paid for out of pocket is withheld"
    else:
        yield _MORE, "messages ask for self-pay in another way, or no more"


def _units_that_are(policy: Policy, what: Unit) -> frozenset[str]:
    return frozenset(name for name, unit in policy.units.items() if unit is what)


#: Setting of a policy → what its change does.
POLICY_ROWS: dict[str, Callable[[Policy, Policy], Found]] = {
    "environment": _environment,
    "timezone": _timezone,
    "sets": _sets,
    "protections": _protections,
    "label_sets": _label_sets,
    "marks": _marks,
    "units": _units,
    "self_pay": _self_pay,
}
