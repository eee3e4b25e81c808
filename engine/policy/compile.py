"""A policy made ready to run: everything that does not depend on the message is settled here.

Law: the compiled policy says what the written one says, for every order of its channels and rules.
Rules are found by message type, so that a rule for other messages costs nothing; what the rules
that apply add up to is found once and kept.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from engine.errors import Place
from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy import reasons
from engine.policy.conditions.evaluate import Test, compile_condition, is_one_of, speaks_of_sets
from engine.policy.conditions.matching import Terms
from engine.policy.conditions.settle import ALWAYS, NEVER, settle, types_demanded, types_in
from engine.policy.cutting.plan import Plan
from engine.policy.identify import Identifier
from engine.policy.message.structure import Forms
from engine.policy.message.view import View, type_of
from engine.policy.model import (
    AllOf,
    Channel,
    Condition,
    Consent,
    Coverage,
    Grant,
    Kind,
    MaskKind,
    MessageType,
    Policy,
    Purpose,
    Rule,
    Structure,
)
from engine.policy.outcome import Code, Outcome, Reason, verdict_of
from engine.policy.segment.masking import channel_key
from engine.policy.segment.masks import Mask
from engine.policy.sensitive.labels import Bits
from engine.policy.sensitive.statutes import Statutes

#: Cancels of an admission, a transfer, a discharge: they follow what they cancel (§10.9).
CANCELS = frozenset({"A11", "A12", "A13"})

#: Which cancel takes an event back.
CANCELS_OF = {"A01": "A11", "A04": "A11", "A02": "A12", "A03": "A13"}

#: Merges, moves, links and swaps of patients: sent only where a rule names the event (§10.9).
BY_NAME_ONLY = frozenset(
    {"A17", "A18", "A24", "A30", "A34", "A35", "A36", "A37"}
    | {f"A{number}" for number in range(39, 52)}
)

#: MSH-11.1 that each environment agrees with (table 0103); an empty one agrees with neither.
PROCESSING_IDS = {"production": frozenset({"P"}), "test": frozenset({"T", "D"})}

_PROCESSING_ID = Path("MSH", 11, 1)

#: The built-in rule under which the shortest form of a cancel follows what it cancels (§10.26).
CANCEL_FOLLOWS = "cancel-follows"
_CANCEL_MASKS: dict[str, Mapping[int, frozenset[int] | None] | None] = {
    "EVN": None,
    "PID": {3: None},
    "PV1": {2: None, 19: None},
}

#: How many plans of one channel are kept; more combinations of rules than that are made anew.
_PLANS_KEPT = 512


@dataclass(frozen=True, slots=True)
class _Reaching:
    """A rule that messages of one type can meet, made ready once for all its channels."""

    rule: Rule
    number: int
    when: Test | None
    when_withholding: Test | None


@dataclass(frozen=True, slots=True)
class RunnableRule:
    """A rule of one channel for one message type."""

    rule: Rule
    number: int  # of the rule in the policy
    when: Test | None  # of what it discloses; None: nothing is asked but the type
    when_withholding: Test | None  # of what it withholds: the uncertain counts as matching
    coverage: Coverage
    granted: Reason
    withheld: Reason
    discloses: bool  # it grants something to messages of this type
    withheld_labels: Bits = 0  # the labels that it withholds

    @property
    def withholds_message(self) -> bool:
        """Whether it withholds the whole message."""
        return any(withholding.message for withholding in self.rule.withholdings)


class ChannelRules:
    """What one channel's rules say of messages of one type."""

    def __init__(
        self,
        channel: Channel,
        rules: tuple[RunnableRule, ...],
        is_cancel: bool,
        timezone: ZoneInfo,
        shared: Plans,
    ) -> None:
        self.channel = channel
        self.id = channel.id
        self.disclosing = tuple(rule for rule in rules if rule.discloses)
        self.withholding = tuple(rule for rule in rules if rule.rule.withholdings)
        self.ceiling = {segment_id: Mask.of(mask) for segment_id, mask in channel.ceiling.items()}
        self.in_ceiling = True
        self.is_payer = channel.kind is Kind.PAYER
        self.is_cancel = is_cancel
        self.is_strict = channel.structure is Structure.STRICT
        self.follows = is_cancel and self.is_payer
        self.expires_at = _end_of(channel.agreement_expires, timezone)
        self.asks_coverage = not self.follows and any(
            rule.coverage is not Coverage.ANY or _chooses_lines(rule.rule)
            for rule in self.disclosing
        )
        #: For each code that names no rule, the outcome: made once, shared by all messages.
        self.outcomes = {
            code: Outcome(channel.id, verdict_of(code), (reasons.plain(code),)) for code in Code
        }
        self.cancel_granted = reasons.granted(CANCEL_FOLLOWS)
        self._plans: dict[tuple[int, ...], Plan] = {}
        self._shared = shared
        self.cancel_follows = cancel_grants(channel)

    def plan(
        self,
        grants: tuple[RunnableRule, ...],
        withholds: tuple[RunnableRule, ...],
        following: tuple[RunnableRule, ...] = (),
        bars_corrections: bool = False,
    ) -> Plan:
        """What these rules add up to (`engine.policy.cutting.plan.Plan`)."""
        key: tuple[int, ...]
        if len(grants) == 1 and not withholds:
            key = (grants[0].number, -1)  # nearly always
        else:
            key = (*[rule.number for rule in grants], -1, *[rule.number for rule in withholds])
        if following or bars_corrections:
            key += (-2 - bars_corrections, *[rule.number for rule in following])
        plan = self._plans.get(key)
        if plan is None:
            granting = [rule.rule for rule in grants]
            if self.follows:
                granting.append(self.cancel_follows)
            plan = self._shared.plan(
                self.id,
                self.ceiling,
                granting,
                [rule.rule for rule in withholds],
                following=[rule.rule for rule in following],
                bars_corrections=bars_corrections,
            )
            if len(self._plans) < _PLANS_KEPT:
                self._plans[key] = plan
        return plan


