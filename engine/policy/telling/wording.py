"""Conditions, masks and rules in words, for matrices, differences and pages that people sign.

Law: what is said is what the policy means; a matcher without words here fails a test, so that no
condition is ever left out of what a person reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.policy.model import Consent, Coverage, Grant, Masking, MaskKind, Rule
from engine.policy.segment.masks import EVERYTHING, NOTHING, Mask, Numbers
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Exists,
    InSet,
    Matches,
    MessageIs,
    MessageType,
    Not,
    Numeric,
    OneOf,
    Prefix,
    Timed,
)
from engine.policy.vocabulary.moments import Moment

#: Longer lists of values are cut in the middle of a sentence.
_MOST_LISTED = 12

_CONSENTS = {
    Consent.NOT_REQUIRED: "no consent is asked",
    Consent.UNLESS_REFUSED: "unless the patient refused",
    Consent.REQUIRED: "only with the patient's consent",
}

_COVERAGES = {
    Coverage.OWN: "this payer covers the patient",
    Coverage.NONE: "this payer does not cover the patient",
    Coverage.ANY: "coverage is not asked",
}


def listed(words: Iterable[str], last: str = "or") -> str:
    """`A, B or C`."""
    items = list(words)
    if len(items) > _MOST_LISTED:
        items = [*items[:_MOST_LISTED], f"{len(items) - _MOST_LISTED} more"]
    return f" {last} ".join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def message_type(kind: MessageType) -> str:
    """`ADT^A01`, or `ADT`."""
    return kind.code if kind.trigger is None else f"{kind.code}^{kind.trigger}"


def message_types(kinds: Iterable[MessageType]) -> str:
    """Types in order, with commas."""
    return ", ".join(sorted(map(message_type, kinds)))


def rule_asks(rule: Rule, coverage: Coverage) -> str:
    """Everything that a rule asks besides the message type."""
    said = [condition(without_types(rule.when))]
    if coverage is not Coverage.ANY:
        said.append(_COVERAGES[coverage])
    if rule.consent is not Consent.NOT_REQUIRED:
        said.append(_CONSENTS[rule.consent])
    return "; ".join(part for part in said if part)


def grant_asks(grant: Grant, mask: Mask, *, own: bool) -> str:
    """What a grant asks of one segment besides, and how it sends what `mask` has of it.

    `own`: only the payer's own.
    """
    said = [condition(grant.where), "its own only" if own else "", _ALONE if grant.alone else ""]
    said.append("no documents" if grant.spares_documents else "")
    said += [
        f"repetitions of {grant.segment}-{number} for which {condition(chosen)}"
        for number, chosen in sorted(grant.repetitions.items())
        if not mask.of_field(number).is_empty
    ]
    said += [
        f"{grant.segment}-{number}{f'.{part}' if part else ''} only as {_mask(masking)}"
        for (number, part), masking in sorted(grant.maskings.items(), key=lambda one: one[0])
        if (part in mask.of_field(number) if part else mask.of_field(number) == EVERYTHING)
    ]
    return "; ".join(part for part in said if part)


_ALONE = "even without its results"


# --- conditions -----------------------------------------------------------------------------------


def condition(found: Condition | None) -> str:
    """A condition as a sentence without its subject; `""` where it always holds."""
    return "" if found is None else _said(found, outer=True)


def without_types(found: Condition) -> Condition | None:
    """The condition without the message types that it demands at its top; None: nothing is left."""
    if isinstance(found, MessageIs):
        return None
    if isinstance(found, AllOf):
        rest = tuple(r for part in found.parts if (r := without_types(part)) is not None)
        return AllOf(rest) if rest else None
    return found


def _said(found: Condition, *, outer: bool = False) -> str:
    match found:
        case AllOf(parts):
            return _joined(" and ", parts, outer=outer)
        case AnyOf(parts):
            return _joined(" or ", parts, outer=outer)
        case Not(part):
            return _negated(part)
        case MessageIs(types):
            return f"the message is {listed(sorted(map(message_type, types)))}"
        case Compare():
            return _compared(found, negated=False)


def _negated(found: Condition) -> str:
    match found:
        case Compare():
            return _compared(found, negated=True)
        case MessageIs(types):
            return f"the message is not {listed(sorted(map(message_type, types)))}"
        case _:
            return f"not ({_said(found, outer=True)})"


def _joined(word: str, parts: tuple[Condition, ...], *, outer: bool) -> str:
    if len(parts) == 1:
        return _said(parts[0], outer=outer)
    text = word.join(_said(part) for part in parts)
    return text if outer or not parts else f"({text})"


def _compared(compare: Compare, *, negated: bool) -> str:
    words = MATCHERS[type(compare.matcher)](compare.matcher)
    subject = f"every {compare.path}" if compare.every else str(compare.path)
    if not negated:
        return f"{subject} {words}"
    return f"not every {compare.path} {words}" if compare.every else f"no {subject} {words}"


def _one_of(matcher: OneOf) -> str:
    values = listed(sorted(matcher.values))
    return f"is {values}" + (" (upper or lower case)" if matcher.fold else "")


def _mask(masking: Masking) -> str:
    if masking.kind is MaskKind.CONSTANT:
        return f"the text {masking.text}"
    return _MASKS[masking.kind]


def _timed(matcher: Timed) -> str:
    ends = (("after", matcher.after), ("before", matcher.before))
    return "is " + " and ".join(f"{word} {_moment(end)}" for word, end in ends if end is not None)


def _moment(moment: Moment) -> str:
    """As a rule writes it."""
    if moment.from_now is not None:
        minutes = int(moment.from_now.total_seconds() // 60)
        unit, size = next(
            (unit, size) for unit, size in (("d", 1440), ("h", 60), ("m", 1)) if not minutes % size
        )
        return f"now{minutes // size:+d}{unit}" if minutes else "now"
    shown = "-".join(f"{part:02d}" for part in moment.parts[:3])
    if len(moment.parts) > 3:
        clock = moment.parts[3:6] if len(moment.parts) > 4 else (moment.parts[3], 0)
        shown += "T" + ":".join(f"{part:02d}" for part in clock)
    if moment.zone is None or len(moment.parts) <= 3:
        return shown
    hours, minutes = divmod(abs(moment.zone), 60)
    return f"{shown}{'-' if moment.zone < 0 else '+'}{hours:02d}:{minutes:02d}"


def _numeric(matcher: Numeric) -> str:
    ends = (("at least", matcher.at_least), ("at most", matcher.at_most))
    return "is " + " and ".join(f"{word} {end}" for word, end in ends if end is not None)


_MASKS = {
    MaskKind.YEAR: "a year",
    MaskKind.ZIP3: "its first three characters",
    MaskKind.LAST4: "its last four letters or digits",
    MaskKind.INITIAL: "an initial",
    MaskKind.KEYED_HASH: "a keyed hash",
}

#: What each matcher says of a path.
MATCHERS: dict[type[Any], Callable[[Any], str]] = {
    OneOf: _one_of,
    Prefix: lambda matcher: f"begins with {listed(sorted(matcher.values))}",
    Exists: lambda matcher: "has a value" if matcher.wanted else "has no value",
    Matches: lambda matcher: f"matches {listed(sorted(matcher.patterns))}",
    InSet: lambda matcher: f"is in the code set {listed(one.name for one in matcher.sets)}",
    Timed: _timed,
    Numeric: _numeric,
}


# --- what is sent of a segment --------------------------------------------------------------------


def fields(mask: Mask) -> str:
    """`1-3, 11.3-11.5`, `all`, or `all but 19`."""
    if mask.is_whole:
        return "all"
    if mask.rest == NOTHING:
        return ", ".join(_ranges(mask)) or "nothing"
    named = ", ".join(_ranges(Mask(NOTHING, {n: ~parts for n, parts in mask.fields.items()})))
    return f"all but {named}"


def _ranges(mask: Mask) -> list[str]:
    found: list[str] = []
    run: list[int] = []
    for number, parts in [*sorted(mask.fields.items()), (0, NOTHING)]:
        if run and (parts != EVERYTHING or number != run[-1] + 1):
            found.append(_run(run))
            run = []
        if parts == EVERYTHING:
            run.append(number)
        elif number and parts != NOTHING:
            found += _components(number, parts)
    return found


def _run(run: list[int]) -> str:
    return str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"


def _components(number: int, parts: Numbers) -> list[str]:
    named = sorted(parts.members)
    if parts.inverted:
        return [f"{number} without {', '.join(f'.{part}' for part in named)}"]
    found: list[str] = []
    run: list[int] = []
    for part in [*named, 0]:
        if run and part != run[-1] + 1:
            last = f"-{number}.{run[-1]}" if len(run) > 1 else ""
            found.append(f"{number}.{run[0]}{last}")
            run = []
        if part:
            run.append(part)
    return found
