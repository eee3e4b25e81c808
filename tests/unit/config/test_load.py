"""A site loads into values as a whole, or not at all with all of its problems."""

from __future__ import annotations

import os
import pathlib

import pytest

from engine.config.load import load_site
from engine.config.model import (
    Address,
    ArchiveSettings,
    Delivery,
    Limits,
    Listener,
    Retention,
    Site,
    StoreFailureAnswer,
    StoreSettings,
)
from engine.delivery.schedule import DEFAULT_REPLY_ACTIONS, Action, ReplyAction, Retry
from engine.errors import SiteError
from engine.intake.admission import Admission
from engine.policy.vocabulary.conditions import MessageType
from engine.store.keysource import KeySource

CHANNEL = """
channel: acme
name: ACME
kind: provider
purposes: [treatment]
ceiling: {messages: [ADT], segments: {PID: all}}
deliver:
  to: "tcp:127.0.0.1:6661"
"""
CONFIG = "engine: {name: east, environment: test}\n"


def site(
    root: pathlib.Path, *, config: str = CONFIG, channel: str = CHANNEL, rules: str = ""
) -> pathlib.Path:
    (root / "channels").mkdir()
    (root / "rules").mkdir()
    (root / "config.yaml").write_text(config)
    if channel:
        (root / "channels" / "acme.yaml").write_text(channel)
    if rules:
        (root / "rules" / "rules.yaml").write_text(rules)
    return root


def codes(root: pathlib.Path) -> list[str]:
    with pytest.raises(SiteError) as caught:
        load_site(root)
    return [problem.code for problem in caught.value.problems]


def delivery(root: pathlib.Path, deliver: str) -> Delivery:
    return load_site(site(root, channel=CHANNEL + deliver)).deliveries["acme"]


def listener(root: pathlib.Path, keys: str) -> tuple[Listener, Site]:
    config = CONFIG + f"listeners:\n  - {{name: adt, listen: 'tcp:127.0.0.1:0', {keys}}}\n"
    loaded = load_site(site(root, config=config))
    return loaded.listeners[0], loaded


def test_a_small_site_has_documented_defaults(tmp_path: pathlib.Path) -> None:
    loaded = load_site(site(tmp_path))
    assert loaded.engine == "east"
    assert loaded.policy.environment == "test"
    assert loaded.policy.timezone == "UTC"
    assert loaded.listeners == ()
    assert loaded.store == StoreSettings("embedded", 0)
    assert loaded.keys.file == tmp_path.resolve() / "var" / "keys"
    assert loaded.var == tmp_path.resolve() / "var"
    assert loaded.deliveries == {"acme": Delivery(Address("127.0.0.1", 6661))}
    assert loaded.warnings == ()


def test_paths_are_relative_to_the_site(tmp_path: pathlib.Path) -> None:
    loaded = load_site(site(tmp_path, config=CONFIG + "keys: {file: secret/key}\n"))
    assert loaded.keys.file == tmp_path.resolve() / "secret" / "key"
    assert loaded.keys.folder == tmp_path.resolve() / "var" / "content-keys"


