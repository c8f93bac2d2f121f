"""Boxes and forks on a grid: who stands in which column and row, and which step leads where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Cell = tuple[int, int]
"""Column and row."""


@dataclass(frozen=True)
class Box:
    """What is placed. tip: lines from below meet it in one point. ends: nothing follows it."""

    key: str
    width: float
    height: float
    tip: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Arm:
    """One of the paths of a fork. head: how much room its title takes."""

    key: str
    parts: tuple[Part, ...] = ()
    head: float = 0.0


@dataclass(frozen=True)
class Fork:
    """Arms side by side between a split and a join."""

    opens: Box
    arms: tuple[Arm, ...]
    closes: Box


Part = Box | Fork


@dataclass(frozen=True)
class Lane:
    """The columns and rows of an arm, the last ones included. outer: the number of the lane around its fork."""

    arm: Arm
    first_column: int
    last_column: int
    first_row: int
    last_row: int
    outer: int | None


@dataclass(frozen=True)
class Step:
    """From one box to the next. row: where the line runs between them. arm: the arm that it leads into."""

    source: str
    target: str
    row: int
    arm: str | None


@dataclass(frozen=True)
class _End:
    """A line that is still to be drawn to whatever comes next."""

    source: str
    row: int
    arm: str | None = None


@dataclass
class Grid:
    """What stands where. A join that no arm reaches is not placed."""

    cells: dict[str, Cell] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return max((*(cell[0] for cell in self.cells.values()), *(lane.last_column for lane in self.lanes))) + 1

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return max((*(cell[1] for cell in self.cells.values()), *(lane.last_row for lane in self.lanes))) + 1

    def box(self, key: str) -> Box:
        """Return the box with this key."""
        return self.boxes[key]

    def placed(self) -> Iterator[tuple[Box, Cell]]:
        """Yield every box with its cell."""
        return ((box, self.cells[key]) for key, box in self.boxes.items())

    def put(self, box: Box, cell: Cell, ends: Sequence[_End]) -> list[_End]:
        """Place a box, lead what is open to it, and return what it leaves open."""
        self.cells[box.key], self.boxes[box.key] = cell, box
        self.steps += [Step(end.source, box.key, end.row, end.arm) for end in ends]
        return [] if box.ends else [_End(box.key, cell[1])]


def grid_of(parts: Sequence[Part], aside: Box | None = None) -> Grid:
    """Return the parts on a grid: in order along the first row, the further arms of a fork in the rows below.

    Args:
        parts: at least one.
        aside: a box that no step leads to: below everything, in the last column.
    """
    grid = Grid()
    _series(grid, parts, (0, 0), ends=[], outer=None)
    if aside is not None:
        grid.put(aside, (grid.columns - 1, grid.rows), [])
    return grid


def _series(
    grid: Grid, parts: Sequence[Part], start: Cell, *, ends: list[_End], outer: int | None
) -> tuple[Cell, list[_End]]:
    """Place parts from `start` on; return the first free column, the first free row, and what is open at the end."""
    column, row = start
    below = row + 1
    for part in parts:
        if isinstance(part, Fork):
            (column, under), ends = _fork(grid, part, (column, row), ends=ends, outer=outer)
            below = max(below, under)
        else:
            ends = grid.put(part, (column, row), ends)
            column += 1
    return (column, below), ends


def _fork(grid: Grid, fork: Fork, cell: Cell, *, ends: list[_End], outer: int | None) -> tuple[Cell, list[_End]]:
    column, row = cell
    grid.put(fork.opens, cell, ends)
    first, below, widest = column + 1, row, column + 2
    open_ends: list[_End] = []
    numbers = []
    for arm in fork.arms:
        number = len(grid.lanes)
        numbers.append(number)
        grid.lanes.append(Lane(arm, first, first, below, below, outer))
        inside = [_End(fork.opens.key, below, arm.key)]
        (after, under), left = _series(grid, arm.parts, (first, below), ends=inside, outer=number)
        grid.lanes[number] = Lane(arm, first, after - 1, below, under - 1, outer)
        open_ends += left
        below, widest = under, max(widest, after)
    for number in numbers:
        lane = grid.lanes[number]
        grid.lanes[number] = Lane(lane.arm, first, widest - 1, lane.first_row, lane.last_row, outer)
    if not open_ends:
        return (widest, below), []
    return (widest + 1, below), grid.put(fork.closes, (widest, row), open_ends)
