"""Whether a grant of results lists the type of the documents that it sends.

Law: no rule can look into a document, so that it goes only where what it is was named: by a
condition that demands a type of the occurrence, or by `documents: true` (rules.md §4). Of a
document nothing is cut: a grant of less than all of OBX-5 is of none.
"""

from __future__ import annotations

from dataclasses import replace

from engine.policy.language.reader import Reader
from engine.policy.language.source import Node
from engine.policy.message.documents import DOCUMENT_TYPES
from engine.policy.model import DOCUMENT, Grant, Rule
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InSet,
    Matcher,
    Matches,
    OneOf,
    Prefix,
)

#: Where a message says of what type a document is: the result, its order, the document's header.
_SAY_OF_RESULT = frozenset({("OBX", 2), ("OBX", 3), ("OBR", 4), ("TXA", 2)})
_SAY_OF_MESSAGE = frozenset({("TXA", 2)})


def with_documents(grant: Grant, node: Node | None, reader: Reader) -> Grant:
    """The grant, with whether it is of documents as its own keys say; `node` is `documents`."""
    said = reader.flag(node, "`documents`") is True
    if node is not None and grant.segment != "OBX":
        reader.bad_value(
            node,
            f"`documents` says nothing of {grant.segment}.",
            "It belongs to OBX only; remove it.",
        )
    elif node is not None and said and not _is_of_all(grant):
        reader.bad_value(
            node,
            "A document is sent whole or not at all, and this grants a part of OBX-5, or none.",
            "Grant OBX-5 whole, without a mask or `repetitions`; or remove `documents`.",
        )
    listed = grant.where is not None and _lists(grant.where, _SAY_OF_RESULT)
    return replace(grant, documents=_is_of_all(grant) and (said or listed))


def with_documents_of_rule(rule: Rule) -> Rule:
    """The rule, where what it asks of the message lists a type for all its results."""
    if not _lists(rule.when, _SAY_OF_MESSAGE):
        return rule
    grants = (replace(one, documents=one.documents or _is_of_all(one)) for one in rule.grants)
    return replace(rule, grants=tuple(grants))


def _is_of_all(grant: Grant) -> bool:
    """Whether it sends OBX-5 as it is."""
    if grant.segment != "OBX" or DOCUMENT in grant.repetitions:
        return False
    is_masked = any(number == DOCUMENT for number, _ in grant.maskings)
    return not is_masked and (grant.mask is None or grant.mask.get(DOCUMENT, _NOT_ALL) is None)


_NOT_ALL: frozenset[int] = frozenset()


def _lists(found: Condition, where: frozenset[tuple[str, int]]) -> bool:
    """Whether it holds of a document only if what it is is among what is named here."""
    match found:
        case AllOf(parts):
            return any(_lists(part, where) for part in parts)
        case AnyOf(parts):
            return bool(parts) and all(_lists(part, where) for part in parts)
        case Compare(path, OneOf() | Prefix() | Matches() | InSet() as matcher):
            field = (path.segment, path.field)
            return field in where and (field != ("OBX", 2) or _is_a_document_type(matcher))
        case _:
            return False


def _is_a_document_type(matcher: Matcher) -> bool:
    """Whether values of OBX-2 are named among which is one of a document."""
    if not isinstance(matcher, OneOf):
        return False
    return not DOCUMENT_TYPES.isdisjoint(value.strip().upper() for value in matcher.values)