def test_master_keys_may_come_from_elsewhere(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    loaded = load_site(site(tmp_path / "a", config=CONFIG + "keys: {env: PG_KEYS, folder: k}\n"))
    root = tmp_path.resolve()
    assert loaded.keys == KeySource(root / "a" / "k", None, "PG_KEYS", site=root / "a")
    loaded = load_site(site(tmp_path / "b", config=CONFIG + "keys: {command: get-key 1}\n"))
    folder = root / "b" / "var" / "content-keys"
    assert loaded.keys == KeySource(folder, None, "", "get-key 1", root / "b")


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("store: {url: embedded}", StoreSettings("embedded", 0)),
        ("store: {url: 'redis://10.0.0.5:6379/0'}", StoreSettings("redis://10.0.0.5:6379/0", 0)),
        ("store: {durability: {replicas: 2}}", StoreSettings("embedded", 2)),
        ("store: {url_env: PAYERGATE_STORE}", StoreSettings("", 0, "PAYERGATE_STORE")),
        (
            "store: {url_file: /run/secrets/store}",
            StoreSettings("", 0, url_file=pathlib.Path("/run/secrets/store")),
        ),
    ],
)
def test_stores(tmp_path: pathlib.Path, line: str, settings: StoreSettings) -> None:
    assert load_site(site(tmp_path, config=CONFIG + line)).store == settings


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("store: {url: 'redis://u:p@h/0'}", "secret-in-site"),
        ("store: {url: 'redis://:p@h/0'}", "secret-in-site"),
        ("store: {url: 'redis://:p/q@h/0'}", "secret-in-site"),
        ("store: {url: 'unix:///run/s?password=p'}", "secret-in-site"),
        ("store: {url_env: 'redis://:p@h/0'}", "bad-value"),
        ("store: {url: embedded, url_env: STORE}", "bad-value"),
        ("store: {url_env: STORE, url_file: f}", "bad-value"),
        ("store: {url: 'redis+cluster://h'}", "unsupported"),
        ("store: {url: sqlite}", "bad-value"),
        ("store: {durability: everysec}", "bad-value"),
        ("keys: {command: x, env: PAYERGATE_KEYS}", "bad-value"),
        ("keys: {env: not a name}", "bad-value"),
        ("archive: {url: 'mysql://h/a'}", "bad-value"),
        ("archive: {url: 'postgresql://u:secret@h/a'}", "secret-in-site"),
        ("retention: {content: 7}", "bad-value"),
        ("retention: {content: 0d}", "bad-value"),
        ("retention: {ledger: 5y}", "bad-value"),
        ("retention: {content: 100d}", "bad-value"),
        ("timezone: Nowhere", "bad-value"),
        ("timezone: ../../etc/passwd", "bad-value"),
        ("protections: [us-nj]", "bad-value"),
        ("protections: us-ny", "wrong-type"),
        ("protections_off: [us-federal]", "wrong-type"),
        ("protections_off: {us-federal: ''}", "bad-value"),
        ("protections_off: {us-nj: why}", "bad-value"),
        ("protections_off: {us-ny/hiv: why}", "bad-value"),
        ("protections_off: {us-federal/hiv: why}", "bad-value"),
        ("protections_off: {us-federal/genetic: why}", "bad-value"),
        ("protections_off: {us-federal/sud: ''}", "bad-value"),
        ("protections: [us-ny]\nprotections_off: {us-ny: why}", "bad-value"),
        ("psychotherapy_notes: [PSN]", "wrong-type"),
        ("psychotherapy_notes: {TXA: [PSN]}", "bad-path"),
        ("psychotherapy_notes: {TXA-2: PSN}", "wrong-type"),
        ("psychotherapy_notes: {TXB-2: [PSN]}", "unknown-segment"),
        ("listeners: {}", "wrong-type"),
    ],
)
def test_settings_that_do_not_load(tmp_path: pathlib.Path, line: str, code: str) -> None:
    assert codes(site(tmp_path, config=CONFIG + line)) == [code]


@pytest.mark.parametrize(
    "line",
    [
        "workers: 2",
        "console: {listen: 'tcp:127.0.0.1:8080'}",
        "alerts: {}",
    ],
)
def test_settings_without_effect_say_so_once(tmp_path: pathlib.Path, line: str) -> None:
    (warning,) = load_site(site(tmp_path, config=CONFIG + line)).warnings
    assert warning.code == "not-enforced"


def test_the_packs_of_a_site(tmp_path: pathlib.Path) -> None:
    def packs(line: str) -> set[str]:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        root.mkdir()
        policy = load_site(site(root, config=CONFIG + line)).policy
        return {pack.id for pack in policy.protections.packs}

    assert packs("") == {"us-federal"}
    assert packs("protections: [us-ny]") == {"us-federal", "us-ny"}
    off = "protections: [us-ny]\nprotections_off: {us-federal: 'no covered entity'}"
    assert packs(off) == {"us-ny"}
    last = tmp_path / "last"
    last.mkdir()
    switched_off = load_site(site(last, config=CONFIG + off)).policy.protections.off
    assert dict(switched_off) == {"us-federal": "no covered entity"}


def test_archive_and_retention_are_read(tmp_path: pathlib.Path) -> None:
    more = (
        "archive: {url: 'postgresql://db/a', signing_key_file: k, password_env: PG}\n"
        "retention: {content: 3d, parked: 30d, metadata: 1y, ledger: 10y}\n"
    )
    found = load_site(site(tmp_path, config=CONFIG + more))
    assert found.archive == ArchiveSettings("postgresql://db/a", "k", "", "PG")
    assert found.retention == Retention(3, 30, 366, 3660)
    assert found.warnings == ()


def test_a_site_may_have_no_archive(tmp_path: pathlib.Path) -> None:
    found = load_site(site(tmp_path, config=CONFIG + "archive: {url: none}"))
    assert found.archive.url == ""
    assert found.warnings == ()


