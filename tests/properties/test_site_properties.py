"""Laws of whole decisions, on sites of the whole language and on messages of every kind."""

from __future__ import annotations

import copy

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from engine.hl7.required import required_by
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Outcome, Payload, Verdict
from engine.privacy.facts import CoverageKey, CoverageRow, Coverages, Disclosed, Facts, Level
from tests.cutting import NOW
from tests.independent import betrayals, differences, gaps, orphans
from tests.random_messages import messages
from tests.random_sites import Document, Site, compiled, conditions, shuffled, sites

#: A site takes long to draw, and most of what is drawn discloses something.
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

VISIT = CoverageKey(Level.VISIT, "A", "H", "V1")


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Who covers the visit, and who had it before."""
    covered: set[str] = draw(st.sets(st.sampled_from(["acme", "beta"])))
    rows = tuple(CoverageRow(one) for one in covered)
    is_known: bool = draw(st.booleans())
    known = {VISIT: Coverages(rows, others=True)} if rows or is_known else {}
    had: set[str] = draw(st.sets(st.sampled_from(["acme", "beta"])))
    return Facts(NOW, known, frozenset(Disclosed(one, visit="V1") for one in had))


#: What `tests.independent` takes for what is granted of one segment; None: all of it.
Mask = dict[int, "frozenset[int] | None"]

Said = set[tuple[int, int, int, bytes]]


def said(outcome: Outcome) -> Said:
    """Every component that is sent: of which received segment, where, and what; no set ids."""
    found: Said = set()
    for payload in outcome.payloads:
        for index, line in zip(payload.kept, payload.data.split(b"\r"), strict=False):
            for number, value in enumerate(line.split(b"|")):
                if index and number != 1:
                    found |= {
                        (index, number, place, component)
                        for place, component in enumerate(value.split(b"^"))
                        if component
                    }
                elif index:
                    found.add((index, 0, 0, line[:3]))
    return found


def told(raw: bytes, policy: CompiledPolicy, known: Facts) -> dict[str, Outcome]:
    return decide(Message.parse(raw), policy, known)


def no_more(less: dict[str, Outcome], more: dict[str, Outcome]) -> None:
    """What `less` sends is sent by `more`, unless that waits for a person."""
    for channel, outcome in less.items():
        if more[channel].verdict is not Verdict.HOLD:
            assert said(outcome) <= said(more[channel]), channel


@slow
@given(sites(), messages(), facts(), st.randoms(use_true_random=False))
def test_the_order_of_files_rules_and_keys_changes_nothing(
    site: Site, raw: bytes, known: Facts, random: object
) -> None:
    def shuffle(items: list[object]) -> list[object]:
        random.shuffle(items)  # type: ignore[attr-defined]
        return items

    other = Site(*(shuffled(of, shuffle) for of in (site.channels, site.files)))
    one, two = compiled(site), compiled(other)
    assert one.revision == two.revision
    assert told(raw, one, known) == told(raw, two, known)


@slow
@given(sites(), messages(), facts(), st.data())
def test_to_grant_less_never_discloses_more(
    site: Site, raw: bytes, known: Facts, data: st.DataObject
) -> None:
    """But for a PID granted on a condition, which speaks of all that follows it (§10.18)."""
    less = copy.deepcopy(site)
    rule = data.draw(st.sampled_from(less.rules()))
    segment = data.draw(st.sampled_from(sorted(rule["disclose"])))
    assume(segment != "PID" or not _is_conditional(rule["disclose"]["PID"]))
    assume(len(rule["disclose"]) > 1)
    removed = rule["disclose"].pop(segment)
    fields = removed if isinstance(removed, list) else None
    if fields and len(fields) > 1 and data.draw(st.booleans()):
        rule["disclose"][segment] = fields[1:]
    no_more(told(raw, compiled(less), known), told(raw, compiled(site), known))


@slow
@given(sites(), messages(), facts(), st.data())
def test_to_withhold_more_never_discloses_more(
    site: Site, raw: bytes, known: Facts, data: st.DataObject
) -> None:
    less = copy.deepcopy(site)
    rule = data.draw(st.sampled_from(less.rules()))
    segment = data.draw(st.sampled_from(["PID", "PV1", "OBR", "OBX", "NTE", "FT1", "DG1", "IN1"]))
    rule["withhold"] = data.draw(
        st.just([segment]) | conditions.map(lambda where: {segment: {"where": where}})
    )
    before = copy.deepcopy(site)
    next(one for one in before.rules() if one["name"] == rule["name"]).pop("withhold", None)
    no_more(told(raw, compiled(less), known), told(raw, compiled(before), known))


@slow
@given(sites(), messages(disorder=False), facts())
def test_a_copy_is_what_the_rules_grant_and_stands_by_itself(
    site: Site, raw: bytes, known: Facts
) -> None:
    policy = compiled(site)
    for channel, outcome in told(raw, policy, known).items():
        document = next(one for one in site.channels if one["channel"] == channel)
        for payload in outcome.payloads:
            _judge(raw, payload, document, _granted(site, channel, raw))
        if outcome.payloads and document.get("structure") == "strict":
            _keeps_structure(outcome)


@slow
@given(sites(), messages(), facts())
def test_a_copy_cut_again_says_nothing_new(site: Site, raw: bytes, known: Facts) -> None:
    policy = compiled(site)
    for channel, outcome in told(raw, policy, known).items():
        for payload in outcome.payloads:
            again = told(payload.data, policy, known)[channel]
            once = {
                (position, *rest)
                for position, index in enumerate(payload.kept)
                for found, *rest in said(outcome)
                if found == index
            }
            assert said(again) <= once


# --- the judge ----------------------------------------------------------------------------------


def _judge(
    raw: bytes, payload: Payload, channel: Document, granted: dict[str, Mask | None]
) -> None:
    kind = raw.split(b"|")[8].decode()
    source = raw.rstrip(b"\r").split(b"\r")
    sent = payload.data.rstrip(b"\r").split(b"\r")
    names = [line[:3].decode() for line in source]
    rewritten = {6: channel["deliver"]["rewrite"]["MSH-6"].encode()}
    if sent[0].split(b"|")[9].endswith(b"-2"):
        rewritten[10] = b"M1-2"
    assert differences(raw, payload.data, granted, rewritten, at_most=True) == []
    assert orphans(kind, names, payload.kept) == []
    assert betrayals(source, payload.kept, sent) == []
    if channel.get("renumber") != "false" and names.count("PID") == 1 and b"|1|x" not in raw:
        assert gaps(kind, source, sent, payload.kept) == []
    again = Message.parse(payload.data)
    assert [one.id for one in again.segments] == [names[index] for index in payload.kept]
    assert len(again.all("PID")) <= 1


def _granted(site: Site, channel: str, raw: bytes) -> dict[str, Mask | None]:
    """What any rule grants this channel, within its ceiling, by the documents alone."""
    ceiling = next(one for one in site.channels if one["channel"] == channel)["ceiling"]["segments"]
    found: dict[str, Mask | None] = {}
    files = [file for file in site.files if channel in file["channels"]]
    for rule in (rule for file in files for rule in file["rules"]):
        for segment, grant in rule["disclose"].items():
            fields = grant["fields"] if isinstance(grant, dict) else grant
            mask = _bounded(_mask(fields), _mask(ceiling[segment]))
            found[segment] = _joined(found[segment], mask) if segment in found else mask
    if b"ADT^A11" in raw:
        minimal: dict[str, Mask | None] = {
            "EVN": None,
            "PID": {3: None},
            "PV1": {2: None, 19: None},
        }
        for segment, fields in minimal.items():
            mask = _bounded(fields, _mask(ceiling[segment]))
            found[segment] = _joined(found[segment], mask) if segment in found else mask
    return found


def _mask(fields: str | list[str]) -> Mask | None:
    """As `tests.independent` takes it: None is all; a field's None is all of it."""
    if fields == "all":
        return None
    mask: Mask = {}
    for one in fields:
        first, _, last = one.partition("-")
        number, _, component = first.partition(".")
        if component:
            to = int(last.partition(".")[2] or component)
            parts = frozenset(range(int(component), to + 1))
            before = mask.get(int(number), frozenset())
            mask[int(number)] = None if before is None else before | parts
        else:
            mask |= dict.fromkeys(range(int(number), int(last or number) + 1))
    return mask


def _bounded(one: Mask | None, other: Mask | None) -> Mask | None:
    if one is None or other is None:
        return other if one is None else one
    bounded: Mask = {}
    for number in one.keys() & other.keys():
        some, most = one[number], other[number]
        bounded[number] = most if some is None else some if most is None else some & most
    return bounded


def _joined(one: Mask | None, other: Mask | None) -> Mask | None:
    if one is None or other is None:
        return None
    joined = dict(one)
    for number, parts in other.items():
        before = joined.get(number, frozenset())
        joined[number] = None if before is None or parts is None else before | parts
    return joined


def _is_conditional(grant: object) -> bool:
    return isinstance(grant, dict) and "where" in grant


def _keeps_structure(outcome: Outcome) -> None:
    for payload in outcome.payloads:
        message = Message.parse(payload.data)
        kind = message.msh.field(9).decode().split("^")
        version = message.msh.field(12).decode()
        required = required_by(kind[0], kind[1], kind[2] if len(kind) > 2 else "", version)
        assert required is not None
        assert required.lacking([one.id for one in message.segments]) is None
