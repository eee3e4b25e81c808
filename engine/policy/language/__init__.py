"""The language of channels and rules: from a site's files, as written, to the policy they mean.

Law: what a file does not say is not granted, and what it says is either understood in full or
reported. See docs/reference/rules.md; `KEY_TABLES` are the keys that page has entries for.
"""

from engine.policy.language.channels import AGREEMENT_KEYS, CEILING_KEYS, CHANNEL_KEYS
from engine.policy.language.grants import CONSTANT_KEYS, GRANT_KEYS
from engine.policy.language.keys import Keys, Support
from engine.policy.language.mistakes import Mistake, Problems
from engine.policy.language.reader import Reader
from engine.policy.language.rules import FILE_KEYS, RULE_KEYS
from engine.policy.language.sets import SET_KEYS
from engine.policy.language.site import ReadPolicy, policy_of
from engine.policy.language.structures import note_incomplete
from engine.policy.language.withholdings import WITHHOLDING_KEYS

#: Every table of keys of the language.
KEY_TABLES: tuple[Keys, ...] = (
    CHANNEL_KEYS,
    AGREEMENT_KEYS,
    CEILING_KEYS,
    FILE_KEYS,
    RULE_KEYS,
    GRANT_KEYS,
    CONSTANT_KEYS,
    WITHHOLDING_KEYS,
    SET_KEYS,
)

__all__ = [
    "KEY_TABLES",
    "Keys",
    "Mistake",
    "Problems",
    "ReadPolicy",
    "Reader",
    "Support",
    "note_incomplete",
    "policy_of",
]
