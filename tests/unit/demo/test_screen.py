"""The board on a terminal, and where none is."""

import io

from engine.demo.board import ChannelLine, Snapshot
from engine.demo.screen import Screen

SNAPSHOT = Snapshot(1.0, 3, {"AA": 3}, (ChannelLine("acme", "idle", delivered=3),))


def test_a_terminal_is_redrawn_and_left_as_it_was() -> None:
    out = io.StringIO()
    screen = Screen(out, redraw=True)
    screen.show(SNAPSHOT)
    screen.show(SNAPSHOT)
    assert out.getvalue().count("payergate demo") == 2
    assert out.getvalue().startswith("\x1b[?25l\x1b[H")
    screen.close()
    screen.close()
    assert out.getvalue().count("\x1b[?25h") == 1


def test_elsewhere_a_line_now_and_then_without_control_characters() -> None:
    out = io.StringIO()
    screen = Screen(out, redraw=False)
    screen.show(SNAPSHOT)
    screen.show(SNAPSHOT)
    screen.close()
    assert out.getvalue() == "    1 s  sent 3, waiting 0, held 0, parked 0; delivered: acme 3\n"
