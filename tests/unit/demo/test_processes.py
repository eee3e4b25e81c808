"""The demo's children, ended before they had begun."""

from __future__ import annotations

from pathlib import Path

from engine.demo.processes import Child


def test_a_child_that_is_ended_before_it_listens_to_signals_ended_in_order(tmp_path: Path) -> None:
    """Ctrl-C while the demo starts is no failure: nothing was begun."""
    assert Child("sink", ["sink", "--listen", "127.0.0.1:0"], tmp_path).end()


def test_a_child_that_failed_by_itself_did_not(tmp_path: Path) -> None:
    child = Child("none", ["no-such-command"], tmp_path)
    while child.alive:
        pass
    assert not child.end()