class Plans:
    """One plan for all channels to which the same rules give the same under their ceilings.

    Such channels' copies differ in nothing but MSH, so that they share the work of cutting.
    """

    def __init__(self, terms: Terms, key: bytes) -> None:
        self._terms = terms
        self._key = key
        self._plans: WeakValueDictionary[Hashable, Plan] = WeakValueDictionary()

    def plan(
        self,
        channel: str,
        ceiling: Mapping[str, Mask],
        granting: list[Rule],
        withholding: list[Rule],
        *,
        following: list[Rule],
        bars_corrections: bool,
    ) -> Plan:
        """What the rules add up to under this ceiling of a channel."""
        rules = granting + following
        hashes = any(_hashes(grant) for rule in rules for grant in rule.grants)
        named = {"MSH", *(grant.segment for rule in rules for grant in rule.grants)}
        key = (
            frozenset((segment, ceiling[segment]) for segment in named if segment in ceiling),
            tuple(rule.name for rule in granting),
            tuple(rule.name for rule in withholding),
            channel if hashes else "",
            tuple(rule.name for rule in following),
            bars_corrections,
        )
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan(
                ceiling,
                granting,
                withholding,
                following,
                bars_corrections,
                terms=self._terms,
                key=channel_key(self._key, channel),
            )
        return plan


@dataclass(frozen=True, slots=True)
class TypeRules:
    """What all channels' rules say of messages of one type."""

    channels: tuple[ChannelRules, ...]
    asks_coverage: bool
    is_cancel: bool


class CompiledPolicy:
    """A policy that runs. `revision` is the hash of its meaning; `hash_key`, of masks' hashes."""

    def __init__(self, policy: Policy, revision: str, hash_key: bytes = b"") -> None:
        self.policy = policy
        self.revision = revision
        self.channels: tuple[str, ...] = tuple(sorted(policy.channels))
        self._processing_ids = PROCESSING_IDS.get(policy.environment, frozenset())
        self.forms = Forms()
        self._viewed: View | None = None
        self.timezone = ZoneInfo(policy.timezone)
        self.statutes = Statutes(policy)
        self.identifier = Identifier(
            (policy.channels[channel] for channel in self.channels), self.timezone
        )
        #: Every rule that an outcome may name, with its purpose and basis, the built-in one too.
        self.rules: Mapping[str, Rule] = {
            **{rule.name: rule for rule in policy.rules},
            CANCEL_FOLLOWS: cancel_grants(None),
        }
        #: On what terms conditions are asked.
        self.terms = Terms(self.timezone)
        self._plans = Plans(self.terms, hash_key)
        self._named = types_named(policy)
        self._by_type: dict[MessageType, TypeRules] = {}

    def for_type(self, message_type: MessageType) -> TypeRules:
        """The rules of every channel for messages of this type."""
        known = message_type if message_type in self._named else MessageType(message_type.code)
        if known not in self._named:
            known = MessageType("")  # every type that no rule and no ceiling names
        found = self._by_type.get(known)
        if found is None:
            found = self._by_type[known] = self._for_type(known)
        return found

    def view(self, message: Message) -> View:
        """The view of the whole message; the last one is kept for who asks next.

        It is not kept with the message: the two would then have to wait for the collector.
        """
        view = self._viewed
        if view is None or view.message is not message:
            view = self._viewed = View(message, self.forms.of(message).whole)
        return view

    def agrees(self, view: View) -> bool:
        """Whether MSH-11 agrees with the engine's environment (table 0103, by MSH-11.1)."""
        plain = view.message.msh.field(11)
        if plain.isalnum():
            return plain.decode("ascii") in self._processing_ids
        return view.first(_PROCESSING_ID) in self._processing_ids

    def asks_coverage(self, message: Message) -> bool:
        """Whether any channel's rule for messages of this type asks coverage."""
        return self.for_type(message.once(type_of)).asks_coverage

    def asks_disclosed(self, message: Message) -> bool:
        """Whether it holds a cancel, correction or credit, which follow what was disclosed."""
        if self.for_type(message.once(type_of)).is_cancel:
            return True
        return bool(self.view(message).corrections.marked)

    def identify(self, message: Message) -> Iterator[tuple[int, frozenset[str], bool]]:
        """For each IN1: its index, the channels that claim it, and whether they exclude each other.

        This is what `engine.privacy.coverage.learn` asks for.
        """
        claims = self.identifier.claims(self.view(message))
        for index, channels in claims.by_index.items():
            yield index, channels, index in claims.contested

    def _for_type(self, message_type: MessageType) -> TypeRules:
        is_cancel = message_type.code == "ADT" and message_type.trigger in CANCELS
        reaching = [
            _Reaching(rule, number, *_tests(rule, when, self.terms))
            for number, rule in enumerate(self.policy.rules)
            if (when := settle(rule.when, message_type)) != NEVER
        ]
        channels = []
        for channel_id in self.channels:
            channel = self.policy.channels[channel_id]
            rules = [
                _runnable(each, channel, message_type, self._labels_withheld(each.rule))
                for each in reaching
                if channel_id in each.rule.channels
            ]
            found = ChannelRules(channel, tuple(rules), is_cancel, self.timezone, self._plans)
            found.in_ceiling = is_one_of(message_type, channel.ceiling_messages)
            channels.append(found)
        return TypeRules(tuple(channels), any(c.asks_coverage for c in channels), is_cancel)

    def _labels_withheld(self, rule: Rule) -> Bits:
        index, found = self.statutes.index, 0
        for withholding in rule.withholdings:
            for label in withholding.labels:
                found |= index.any(label)
        return found


