"""The archiver killed at any instant, many times: no row missing, none double, the chain whole."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.archive import schema
from engine.archive.audit import audit
from engine.archive.chain import Head
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.port import LetGo, ReadLedger, Store
from engine.store.redis import RedisStore
from tests.support.archive_rig import Rig, adt
from tests.support.postgres import fresh_database, running_postgres

#: `make test-deep` has 100,000 messages, a usual run as many as take a moment.
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
KILLS = 50
MESSAGES_EACH, BATCH = (2000, 500) if DEEP else (16, 5)
SEED = 20260301


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path_factory.mktemp("store") / "var")
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:var/archive.db"
    else:
        with running_postgres() as root:
            yield fresh_database(root, "killed")


def store_at(server: EmbeddedServer) -> Store:
    return RedisStore(connect(server.url))


def archive_for_ever(root: Path, url: str, server: EmbeddedServer) -> None:
    """The life of a child: connections of its own, and no end but the one it is given."""
    rig = Rig(root, url, store=store_at(server), batch_records=BATCH)
    while True:
        if not rig.archiver.step():
            time.sleep(0.001)


def test_killed_many_times_it_archives_everything_once(
    tmp_path: Path, server: EmbeddedServer, url: str
) -> None:
    client = connect(server.url)
    client.flushall()
    chance = random.Random(SEED)
    root = tmp_path / "site"
    rig = Rig(root, url, store=store_at(server))
    taken: list[str] = []
    delivered: list[str] = []
    for life in range(KILLS):
        child = os.fork()
        if child == 0:
            try:
                archive_for_ever(root, url, server)
            finally:
                os._exit(1)
        for _ in range(MESSAGES_EACH):
            taken.append(rig.take(adt(f"M{len(taken)}", f"P{life}")))
            delivered.append(rig.end("acme").receipt)
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the archiver has ended by itself"
    halfway = len(rig.bodies())
    behind, begin = rig.backlog().records, time.monotonic()
    rig.archive()
    took = time.monotonic() - begin
    print(f"{len(taken)} messages, {KILLS} kills; {behind} records behind, {behind / took:.0f}/s")
    bodies = rig.bodies()
    assert halfway > 0
    assert [b["receipt"] for b in bodies if b["kind"] == "decision"] == taken
    assert [b["receipt"] for b in bodies if b["kind"] == "delivered"] == delivered
    assert sorted(row.receipt for row in rig.rows(schema.journal)) == sorted(taken)
    assert rig.backlog().records == 0
    assert client.hlen("{pg:main}:journal") == 1, "only the mark that there is an archive"
    with rig.database.reading() as connection:
        assert list(audit(connection, rig.verifier, [Head.read(rig.backlog().head)])) == []
    client.close()
    rig.close()


def test_killed_between_commit_and_letting_go(tmp_path: Path, server: EmbeddedServer) -> None:
    """What was committed is not archived again; the next batch lets both go."""
    client = connect(server.url)
    client.flushall()
    client.close()
    rig = Rig(tmp_path / "site", store=(store := store_at(server)))

    class Dies(RedisStore):
        def execute(self, batch):  # type: ignore[no-untyped-def]
            if any(isinstance(operation, LetGo) for operation in batch):
                raise KeyboardInterrupt
            return store.execute(batch)

    rig.take(adt("M1"))
    rig.archiver._store = Dies(connect(server.url))
    with pytest.raises(KeyboardInterrupt):
        rig.archiver.step()
    assert len(store.execute([ReadLedger()])[0]) == 1  # type: ignore[arg-type]
    rig.archiver = rig.new_archiver()
    rig.take(adt("M2"))
    rig.archive()
    assert [body["control_id"] for body in rig.bodies()] == ["M1", "M2"]
    assert store.execute([ReadLedger()]) == [()]
    rig.close()
