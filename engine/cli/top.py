"""`payergate top`: what `status` says, again and again, with what goes through in a second.

Law: it answers whatever is down, and changes nothing, as `status` does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any

from engine.cli.arguments import add_site_and_json
from engine.cli.moments import shown, utc
from engine.cli.operating import operating_site
from engine.cli.status import as_text, current
from engine.cli.status_report import StatusReport, with_rates
from engine.clock import SystemClock
from engine.config.model import OperatingSite
from engine.errors import Exit, UsageError
from engine.terminal import Terminal

#: Between looks, in seconds: often enough to be live, seldom enough to leave the store its time.
_EVERY_S = (0.1, 86_400.0)


def register(subparsers: Any) -> None:
    """Add `top` to the command line."""
    parser = subparsers.add_parser(
        "top",
        help="the same as status, live",
        description="Shows how the engine and every channel stand, and what goes through in a"
        " second, again and again until Ctrl-C.",
    )
    add_site_and_json(parser)
    parser.add_argument(
        "--every", type=float, default=2.0, metavar="S", help="seconds between looks (default: 2)"
    )
    parser.add_argument("--times", type=int, metavar="N", help="look N times, then end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show the status until told to end."""
    least_s, most_s = _EVERY_S
    if not least_s <= args.every <= most_s:
        raise UsageError("usage", f"--every must be from {least_s:g} to {most_s:.0f} seconds.")
    if args.times is not None and args.times < 1:
        raise UsageError("usage", "--times must be more than 0.")
    site = operating_site(args.site)
    terminal = Terminal(sys.stdout) if sys.stdout.isatty() and not args.json else None
    try:
        for now in _looks(site, args.every, args.times):
            if args.json:
                print(json.dumps(now), flush=True)
            elif terminal is None:
                print(_as_text(now, site.timezone), end="\n\n", flush=True)
            else:
                terminal.draw(_fitted(_as_text(now, site.timezone)))
    except KeyboardInterrupt:  # the way to end it
        pass
    finally:
        if terminal is not None:
            terminal.close()
    return Exit.OK


def _looks(site: OperatingSite, every_s: float, times: int | None) -> Iterator[StatusReport]:
    before: StatusReport | None = None
    before_s, done = 0.0, 0
    while True:
        began_s = time.monotonic()
        now = current(site)
        now_s = time.monotonic()
        now["at"] = utc(SystemClock().now())
        with_rates(now, before, now_s - before_s)
        before, before_s, done = now, now_s, done + 1
        yield now
        if done == times:
            return
        time.sleep(max(0.0, began_s + every_s - time.monotonic()))


def _as_text(now: StatusReport, timezone: str) -> str:
    return f"{shown(SystemClock().now(), timezone)}  {as_text(now, timezone)}"


def _fitted(text: str) -> list[str]:
    """As much as a terminal shows without wrapping or rolling."""
    columns, rows = shutil.get_terminal_size((100, 40))
    return [line[:columns] for line in text.splitlines()[: rows - 1]]
