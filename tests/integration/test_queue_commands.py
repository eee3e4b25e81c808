"""`status`, `queue` and `parked` on a real store, with and without an engine beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.config.load import load_site
from engine.store.client import connect
from engine.store.embedded import EmbeddedServer
from engine.store.opening import open_store
from engine.store.port import (
    Advance,
    Beat,
    Claim,
    Claimed,
    Fetch,
    Final,
    Halt,
    Halted,
    Opened,
    ReadLedger,
    Settle,
    Store,
)
from engine.store.sealing import Sealer
from tests.support.archive_rig import Rig
from tests.support.commanding import payergate
from tests.support.reference_site import Reception, copy_of_reference_site, sample


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A copy of the reference site with keys."""
    folder = copy_of_reference_site(tmp_path / "site")
    Sealer.of(load_site(folder).keys, create=True)
    return folder


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    """Its store, running as it does beside an engine."""
    loaded = load_site(site)
    store, server = open_store(loaded.store, loaded.var)
    yield store
    store.close()
    assert server is not None
    server.stop()


def taken(site: Path, store: Store, *names: str) -> None:
    loaded = load_site(site)
    reception = Reception(loaded, Sealer.of(loaded.keys))
    store.execute([reception.accept(sample(name)) for name in names])


def park_head(store: Store, channel: str) -> None:
    claimed = store.execute([Claim(channel, "test", 1000, takeover=True)])[0]
    assert isinstance(claimed, Claimed)
    opened = store.execute([Advance(channel, claimed.fence, 1, 1000)])[0]
    assert isinstance(opened, Opened)
    close = Settle(opened.entry, Final.PARKED, b"{}", "ack-AR", "AR")
    store.execute([Advance(channel, claimed.fence, 2, 0, close, open_next=False)])


