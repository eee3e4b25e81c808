"""The report about a patient as text for a terminal or a letter, and as one page of HTML.

Law: it says what the report says, in words for the patient; a pack that is off is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from zoneinfo import ZoneInfo

from engine.archive.accounting import Line, notes, when
from engine.cli.letter import Part, part_as_page, part_as_text
from engine.cli.patient_report import Recipient, Removed, Report
from engine.cli.patient_words import entry_in_words, fields_in_words, why
from engine.cli.registered_entries import state_of
from engine.cli.words import counted
from engine.policy.telling.mixed import Mixed, taken_apart
from engine.policy.telling.patient import Change, Share
from engine.privacy.entries import Entry
from engine.privacy.facts import ConsentKind, SignedConsent
from engine.privacy.protections import Protections

_TITLE = "What your insurers receive"


def report_as_text(report: Report, width: int) -> str:
    """For a terminal, or a letter."""
    return part_as_text(_whole(report), width)


def report_as_page(report: Report) -> str:
    """One page, complete in itself."""
    return part_as_page(_whole(report))


# --- what it says -------------------------------------------------------------------------------


def _whole(report: Report) -> Part:
    concerned = [one for one in report.recipients if one.is_concerned]
    others = [one.channel.name for one in report.recipients if not one.is_concerned]
    parts = [_entries(report), *(_recipient(one, report.protections) for one in concerned)]
    parts += [_removed(one) for one in report.removed]
    if others:
        said = "As far as we know these do not insure you, and they have received nothing."
        parts.append(Part("Others", (said,), tuple(sorted(others))))
    parts.append(_protections(report.protections))
    return Part(_TITLE, tuple(_introduction(report)), (), tuple(parts))


def _introduction(report: Report) -> Iterator[str]:
    day = report.made.astimezone(ZoneInfo(report.timezone)).date().isoformat()
    yield f"About patient {report.patient.id}, made on {day}, policy revision {report.revision}."
    if report.is_of_nobody:
        yield (
            "Nothing is known of this identifier: no archived message, no entry, no disclosure. See"
            " that it and its authority are written as in PID-3."
        )
    elif report.opened:
        opened = f"The latest {report.opened} messages about you were"
        yield (
            f"{'One message about you was' if report.opened == 1 else opened} opened for this"
            f" report ({report.reason}), and decided as today; the look is on record."
        )
    elif report.reason:
        yield "No message about you is kept any more, so that none could be opened."
    else:
        yield (
            "No message was opened for this report: it tells classes of information, as our"
            " records of disclosures have them."
        )
    if report.joined:
        yield (
            f"Your record was joined with {counted(report.joined, 'other')}. What was signed,"
            " refused or restricted there counts here, too, and what was sent of it is not in this"
            " report: ask for a report of each."
        )
    gone = [one for one in report.removed if one.lines]
    if gone:
        yield (
            f"Something also went to {counted(len(gone), 'recipient')} with whom we have no"
            " contract any more; see below."
        )
    yield from report.supposed
    if report.erased:
        yield f"The content of {counted(report.erased, 'earlier message')} is not kept any more."


def _entries(report: Report) -> Part:
    items = tuple(
        f"{entry_in_words(entry.stated, report.names, report.timezone)}"
        f" ({state_of(entry, report.made)}; entry {entry.id}{_under(report, entry)})"
        f"{_idle(report, entry.id)}"
        for entry in report.entries
    )
    none = () if items else ("Nothing: no consent, no refusal, no restriction.",)
    return Part("What you have signed, refused or restricted", none, items)


def _under(report: Report, entry: Entry) -> str:
    """Under which identifier it was made, where that is another one of a joined record."""
    fact = entry.fact
    if fact.patient.id == report.patient.id:
        return ""
    permits = isinstance(fact, SignedConsent) and fact.kind is not ConsentKind.REFUSAL
    so_far = "; it permits here what every joined record permits" if permits else ""
    return f", entered under {fact.patient.id}{so_far}"


def _idle(report: Report, entry: str) -> str:
    """Where a refusal changes nothing but what consents let go."""
    found = [report.names.get(channel, channel) for channel in report.idle.get(entry, ())]
    if not found:
        return ""
    return (
        f" For {', '.join(sorted(found))} it stops only what you would have to consent to by law:"
        " no rule of ours asks for consent to what it refuses. A restriction stops all of it."
    )


def _recipient(one: Recipient, protections: Protections) -> Part:
    parts = [Part("Received so far", _nothing(one.lines), tuple(map(_line, one.lines)))]
    if one.share is None:
        states = tuple(f"{state}: {number}" for state, number in one.states.items())
        parts.append(Part("Your messages", (), states))
    else:
        parts += _share(one.share, protections)
    if one.change is not None:
        parts.append(_change(one.change))
    return Part(one.channel.name, (), (), tuple(parts))


def _removed(one: Removed) -> Part:
    """What went to somebody, and where messages stand, when there was a contract."""
    parts = [Part("Received so far", _nothing(one.lines), tuple(map(_line, one.lines)))]
    if not one.lines:
        states = tuple(f"{state}: {number}" for state, number in one.states.items())
        parts.append(Part("Your messages", (), states))
    said = "We have no contract with this recipient any more, and nothing is sent there."
    return Part(f"{one.name} (removed)", (said,), (), tuple(parts))


def _nothing(found: Iterable[object]) -> tuple[str, ...]:
    return () if tuple(found) else ("Nothing.",)


def _line(line: Line) -> str:
    said = f"{when(line)}: {line.description}. Why: {line.purpose} ({line.basis})."
    return " ".join((said, *notes(line)))


def _share(share: Share, protections: Protections) -> Iterator[Part]:
    of = f", of {counted(share.disclosing, 'message')}" if share.disclosing else ""
    apart = taken_apart(share)
    sent = tuple(fields_in_words(apart.always))
    if sent or not apart.mixed:
        yield Part(f"Receives{of}", _nothing(sent), sent)
    if apart.mixed:
        mixed = tuple(_mixed(one, protections) for one in apart.mixed)
        yield Part("Receives in some messages, and not in others", (), mixed)
    lacks: dict[str, dict[str, set[str]]] = {}
    for lack, names in apart.never.items():
        lacks.setdefault(lack.code, {}).setdefault(lack.segment, set()).update(names)
    withheld = tuple(
        f"{why(code, protections)} {'; '.join(fields_in_words(fields))}."
        for code, fields in sorted(lacks.items())
    )
    if withheld:
        yield Part("Does not receive of these", (), withheld)
    refused = tuple(
        f"{counted(number, 'message')}: {why(code.value, protections)}"
        for (_, code, _), number in share.not_sent.most_common()
    )
    if refused:
        yield Part("Messages of which nothing is sent", (), refused)


def _mixed(one: Mixed, protections: Protections) -> str:
    """What goes in some messages, in how many of which types, and why not in others."""
    (fields,) = fields_in_words({one.segment: set(one.fields)})
    said = [f"{fields}. Received in {_messages(one.sent)}."]
    said += [
        f"Not, or not all of it, in {_messages(types)}: {why(code, protections)}"
        for code, types in one.lacking.items()
    ]
    return " ".join(said)


def _messages(types: Mapping[str, int]) -> str:
    return f"{counted(sum(types.values()), 'message')} ({', '.join(sorted(types))})"


def _change(change: Change) -> Part:
    title = "What would change"
    if not change.messages:
        return Part(title, ("Nothing.",))
    said = [f"{counted(change.messages, 'message')} would be decided otherwise."]
    if change.opened:
        said.append(f"Of {change.opened} something would be sent, of which nothing is sent now.")
    if change.closed:
        said.append(f"Of {change.closed} nothing would be sent any more.")
    return Part(title, tuple(said), (), tuple(_both(change)))


def _both(change: Change) -> Iterator[Part]:
    for title, fields in (("Besides", change.gains), ("No more", change.loses)):
        if fields:
            yield Part(f"{title} would be sent", (), tuple(_named(fields)))


def _named(fields: Mapping[str, set[str]]) -> list[str]:
    return fields_in_words(fields)


def _protections(protections: Protections) -> Part:
    on = [f"{pack.name} ({pack.id})" for pack in protections.packs]
    off = [f"{name} is switched off here: {why}" for name, why in sorted(protections.off.items())]
    return Part("Laws that stand above our rules", (), (*on, *off))
