"""The labels of one patient's part of a message, with those that come of what it is about.

Law: a message of a Part 2 program is labelled as a whole; content to which a minor may consent is,
wherever the patient may be a minor (rules.md §10.5, §10.7; standards.md LAW-30).
"""

from __future__ import annotations

from engine.policy.legal.minors import may_be_minor
from engine.policy.message.view import View
from engine.policy.sensitive.labelled import NOTHING_LABELLED, Bits, Labelled
from engine.policy.sensitive.statutes import Statutes


def labels_of(view: View, statutes: Statutes, of_message: Bits) -> Labelled:
    """The labels of the message and of its segments; `of_message` is known of all of it."""
    index = statutes.index
    found = NOTHING_LABELLED if index.is_empty else index.labelled(view)
    if of_message:
        found = Labelled(found.message | of_message, found.segments)
    for rule, bits in statutes.minors:
        if found.present & bits and may_be_minor(view, rule.from_age):
            found = _with(found, bits, statutes.minor)
    return found


def _with(found: Labelled, wanted: Bits, label: Bits) -> Labelled:
    """Another label wherever one of these is."""
    return Labelled(
        found.message | (label if found.message & wanted else 0),
        {index: bits | (label if bits & wanted else 0) for index, bits in found.segments.items()},
    )