def test_status_answers_when_engine_and_store_are_down_and_starts_neither(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = payergate(capsys, site, "status")
    assert now["store"] == {"reachable": False, "state": "off"}
    assert now["engine"]["state"] == "down"
    assert not (site / "var" / "run").exists()
    assert payergate(capsys, site, "status", "--check", code=2)["code"] == 2


def test_what_needs_a_running_store_says_that_it_is_merely_off(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["registry", "status", "--site", str(site)]) == 5
    assert capsys.readouterr().err.startswith("store-off: the store is off, as no engine runs.")


def test_status_sees_the_engine_and_the_queues(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a01", "adt-a03")
    state = {"state": "running", "revision": "r", "pid": 1, "listeners": {}}
    store.execute([Beat("engine-1", json.dumps(state).encode(), 60_000, ())])
    now = payergate(capsys, site, "status")
    assert now["engine"] == {"state": "running", "revision": "r"}
    acme = now["channels"]["acme"]
    assert (acme["state"], acme["depth"], acme["held"]) == ("queued", 1, 1)
    assert main(["status", "--site", str(site)]) == 0
    assert "acme" in capsys.readouterr().out


def test_an_order_is_in_force_shown_and_recorded(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a01")
    said = payergate(capsys, site, "queue", "kill", "acme", "--reason", "breach")
    assert said == {"channel": "acme", "order": "kill", "effective": True}
    said = payergate(capsys, site, "queue", "pause", "acme")
    assert said["effective"] is False
    claimed = store.execute([Claim("acme", "test", 1000)])[0]
    assert isinstance(claimed, Claimed)
    halted = store.execute([Advance("acme", claimed.fence, 1, 1000)])[0]
    assert halted == Halted(Halt.PAUSED)
    acme = payergate(capsys, site, "queue", "ls")["channels"]["acme"]
    assert (acme["state"], acme["reason"], acme["depth"]) == ("killed", "breach", 1)
    assert payergate(capsys, site, "queue", "drain", "acme", code=1)["drained"] is False
    payergate(capsys, site, "queue", "resume", "acme")
    assert isinstance(store.execute([Advance("acme", claimed.fence, 2, 1000)])[0], Opened)
    ledger: Any = store.execute([ReadLedger()])[0]
    records = [json.loads(record) for _, record in ledger]
    orders = [record for record in records if record["kind"] == "order"]
    assert [record["order"] for record in orders] == ["kill", "pause", "resume"]
    assert orders[0]["reason"] == "breach"
    assert orders[0]["by"]


def test_show_lists_what_waits_and_drain_is_done_at_once_when_nothing_does(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a01", "adt-a08")
    shown = payergate(capsys, site, "queue", "show", "acme")
    assert [entry["part"] for entry in shown["entries"]] == [0, 0]
    assert payergate(capsys, site, "queue", "drain", "state-medicaid")["drained"] is True


def test_a_dead_letter_is_listed_shown_without_content_and_replayed(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a01")
    park_head(store, "acme")
    (item,) = payergate(capsys, site, "parked", "ls")["items"]
    assert (item["kind"], item["reason"], item["attempts"]) == ("parked", "ack-AR", 1)
    assert payergate(capsys, site, "parked", "ls", "acme")["items"] == [item]
    same = ("parked", "ls", "acme", "--channel", "acme")
    assert payergate(capsys, site, *same)["items"] == [item]
    assert payergate(capsys, site, "parked", "ls", "state-medicaid")["items"] == []
    assert list(payergate(capsys, site, "queue", "ls", "acme")["channels"]) == ["acme"]
    (shown,) = payergate(capsys, site, "parked", "show", item["item"])["items"]
    same = ("parked", "show", item["item"], "--channel", "acme")
    assert payergate(capsys, site, *same)["items"] == [shown]
    assert shown["note"]["rules"]
    assert "TESTPATIENT" not in json.dumps(shown)
    assert main(["parked", "show", item["item"], "--site", str(site)]) == 0
    text = capsys.readouterr().out
    assert "reason       ack-AR\n" in text
    assert f"rules        {', '.join(shown['note']['rules'])}\n" in text
    said = payergate(capsys, site, "parked", "replay", item["item"], "--reason", "fixed")
    assert said == {"items": [{"item": item["item"], "outcome": "queued"}]}
    assert payergate(capsys, site, "parked", "ls")["items"] == []
    assert payergate(capsys, site, "queue", "show", "acme")["depth"] == 1


def test_a_dead_letter_whose_message_left_the_store_is_replayed_from_the_archive(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load_site(site)
    rig = Rig(site, store=store)
    taken(site, store, "adt-a01")
    park_head(store, "acme")
    (item,) = payergate(capsys, site, "parked", "ls")["items"]
    client = connect(EmbeddedServer(loaded.var).url)
    (receipt,) = [key for key in map(_text, client.hkeys("{pg:main}:journal")) if len(key) == 20]
    rig.archive()
    client.hdel("{pg:main}:journal", receipt)
    client.close()
    assert store.execute([Fetch(receipt)]) == [None]
    said = payergate(capsys, site, "parked", "replay", item["item"], "--reason", "fixed")
    assert [one["outcome"] for one in said["items"]] == ["queued"]
    rig.database.close()


def test_all_of_a_channel_can_be_replayed_and_what_stays_unknown_stays_held(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a03")
    said = payergate(capsys, site, "parked", "replay", "--all", "--channel", "acme")
    assert [item["outcome"] for item in said["items"]] == ["held"]
    taken(site, store, "adt-a01")
    said = payergate(capsys, site, "parked", "replay", "--all", "--channel", "acme")
    assert [item["outcome"] for item in said["items"]] == ["queued"]


def test_discarding_needs_a_reason_and_is_recorded(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a01")
    park_head(store, "acme")
    (item,) = payergate(capsys, site, "parked", "ls")["items"]
    name = item["item"]
    assert main(["parked", "discard", name, "--site", str(site)]) == 2
    assert main(["parked", "discard", name, "--site", str(site), "--reason", " "]) == 2
    capsys.readouterr()
    said = payergate(capsys, site, "parked", "discard", name, "--reason", "sent by fax")
    assert said["items"] == [{"item": name, "outcome": "discarded"}]
    ledger: Any = store.execute([ReadLedger()])[0]
    assert json.loads(ledger[-1][1])["why"] == "sent by fax"


@pytest.mark.parametrize(
    "arguments",
    [
        ("queue", "pause", "nobody"),
        ("parked", "replay"),
        ("parked", "replay", "--all", "acme/1"),
        ("parked", "replay", "7"),
        ("parked", "replay", "acme/7"),
        ("parked", "ls", "--channel", "nobody"),
        ("parked", "ls", "nobody"),
        ("queue", "ls", "nobody"),
        ("parked", "ls", "acme", "--channel", "state-medicaid"),
        ("parked", "show", "acme/7", "--channel", "state-medicaid"),
        ("top", "--times", "1", "--every", "0"),
        ("top", "--times", "1", "--every", "0.09"),
        ("top", "--times", "1", "--every", "86401"),
        ("top", "--times", "1", "--every", "1e12"),
        ("top", "--times", "1", "--every", "inf"),
        ("top", "--times", "1", "--every", "nan"),
        ("top", "--times", "0"),
    ],
)
def test_wrong_usage_is_said(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert main([*arguments, "--site", str(site)]) == 2
    said = capsys.readouterr()
    assert said.err
    assert "unknown-item" not in said.err or arguments == ("parked", "replay", "acme/7")


def test_without_an_engine_an_order_starts_the_store_for_the_while_and_is_kept(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payergate(capsys, site, "queue", "pause", "acme", "--reason", "asked")
    assert payergate(capsys, site, "status")["store"]["state"] == "off"
    assert payergate(capsys, site, "queue", "ls")["channels"]["acme"]["state"] == "paused"


def test_where_the_store_is_may_stand_in_the_environment_or_in_a_file(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = EmbeddedServer(load_site(site).var).url
    config = site / "config.yaml"
    for place, give in (
        ("url_env: SITE_STORE", lambda: monkeypatch.setenv("SITE_STORE", url)),
        ("url_file: secret/url", lambda: (site / "secret" / "url").write_text(f"{url}\n")),
    ):
        (site / "secret").mkdir(exist_ok=True)
        config.write_text(re.sub(r"url(_env)?: \w+", place, config.read_text(), count=1))
        assert main(["queue", "ls", "--site", str(site)]) == 5
        assert "store-url-missing" in capsys.readouterr().err
        verdict = payergate(capsys, site, "status", "--check", code=3)
        assert verdict["line"].startswith("PAYERGATE UNKNOWN - store-url-missing: ")
        give()
        assert payergate(capsys, site, "status")["store"]["state"] == "running"
        assert payergate(capsys, site, "queue", "ls")["channels"]


def test_a_monitor_is_told_that_the_site_does_not_load(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "config.yaml").write_text("engine: 1\n")
    assert payergate(capsys, site, "status", "--check", code=3)["code"] == 3
    assert main(["status", "--site", str(site)]) == 3


def test_a_store_that_cannot_be_had_is_exit_5_with_the_mend(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = site / "config.yaml"
    config.write_text(config.read_text().replace("embedded", "redis://127.0.0.1:1/0", 1))
    assert load_site(site).store.url == "redis://127.0.0.1:1/0"
    assert main(["queue", "ls", "--site", str(site)]) == 5
    assert "store" in capsys.readouterr().err
    assert payergate(capsys, site, "status")["store"] == {"reachable": False, "state": "away"}


def _text(key: bytes | str) -> str:
    return key.decode() if isinstance(key, bytes) else key


def test_top_is_the_status_again_and_again(
    site: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(site, store, "adt-a01")
    words = ["top", "--times", "2", "--every", "0.1", "--site", str(site)]
    assert main([*words, "--json"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    status = payergate(capsys, site, "status")
    assert first.keys() == status.keys() | {"at"}
    assert first["channels"]["acme"].keys() == status["channels"]["acme"].keys() | {"per_second"}
    assert first["channels"]["acme"]["per_second"] is None
    assert second["channels"]["acme"]["per_second"] == 0.0
    assert main(words) == 0
    assert capsys.readouterr().out.count("acme ") == 2
    assert main(["top", "--times", "1", "--every", "86400", "--site", str(site)]) == 0


@pytest.mark.parametrize("archived", [True, False])
def test_what_waits_is_named_as_its_sender_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, archived: bool
) -> None:
    """From the archive, and from the store's ledger where the archive has not come so far."""
    folder = copy_of_reference_site(tmp_path / "site")
    loaded = load_site(folder)
    Sealer.of(loaded.keys, create=True)
    store, server = open_store(loaded.store, loaded.var)
    rig = Rig(folder, store=store)
    try:
        taken(folder, store, "adt-a01")
        if archived:
            rig.archive()
        (entry,) = payergate(capsys, folder, "queue", "show", "acme")["entries"]
        _is_named(capsys, folder, entry, "queue", "show", "acme")
        park_head(store, "acme")
        (item,) = payergate(capsys, folder, "parked", "ls")["items"]
        _is_named(capsys, folder, item, "parked", "ls")
        _is_named(capsys, folder, item, "parked", "show", item["item"])
    finally:
        rig.close()
        assert server is not None
        server.stop()


def _is_named(
    capsys: pytest.CaptureFixture[str], folder: Path, said: dict[str, Any], *words: str
) -> None:
    """In JSON, and in the text of the command."""
    assert (said["type"], said["control_id"]) == ("ADT^A01^ADT_A01", "SAMPLE-A01-1")
    assert main([*words, "--site", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "ADT^A01^ADT_A01" in text
    assert "SAMPLE-A01-1" in text
