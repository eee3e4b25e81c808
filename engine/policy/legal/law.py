"""What the law says of one patient's part of a message, before and beside all rules.

Law: a restriction or a protected label stands whatever a rule grants; a consent lifts only what it
names, for its purposes and its channel, while it is in force; the strictest pack decides. What is
not known is not permitted (rules.md §5, §10.3 to §10.8; standards.md A-0). Everything is found once
a message and shared by all channels; a message that none of it is about costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.policy.cutting.cut import Bar, Contact
from engine.policy.cutting.plan import Plan
from engine.policy.legal.confidential import Contacts
from engine.policy.legal.consented import unconsented
from engine.policy.legal.labelling import labels_of
from engine.policy.legal.lifting import Lifting
from engine.policy.legal.notices import Attached, has_place, scope_of
from engine.policy.legal.restrictions import (
    NOWHERE,
    Reach,
    denied_patients,
    is_meant,
    patient_restrictions,
    reach,
)
from engine.policy.legal.sensitivities import kept_labels
from engine.policy.legal.signals import NO_SIGNALS, signals_of
from engine.policy.legal.units import is_of_part2, source_units
from engine.policy.message.descendants import with_descendants
from engine.policy.message.view import View
from engine.policy.model import Consent, Purpose
from engine.policy.outcome import LABELLED, Code
from engine.policy.runnable.channel_rules import ChannelRules
from engine.policy.runnable.rules import RunnableRule
from engine.policy.sensitive.labelled import Bits
from engine.policy.sensitive.statutes import Statutes
from engine.privacy.consents import Consents
from engine.privacy.facts import Facts, Restriction, SignedConsent
from engine.privacy.patients import Patient, may_be_any, patients_of

#: What a patient who opts out does not opt out of; eligibility is part of payment.
_NEEDED = frozenset({Purpose.TREATMENT, Purpose.PAYMENT, Purpose.ELIGIBILITY})


class Law:
    """One patient's part of a message under a site's statutes and what is known of the patient."""

    __slots__ = (
        "_consents",
        "_contacts",
        "_facts",
        "_lifting",
        "_pending",
        "_reaches",
        "_restrictions",
        "_signals",
        "_statutes",
        "_undecided",
        "_view",
        "is_silent",
        "labelled",
    )

    def __init__(self, view: View, facts: Facts, statutes: Statutes) -> None:
        self._view = view
        self._facts = facts
        self._statutes = statutes
        self._reaches: dict[Restriction, Reach] = {}
        self._restrictions: tuple[Restriction, ...] = ()
        #: Of what is to be paid in full, not confirmed yet.
        self._pending: tuple[Restriction, ...] = ()
        self._consents: Consents | None = None
        self._undecided = False
        self._contacts: Contacts | None = None
        #: What the message itself says.
        self._signals = signals = signals_of(view, statutes.local(facts.now), statutes.self_pay)
        restrictions, consents = facts.restrictions, facts.consents
        if signals is not NO_SIGNALS:
            restrictions += tuple(one for one in signals.restrictions if one not in facts.lifted)
            consents += signals.refusals
        denied: tuple[Patient, ...] = ()
        ids: tuple[Patient, ...] = ()
        asks_who = bool(restrictions or consents or facts.undecided)
        if asks_who or facts.confidential or facts.sensitivities:
            denied = denied_patients(view)
            ids = patients_of(view.message, view.all("PID"), 3)
        if asks_who:
            known = patient_restrictions(restrictions, denied)
            self._restrictions = tuple(one for one in known if one.is_in_force)
            self._pending = tuple(one for one in known if one.awaits_payment)
            self._consents = Consents(consents, ids, denied, facts.now)
            self._undecided = any(may_be_any(one, denied) for one in facts.undecided)
        is_part2 = is_of_part2(view, facts.units)
        if facts.confidential:
            self._contacts = Contacts(facts.confidential, ids, denied)
        kept = kept_labels(facts.sensitivities, view, denied, statutes.index)
        #: Labels of the message and of its segments.
        self.labelled = labels_of(view, statutes, (statutes.sud if is_part2 else 0) | kept)
        present = self.labelled.present
        self._lifting = Lifting(statutes, self._consents, facts.now, present, is_part2=is_part2)
        #: Nothing of this is about the message, whatever the channel.
        self.is_silent = signals is NO_SIGNALS and not (
            present or self._restrictions or self._pending or self._undecided or self._contacts
        )

    # --- before all rules ---------------------------------------------------------------------

    def gate(self, channel: ChannelRules) -> Code | None:
        """What keeps the whole message from this channel, before any rule is asked."""
        code = self._restricted(channel)
        if code is not None:
            return code
        if self._reached(channel, self._pending) != NOWHERE:
            return Code.PAYMENT_UNCONFIRMED
        if self.labelled.message:
            code = self._labels_message(channel)
            if code is not None:
                return code
        if self.waits_for_unit():
            return Code.UNIT_UNKNOWN
        if self.labelled.message and not has_place(self._view) and self._message_notice(channel):
            return Code.NOTICE
        return None

    def _restricted(self, channel: ChannelRules) -> Code | None:
        reached = self.reach(channel)
        if reached.whole and not (channel.is_cancel or self._undecided):
            return Code.RESTRICTED
        # What was disclosed before must not be left standing, nor cancelled unseen (E-14).
        held = reached.whole or reached.ambiguous or self._undecided
        if not held and not channel.is_provider:
            if self._signals.withholds and not channel.is_cancel:
                return Code.RESTRICTED
            held = self._signals.holds or self._signals.withholds
        return Code.AMBIGUOUS_RESTRICTION if held else None

    def reach(self, channel: ChannelRules) -> Reach:
        """What the patient's restrictions take from this channel."""
        return self._reached(channel, self._restrictions)

    def _reached(self, channel: ChannelRules, restrictions: tuple[Restriction, ...]) -> Reach:
        found = NOWHERE
        for restriction in restrictions:
            if restriction.channels is None:
                if not is_meant(restriction, channel.channel.kind):
                    continue
            elif channel.id not in restriction.channels:
                continue
            known = self._reaches.get(restriction)
            if known is None:
                known = self._reaches[restriction] = reach(restriction, self._view)
            found |= known
        return found

    def waits_for_unit(self) -> bool:
        """Whether it matters, and is not known, if the source is a Part 2 program."""
        if not self._statutes.waits & self._lifting.present:
            return False
        units = source_units(self._view, self._facts.units)
        return not units or None in units

    def _labels_message(self, channel: ChannelRules) -> Code | None:
        """The label that stands between the message and every purpose of this channel."""
        first = 0
        for purpose in _purposes(channel):
            bits = self.labelled.message & self._lifting.blocked(channel, purpose)
            if not bits:
                return None
            first = first or bits
        return self.code_of(first)

    def _message_notice(self, channel: ChannelRules) -> bool:
        return any(
            applicable.protection.notice is not None and applicable.bits & self.labelled.message
            for purpose in _purposes(channel)
            if not self.labelled.message & self._lifting.blocked(channel, purpose)
            for applicable in self._lifting.applicable(channel, purpose)
        )

    def contact(self, channel: ChannelRules) -> Contact | None:
        """What this channel learns of where the patient is reached; None: what the rules say."""
        return self._contacts.of(channel) if self._contacts else None

    # --- beside the rules ---------------------------------------------------------------------

    def refuses(self, channel: ChannelRules, rule: RunnableRule) -> Code | None:
        """Why a rule whose conditions hold grants nothing to this channel, if it does not."""
        bits = self.labelled.message and self.labelled.message & self._blocked_for(channel, rule)
        if bits:
            return self.code_of(bits)
        if self._signals.opts_out and rule.rule.purpose not in _NEEDED:
            return Code.REFUSED
        return unconsented(self._consents, channel.id, rule) if rule.asks_consent else None

    def withholds_message(self, rule: RunnableRule) -> bool:
        """Whether a rule's own withholding of labels takes the message."""
        return bool(rule.withheld_labels & self.labelled.message)

    def bars(
        self,
        channel: ChannelRules,
        granting: tuple[RunnableRule, ...],
        withholding: tuple[RunnableRule, ...],
        plan_of: Callable[[tuple[RunnableRule, ...]], Plan],
    ) -> dict[int, Bar]:
        """What stands against single segments, by index.

        `plan_of` says what some of the `granting` rules add up to.
        """
        found: dict[int, Bar] = {}
        for index, bits in self.labelled.segments.items():
            rule = next((one for one in withholding if one.withheld_labels & bits), None)
            if rule is not None:
                found[index] = Bar(Code.WITHHELD_BY_RULE, None, rule.rule.name)
                continue
            free = tuple(one for one in granting if not bits & self._blocked_for(channel, one))
            if len(free) < len(granting):
                blocked = bits & self._blocked_for(channel, _first_other(granting, free))
                plan = plan_of(free) if free else None
                found[index] = Bar(self.code_of(blocked), plan)
        groups = self.reach(channel).groups
        if not channel.is_provider:
            groups |= self._signals.groups
        if groups:
            for index in with_descendants(self._view, groups):
                found[index] = Bar(Code.RESTRICTED)
        return found

    def notices(
        self, channel: ChannelRules, granting: Iterable[RunnableRule], kept: Iterable[int]
    ) -> tuple[Attached, ...]:
        """What must go along with these segments, disclosed under these rules."""
        segments = self.labelled.segments
        bits = self.labelled.message
        for index in kept:
            bits |= segments.get(index, 0)
        found: dict[str, Attached] = {}
        for purpose in sorted({rule.rule.purpose.value for rule in granting}):
            for applicable in self._lifting.applicable(channel, purpose):
                notice = applicable.protection.notice
                if notice is None or not applicable.bits & bits or notice.id in found:
                    continue
                lifting = self._lifting.lifted_by(applicable.protection, channel.id, purpose)
                scope = scope_of(lifting, self._statutes.timezone) if notice.scope else ""
                found[notice.id] = Attached(notice, scope)
        return tuple(found[name] for name in sorted(found))

    @property
    def knows_consents(self) -> bool:
        """Whether the patient has signed anything that may count here."""
        return self._consents is not None

    def grounds(
        self, channel: ChannelRules, granting: Iterable[RunnableRule], kept: Iterable[int]
    ) -> tuple[str, ...]:
        """The entries of the consents by which these segments go under these rules, in order.

        They lift a protection of what is sent, or are what a rule's file requires (42 CFR 2.31; 45
        CFR 164.508).
        """
        segments = self.labelled.segments
        bits = self.labelled.message
        for index in kept:
            bits |= segments.get(index, 0)
        found: set[SignedConsent] = set()
        for rule in granting:
            purpose = rule.rule.purpose.value
            if rule.rule.consent is Consent.REQUIRED and self._consents is not None:
                found.update(self._consents.covering(channel.id, purpose))
            for applicable in self._lifting.applicable(channel, purpose):
                if applicable.bits & bits:
                    found.update(
                        self._lifting.lifted_by(applicable.protection, channel.id, purpose)
                    )
        return tuple(sorted({consent.id for consent in found if consent.id}))

    def code_of(self, bits: Bits) -> Code:
        """The reason that names the first of these labels."""
        return LABELLED[self._statutes.index.labels(bits)[0]]

    def _blocked_for(self, channel: ChannelRules, rule: RunnableRule) -> Bits:
        required = rule.rule.consent is Consent.REQUIRED
        return self._lifting.blocked(channel, rule.rule.purpose.value, required=required)


def _purposes(channel: ChannelRules) -> list[str]:
    """What this channel may receive messages of this type for, as far as its rules say."""
    found = {rule.rule.purpose for rule in channel.disclosing}
    if channel.follows:
        found.add(Purpose.PAYMENT)
    return sorted(purpose.value for purpose in found or channel.channel.purposes)


def _first_other(
    granting: tuple[RunnableRule, ...], free: tuple[RunnableRule, ...]
) -> RunnableRule:
    return next(one for one in granting if one not in free)