def test_a_listener_is_read_whole(tmp_path: pathlib.Path) -> None:
    found, loaded = listener(
        tmp_path,
        "accept: {from: [10.1.0.0/16, '::1'], sending: [{MSH-3: EPIC, MSH-4: EAST}],"
        " messages: [ADT, ORU^R01]}, acknowledge: {enhanced: honour, when: stored}, validate: off,"
        " limits: {message: 512KiB, in_flight: 1, connections: 2, per_peer: 3, idle: 10m,"
        " frame: 2m, inter_byte: 500ms}, on_store_failure: {answer: nak, close_after: 5s},"
        " bare_fs: true",
    )
    assert loaded.warnings == ()
    assert found == Listener(
        name="adt",
        listen=Address("127.0.0.1", 0),
        admission=Admission(
            networks=("10.1.0.0/16", "::1/128"),
            sending=({"MSH-3": "EPIC", "MSH-4": "EAST"},),
            messages=frozenset({MessageType("ADT"), MessageType("ORU", "R01")}),
        ),
        limits=Limits(512 * 1024, 1, 2, 3, 600.0, 120.0, 0.5),
        store_failure=StoreFailureAnswer.NAK,
        close_after_s=5.0,
        bare_fs=True,
    )


@pytest.mark.parametrize("limit", ["idle: 0s", "connections: 128"])
def test_one_limit_leaves_the_others_at_their_defaults(tmp_path: pathlib.Path, limit: str) -> None:
    assert listener(tmp_path, f"limits: {{{limit}}}")[0].limits == Limits()


@pytest.mark.parametrize(
    ("address", "loads"),
    [
        ("tcp:127.0.0.1:1", True),
        ("tcp:localhost:1", True),
        ("tcp:[::1]:1", True),
        ("tls:hl7.acme.example:1", True),
        ("tcp:hl7.acme.example:1", False),
        ("tcp:127.0.0.1.example.org:1", False),
        ("tcp:0.0.0.0:1", False),
        ("tcp:[2001:db8::1]:1", False),
    ],
)
def test_nothing_crosses_a_network_in_the_clear(
    tmp_path: pathlib.Path, address: str, loads: bool
) -> None:
    channel = CHANNEL.replace("tcp:127.0.0.1:6661", address)
    if loads:
        assert load_site(site(tmp_path, channel=channel)).deliveries["acme"].insecure is False
    else:
        assert codes(site(tmp_path, channel=channel)) == ["needs-tls"]


def test_unless_the_site_says_so(tmp_path: pathlib.Path) -> None:
    channel = CHANNEL.replace("127.0.0.1", "10.0.0.9") + "  insecure: true\n"
    found = load_site(site(tmp_path, channel=channel)).deliveries["acme"]
    assert (found.to, found.insecure) == (Address("10.0.0.9", 6661), True)


def test_timeouts_and_back_off(tmp_path: pathlib.Path) -> None:
    found = delivery(
        tmp_path,
        "  acknowledgement: {mode: original, timeout: 45s, application_timeout: 10m}\n"
        "  connect_timeout: 3s\n  retry: {first: 250ms, cap: 1h, jitter: 0}\n"
        "  order: channel\n  lanes: 1\n  control_id: keep\n",
    )
    assert (found.ack_timeout_s, found.connect_timeout_s) == (45.0, 3.0)
    assert found.schedule.retry == Retry(first_s=0.25, factor=2.0, cap_s=3600.0, jitter=0.0)


RETRY, PARK = ReplyAction(Action.RETRY), ReplyAction(Action.PARK)


@pytest.mark.parametrize(
    ("on", "changed", "gone"),
    [
        ("{}", {}, ()),
        ("{AE: park}", {"AE": PARK}, ()),
        ("{AE: {retry: 2}}", {"AE": ReplyAction(Action.RETRY, 2)}, ()),
        ("{AE: {retry: 2, then: park}}", {"AE": ReplyAction(Action.RETRY, 2)}, ()),
        ("{AR: park}", {}, ("AR/206", "AR/207")),
        ("{AR: {206: park, else: retry}}", {"AR": RETRY, "AR/206": PARK}, ("AR/207",)),
        ("{AE: {205: complete}}", {"AE/205": ReplyAction(Action.COMPLETE)}, ()),
        ("{CE: park, timeout: park}", {"CE": PARK, "timeout": PARK}, ()),
        (
            "{CR: {100: {retry: 3}, else: park}}",
            {"CR/100": ReplyAction(Action.RETRY, 3), "CR": PARK},
            (),
        ),
    ],
)
def test_the_reply_table_is_laid_over_the_defaults(
    tmp_path: pathlib.Path, on: str, changed: dict[str, ReplyAction], gone: tuple[str, ...]
) -> None:
    expected = {**DEFAULT_REPLY_ACTIONS, **changed}
    for name in gone:
        del expected[name]
    assert delivery(tmp_path, f"  on: {on}\n").schedule.actions == expected


