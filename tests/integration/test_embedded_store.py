"""The embedded server as a process: started, adopted, killed, stalled, refused."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.config.model import StoreSettings
from engine.errors import StoreError
from engine.store import keys
from engine.store.check import check_server
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.opening import open_checked, open_store
from engine.store.port import Accepted, Operation, Store, StoreUnavailable, Survey, View, Waiting
from engine.store.redis import RedisStore
from engine.store.varlock import VarLock
from tests.support.store_samples import do, message

Opener = Callable[[EmbeddedServer], RedisStore]


@pytest.fixture
def open_on() -> Iterator[Opener]:
    """Opens stores on a server, with a timeout that suits tests, and closes them."""
    stores: list[RedisStore] = []

    def open_on(server: EmbeddedServer) -> RedisStore:
        client = connect(server.url, 0.3)
        stores.append(RedisStore(client))
        return stores[-1]

    yield open_on
    for store in stores:
        store.close()


def _depth(store: Store) -> int:
    view = do(store, Survey(("acme",)))
    assert isinstance(view, View)
    return view.lanes[0].depth


def _started(var: Path) -> EmbeddedServer:
    server = EmbeddedServer(var)
    server.start()
    return server


def test_what_was_acknowledged_survives_a_kill(var: Path, open_on: Opener) -> None:
    """I8, as far as SIGKILL can tell; tests/faults/test_aof_cut.py tells the rest."""
    server = _started(var)
    store = open_on(server)
    batch: list[Operation] = [message(f"R{n}", "acme") for n in range(50)]
    store.execute(batch)
    os.kill(server.pid, signal.SIGKILL)
    with pytest.raises(StoreUnavailable):
        store.execute([message("R50", "acme")])
    while server.alive():
        time.sleep(0.01)
    server.start()
    assert not server.adopted
    assert store.execute([*batch, message("R50", "acme")]) == [Accepted(f"R{n}") for n in range(51)]
    assert _depth(store) == 51


def test_a_stalled_server_is_noticed_and_the_repeated_batch_is_one(
    var: Path, open_on: Opener
) -> None:
    """The stalled server does in the end what it was sent: three times the same batch."""
    server = _started(var)
    store = open_on(server)
    batch: list[Operation] = [message(f"R{n}", "acme") for n in range(3)]
    do(store, Survey(()))
    os.kill(server.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(StoreUnavailable) as caught:
                store.execute(batch)
        assert time.monotonic() - began < 2.0
        assert caught.value.code == "store-unavailable"
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert store.execute(batch) == [Accepted(f"R{n}") for n in range(3)]
    waiting = do(store, Waiting("acme"))
    assert isinstance(waiting, tuple)
    assert len(waiting) == 3


def test_stop_writes_out_everything_and_start_finds_it(var: Path, open_on: Opener) -> None:
    server = _started(var)
    do(open_on(server), message("R1", "acme"))
    server.stop()
    assert not server.alive()
    assert (server.pid, server.adopted) == (0, False)
    server.stop()  # twice is once
    server.start()
    assert _depth(open_on(server)) == 1


def test_a_server_has_one_var_and_a_var_one_server(var: Path) -> None:
    first = _started(var)
    assert first.alive()
    second = _started(var)
    assert (second.pid, second.adopted, second.alive()) == (first.pid, True, True)
    assert not first.adopted
    assert second.socket_path == first.socket_path
    second.stop()
    assert not first.alive()


def test_servers_that_start_at_once_are_one(var: Path) -> None:
    servers = [EmbeddedServer(var) for _ in range(4)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.pid for server in servers}) == 1
    assert sum(not server.adopted for server in servers) == 1


def test_the_server_of_a_killed_engine_is_adopted(var: Path, open_on: Opener) -> None:
    program = (
        "import sys, time; from pathlib import Path;"
        "from engine.store.embedded import EmbeddedServer as E;"
        "e = E(Path(sys.argv[1])); e.start(); print(e.pid, flush=True); time.sleep(60)"
    )
    engine = subprocess.Popen([sys.executable, "-c", program, str(var)], stdout=subprocess.PIPE)
    with engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        engine.kill()
    server = _started(var)
    assert (server.pid, server.adopted) == (pid, True)
    do(open_on(server), message("R1", "acme"))
    server.stop()
    assert _depth(open_on(_started(var))) == 1


def test_the_terminals_interrupt_does_not_reach_the_server(var: Path) -> None:
    server = _started(var)
    assert os.getsid(server.pid) == server.pid


def test_everything_is_for_the_engines_user_alone(var: Path) -> None:
    server = _started(var)
    for path in (var, var / "store", var / "run", var / "log", server.socket_path):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path, open_on: Opener) -> None:
    var = tmp_path / ("long-" * 20) / "var"
    server = _started(var)
    assert len(os.fsencode(server.socket_path)) <= 100
    folder = server.socket_path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert _started(var).pid == server.pid
    do(open_on(server), message("R1", "acme"))
    server.stop()
    folder.rmdir()


def test_a_short_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    var = tmp_path / ("long-" * 20) / "var"
    folder = EmbeddedServer(var).socket_path.parent
    folder.chmod(0o777)
    try:
        with pytest.raises(StoreError) as caught:
            EmbeddedServer(var).start()
        assert caught.value.code == "store-folder"
    finally:
        folder.rmdir()


def test_a_torn_tail_loads_and_other_damage_is_told(var: Path, open_on: Opener) -> None:
    server = _started(var)
    store = open_on(server)
    store.execute([message(f"R{n}", "acme") for n in range(5)])
    server.stop()
    (log,) = (var / "store" / "appendonlydir").glob("*.incr.aof")
    whole = log.read_bytes()
    log.write_bytes(whole + b"*3\r\n$3\r\nSET\r\n$1")
    server.start()
    assert _depth(open_on(server)) == 5
    server.stop()
    log.write_bytes(b"*!" + whole[2:])
    with pytest.raises(StoreError) as caught:
        server.start()
    assert caught.value.code == "store-embedded-ended"
    assert "store.log" in caught.value.mend
    log.write_bytes(whole)


def test_a_script_that_the_server_forgot_is_given_again(var: Path, open_on: Opener) -> None:
    server = _started(var)
    store = open_on(server)
    do(store, message("R1", "acme"))
    with closing(connect(server.url)) as client:
        client.script_flush()
    assert do(store, message("R2", "acme")) == Accepted("R2")
    assert _depth(store) == 2


def test_messages_before_one_that_the_server_refuses_are_done_once(
    var: Path, open_on: Opener
) -> None:
    """Another program changed a key of ours: what comes before it is found done when repeated."""
    server = EmbeddedServer(var)
    server.start()
    store = open_on(server)
    client = connect(server.url)
    client.set(keys.out("broken"), "not a stream")
    good, bad, behind = message("R1", "acme"), message("R2", "broken"), message("R3", "acme")
    with closing(client), pytest.raises(StoreError) as refused:
        store.execute([good, bad, behind])
    assert refused.value.code == "store-script"
    assert do(store, good) == Accepted("R1")
    assert do(store, behind) == Accepted("R3")
    assert _depth(store) == 2
    server.stop()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("appendonly", "no"), ("appendfsync", "everysec"), ("maxmemory-policy", "allkeys-lru")],
)
def test_a_server_that_could_lose_messages_is_refused(var: Path, setting: str, value: str) -> None:
    server = _started(var)
    with closing(connect(server.url)) as client:
        assert check_server(client) == ()
        client.config_set(setting, value)
        with pytest.raises(StoreError) as caught:
            check_server(client)
    assert caught.value.code == "store-not-durable"
    assert setting in caught.value.what
    assert setting in caught.value.mend


def test_a_server_without_a_memory_limit_is_a_concern(var: Path) -> None:
    server = _started(var)
    with closing(connect(server.url)) as client:
        client.config_set("maxmemory", "0")
        (concern,) = check_server(client)
    assert concern.code == "store-no-maxmemory"


def test_a_server_that_hides_its_settings_is_a_concern(var: Path) -> None:
    server = _started(var)
    with closing(connect(server.url)) as client:
        client.acl_setuser(
            "engine", enabled=True, nopass=True, keys=["*"], commands=["+info", "-config"]
        )
    with closing(connect(f"{server.url}?username=engine&password=x")) as client:
        (concern,) = check_server(client)
    assert concern.code == "store-settings-unknown"
    assert "appendfsync" in concern.mend


def test_no_error_tells_the_password(var: Path) -> None:
    server = _started(var)
    with closing(connect(f"{server.url}?username=engine&password=hunter2")) as client:
        with pytest.raises(StoreError) as caught:
            check_server(client)
        assert "hunter2" not in f"{caught.value}{caught.value.__cause__}"
        with pytest.raises(StoreUnavailable) as unavailable:
            RedisStore(client).execute([Survey(())])
        assert "hunter2" not in f"{unavailable.value}{unavailable.value.__cause__}"
    for url in ("redis://:hunter2@host:port", "mysql://:hunter2@host"):
        with pytest.raises(StoreError) as refused:
            connect(url)
        assert refused.value.code == "store-url"
        assert "hunter2" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_replicas_that_do_not_confirm_leave_the_batch_open(var: Path) -> None:
    server = _started(var)
    client = connect(server.url, 0.3)
    with (
        closing(RedisStore(client, replicas=1, timeout_s=0.3)) as store,
        pytest.raises(StoreUnavailable) as caught,
    ):
        store.execute([message("R1", "acme")])
    assert caught.value.code == "store-replicas"


def test_a_commands_store_is_the_running_one(var: Path) -> None:
    store, server = open_store(StoreSettings(), var)
    with closing(store):
        assert server is not None
        do(store, message("R1", "acme"))
        opened = open_checked(StoreSettings(server.url), var)
        with closing(opened.store):
            assert opened.server is None
            assert opened.concerns == ()
            assert _depth(opened.store) == 1


def test_one_engine_at_a_time_has_a_var(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from engine.store.varlock import VarLock;"
        "lock = VarLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError) as caught:
            VarLock(tmp_path)
        assert caught.value.code == "var-in-use"
        assert str(other.pid) in caught.value.what
        other.kill()
    lock = VarLock(tmp_path)
    lock.release()
    VarLock(tmp_path).release()
