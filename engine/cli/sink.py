"""`payergate sink`: an insurer for trials, well-behaved or not.

Law: with `--out`, a message is in place, whole and under its number, before its answer leaves, so
what was acknowledged is there even if the sink is killed. What a script makes of a message is
decided by the first entry that fits.
"""

from __future__ import annotations

import argparse
import json
import pathlib

from engine.cli.address import host_and_port
from engine.cli.sink_script import Script, read_script
from engine.errors import Exit


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "sink",
        help="receive over MLLP, as an insurer would, and acknowledge",
        description="Receives messages over MLLP and acknowledges them, as an insurer would,"
        " until it is ended.",
    )
    parser.add_argument("--listen", metavar="HOST:PORT", required=True, help="port 0: any free one")
    parser.add_argument(
        "--script", metavar="FILE", type=pathlib.Path, help="YAML: how to misbehave"
    )
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path, help="store what comes")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Receive until SIGTERM or SIGINT; the exit code."""
    from engine.cli.sinking import Shelf, Sink
    from engine.net.reactor import monotonic_reactor

    reactor = monotonic_reactor()
    host, port = host_and_port(args.listen)
    script = read_script(args.script) if args.script else Script(())
    sink = Sink(script, Shelf(args.out) if args.out else None, reactor)
    print(json.dumps({"event": "sink_ready", "listen": sink.listen(host, port)}), flush=True)
    reactor.run()
    summary = {"received": sink.received, "answers": dict(sorted(sink.answers.items()))}
    if args.json:
        print(json.dumps({"summary": summary}))
    else:
        answers = ", ".join(f"{n} {name}" for name, n in sorted(sink.answers.items()))
        print(f"{sink.received} received: {answers or 'nothing'}")
    return Exit.OK