@pytest.mark.parametrize(
    ("deliver", "code"),
    [
        ("  on: {AE: complete}", "bad-value"),
        ("  on: {AE: {retry: 0}}", "bad-value"),
        ("  on: {AE: {retry: 2, then: complete}}", "bad-value"),
        ("  on: {AA: park}", "unknown-key"),
        ("  on: {AR: {else: complete}}", "bad-value"),
        ("  on: {timeout: {206: retry}}", "bad-value"),
        ("  retry: {first: 1h, cap: 1s}", "bad-value"),
        ("  retry: {first: 0s}", "bad-value"),
        ("  retry: {jitter: 1}", "bad-value"),
        ("  acknowledgement: {mode: enhanced}", "unsupported"),
        ("  control_id: fresh", "bad-value"),
        ("  rewrite: {MSH-2: x}", "bad-value"),
        ("  insecure: yes", "bad-value"),
    ],
)
def test_deliveries_that_do_not_load(tmp_path: pathlib.Path, deliver: str, code: str) -> None:
    assert codes(site(tmp_path, channel=CHANNEL + deliver)) == [code]


@pytest.mark.parametrize("deliver", ["  order: patient", "  lanes: 4", "  tls: {ca_file: x}"])
def test_deliveries_without_full_effect_say_so(tmp_path: pathlib.Path, deliver: str) -> None:
    (warning,) = load_site(site(tmp_path, channel=CHANNEL + deliver)).warnings
    assert warning.code == "not-enforced"


def test_a_folder_that_is_no_site(tmp_path: pathlib.Path) -> None:
    assert codes(tmp_path / "nowhere") == ["missing-file"]


def test_tests_and_samples_are_no_rules(tmp_path: pathlib.Path) -> None:
    root = site(tmp_path)
    (root / "rules" / "x_test.yaml").write_text("suite: [")
    (root / "rules" / "samples").mkdir()
    (root / "rules" / "samples" / "facts.yaml").write_text("now: [")
    (root / "rules" / ".swap.yaml").write_text("[")
    (root / "rules" / "notes.md").write_text("[")
    assert load_site(root).warnings == ()


def test_files_may_end_in_yml(tmp_path: pathlib.Path) -> None:
    root = site(tmp_path)
    (root / "channels" / "acme.yaml").rename(root / "channels" / "acme.yml")
    assert list(load_site(root).policy.channels) == ["acme"]


def test_a_file_that_is_a_dangling_link_is_named(tmp_path: pathlib.Path) -> None:
    root = site(tmp_path)
    (root / "rules" / "gone.yaml").symlink_to("nowhere.yaml")
    assert codes(root) == ["unreadable"]


@pytest.mark.parametrize("folder", ["rules", "channels"])
def test_a_linked_folder_is_no_part_of_the_site_and_says_so(
    tmp_path: pathlib.Path, folder: str
) -> None:
    root = site(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (root / folder / "ny").symlink_to(tmp_path / "elsewhere")
    assert codes(root) == ["stray-file"]


def test_what_has_no_end_is_not_read(tmp_path: pathlib.Path) -> None:
    root = site(tmp_path)
    os.mkfifo(root / "rules" / "pipe.yaml")
    (root / "rules" / "zero.yaml").symlink_to("/dev/zero")
    assert codes(root) == ["unreadable", "unreadable"]


@pytest.mark.parametrize(
    "line",
    [
        'keys: {file: "a\\0b"}',
        "listeners: [{name: a, listen: 'tcp:127.0.0.1:0', limits: {idle: 99999d}}]",
        f"listeners: [{{name: a, listen: 'tcp:127.0.0.1:0', limits: {{idle: {'9' * 400}d}}}}]",
    ],
)
def test_values_that_would_break_the_engine_later_do_not_load(
    tmp_path: pathlib.Path, line: str
) -> None:
    assert codes(site(tmp_path, config=CONFIG + line + "\n")) == ["bad-value"]


def test_problems_of_all_files_come_sorted_by_place(tmp_path: pathlib.Path) -> None:
    root = site(tmp_path, config="engin: {}\n", channel=CHANNEL + "  too: x\n", rules="rule: []\n")
    with pytest.raises(SiteError) as caught:
        load_site(root)
    places = [problem.place for problem in caught.value.problems]
    assert places == sorted(places)
    assert {place.file for place in places} == {
        "channels/acme.yaml",
        "config.yaml",
        "rules/rules.yaml",
    }


@pytest.mark.parametrize(
    ("references", "warned"), [(("A-1", "B-1"), True), (("A-1", "A-1"), False), (("", ""), True)]
)
def test_one_address_is_one_counterparts(
    tmp_path: pathlib.Path, references: tuple[str, str], warned: bool
) -> None:
    root = site(tmp_path)
    for name, reference in zip(("acme", "beta"), references, strict=True):
        text = CHANNEL.replace("channel: acme", f"channel: {name}")
        named = f"reference: {reference}, " if reference else ""
        text += f"agreement: {{{named}expires: 2030-12-31}}\n"
        (root / "channels" / f"{name}.yaml").write_text(text)
    codes = [warning.code for warning in load_site(root).warnings]
    assert ("shared-address" in codes) is warned
