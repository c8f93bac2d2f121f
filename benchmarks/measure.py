"""Pairs of measurements: ours and the ceiling by turns, medians of several rounds with their spread."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

ROUNDS = 5


@dataclass
class Figure:
    """One figure. ours, ceiling: one value a round, in `unit`; ratio: median of ours over median of the ceiling."""

    name: str
    unit: str
    ours: list[float]
    ceiling: list[float]
    target: str = ""
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.ceiling)

    def to_json(self) -> dict[str, Any]:
        return {
            "ours": _round(statistics.median(self.ours)),
            "ceiling": _round(statistics.median(self.ceiling)),
            "ratio": round(self.ratio, 3),
            "unit": self.unit,
            "ours_spread": [_round(min(self.ours)), _round(max(self.ours))],
            "ceiling_spread": [_round(min(self.ceiling)), _round(max(self.ceiling))],
            "rounds": len(self.ours),
            "target": self.target,
            "note": self.note,
            **self.more,
        }


def _round(value: float) -> float:
    return round(value, 4) if value < 1 else round(value, 1)


Measure = Callable[[], Awaitable[float]]


async def paired(ours: Measure, ceiling: Measure, *, rounds: int = ROUNDS) -> tuple[list[float], list[float]]:
    """Run both by turns, changing who begins, so that a slow spell of the machine falls on both."""
    first: list[float] = []
    second: list[float] = []
    for number in range(rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            (first if which == 0 else second).append(await (ours if which == 0 else ceiling)())
    return first, second
