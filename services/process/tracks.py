"""On which track of which gutter each line that leads back runs, so that none lies on another but those of one target."""

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
    """A straight piece in a gutter: to which box it leads, from where to where, both included."""

    target: str
    first: int
    last: int

    def bars(self, other: _Stretch) -> bool:
        """Tell whether the other may not lie on the same track; lines to the same box run into each other."""
        return self.target != other.target and self.first <= other.last and other.first <= self.last


class _Gutters:
    """What lies in each gutter already."""

    def __init__(self) -> None:
        self.taken: dict[tuple[str, int], list[list[_Stretch]]] = {}

    def take(self, gutter: tuple[str, int], target: str, *, ends: tuple[int, int]) -> int:
        """Take a track on which nothing else lies between the two ends: one that leads to `target` already, or the first."""
        wanted = _Stretch(target, min(ends), max(ends))
        tracks = self.taken.setdefault(gutter, [])
        free = [number for number, track in enumerate(tracks) if not any(map(wanted.bars, track))]
        shared = [number for number in free if any(each.target == target for each in tracks[number])]
        number = next(iter((*shared, *free)), len(tracks))
        if number == len(tracks):
            tracks.append([])
        tracks[number].append(wanted)
        return number


def track_all(backs: Sequence[Back], cells: Mapping[str, Cell]) -> dict[str, Track]:
    """Return the track of each line by its key; short lines lie nearer to the boxes."""
    gutters = _Gutters()
    order = sorted(backs, key=lambda back: (_length(back, cells), back.key))
    return {back.key: _track(back, cells, gutters) for back in order}


def _length(back: Back, cells: Mapping[str, Cell]) -> int:
    return abs(cells[back.source][0] - cells[back.target][0])


def _track(back: Back, cells: Mapping[str, Cell], gutters: _Gutters) -> Track:
    (source, source_row), (target, target_row) = cells[back.source], cells[back.target]
    row, below, to = ("row", source_row), ("row", target_row), back.target
    if source_row == target_row:
        return Track(source_row, target_row, None, first=gutters.take(row, to, ends=(source, target)))
    column = target if target <= source else target - 1
    return Track(
        source_row, target_row, column,
        first=gutters.take(row, to, ends=(source, column)),
        between=gutters.take(("column", column), to, ends=(source_row, target_row)),
        last=gutters.take(below, to, ends=(column, target)),
    )  # fmt: skip
