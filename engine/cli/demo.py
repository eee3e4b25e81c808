"""`payergate demo`: the whole engine at work, with a synthetic hospital and insurers on loopback.

Law: it works on a copy of the site, in a folder of its own that is gone afterwards; Ctrl-C ends
everything that it started. If something went wrong the folder stays, and the last line says where.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from engine.cli.arguments import add_site
from engine.config.load import load_site
from engine.config.model import Site
from engine.demo.board import Snapshot, end
from engine.demo.hospital import Header, Hospital
from engine.demo.insurers import insurers
from engine.demo.ports import free_ports
from engine.demo.result import as_json, is_ok, settled
from engine.demo.screen import Screen
from engine.demo.show import Show, Stage
from engine.demo.site_copy import copy_site
from engine.errors import Exit, StoreError, UsageError
from engine.policy.model import State
from engine.store.embedded import EmbeddedServer
from engine.store.opening import open_store
from engine.store.port import Store

#: SIGTERM and a closed terminal end the demo as Ctrl-C does.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], Any] | signal.Handlers

#: Seconds between two messages when there is no number of them to get through.
_PACE_S = 0.3
#: How often the board is brought up to date, in seconds.
_LOOK_S = 0.25
#: With `--messages`, how long nothing may happen before the rest is given up, in seconds.
_PATIENCE_S = 30.0


def register(subparsers: Any) -> None:
    """Add `demo` to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="see it work: a synthetic hospital, the engine, and an insurer for every channel",
        description="Runs a copy of the site on loopback, with a synthetic hospital that sends and"
        " an insurer for every channel that receives, and shows what went where. Ctrl-C ends it.",
    )
    parser.add_argument(
        "--messages",
        type=_positive,
        metavar="N",
        help="send N messages as fast as they are taken, print what went where, and end",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the end as one line of JSON; needs --messages"
    )
    add_site(parser)
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="another seed is another day (default: 1)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; the exit code."""
    if args.json and args.messages is None:
        raise UsageError("demo-json", "--json needs an end.", "Give the number of --messages.")
    site = load_site(args.site)
    channels = _channels(site)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="payergate-demo-"))
    went_well = False
    try:
        went_well = _run(args, _stage(site, channels, folder))
    except KeyboardInterrupt:
        went_well = True  # asked to end before anything could go wrong
    finally:
        if went_well:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"What each process said is in {folder}/logs.", file=sys.stderr)
    return Exit.OK if went_well else Exit.FAILED


def _run(args: argparse.Namespace, stage: Stage) -> bool:
    show = Show(stage, _hospital(stage.site, args.seed), _open_store)
    screen = Screen(sys.stdout, redraw=sys.stdout.isatty())
    last: Snapshot | None = None
    with _signals(_ENDING, signal.default_int_handler):
        try:
            if not args.json:
                screen.say("starting the engine and its insurers …")
            show.start()
            for last in _snapshots(show, args.messages):
                if not args.json:
                    screen.show(last)
        except KeyboardInterrupt:
            pass
        finally:
            with _signals(_ENDING, signal.SIG_IGN):  # a second Ctrl-C leaves nothing half ended
                screen.close()
                in_order = show.end()
                if not in_order:
                    _stop_store(stage.site)
    if last is None:
        return in_order
    if args.json:
        print(json.dumps(as_json(last, _ports(stage, show))))
    else:
        print("\n".join(["", *end(last, show.kinds.all())]))
    return in_order and (args.messages is None or is_ok(last))


def _snapshots(show: Show, messages: int | None) -> Iterator[Snapshot]:
    """Keep the hospital sending, and look from time to time; ends once `messages` are settled."""
    next_send = next_look = progress_at = time.monotonic()
    before: tuple[object, ...] = ()
    while True:
        now = time.monotonic()
        if messages is not None:
            show.fill(messages)
        elif now >= next_send:
            show.send()
            next_send = now + _PACE_S
        if now >= next_look:
            snapshot = show.look()
            yield snapshot
            given_up = now - progress_at > _PATIENCE_S
            if show.sent == messages and (given_up or settled(snapshot)):
                return
            progress = (snapshot.sent, snapshot.acknowledged, snapshot.channels)
            if progress != before:
                before, progress_at = progress, now
            next_look = now + _LOOK_S
        due = next_look if messages is not None else min(next_look, next_send)
        show.exchange(max(min(due - time.monotonic(), _LOOK_S), 0.001))


def _channels(site: Site) -> list[str]:
    """The channels that are more than a draft. Raises `UsageError` when nothing could happen."""
    channels = [c.id for c in site.policy.channels.values() if c.state is not State.DRAFT]
    if not channels or not site.listeners:
        raise UsageError(
            "demo-empty-site",
            "The site has no listener, or no channel that is more than a draft.",
            "Add one to config.yaml, or under channels/.",
        )
    return channels


def _stage(original: Site, channels: Sequence[str], folder: pathlib.Path) -> Stage:
    """The site's copy in `folder`, made for loopback."""
    ports = dict(zip(channels, free_ports(len(channels)), strict=True))
    copy_site(original.root, folder / "site", ports)
    return Stage(load_site(folder / "site"), folder, ports)


def _hospital(site: Site, seed: int) -> Hospital:
    """A hospital that the site's listeners take messages from."""
    senders = [entry for listener in site.listeners for entry in listener.admission.sending]
    sender = senders[0] if senders else {}
    usual = Header()
    header = Header(
        application=sender.get("MSH-3", usual.application),
        facility=sender.get("MSH-4", usual.facility),
        processing="P" if site.policy.environment == "production" else "T",
    )
    start = datetime.now(UTC).replace(microsecond=0)
    return Hospital(insurers(site.policy.channels.values()), seed, start, header)


def _open_store(site: Site) -> Store:
    return open_store(site.store, site.var)[0]


def _stop_store(site: Site) -> None:
    """An engine that was killed leaves its store running: adopt it, and end it in order."""
    server = EmbeddedServer(site.var)
    with contextlib.suppress(StoreError):
        server.start()
        server.stop()


def _ports(stage: Stage, show: Show) -> dict[str, int]:
    listeners = {name: int(at.rpartition(":")[2]) for name, at in show.listeners.items()}
    return {**stage.ports, **listeners}


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


@contextlib.contextmanager
def _signals(numbers: Sequence[int], handler: Handler) -> Iterator[None]:
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, earlier in zip(numbers, before, strict=True):
            signal.signal(number, earlier)
