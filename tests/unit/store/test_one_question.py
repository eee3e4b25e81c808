"""However many messages of a batch ask the registries, the store is asked once."""

from __future__ import annotations

from engine.store import redis
from engine.store.commands import read_recalls
from engine.store.port import Operation, Recall
from tests.support.store_samples import message

RECALLS = [
    Recall((b"k%d" % n,), (b"%016d" % n, b"%016d" % (n + 1000)) if n % 2 else ())
    for n in range(100)
]


def commands(batch: list[Operation]) -> list[str]:
    return [str(command[0]) for command in redis._plan(batch)[0]]


def test_a_batch_asks_once_whatever_stands_between_the_questions() -> None:
    batch: list[Operation] = []
    for number, recall in enumerate(RECALLS):
        batch += [message(f"R{number}", "acme"), recall]
    one = commands([message("R", "acme"), RECALLS[1]])
    assert one == ["EVALSHA", "HMGET", "ZMSCORE", "HMGET", "HGET"]
    assert commands(batch) == one


def test_each_question_gets_its_own_answer() -> None:
    keys = [b"key%d" % n for n in range(100)]
    versions = [b"1", None] * 50
    held = [b"held%d" % n if n % 2 == 0 else None for n in range(100)]
    answers = list(read_recalls(RECALLS, [keys, versions, held, None]))
    assert answers[0] == (b"key0",)
    assert answers[1] == (b"key1", b"held0", None)
    assert answers[99] == (b"key99", b"held98", None)
