"""Where the boxes and lines of a drawn process stand: pure geometry that knows no kinds of stages.

What is drawn is a tree: boxes one after the other, and forks whose arms lie side by side between a split and a join. It is
placed on a grid. A fork has its columns and rows to itself, so that the gutters between columns and between rows are free of
boxes everywhere; the lines that lead back run in these gutters, each on a track of its own. Everything is worked out along
(`u`, `v`): u is where the process goes, v is across it; at the end that is turned into x and y for either direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from services.process.grid import Arm, Box, Fork, Grid, Part, Step, grid_of
from services.process.tracks import Back, Track, track_all

__all__ = ["Arm", "Back", "Box", "Direction", "Fork", "Layout", "Part", "Placed", "Route", "lay_out", "trunks"]

Direction = Literal["right", "down"]
Point = tuple[float, float]

MARGIN, GAP, INSET, TRACK, EMPTY = 16.0, 36.0, 14.0, 16.0, 100.0
"""Around everything; between two boxes; from a lane's edge to its boxes; between two tracks; a lane without boxes."""
PAD, CLEAR = 8.0, 10.0
"""Between the edges of nested lanes; between a box and the first track below it."""


@dataclass(frozen=True)
class Placed:
    """A rectangle on the page."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """A line from one box to another. arm: the arm that it leads into. back: it leads back; key: which one."""

    source: str
    target: str
    points: tuple[Point, ...]
    arm: str | None = None
    back: bool = False
    key: str = ""


@dataclass(frozen=True)
class Layout:
    """Where everything stands, and how large the whole is."""

    boxes: Mapping[str, Placed]
    lanes: Mapping[str, Placed]
    routes: tuple[Route, ...]
    width: float
    height: float


def lay_out(
    parts: Sequence[Part], backs: Sequence[Back] = (), *, direction: Direction = "right", aside: Box | None = None
) -> Layout:
    """Place everything; the same input gives the same places.

    Args:
        parts: what is drawn, in order.
        backs: the lines that lead back, or to `aside`; those whose ends are not drawn are left out.
        direction: left to right, or top to bottom.
        aside: a box that stands by itself below everything, at the end.
    """
    grid = grid_of(parts, aside)
    known = [back for back in backs if back.source in grid.cells and back.target in grid.cells]
    return _Sheet(grid, track_all(known, grid.cells), direction).layout(known)


@dataclass
class _Sheet:
    """The grid with its sizes."""

    grid: Grid
    tracks: Mapping[str, Track]
    direction: Direction
    columns: list[tuple[float, float]] = field(init=False)
    rows: list[tuple[float, float]] = field(init=False)
    bottoms: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.columns, self.rows, self.bottoms = [], [], []
        self._place_columns()
        self._place_rows()

    # --- sizes --------------------------------------------------------------------------------------------------------

    def _along(self, box: Box) -> float:
        return box.width if self.direction == "right" else box.height

    def _across(self, box: Box) -> float:
        return box.height if self.direction == "right" else box.width

    def _place_columns(self) -> None:
        u = MARGIN
        for column in range(self.grid.columns):
            heads = [lane.arm.head for lane in self.grid.lanes if lane.first_column == column]
            u += max(heads, default=0.0) if self.direction == "down" else 0.0
            sizes = [self._along(box) for box, cell in self.grid.placed() if cell[0] == column]
            size = max(sizes, default=EMPTY if self.direction == "right" else GAP)
            self.columns.append((u, u + size))
            u += size + GAP + self._count("column", column) * TRACK

    def _place_rows(self) -> None:
        v = MARGIN
        for row in range(self.grid.rows):
            rises = [self._rise(index) for index, lane in enumerate(self.grid.lanes) if lane.first_row == row]
            falls = [self._fall(index) for index, lane in enumerate(self.grid.lanes) if lane.last_row == row]
            v += max(rises, default=0.0)
            sizes = [self._across(box) for box, cell in self.grid.placed() if cell[1] == row]
            size = max(sizes, default=EMPTY if self.direction == "down" else GAP)
            self.rows.append((v, v + size))
            v += size + CLEAR + self._count("row", row) * TRACK
            self.bottoms.append(v)
            v += max(falls, default=0.0) + PAD

    def _count(self, what: Literal["row", "column"], number: int) -> int:
        mine = [each for track in self.tracks.values() for each in track.used(what, number)]
        return max(mine, default=-1) + 1

    def _rise(self, index: int) -> float:
        """Return how far a lane's edge lies before the boxes of its first row: beyond the lanes that it holds there."""
        lane = self.grid.lanes[index]
        inner = [self._rise(each) for each in self._held(index) if self.grid.lanes[each].first_row == lane.first_row]
        head = lane.arm.head if self.direction == "right" else 0.0
        return PAD + head + max(inner, default=0.0)

    def _fall(self, index: int) -> float:
        lane = self.grid.lanes[index]
        inner = [self._fall(each) for each in self._held(index) if self.grid.lanes[each].last_row == lane.last_row]
        return PAD / 2 + max(inner, default=0.0)

    def _held(self, index: int) -> Iterator[int]:
        return (number for number, lane in enumerate(self.grid.lanes) if lane.outer == index)

    # --- places -------------------------------------------------------------------------------------------------------

    def layout(self, backs: Sequence[Back]) -> Layout:
        """Return everything placed and turned into x and y."""
        boxes = {box.key: self._rectangle(*self._corners(box)) for box, _ in self.grid.placed()}
        lanes = {lane.arm.key: self._rectangle(*self._lane(index)) for index, lane in enumerate(self.grid.lanes)}
        routes = (*(self._forward(step) for step in self.grid.steps), *(self._back(each, backs) for each in backs))
        corners = [(each.x + each.width, each.y + each.height) for each in (*boxes.values(), *lanes.values())]
        corners += [point for route in routes for point in route.points]
        width, height = (max(values) + MARGIN for values in zip(*corners, strict=True))
        return Layout(boxes, lanes, routes, width, height)

    def _corners(self, box: Box) -> tuple[Point, Point]:
        column, row = self.grid.cells[box.key]
        u, v = sum(self.columns[column]) / 2, sum(self.rows[row]) / 2
        along, across = self._along(box) / 2, self._across(box) / 2
        return (u - along, v - across), (u + along, v + across)

    def _lane(self, index: int) -> tuple[Point, Point]:
        lane = self.grid.lanes[index]
        head = lane.arm.head if self.direction == "down" else 0.0
        first = (self.columns[lane.first_column][0] - INSET - head, self.rows[lane.first_row][0] - self._rise(index))
        return first, (self.columns[lane.last_column][1] + INSET, self.bottoms[lane.last_row] + self._fall(index))

    def _turn(self, point: Point) -> Point:
        return point if self.direction == "right" else (point[1], point[0])

    def _rectangle(self, first: Point, last: Point) -> Placed:
        (x, y), (right, bottom) = self._turn(first), self._turn(last)
        return Placed(x, y, right - x, bottom - y)

    # --- lines --------------------------------------------------------------------------------------------------------

    def _forward(self, step: Step) -> Route:
        """Leave a split on its side for an arm below it, and enter a join from below it."""
        _, (start, bottom) = self._corners(self.grid.box(step.source))
        (end, _), (_, low) = self._corners(self.grid.box(step.target))
        (left, source), (right, target) = self.grid.cells[step.source], self.grid.cells[step.target]
        middle, centre, way = (sum(gap) / 2 for gap in (self.columns[left], self.columns[right], self.rows[step.row]))
        points = [(start, way)] if step.row == source else [(middle, bottom), (middle, way)]
        points += [(end, way)] if step.row == target else [(centre, way), (centre, low)]
        return Route(step.source, step.target, tuple(map(self._turn, points)), arm=step.arm)

    def _back(self, back: Back, backs: Sequence[Back]) -> Route:
        """Leave below the box, run on the tracks, and enter from below."""
        track = self.tracks[back.key]
        start, end = self._port(back, back.source, backs), self._port(back, back.target, backs)
        first = self.rows[track.source_row][1] + CLEAR + track.first * TRACK
        if track.column is None:
            points = [start, (start[0], first), (end[0], first), end]
        else:
            across = self.columns[track.column][1] + INSET + PAD / 2 + track.between * TRACK
            last = self.rows[track.target_row][1] + CLEAR + track.last * TRACK
            points = [start, (start[0], first), (across, first), (across, last), (end[0], last), end]
        return Route(back.source, back.target, tuple(map(self._turn, points)), back=True, key=back.key)

    def _port(self, back: Back, key: str, backs: Sequence[Back]) -> Point:
        """Return where the line meets the box: all that arrive in one point, those that leave evenly after it."""
        box = self.grid.box(key)
        (first, _), (last, bottom) = self._corners(box)
        if box.tip:
            return (first + last) / 2, bottom
        leaving = [each.key for each in backs if each.source == key]
        arrives = any(each.target == key for each in backs)
        number = 1 if back.target == key else leaving.index(back.key) + 1 + arrives
        return first + (last - first) * number / (len(leaving) + arrives + 1), bottom


def trunks(routes: Iterable[Route]) -> list[tuple[Point, Point]]:
    """Return the straight pieces of lines that run together, each piece once: dashes over dashes would look solid."""
    lines: dict[tuple[int, float], list[tuple[float, float]]] = {}
    for route in routes:
        for one, other in pairwise(route.points):
            axis = 0 if one[0] == other[0] else 1
            low, high = sorted((one[1 - axis], other[1 - axis]))
            lines.setdefault((axis, one[axis]), []).append((low, high))
    return [
        ((at, low), (at, high)) if axis == 0 else ((low, at), (high, at))
        for (axis, at), pieces in lines.items()
        for low, high in _united(pieces)
    ]


def _united(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    united: list[tuple[float, float]] = []
    for low, high in sorted(pieces):
        if united and low <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], high))
        else:
            united.append((low, high))
    return united
