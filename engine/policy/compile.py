"""A policy made ready to run: everything that does not depend on the message is settled here.

Law: the compiled policy says what the written one says, for every order of its channels and rules.
Rules are found by message type, so that a rule for other messages costs nothing; what the rules
that apply add up to is found once and kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy.conditions.matching import Terms
from engine.policy.identify import Identifier
from engine.policy.message.reading import type_of
from engine.policy.message.structure import Form, Forms
from engine.policy.message.view import View
from engine.policy.model import Channel, Policy, Rule
from engine.policy.runnable.channel_rules import ChannelRules, TypeRules
from engine.policy.runnable.events import CANCEL_FOLLOWS, cancel_grants, is_cancel, types_named
from engine.policy.runnable.plans import Plans
from engine.policy.runnable.rules import ReachingRule, reaching_rules, runnable
from engine.policy.sensitive.statutes import Statutes
from engine.policy.vocabulary.conditions import MessageType

#: Patients times segments of one message, above which taking it apart would keep others waiting.
MOST_TAKEN_APART = 10_000_000

#: MSH-11.1 that each environment agrees with (table 0103); an empty one agrees with neither.
PROCESSING_IDS = {"production": frozenset({"P"}), "test": frozenset({"T", "D"})}

_PROCESSING_ID = Path("MSH", 11, 1)

#: MSH-11.2 of what is no news: of an archive, a restore, an initial load (table 0207). Whoever is
#: sent it learns a hospital's history (standards.md B-4).
_NO_NEWS = frozenset({"A", "R", "I"})
_PROCESSING_MODE = Path("MSH", 11, 2)


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
        found = self._by_type.get(message_type)
        if found is not None:
            return found
        known = message_type if message_type in self._named else MessageType(message_type.code)
        if known not in self._named:
            known = MessageType("")  # every type that no rule and no ceiling names
        found = self._by_type.get(known)
        if found is None:
            found = self._by_type[known] = self._for_type(known)
        return found

    def view(self, message: Message, form: Form | None = None) -> View:
        """The view of the whole message; the last one is kept for who asks next.

        `form` is the message's, where it is known.

        It is not kept with the message: the two would then have to wait for the collector.
        """
        view = self._viewed
        if view is None or view.message is not message:
            view = self._viewed = View(message, (form or self.forms.of(message)).whole)
        return view

    def views(self, message: Message, now: datetime) -> tuple[list[View], bool]:
        """The view of each patient, to be decided alone; whether each is certainly of one (§10.27).

        An ORU may have several patients; of anything else that has, nothing is sent.
        """
        form = self.forms.of(message)
        is_certain = message.charset.divides(message.raw)
        if not form.patients:
            return [self.view(message, form).at(now)], is_certain
        is_too_long = len(form.patients) * len(message.ids) > MOST_TAKEN_APART
        if message.once(type_of).code != "ORU" or not is_certain or is_too_long:
            return [self.view(message, form).at(now)], False
        each = range(len(form.patients))
        return [View(message, form.of_patient(message, n), True, now) for n in each], True

    def agrees(self, view: View) -> bool:
        """Whether MSH-11 agrees with the engine's environment, and is of current processing."""
        plain = view.message.msh.field(11)
        if plain.isalnum():
            return plain.decode("ascii") in self._processing_ids
        if view.first(_PROCESSING_MODE).strip().upper() in _NO_NEWS:
            return False
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
        reaching = reaching_rules(self.policy.rules, message_type, self.terms, self.statutes.index)
        channels = tuple(
            self._channel_rules(self.policy.channels[channel], message_type, reaching)
            for channel in self.channels
        )
        asks_coverage = any(channel.asks_coverage for channel in channels)
        return TypeRules(channels, asks_coverage, is_cancel(message_type))

    def _channel_rules(
        self, channel: Channel, message_type: MessageType, reaching: list[ReachingRule]
    ) -> ChannelRules:
        rules = tuple(
            runnable(each, channel, message_type)
            for each in reaching
            if channel.id in each.rule.channels
        )
        return ChannelRules(channel, message_type, rules, self.timezone, self._plans)


def compile_policy(policy: Policy, revision: str = "", hash_key: bytes = b"") -> CompiledPolicy:
    """Make a policy ready to run. `revision` is what `engine.policy.meaning.revision` says of it.

    Without a `hash_key`, what is masked as a keyed hash is not sent at all.
    """
    return CompiledPolicy(policy, revision, hash_key)
