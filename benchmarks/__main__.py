"""`make bench`: everything, in one run on one machine, as text or with `--json`.

python -m benchmarks [--json] [--quick] [--only intake,delivery,deciding,large,archive,registry]
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks import archive, deciding, delivery, intake, large, machine, registry
from benchmarks.report import Figure, Part, Target, as_json, as_text, machine_text

#: Seconds of each measurement, messages end to end, messages queued for the memory figure.
_FULL = (6.0, 5_000, 100_000)
_QUICK = (0.3, 200, 1_000)
_PARTS = ("deciding", "large", "intake", "delivery")

#: Archived messages of the part `archive`, which is measured only when it is named.
_ARCHIVED = 1_000_000
#: Patients whose coverage is known, and of these those with entries; `--only registry`.
_REGISTRY = (1_000_000, 50_000)
_QUICK_REGISTRY = (2_000, 100)


def main(arguments: list[str]) -> int:
    """Measure and print; 0 whether or not targets are met, as the machine may be busy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of text")
    parser.add_argument("--quick", action="store_true", help="a moment of each: proves it runs")
    parser.add_argument(
        "--only",
        default=",".join(_PARTS),
        help="parts, separated by commas; archive and registry are not among them unasked",
    )
    parser.add_argument("--messages", type=int, default=_ARCHIVED, help="archive: so many")
    parser.add_argument("--kept", type=pathlib.Path, help="archive: made there, or used again")
    asked = parser.parse_args(arguments)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="payergate-bench-") as folder:
        found = _measure(pathlib.Path(folder), asked)
        described = machine.describe(pathlib.Path(folder))
    seconds = time.monotonic() - begin
    if asked.json:
        print(json.dumps(as_json(described, found, seconds)))
    else:
        print(f"{machine_text(described)}\ntook {seconds:.0f} s")
    return 0


def _measure(folder: pathlib.Path, asked: argparse.Namespace) -> list[Part]:
    seconds, messages, queued = _QUICK if asked.quick else _FULL
    known = _QUICK_REGISTRY if asked.quick else _REGISTRY
    parts: dict[str, Callable[[], Part]] = {
        "deciding": lambda: deciding.measure(folder / "deciding", seconds / 2),
        "large": lambda: large.measure(folder / "large", seconds / 2),
        "intake": lambda: intake.measure(folder / "intake", seconds, queued),
        "delivery": lambda: delivery.measure(folder / "delivery", messages, seconds),
        "archive": lambda: archive.measure(folder / "archive", asked.messages, seconds, asked.kept),
        "registry": lambda: registry.measure(folder / "registry", seconds, *known),
    }
    found: list[Part] = []
    for name in asked.only.split(","):
        part = parts[name]()
        found.append(part)
        if not asked.json:
            print(as_text(part) + "\n", flush=True)
    across = _across(found)
    if across is not None:
        found.append(across)
        if not asked.json:
            print(as_text(across) + "\n", flush=True)
    return found


def _across(found: list[Part]) -> Part | None:
    """The ratio between parts: how much of the intake's rate reaches the insurers."""
    rates: dict[str, Figure] = {each.name: each for part in found for each in part.figures}
    try:
        end_to_end, stored = rates[delivery.END_TO_END], rates[intake.durable("oru26", 1)]
    except KeyError:
        return None
    ratio = end_to_end.value / stored.value
    return Part("Across", (), (Target("end to end / durable intake", ratio, 0.35),))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
