"""On which track of which gutter each line that leads back runs, so that no two lie on each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.process.grid import Cell


@dataclass(frozen=True)
class Back:
    """A line from a box to one before it, or to one beside the order."""

    source: str
    target: str
    key: str


@dataclass(frozen=True)
class Track:
    """The gutters of one line: below the source's row, right of a column where the rows differ, below the target's row.

    first, between, last: the number of its track in each of them.
    """

    source_row: int
    target_row: int
    column: int | None
    first: int = 0
    between: int = 0
    last: int = 0

    def used(self, what: Literal["row", "column"], number: int) -> Iterator[int]:
        """Yield the numbers of the tracks that the line uses in a gutter."""
        if what == "column":
            if self.column == number:
                yield self.between
            return
        if self.source_row == number:
            yield self.first
        if self.column is not None and self.target_row == number:
            yield self.last


class _Stretch(NamedTuple):
    """A straight piece in a gutter: from where to where, both included."""

    first: int
    last: int


class _Gutters:
    """What lies in each gutter already."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], list[list[_Stretch]]] = {}

    def take(self, gutter: tuple[str, int], one: int, other: int) -> int:
        """Take the first track on which nothing lies between `one` and `other`."""
        wanted = _Stretch(min(one, other), max(one, other))
        tracks = self.taken.setdefault(gutter, [])
        for number, track in enumerate(tracks):
            if all(wanted.last < each.first or each.last < wanted.first for each in track):
                track.append(wanted)
                return number
        tracks.append([wanted])
        return len(tracks) - 1


def track_all(backs: Sequence[Back], cells: Mapping[str, Cell]) -> dict[str, Track]:
    """Return the track of each line by its key; short lines lie nearer to the boxes."""
    gutters = _Gutters()
    order = sorted(backs, key=lambda back: (_length(back, cells), back.key))
    return {back.key: _track(back, cells, gutters) for back in order}


def _length(back: Back, cells: Mapping[str, Cell]) -> int:
    return abs(cells[back.source][0] - cells[back.target][0])


def _track(back: Back, cells: Mapping[str, Cell], gutters: _Gutters) -> Track:
    (source, source_row), (target, target_row) = cells[back.source], cells[back.target]
    if source_row == target_row:
        return Track(source_row, target_row, None, first=gutters.take(("row", source_row), source, target))
    column = target if target <= source else target - 1
    return Track(
        source_row, target_row, column,
        first=gutters.take(("row", source_row), source, column),
        between=gutters.take(("column", column), source_row, target_row),
        last=gutters.take(("row", target_row), column, target),
    )  # fmt: skip
