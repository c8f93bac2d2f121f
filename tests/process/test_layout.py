"""Boxes never lie on each other, lines meet their boxes and cross none, and the same process is always drawn alike."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.process.bpmn_plan import plan
from services.process.layout import Arm, Back, Box, Fork, Layout, Route, lay_out, trunks
from tests.process_samples import SAMPLES

DIRECTIONS = ("right", "down")


def overlap(one, other) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def on_border(point, box) -> bool:
    x, y = point
    inside = box.x - 0.01 <= x <= box.x + box.width + 0.01 and box.y - 0.01 <= y <= box.y + box.height + 0.01
    edges = (abs(x - box.x), abs(x - box.x - box.width), abs(y - box.y), abs(y - box.y - box.height))
    return inside and min(edges) < 0.01


def crosses(one, other, box) -> bool:
    """Whether a straight piece runs through the inside of a box."""
    left, right = sorted((one[0], other[0]))
    top, bottom = sorted((one[1], other[1]))
    return (
        left < box.x + box.width - 0.01
        and right > box.x + 0.01
        and top < box.y + box.height - 0.01
        and bottom > box.y + 0.01
    )


def lie_on_each_other(one, other) -> bool:
    """Whether two straight pieces have more than a point in common."""
    for axis in (0, 1):
        along = 1 - axis
        if one[0][axis] == one[1][axis] == other[0][axis] == other[1][axis]:
            (a, b), (c, d) = (sorted((piece[0][along], piece[1][along])) for piece in (one, other))
            return min(b, d) - max(a, c) > 0.01
    return False


def check(layout: Layout) -> None:
    boxes = layout.boxes
    assert not [(a, b) for a, b in combinations(boxes, 2) if overlap(boxes[a], boxes[b])]
    for box in (*boxes.values(), *layout.lanes.values()):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= layout.width
        assert box.y + box.height <= layout.height
    for route in layout.routes:
        assert on_border(route.points[0], boxes[route.source]), route
        assert on_border(route.points[-1], boxes[route.target]), route
        for one, other in pairwise(route.points):
            assert one[0] == other[0] or one[1] == other[1], route
            assert not [key for key, box in boxes.items() if crosses(one, other, box)], route
    check_tracks(layout)


def check_tracks(layout: Layout) -> None:
    """Lines back share no piece but the one at a tip, and what leads to the same box."""
    backs = [route for route in layout.routes if route.back]
    for one, other in combinations(backs, 2):
        if one.target == other.target:
            continue
        pieces = ((a, b) for a in list(pairwise(one.points))[1:-1] for b in list(pairwise(other.points))[1:-1])
        assert not [pair for pair in pieces if lie_on_each_other(*pair)], (one, other)


def box(key: str, width: float = 150, height: float = 60, **more) -> Box:
    return Box(key, width, height, **more)


@st.composite
def trees(draw):
    """A tree of boxes and forks, with lines between any of its boxes."""
    names = iter(range(10_000))

    def series(depth: int):
        return tuple(part(depth) for _ in range(draw(st.integers(0 if depth else 1, 3))))

    def part(depth: int):
        name = f"b{next(names)}"
        if depth < 3 and draw(st.booleans()):
            arms = [
                Arm(f"{name} {n}", series(depth + 1), head=draw(st.sampled_from([0, 18])))
                for n in range(draw(st.integers(2, 3)))
            ]
            return Fork(box(f"{name}s", 50, 50, tip=True), tuple(arms), box(f"{name}j", 40, 40, tip=True))
        return box(
            name,
            draw(st.sampled_from([36, 150])),
            draw(st.sampled_from([36, 60, 130])),
            ends=draw(st.integers(0, 9)) == 0,
        )

    parts = series(0)
    keys = sorted(lay_out(parts).boxes)
    pairs = draw(st.lists(st.tuples(st.sampled_from(keys), st.sampled_from(keys)), max_size=6, unique=True))
    return parts, [Back(a, b, f"{a}-{b}") for a, b in pairs if a != b]


@settings(max_examples=60, deadline=None)
@given(trees(), st.sampled_from(DIRECTIONS), st.booleans())
def test_nothing_lies_on_anything_else(tree, direction, with_aside):
    parts, backs = tree
    aside = box("aside", 36, 36, tip=True) if with_aside else None
    layout = lay_out(parts, backs, direction=direction, aside=aside)
    check(layout)
    assert layout == lay_out(parts, backs, direction=direction, aside=aside)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_placed_well(name):
    check(plan(SAMPLES[name]).layout)


def test_arms_lie_side_by_side_between_split_and_join():
    arms = (Arm("a", (box("one"), box("two"))), Arm("b", (box("three"),)))
    layout = lay_out([box("first"), Fork(box("split"), arms, box("join")), box("last")])
    at = layout.boxes
    assert at["one"].y == at["first"].y == at["last"].y
    assert at["three"].y > at["one"].y + at["one"].height
    assert at["one"].x == at["three"].x > at["split"].x
    assert at["join"].x > at["two"].x + at["two"].width
    steps = {(route.source, route.target): route.arm for route in layout.routes}
    assert steps == {
        ("first", "split"): None, ("split", "one"): "a", ("one", "two"): None, ("split", "three"): "b", ("two", "join"): None,
        ("three", "join"): None, ("join", "last"): None,
    }  # fmt: skip


def test_a_lane_holds_its_boxes_and_no_others():
    arms = (Arm("a", (box("one"),), head=20), Arm("b", (), head=20))
    for direction in DIRECTIONS:
        layout = lay_out([Fork(box("split"), arms, box("join"))], direction=direction)
        lane = layout.lanes["a"]
        assert overlap(lane, layout.boxes["one"])
        assert not overlap(lane, layout.lanes["b"])
        assert not [key for key in ("split", "join") if overlap(lane, layout.boxes[key])]
        assert layout.boxes["one"].y - lane.y >= 20


def test_an_arm_that_ends_the_case_does_not_reach_the_join():
    arms = (Arm("a", (box("end", ends=True),)), Arm("b", (box("other"),)))
    layout = lay_out([Fork(box("split"), arms, box("join"))])
    assert [route.source for route in layout.routes if route.target == "join"] == ["other"]
    gone = lay_out([Fork(box("split"), (arms[0], Arm("b", (box("stop", ends=True),))), box("join"))])
    assert "join" not in gone.boxes


def test_downward_is_rightward_turned():
    parts = [box("a", 100, 60), box("b", 100, 60)]
    right, down = (lay_out(parts, direction=direction).boxes for direction in DIRECTIONS)
    assert right["b"].x > right["a"].x + 100
    assert right["b"].y == right["a"].y
    assert down["b"].y > down["a"].y + 60
    assert down["b"].x == down["a"].x


def test_a_line_to_what_is_not_drawn_is_left_out():
    assert not [route for route in lay_out([box("a")], [Back("a", "gone", "x")]).routes if route.back]


def test_lines_to_one_box_run_together_and_each_piece_is_drawn_once():
    row = [box(key) for key in "abcd"]
    layout = lay_out(row, [Back("b", "a", "1"), Back("d", "a", "2"), Back("d", "c", "3")])
    one, two, other = (next(route for route in layout.routes if route.key == key) for key in "123")
    assert one.points[1][1] == two.points[1][1] != other.points[1][1]
    assert one.points[-1] == two.points[-1]
    pieces = trunks([one, two])
    assert not [pair for pair in combinations(pieces, 2) if lie_on_each_other(*pair)]
    assert len(pieces) == 4


def test_pieces_that_touch_are_one():
    routes = [Route("a", "b", ((0, 0), (0, 5), (9, 5))), Route("c", "b", ((4, 0), (4, 5), (20, 5)))]
    assert trunks(routes) == [((0, 0), (0, 5)), ((0, 5), (20, 5)), ((4, 0), (4, 5))]


def test_a_gutter_grows_with_the_lines_in_it():
    """Four lines to four boxes of one column, each from another row, with boxes right behind the gutter."""
    targets, sources = (
        Fork(box(f"{n}s"), tuple(Arm(f"{n} {i}", (box(f"{n}{i}"), box(f"{n}{i}+"))) for i in range(4)), box(f"{n}j"))
        for n in "ab"
    )
    for direction in DIRECTIONS:
        check(lay_out([targets, sources], [Back(f"b{i}", f"a{3 - i}", str(i)) for i in range(4)], direction=direction))
