"""Two engines on one store of a site's own: the fences let only one of them send in each lane."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from engine.store.embedded import EmbeddedServer
from tests.faults.test_unfit_store import told, wait_until
from tests.support.estate import Estate, free_port
from tests.support.hospital import Sent, ask, make_messages


def test_both_take_one_sends_and_the_other_takes_over(tmp_path: Path) -> None:
    """Either may be killed; each insurer has everything, once, in the order it was taken."""
    messages = [sent for number in range(60) for sent in make_messages(number, 1, seed=1)]
    wanted = [sent.control_id for sent in messages if "alpha" in sent.channels]
    server = EmbeddedServer(tmp_path / "redis")
    server.start()
    first = Estate(tmp_path / "first")
    second = Estate(tmp_path / "second", sink_ports=first.sink_ports, listener_port=free_port())

    shared = tmp_path / "shared"  # as a file system that both machines see

    def arrived() -> list[str]:
        """Control ids in the order of their arrival at the one insurer."""
        return [data.split(b"|")[9].decode() for data in first.received("alpha")]

    try:
        for estate in (first, second):
            estate.lay_out()
            config = estate.site / "config.yaml"
            text = config.read_text().replace("url: embedded", f'url: "{server.url}"')
            text = text.replace(", disk_reserve: 1MiB", "")
            config.write_text(f"{text}\nkeys: {{file: {shared}/keys, folder: {shared}/content}}\n")
        for channel in first.sink_ports:
            first.start_sink(channel)
        first.start_engine()
        second.start_engine()
        for number, sent in enumerate(messages[:40]):
            assert ask((first, second)[number % 2].listener_port, sent)
        wait_until(lambda: len(arrived()) == sum(i in wanted for i in _ids(messages[:40])), 30)
        assert first.engine is not None
        first.engine.kill()
        first.engine.wait()
        for sent in messages[40:]:
            assert ask(second.listener_port, sent)
        wait_until(lambda: set(arrived()) == set(wanted), 60)
        assert arrived() == wanted
        assert set(Counter(arrived()).values()) == {1}
        for estate in (first, second):
            assert not told(estate, "lane_failed")
            assert not told(estate, "store_restored")
    finally:
        second.__exit__()
        first.__exit__()
        server.stop()


def _ids(messages: list[Sent]) -> list[str]:
    return [sent.control_id for sent in messages]
