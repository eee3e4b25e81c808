"""One patient's part of a message while it is decided: what all channels share.

Law: whatever does not depend on the channel is found once, and when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.policy.compile import CompiledPolicy
from engine.policy.conditions.evaluate import Test
from engine.policy.cutting import charges
from engine.policy.cutting.cascade import Named, is_worth_sending
from engine.policy.cutting.cut import Bar, Contact, Cut, Own
from engine.policy.cutting.flags import has_flags
from engine.policy.cutting.plan import Plan
from engine.policy.cutting.project import carry_out, shared_pieces
from engine.policy.finished.leaks import Numbers, insurance_numbers
from engine.policy.legal.law import Law
from engine.policy.message.view import MESSAGE, View
from engine.policy.runnable.rules import RunnableRule
from engine.policy.whose import Whose
from engine.privacy.facts import Facts


class Case:
    """One patient's part of a message, with what is known: shared by all channels."""

    __slots__ = (
        "_cuts",
        "_lines",
        "_named",
        "_numbers",
        "_shared",
        "_whens",
        "corrects",
        "facts",
        "has_flags",
        "is_for_one",
        "law",
        "view",
        "whose",
    )

    def __init__(self, view: View, facts: Facts, policy: CompiledPolicy, is_for_one: bool) -> None:
        self.view = view
        self.facts = facts
        self.law = Law(view, facts, policy.statutes)
        self.whose = Whose(view, facts, policy.identifier)
        self.is_for_one = is_for_one
        self.has_flags = has_flags(view)
        #: Something in it corrects or takes back something earlier.
        self.corrects = bool(view.corrections.marked)
        self._whens: dict[Test, bool] = {}
        self._cuts: dict[tuple[Plan, Own, bool], tuple[Cut, bool]] = {}
        self._shared: dict[Plan, list[bytes | None]] = {}
        self._named: Named | None = None
        self._numbers: Numbers | None = None
        self._lines: dict[int, int | None] | None = None

    @property
    def named(self) -> Named:
        """Which orders each order names as its parents."""
        if self._named is None:
            self._named = Named(self.view)
        return self._named

    @property
    def lines(self) -> dict[int, int | None]:
        """Which insurance each charge is for."""
        if self._lines is None:
            self._lines = charges.insurance_of_lines(self.view, self.whose.claims)
        return self._lines

    @property
    def numbers(self) -> Numbers:
        """The member and policy numbers of each insurance."""
        if self._numbers is None:
            self._numbers = insurance_numbers(self.view)
        return self._numbers

    def applies(self, rule: RunnableRule) -> bool:
        """Whether the conditions hold under which the rule discloses, coverage aside."""
        return self._holds(rule.when)

    def withholds(self, rule: RunnableRule) -> bool:
        """Whether the conditions hold under which the rule withholds."""
        return self._holds(rule.when_withholding)

    def _holds(self, test: Test | None) -> bool:
        """Asked once, for all channels and for all rules that ask the same."""
        if test is None:
            return True
        found = self._whens.get(test)
        if found is None:
            found = self._whens[test] = test(self.view, MESSAGE)
        return found

    def cut(
        self,
        plan: Plan,
        own: Own,
        renumbers: bool,
        bars: Mapping[int, Bar],
        contact: Contact | None = None,
    ) -> tuple[Cut, bool]:
        """What the plan leaves, and whether that is worth sending.

        Made once for channels alike where the law has nothing to say; else each has its own.
        """
        key = (plan, own, renumbers)
        found = self._cuts.get(key) if self.law.is_silent else None
        if found is None:
            shared = self._shared.get(plan)
            if shared is None:
                shared = self._shared[plan] = shared_pieces(self.view, plan)
            cut = Cut(self.view, plan, own, bars, shared.copy(), contact=contact)
            carry_out(cut, self.named, renumbers)
            found = self._cuts[key] = (cut, is_worth_sending(cut))
        return found
