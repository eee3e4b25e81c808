"""Settling a condition for a message type changes no answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.path import Path
from engine.hl7.wire import Message
from engine.policy.conditions.evaluate import compile_condition
from engine.policy.conditions.settle import ALWAYS, NEVER, settle, types_demanded, types_in
from engine.policy.message.structure import Forms
from engine.policy.message.view import MESSAGE, View
from engine.policy.vocabulary.conditions import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    MessageIs,
    MessageType,
    Not,
    OneOf,
)

A01, A08, ADT, ORU = (
    MessageType("ADT", "A01"),
    MessageType("ADT", "A08"),
    MessageType("ADT"),
    MessageType("ORU"),
)
FEMALE = Compare(Path("PID", 8), OneOf(frozenset({"F"})))
LEAVES = st.sampled_from([FEMALE, Not(FEMALE)]) | st.builds(
    MessageIs, st.frozensets(st.sampled_from([A01, A08, ADT, ORU]), min_size=1)
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(AllOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


def holds(condition: Condition, kind: str, sex: str) -> bool:
    raw = f"MSH|^~\\&|A|B|C|D|||{kind}|1|P|2.5\rPID|||||||{'|'}{sex}\r".encode()
    message = Message.parse(raw)
    view = View(message, Forms().of(message).whole)
    return compile_condition(condition)(view, MESSAGE)


@given(CONDITIONS, st.sampled_from([A01, A08]), st.sampled_from(["F", "M"]))
def test_settling_changes_no_answer(condition: Condition, kind: MessageType, sex: str) -> None:
    settled = settle(condition, kind)
    answer = holds(condition, f"ADT^{kind.trigger}", sex)
    assert holds(settled, f"ADT^{kind.trigger}", sex) is answer
    assert not list(types_in(settled))
    if settled == NEVER:
        assert not answer
    demanded = types_demanded(condition)
    if answer and demanded is not None:
        assert {kind, ADT} & demanded


def test_a_rule_for_another_type_is_never_asked() -> None:
    asked = AnyOf((AllOf((MessageIs(frozenset({A01})), FEMALE)), MessageIs(frozenset({ORU}))))
    assert settle(asked, A08) == NEVER
    assert settle(asked, A01) == FEMALE
    assert settle(asked, ORU) == ALWAYS
    assert types_demanded(asked) == frozenset({A01, ORU})
    assert types_demanded(AnyOf((FEMALE, MessageIs(frozenset({A01}))))) is None
