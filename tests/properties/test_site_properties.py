"""Laws of whole decisions, on sites of the whole language and on messages of every kind."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from engine.hl7.required import required_by
from engine.hl7.wire import Message
from engine.policy.compile import CompiledPolicy
from engine.policy.decide import decide
from engine.policy.outcome import Code, Outcome, Payload, Verdict
from engine.privacy.confidential import Confidential
from engine.privacy.facts import ConsentKind, Facts, Restriction, SignedConsent
from engine.privacy.patients import Patient
from tests.support.cutting import NOW
from tests.support.independent import (
    EVERY_COMPONENT,
    Masked,
    betrayals,
    differences,
    documents_told,
    gaps,
    orphans,
)
from tests.support.random_facts import confidential, facts, refusals, restrictions
from tests.support.random_messages import messages
from tests.support.random_sites import (
    PACKS,
    SETS,
    Document,
    Site,
    compiled,
    conditions,
    shuffled,
    sites,
)
from tests.support.readdressing import readdressed

#: A site takes long to draw, and most of what is drawn discloses something.
slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

#: What `tests.support.independent` takes for what is granted of one segment; None: all of it.
Mask = dict[int, "frozenset[int] | None"]

Said = set[tuple[int, int, int, bytes]]


def said(outcome: Outcome) -> Said:
    """Every component that is sent: of which received segment, where, and what; no set ids."""
    found: Said = set()
    for payload in outcome.payloads:
        lines = [line for line in payload.data.split(b"\r") if b"42 CFR part 2" not in line]
        for index, line in zip(payload.kept, lines, strict=False):
            if index:
                found |= {(index, *part) for part in _parts(line)}
    return found


def _parts(line: bytes) -> set[tuple[int, int, bytes]]:
    found = {(0, 0, line[:3])}
    for number, value in enumerate(line.split(b"|")):
        if number > 1:
            found |= {
                (number, place, component)
                for repetition in value.split(b"~")
                for place, component in enumerate(repetition.split(b"^"), start=1)
                if component
            }
    return found


def told(raw: bytes, policy: CompiledPolicy, known: Facts) -> dict[str, Outcome]:
    return decide(Message.parse(raw), policy, known)


def no_more(raw: bytes, less: dict[str, Outcome], more: dict[str, Outcome]) -> None:
    """What `less` sends is sent by `more`, as it is or under a mask that hides less."""
    for channel, outcome in less.items():
        reasons = more[channel].reasons
        if not (reasons and reasons[0].code in JUDGED_APART):
            assert surplus(raw, said(outcome), said(more[channel])) == set(), channel


def no_more_or_held(raw: bytes, less: dict[str, Outcome], more: dict[str, Outcome]) -> None:
    """The same of other rules, where what waits for a person may wait for what a rule asks.

    Who grants no charges, `which: own`, need not know whose they are.
    """
    sent = {name: one for name, one in less.items() if more[name].verdict is not Verdict.HOLD}
    no_more(raw, sent, more)


def surplus(raw: bytes, less: Said, more: Said) -> Said:
    """What `less` says that `more` does not: values, and masks of values that it is silent about.

    Two masks of one value may differ: with the grant that shows more of it, its mask is gone too.
    """
    received = [_parts(line) for line in raw.split(b"\r")]
    places = {(index, number) for index, number, _, _ in more}
    return {
        (index, number, place, value)
        for index, number, place, value in less - more
        if (index, number) not in places
        or any((number, at, value) in received[index] for at in (place, 1))
    }


#: What holds a copy for what it would tell, or for what is missing in it, may let less of it go.
JUDGED_APART = (Code.LEAK, Code.NOTICE, Code.STRUCTURE)


@slow
@given(sites(), messages(), facts(), st.randoms(use_true_random=False))
def test_the_order_of_files_rules_and_keys_changes_nothing(
    site: Site, raw: bytes, known: Facts, random: object
) -> None:
    def shuffle(items: list[object]) -> list[object]:
        random.shuffle(items)  # type: ignore[attr-defined]
        return items

    channels, files, sets = (shuffled(of, shuffle) for of in (site.channels, site.files, site.sets))
    other = Site(channels, files, sets, site.packs)
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
    no_more_or_held(raw, told(raw, compiled(less), known), told(raw, compiled(site), known))


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
    no_more_or_held(raw, told(raw, compiled(less), known), told(raw, compiled(before), known))


@slow
@given(sites(), messages(), facts(), st.sampled_from(PACKS), st.sampled_from(SETS))
def test_to_protect_more_never_discloses_more(
    site: Site, raw: bytes, known: Facts, pack: str, name: str
) -> None:
    """One more pack, and what was a mere set of codes tells of HIV."""
    less = replace(site, packs=site.packs | {pack}, sets=copy.deepcopy(site.sets))
    next(one for one in less.sets if one["set"] == name).setdefault("label", "hiv")
    no_more(raw, told(raw, compiled(less), known), told(raw, compiled(site), known))


def _file(consent: str, charges: str | Document) -> Document:
    rule = {"when": {"coverage": "any"}, "disclose": {"PID": "all", "FT1": charges}}
    return {
        "channels": ["gamma"],
        "purpose": "payment",
        "basis": "a test",
        "consent": consent,
        "rules": [{"name": consent, "why": "a test", **rule}],
    }


#: What one file asks of every charge holds what the other file grants without asking.
_ONE_FILE_ASKS = Site(
    [
        {
            "channel": "gamma",
            "name": "GAMMA",
            "kind": "vendor",
            "purposes": ["payment"],
            "ceiling": {"messages": ["DFT"], "segments": {"PID": "all", "FT1": "all"}},
            "deliver": {"to": "tcp:127.0.0.1:6661", "rewrite": {"MSH-6": "GAMMA"}},
        }
    ],
    [
        _file("unless-refused", {"fields": "all", "which": "own"}),
        _file("not-required", "all"),
    ],
)


@slow
@example(
    _ONE_FILE_ASKS,
    b"MSH|^~\\&|||||20260101||DFT^P03|M1|P|2.5.1\rPID|1||A^^^H\rFT1|1|T1\r",
    Facts(NOW),
    SignedConsent(Patient("A", "H"), ConsentKind.REFUSAL),
)
@given(sites(), messages(), facts(), refusals)
def test_a_refusal_never_discloses_more(
    site: Site, raw: bytes, known: Facts, more: SignedConsent
) -> None:
    """But for an open question of the refused file's alone: whose charges are, `which: own`.

    Other files are unaffected by a file whose consent is not met (§10.3), so that what they grant
    goes once nobody asks it.
    """
    policy = compiled(site)
    denied = replace(known, consents=(*known.consents, more))
    before, after = told(raw, policy, known), told(raw, policy, denied)
    asked_by_refused = {
        channel
        for channel, one in before.items()
        if one.reasons[0].code is Code.AMBIGUOUS_COVERAGE and _has_refusable(site, channel)
    }
    no_more(raw, {name: after[name] for name in after.keys() - asked_by_refused}, before)


@slow
@given(sites(), messages(), facts(), restrictions)
def test_a_restriction_never_discloses_more(
    site: Site, raw: bytes, known: Facts, more: Restriction
) -> None:
    policy = compiled(site)
    denied = replace(known, restrictions=(*known.restrictions, more))
    no_more(raw, told(raw, policy, denied), told(raw, policy, known))


@slow
@given(sites(), messages(), facts(), confidential)
def test_a_confidential_communication_never_discloses_more(
    site: Site, raw: bytes, known: Facts, more: Confidential
) -> None:
    """But for what goes instead, in PID-11 and PID-13, which the judge of copies judges."""
    policy = compiled(site)
    denied = replace(known, confidential=(*known.confidential, more))
    before = told(raw, policy, known)
    pids = {n for n, line in enumerate(raw.split(b"\r")) if line.startswith(b"PID|")}
    for channel, outcome in told(raw, policy, denied).items():
        less = {one for one in said(outcome) if not (one[0] in pids and one[1] in {11, 13})}
        if before[channel].reasons[0].code not in JUDGED_APART:
            assert surplus(raw, less, said(before[channel])) == set(), channel


@slow
@given(sites(), messages(), facts())
def test_less_consent_never_discloses_more(site: Site, raw: bytes, known: Facts) -> None:
    policy = compiled(site)
    whole = told(raw, policy, known)
    for number, consent in enumerate(known.consents):
        if consent.kind is not ConsentKind.REFUSAL:
            left = known.consents[:number] + known.consents[number + 1 :]
            no_more(raw, told(raw, policy, replace(known, consents=left)), whole)


@slow
@given(sites(), messages(disorder=False), facts())
def test_a_copy_is_what_the_rules_grant_and_stands_by_itself(
    site: Site, raw: bytes, known: Facts
) -> None:
    policy = compiled(site)
    for channel, outcome in told(raw, policy, known).items():
        document = next(one for one in site.channels if one["channel"] == channel)
        for payload in outcome.payloads:
            source = readdressed(
                raw, known.confidential, channel, is_payer=document["kind"] == "payer"
            )
            granted, masked = _granted(site, channel, raw), _masked(site, channel)
            _judge(source, payload, document, granted, masked)
        if outcome.payloads and document.get("structure") == "strict":
            _keeps_structure(outcome)


@slow
@given(sites(), messages(), facts())
def test_no_document_is_sent_whose_type_no_rule_lists(site: Site, raw: bytes, known: Facts) -> None:
    for channel, outcome in told(raw, compiled(site), known).items():
        for payload in outcome.payloads:
            sent = [line for line in payload.data.split(b"\r") if b"42 CFR part 2" not in line]
            count = documents_told(raw.split(b"\r"), payload.kept, sent[:-1])
            assert count == 0 or _may_list_documents(site, channel)


def _may_list_documents(site: Site, channel: str) -> bool:
    """Whether any rule of the channel could list a type of document, by its words alone."""
    for rule in (
        rule for file in site.files if channel in file["channels"] for rule in file["rules"]
    ):
        grant = rule["disclose"].get("OBX")
        said = json.dumps([rule["when"] if "TXA-2" in json.dumps(rule["when"]) else "", grant])
        if any(word in said for word in ("documents", "OBX-2", "OBX-3", "OBR-4", "TXA-2")):
            return True
    return False


@slow
@given(sites(), messages(), facts())
def test_a_copy_cut_again_says_nothing_new(site: Site, raw: bytes, known: Facts) -> None:
    policy = compiled(site)
    for channel, outcome in told(raw, policy, known).items():
        for payload in outcome.payloads:
            again = told(payload.data, policy, known)[channel]
            twice = {
                (payload.kept[position], number, place, value)
                for position, number, place, value in said(again)
            }
            assert surplus(raw, twice, said(outcome)) == set()


def _has_refusable(site: Site, channel: str) -> bool:
    """Whether a refusal may drop a file that asks whose the charges are."""
    return any(
        isinstance(grant := rule["disclose"].get("FT1"), dict) and grant.get("which") == "own"
        for file in site.files
        if channel in file["channels"] and file["consent"] != "not-required"
        for rule in file["rules"]
    )


# --- the judge ----------------------------------------------------------------------------------


def _judge(
    raw: bytes,
    payload: Payload,
    channel: Document,
    granted: dict[str, Mask | None],
    masked: Masked,
) -> None:
    kind = raw.split(b"|")[8].decode()
    source = raw.rstrip(b"\r").split(b"\r")
    sent = payload.data.rstrip(b"\r").split(b"\r")
    names = [line[:3].decode() for line in source]
    rewritten = {6: channel["deliver"]["rewrite"]["MSH-6"].encode()}
    if sent[0].split(b"|")[9].endswith(b"-2"):
        rewritten[10] = b"M1-2"
    assert differences(raw, payload.data, granted, rewritten, at_most=True, masked=masked) == []
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
            plain = _mask(fields)
            if isinstance(grant, dict) and plain is not None:
                plain = _without(plain, grant.get("mask", {}))
            mask = _bounded(plain, _mask(ceiling[segment]))
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


def _masked(site: Site, channel: str) -> Masked:
    """Of which fields (component 0) and components any rule shows this channel a mask, and which.

    The ceiling does not bound them: that no mask shows what stands above it is judged elsewhere
    (test_fine_cut_properties).
    """
    found: dict[tuple[str, int, int], frozenset[str]] = {}
    files = [file for file in site.files if channel in file["channels"]]
    for rule in (rule for file in files for rule in file["rules"]):
        for segment, grant in rule["disclose"].items():
            for target, kind in (grant.get("mask", {}) if isinstance(grant, dict) else {}).items():
                number, _, component = target.partition(".")
                key = (segment, int(number), int(component or 0))
                found[key] = found.get(key, frozenset()) | {_kind(kind)}
    return found


def _kind(kind: str | Document) -> str:
    return kind if isinstance(kind, str) else kind["constant"]


def _without(mask: Mask, masked: Document) -> Mask:
    """What a grant shows as it is."""
    left = dict(mask)
    for target in masked:
        number, _, component = target.partition(".")
        parts = left.pop(int(number), None)
        if component:
            whole = EVERY_COMPONENT if parts is None else parts
            left[int(number)] = whole - {int(component)}
    return left


def _mask(fields: str | list[str]) -> Mask | None:
    """As `tests.support.independent` takes it: None is all; a field's None is all of it."""
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
