"""Whatever stands in a site's files, reading it ends in a site or in problems with places."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.config.deliver import delivery_of
from engine.config.keys import documented_keys
from engine.config.settings import settings_of
from engine.config.yaml_source import read_yaml
from engine.policy.language import KEY_TABLES, Problems, Reader, policy_of
from engine.policy.language.conditions import KEYWORDS
from engine.policy.language.mistakes import Mistake
from engine.policy.meaning.revision import revision

ROOT = pathlib.Path(__file__).parents[2]
WRITTEN = {
    name: (ROOT / name).read_text()
    for name in ("config.yaml", "channels/acme.yaml", "rules/registration-acme.yaml")
}
CODES = {mistake.value for mistake in Mistake}

#: Words that mean something somewhere, so that random documents get past the first check.
WORDS = st.sampled_from(
    sorted({key for table in KEY_TABLES for key in table.all()} | set(KEYWORDS))
    + [key.rpartition(".")[2] for key in documented_keys()]
    + ["not", "prefix", "fold", "exists", "coverage", "all", "own", "true", "payer", "payment"]
    + ["ADT", "ADT^A01", "PID", "PV1-2", "IN1", "3", "1-6", "11.3-11.5", "10MiB", "5s", "acme"]
    + ["tcp:127.0.0.1:1", "tls:payer.example:1", "206", "else", "park", "message", "MSH-5"]
)
DOCUMENTS = st.recursive(
    st.none() | WORDS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def read(config: bytes, channel: bytes, rules: bytes) -> None:
    problems = Problems()
    reader = Reader(problems)
    nodes = [read_yaml(data, "x.yaml", problems) for data in (config, channel, rules)]
    if nodes[0] is not None:
        settings_of(nodes[0], reader)
    found = policy_of(
        [node for node in nodes[1:2] if node is not None],
        [node for node in nodes[2:] if node is not None],
        every_channel_read=nodes[1] is not None,
        environment="test",
        timezone="UTC",
        problems=problems,
    )
    for deliver in found.deliver.values():
        delivery_of(deliver, reader)
    revision(found.policy)
    for problem in problems.sorted():
        assert problem.code in CODES
        assert problem.place.line >= 1
        assert problem.place.column >= 1
        assert problem.text


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    read(data, data, data)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_any_document(config: Any, channel: Any, rules: Any) -> None:
    read(*(json.dumps(part).encode() for part in (config, channel, rules)))


@given(st.sampled_from(sorted(WRITTEN)), st.integers(0, 3000), st.integers(0, 20), st.text())
def test_a_good_site_with_a_piece_replaced(name: str, start: int, length: int, text: str) -> None:
    written = WRITTEN[name]
    changed = written[:start] + text[:8] + written[start + length :]
    parts = {**WRITTEN, name: changed}
    read(*(parts[part].encode("utf-8", "surrogatepass") for part in WRITTEN))


@given(st.data())
def test_the_order_of_keys_changes_no_meaning(data: st.DataObject) -> None:
    """rules.md §1.2: order never matters."""
    problems = Problems()
    channel = read_yaml(WRITTEN["channels/acme.yaml"].encode(), "c.yaml", problems)
    rules = read_yaml(WRITTEN["rules/registration-acme.yaml"].encode(), "r.yaml", problems)

    assert channel is not None
    assert rules is not None

    def shuffled(node: Any) -> Any:
        if hasattr(node, "entries"):
            pairs = data.draw(st.permutations(node.entries))
            return type(node)(node.place, tuple((key, shuffled(value)) for key, value in pairs))
        if hasattr(node, "items"):
            return type(node)(
                node.place, tuple(map(shuffled, data.draw(st.permutations(node.items))))
            )
        return node

    found = [
        policy_of(
            [one],
            [other],
            every_channel_read=True,
            environment="test",
            timezone="UTC",
            problems=problems,
        )
        for one, other in ((channel, rules), (shuffled(channel), shuffled(rules)))
    ]
    assert problems.sorted() == ()
    assert revision(found[0].policy) == revision(found[1].policy)
