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


Gutter = tuple[Literal["row", "column"], int]


class _Stretch(NamedTuple):
    """A piece of a gutter that all lines to one box use together: from where to where, both included."""

    first: int
    last: int

    def with_(self, other: _Stretch) -> _Stretch:
        """Return the piece that holds both."""
        return _Stretch(min(self.first, other.first), max(self.last, other.last))

    def meets(self, other: _Stretch) -> bool:
        """Tell whether the two have something in common."""
        return self.first <= other.last and other.first <= self.last


def track_all(backs: Sequence[Back], cells: Mapping[str, Cell]) -> dict[str, Track]:
    """Return the track of each line by its key. Lines to one box run together; short pieces lie nearer to the boxes."""
    used: dict[tuple[Gutter, str], _Stretch] = {}
    for back in backs:
        for gutter, one, other in _pieces(back, cells):
            stretch, key = _Stretch(min(one, other), max(one, other)), (gutter, back.target)
            used[key] = used[key].with_(stretch) if key in used else stretch
    numbers = _numbers(used)
    return {back.key: _track(back, cells, numbers) for back in backs}


def _numbers(used: Mapping[tuple[Gutter, str], _Stretch]) -> dict[tuple[Gutter, str], int]:
    """Return for each box and gutter the first track on which nothing else lies."""
    taken: dict[Gutter, list[list[_Stretch]]] = {}
    numbers: dict[tuple[Gutter, str], int] = {}
    for key in sorted(used, key=lambda each: (used[each].last - used[each].first, each)):
        tracks, wanted = taken.setdefault(key[0], []), used[key]
        free = (number for number, track in enumerate(tracks) if not any(map(wanted.meets, track)))
        numbers[key] = next(free, len(tracks))
        if numbers[key] == len(tracks):
            tracks.append([])
        tracks[numbers[key]].append(wanted)
    return numbers


def _column(back: Back, cells: Mapping[str, Cell]) -> int | None:
    """Return the column right of which a line goes from row to row, or None where it stays in one."""
    (source, source_row), (target, target_row) = cells[back.source], cells[back.target]
    if source_row == target_row:
        return None
    return target if target <= source else target - 1


def _pieces(back: Back, cells: Mapping[str, Cell]) -> Iterator[tuple[Gutter, int, int]]:
    """Yield the pieces of a line: the gutter, from where, to where."""
    (source, source_row), (target, target_row) = cells[back.source], cells[back.target]
    column = _column(back, cells)
    if column is None:
        yield ("row", source_row), source, target
        return
    yield ("row", source_row), source, column
    yield ("column", column), source_row, target_row
    yield ("row", target_row), column, target


def _track(back: Back, cells: Mapping[str, Cell], numbers: Mapping[tuple[Gutter, str], int]) -> Track:
    source_row, target_row, column = cells[back.source][1], cells[back.target][1], _column(back, cells)
    first = numbers[("row", source_row), back.target]
    if column is None:
        return Track(source_row, target_row, None, first=first)
    between, last = numbers[("column", column), back.target], numbers[("row", target_row), back.target]
    return Track(source_row, target_row, column, first, between, last)
