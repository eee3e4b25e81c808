"""Figures, and the ratios that we hold ourselves to, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.machine import Machine


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio or a bound that we hold ourselves to; `at_least`, or else at most, `bound`."""

    name: str
    value: float
    bound: float
    at_least: bool = True

    @property
    def met(self) -> bool:
        """It holds in this run."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


@dataclass(frozen=True, slots=True)
class Part:
    """What one benchmark found."""

    title: str
    figures: tuple[Figure, ...]
    targets: tuple[Target, ...] = ()


def as_text(part: Part) -> str:
    """A part as lines for a person."""
    lines = [part.title]
    names = [figure.name for figure in part.figures] + [target.name for target in part.targets]
    width = max(map(len, names))
    lines += [f"  {f.name:<{width}}  {_number(f.value):>10} {f.unit}" for f in part.figures]
    for target in part.targets:
        sign, verdict = (">=" if target.at_least else "<="), ("met" if target.met else "MISSED")
        bound = f"target {sign} {_number(target.bound)}"
        lines.append(f"  {target.name:<{width}}  {_number(target.value):>10} {bound}: {verdict}")
    return "\n".join(lines)


def machine_text(machine: Machine) -> str:
    """What it was measured on, in one line."""
    return (
        f"{machine.processor}, {machine.cores} cores, {machine.memory_gib} GiB, {machine.system},"
        f" Python {machine.python}, fdatasync of 4 KiB {machine.fdatasync_us:.0f} us"
    )


def as_json(machine: Machine, parts: Sequence[Part], seconds: float) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "machine": asdict(machine),
        "seconds": round(seconds, 1),
        "figures": [asdict(figure) for part in parts for figure in part.figures],
        "targets": [
            {**asdict(target), "met": target.met} for part in parts for target in part.targets
        ],
    }


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
