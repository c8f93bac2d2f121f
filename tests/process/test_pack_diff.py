"""The difference between two versions of a pack: places by codes, values as they are."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.adapters.packs import read_pack
from services.process.pack_diff import Difference, difference, stages_of
from services.process.pack_places import MISSING, leaves, place_of, read, replaced, steps_of, written

PACK = read_pack(Path(__file__).resolve().parents[2] / "programmes" / "qingdao-qiangji").resolved()
STAGES = "processes/annual-filing/stages"


@pytest.fixture
def newer() -> dict[str, Any]:
    return copy.deepcopy(PACK)


def test_alike_packs_do_not_differ(newer):
    assert difference(PACK, newer) == ()


def test_a_number_is_told_old_and_new_at_its_place(newer):
    newer["processes"][0]["stages"][1]["within"] = "8wd"
    newer["positions"][1]["seats"]["max"] = 6
    newer["settings"]["near_days"] = 10
    assert difference(PACK, newer) == (
        Difference("settings/near_days", "changed", 7, 10),
        Difference("positions/group:coach/seats/max", "changed", 5, 6),
        Difference(f"{STAGES}/guidance/within", "changed", "5wd", "8wd"),
    )


def test_a_stage_put_in_between_changes_no_other_place(newer):
    seal = {"code": "seal", "kind": "sign", "by": "basic-education-office/head"}
    newer["processes"][0]["stages"].insert(1, seal)
    assert difference(PACK, newer) == (Difference(f"{STAGES}/seal", "added", None, seal),)
    assert difference(newer, PACK) == (Difference(f"{STAGES}/seal", "removed", seal, None),)


def test_stages_in_another_order_are_told_once(newer):
    stages = newer["processes"][0]["stages"]
    stages[1], stages[2] = stages[2], stages[1]
    assert difference(PACK, newer) == (
        Difference(STAGES, "moved", ["plan", "guidance", "bureau", "filing"], ["plan", "bureau", "guidance", "filing"]),
    )


def test_a_stage_of_another_kind_is_one_difference(newer):
    stage = {"code": "guidance", "kind": "sign", "by": "guiding-unit/head"}
    newer["processes"][0]["stages"][1] = stage
    (found,) = difference(PACK, newer)
    assert (found.place, found.kind, found.after) == (f"{STAGES}/guidance", "changed", stage)


def test_actors_ladders_and_titles_are_values_of_one_piece(newer):
    stage = newer["processes"][0]["stages"][1]
    stage["by"] = {"any_of": ["guiding-unit/reviewer", "guiding-unit/head"]}
    stage["overdue"][0]["after"] = "2wd"
    stage["title"]["zh"] = "审核"
    assert [found.place for found in difference(PACK, newer)] == [
        f"{STAGES}/guidance/title",
        f"{STAGES}/guidance/overdue",
        f"{STAGES}/guidance/by",
    ]


def test_fields_and_columns_are_found_inside_of_forms(newer):
    rows = newer["forms"][0]["parts"][0]["fields"][0]
    rows["max_rows"] = 60
    rows["columns"].pop()
    assert [(found.place, found.kind) for found in difference(PACK, newer)] == [
        ("forms/annual-plan/parts/goals/fields/items/columns/by", "removed"),
        ("forms/annual-plan/parts/goals/fields/items/max_rows", "changed"),
    ]


def test_what_was_nothing_is_added_and_what_becomes_nothing_is_removed(newer):
    newer["processes"][0]["stages"][0]["close"] = None
    newer["calendar"]["years"] = [{"year": 2027, "document": "x", "days": []}]
    assert [(found.place, found.kind) for found in difference(PACK, newer)] == [
        (f"{STAGES}/plan/close", "removed"),
        ("calendar/years", "added"),
    ]
    assert difference({"a": None, "b": 1}, {"b": 1}) == difference({"b": 1}, {"a": [], "b": 1}) == ()


def test_stages_inside_of_stages_are_found(newer):
    nested = {
        "code": "both",
        "kind": "parallel",
        "branches": [{"code": "one", "stages": [{"code": "x", "kind": "sign"}]}],
    }
    newer["processes"][0]["stages"].insert(1, nested)
    assert list(stages_of(newer["processes"][0])) == ["plan", "both", "x", "guidance", "bureau", "filing"]
    other = copy.deepcopy(newer)
    other["processes"][0]["stages"][1]["branches"][0]["stages"][0]["within"] = "1wd"
    (found,) = difference(newer, other)
    assert found.place == f"{STAGES}/both/branches/one/stages/x/within"


def test_every_value_is_read_and_replaced_at_its_own_place():
    places = [written(steps) for steps, _ in leaves(PACK)]
    assert len(places) == len(set(places)) > 400
    for steps, value in leaves(PACK):
        assert read(PACK, written(steps)) == value
    changed = replaced(PACK, f"{STAGES}/guidance/within", "8wd")
    assert (read(changed, f"{STAGES}/guidance/within"), read(PACK, f"{STAGES}/guidance/within")) == ("8wd", "5wd")


def test_a_place_that_is_not_there_is_missing():
    assert read(PACK, f"{STAGES}/nowhere/within") is MISSING
    assert read(PACK, f"{STAGES}/plan/due/at/more") is MISSING
    with pytest.raises(KeyError):
        replaced(PACK, f"{STAGES}/nowhere/within", "1wd")


def test_a_mistake_is_told_at_the_code_of_its_item_and_tags_are_passed_over():
    assert place_of(PACK, ("processes", 0, "stages", 1, "approve", "within")) == f"{STAGES}/guidance/within"
    assert place_of(PACK, ("processes", 0, "stages", 2, "by", "all_of", 1)) == f"{STAGES}/bureau/by"
    assert place_of(PACK, ("positions", 1, "group", "seats", "max")) == "positions/group:coach/seats/max"


@given(st.lists(st.text("ab/~", min_size=1), min_size=1, max_size=4))
def test_a_written_place_reads_back(steps):
    assert steps_of(written(tuple(steps))) == tuple(steps)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["5wd", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "by", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_two_documents_differ_exactly_where_something_is_told(one, other):
    found = difference({"a": one}, {"a": other})
    empty = (None, [], {})
    if one == other:
        assert found == ()
    elif not found:
        assert _bare(one) == _bare(other) or (one in empty and other in empty)


def _bare(value: Any) -> Any:
    """A value without what is nothing: leaving it out and writing it is the same."""
    if isinstance(value, dict):
        return {key: bare for key, each in value.items() if (bare := _bare(each)) not in (None, [], {})}
    return [_bare(each) for each in value] if isinstance(value, list) else value