def compile_policy(policy: Policy, revision: str = "", hash_key: bytes = b"") -> CompiledPolicy:
    """Make a policy ready to run. `revision` is what `engine.policy.meaning.revision` says of it.

    Without a `hash_key`, what is masked as a keyed hash is not sent at all.
    """
    return CompiledPolicy(policy, revision, hash_key)


def _hashes(grant: Grant) -> bool:
    return any(masking.kind is MaskKind.KEYED_HASH for masking in grant.maskings.values())


def _runnable(
    each: _Reaching, channel: Channel, message_type: MessageType, withheld_labels: Bits
) -> RunnableRule:
    rule = each.rule
    default = Coverage.OWN if channel.kind is Kind.PAYER else Coverage.ANY
    return RunnableRule(
        rule,
        each.number,
        each.when,
        each.when_withholding,
        default if rule.coverage is None else rule.coverage,
        reasons.granted(rule.name),
        reasons.withheld_by_rule(rule.name),
        bool(rule.grants) and grants_to(rule, message_type),
        withheld_labels,
    )


def _tests(rule: Rule, when: Condition, terms: Terms) -> tuple[Test | None, Test | None]:
    """What is asked before a rule discloses, and before it withholds: mostly the same."""
    asked = None if when == ALWAYS else _compiled(when, terms)
    if asked is None or not rule.withholdings or not speaks_of_sets(when):
        return asked, asked
    return asked, _compiled(when, terms.negated())


@lru_cache(maxsize=4096)
def _compiled(when: Condition, terms: Terms) -> Test:
    """One function for all rules that ask the same, so that a message is asked once."""
    return compile_condition(when, terms=terms)


def types_named(policy: Policy) -> frozenset[MessageType]:
    """Types that rules or ceilings name, and those that have laws of their own."""
    named = {MessageType("ADT", trigger) for trigger in CANCELS | BY_NAME_ONLY}
    for channel in policy.channels.values():
        named |= channel.ceiling_messages
    for rule in policy.rules:
        named |= set(types_in(rule.when))
    return frozenset(named | {MessageType(one.code) for one in named})


def grants_to(rule: Rule, message_type: MessageType) -> bool:
    """A grant must name some events itself; a withholding reaches them anyhow."""
    if message_type.code != "ADT" or message_type.trigger not in BY_NAME_ONLY:
        return True
    return message_type in (types_demanded(rule.when) or ())


def _chooses_lines(rule: Rule) -> bool:
    return any(grant.which_own and grant.segment == "FT1" for grant in rule.grants)


def _end_of(last_day: str | None, timezone: ZoneInfo) -> datetime | None:
    """The instant after the last day, in UTC; None: it never ends."""
    if last_day is None:
        return None
    after = date.fromisoformat(last_day) + timedelta(days=1)
    return datetime.combine(after, time(), timezone).astimezone(UTC)


def cancel_grants(channel: Channel | None) -> Rule:
    """The built-in rule for one channel, cut to the channel's ceiling by the plan as any rule."""
    place = Place("", 0, 0) if channel is None else channel.place
    grants = tuple(Grant(segment, mask, place) for segment, mask in _CANCEL_MASKS.items())
    return Rule(
        name=CANCEL_FOLLOWS,
        why="A cancel goes where the event that it cancels went",
        place=place,
        channels=frozenset() if channel is None else frozenset({channel.id}),
        purpose=Purpose.PAYMENT,
        basis="follows the disclosure that it cancels",
        consent=Consent.NOT_REQUIRED,
        when=AllOf(()),
        coverage=Coverage.ANY,
        grants=grants,
    )
