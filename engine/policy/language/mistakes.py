"""What can be wrong with a site: the closed list of problem codes, and the collector of problems.

Law: reading never stops at the first problem; each is noted with its place and its mend, and all of
them are reported at once. What would disclose more, or lose messages, if it were ignored is an
error; what only does less than the file says, or asks for a person's judgment, is a warning.
docs/reference/problems.md has an entry for each code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import Enum

from engine.errors import Place, Problem, Severity


class Mistake(Enum):
    """The code of a problem; the value is the contract."""

    ABOVE_CEILING = "above-ceiling"
    BAD_PATH = "bad-path"
    BAD_SAMPLE = "bad-sample"
    BAD_VALUE = "bad-value"
    CEILING_CUT = "ceiling-cut"
    CHECK_DIGIT = "check-digit"
    COVERAGE_ANY = "coverage-any"
    DUPLICATE_CHANNEL = "duplicate-channel"
    DUPLICATE_KEY = "duplicate-key"
    DUPLICATE_LISTENER = "duplicate-listener"
    DUPLICATE_RULE = "duplicate-rule"
    DUPLICATE_SET = "duplicate-set"
    DUPLICATE_TEST = "duplicate-test"
    FREE_TEXT = "free-text"
    INCOMPLETE_STRUCTURE = "incomplete-structure"
    INSECURE = "insecure"
    MASK_IN_VAIN = "mask-in-vain"
    MISSING_FILE = "missing-file"
    MISSING_KEY = "missing-key"
    NEEDLESS_IDENTIFIER = "needless-identifier"
    NEEDS_BASIS = "needs-basis"
    NEEDS_CONSENT = "needs-consent"
    NEEDS_TLS = "needs-tls"
    NEVER_APPLIES = "never-applies"
    NO_AGREEMENT = "no-agreement"
    NO_CHANNEL = "no-channel"
    NO_HEALTH_PLAN = "no-health-plan"
    NOT_ENFORCED = "not-enforced"
    OTHERS_INSURANCE = "others-insurance"
    PAYMENTS = "payments"
    PROTECTION_OFF = "protection-off"
    PURPOSE_NOT_ALLOWED = "purpose-not-allowed"
    REASSESS = "reassess"
    SECRET_IN_SITE = "secret-in-site"  # noqa: S105  a code, not a secret
    SHADOWED = "shadowed"
    SHARED_ADDRESS = "shared-address"
    STRAY_FILE = "stray-file"
    UNKNOWN_CHANNEL = "unknown-channel"
    UNKNOWN_FIELD = "unknown-field"
    UNKNOWN_KEY = "unknown-key"
    UNKNOWN_LABEL = "unknown-label"
    UNKNOWN_MESSAGE = "unknown-message"
    UNKNOWN_SEGMENT = "unknown-segment"
    UNKNOWN_SET = "unknown-set"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    UNUSABLE_GRANT = "unusable-grant"
    WRONG_TYPE = "wrong-type"
    YAML = "yaml"


#: These leave the site loadable; every other mistake keeps it from loading.
WARNINGS = frozenset(
    {
        Mistake.CEILING_CUT,
        Mistake.CHECK_DIGIT,
        Mistake.COVERAGE_ANY,
        Mistake.FREE_TEXT,
        Mistake.INCOMPLETE_STRUCTURE,
        Mistake.INSECURE,
        Mistake.MASK_IN_VAIN,
        Mistake.NEEDLESS_IDENTIFIER,
        Mistake.NEVER_APPLIES,
        Mistake.NO_AGREEMENT,
        Mistake.NO_CHANNEL,
        Mistake.NO_HEALTH_PLAN,
        Mistake.NOT_ENFORCED,
        Mistake.OTHERS_INSURANCE,
        Mistake.PAYMENTS,
        Mistake.PROTECTION_OFF,
        Mistake.REASSESS,
        Mistake.SHADOWED,
        Mistake.SHARED_ADDRESS,
        Mistake.UNUSABLE_GRANT,
    }
)


class Problems:
    """Collects problems in the order they are met; `sorted` gives them by place.

    Without `repeats_values` none of them repeats what is written: it may be a patient's.
    """

    def __init__(self, *, repeats_values: bool = True) -> None:
        self._found: list[Problem] = []
        self._repeats_values = repeats_values

    def note(self, place: Place, mistake: Mistake, text: str, mend: str) -> None:
        """Note one problem: what is wrong in `text`, what to do about it in `mend`."""
        severity = Severity.WARNING if mistake in WARNINGS else Severity.ERROR
        self._found.append(Problem(place, mistake.value, text, mend, severity))

    def quoted(self, text: str) -> str:
        """What is written, for the text of a problem: as it is, or only that something is."""
        return f"`{text}`" if self._repeats_values else "`…`"

    def sorted(self) -> tuple[Problem, ...]:
        """All problems by file, line, column and code; the same problem once."""
        unique = dict.fromkeys(self._found)
        return tuple(sorted(unique, key=lambda p: (p.place, p.code, p.text)))


def close_to(text: str, known: Iterable[str]) -> str:
    """The mend for a mistyped name, if one of the known names is near it; else nothing."""
    near = difflib.get_close_matches(text, sorted(known), n=12)
    near.sort(key=lambda name: (sorted(name) != sorted(text), name[:1] != text[:1]))
    return f"Did you mean `{near[0]}`?" if near else ""


def known_or_close(text: str, known: Iterable[str]) -> str:
    """The mend for a name that nobody knows: the nearest known one, else all of them."""
    names = sorted(known)
    listed = "Known: " + ", ".join(names) + "." if names else "There is none."
    return close_to(text, names) or listed
