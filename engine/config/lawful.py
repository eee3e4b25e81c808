"""Which basis in law every rules file must name, where a pack asks for one.

Law: health data may be disclosed only on a basis that the law lists (GDPR Art. 6(1) and 9(2)); a
file that names none does not load, nor one that rests on consent and does not ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.config.packs import packs
from engine.policy.language import Mistake, Problems
from engine.policy.model import Consent, Rule
from engine.privacy.protections import Basis


def note_bases(rules: Iterable[Rule], names: Iterable[str], problems: Problems) -> None:
    """Note every rules file whose `basis` is none of those that the packs of these names list."""
    asked = [basis for name in sorted(names) for basis in packs()[name].bases]
    files: dict[str, Rule] = {}
    for rule in rules:
        files.setdefault(rule.place.file, rule)
    for rule in files.values():
        for basis in asked:
            _note(rule, basis, problems)


def _note(rule: Rule, basis: Basis, problems: Problems) -> None:
    named = {article for article in basis.articles if _names(rule.basis, article)}
    if not named:
        problems.note(
            rule.place,
            Mistake.NEEDS_BASIS,
            f"The file's `basis` names nothing of {basis.citation}.",
            f"Write it beside what stands there: one of {', '.join(sorted(basis.articles))}.",
        )
    elif named <= basis.consent and rule.consent is not Consent.REQUIRED:
        problems.note(
            rule.place,
            Mistake.NEEDS_CONSENT,
            f"The file's basis is the patient's consent ({', '.join(sorted(named))}).",
            "Write `consent: required`, or name another basis.",
        )


def _names(text: str, article: str) -> bool:
    """Whether a basis names an article: `6(1)(c)`, not the end of `16(1)(c)`."""
    return re.search(rf"(?<![\d.]){re.escape(article)}", text) is not None
