"""A season opens cases for the groups of its version, whatever groups older versions left behind."""

from __future__ import annotations

from typing import Any

import pytest

from services.process.packs import Pack
from services.programmes.load import load_pack
from services.store.transaction import Store
from services.workflow.carrying import begin_generation
from services.workflow.seasons import open_season
from tests.conftest import move_clock
from tests.flows.filing import facts, plan_2027
from tests.world import GROUPS, World, local, make_world, qingdao

pytestmark = pytest.mark.postgres


def without_humanities() -> dict[str, Any]:
    resolved = qingdao().resolved()
    resolved["groups"] = [group for group in resolved["groups"] if group["code"] != "humanities"]
    return resolved


async def opened(store: Store, newer: dict[str, Any]) -> World:
    """Load the pack, then a newer version of it, and open a season under that."""
    await move_clock(store, local(2026, 12, 1))
    world = await make_world(store)
    async with store.transaction() as tx:
        await load_pack(tx, world.bureau_id, Pack.model_validate(newer))
    season_id = await plan_2027(world)
    async with store.transaction() as tx:
        generation = await begin_generation(tx, season_id, seen=0)
        assert generation is not None
        await open_season(tx, season_id, generation)
    return world


async def groups_with_a_case(store: Store) -> set[str]:
    rows = await facts(store, "SELECT g.code FROM cases c JOIN project_group g ON g.id = c.group_id")
    return {row["code"] for row in rows}


async def test_a_group_that_the_version_no_longer_names_gets_no_case(store: Store) -> None:
    await opened(store, without_humanities())
    assert await groups_with_a_case(store) == set(GROUPS) - {"humanities"}


async def test_a_group_of_yesterday_does_not_keep_the_season_from_opening(store: Store) -> None:
    newer = without_humanities()
    title = {"zh": "秘书", "en": "Secretary"}
    newer["positions"].append({"role": "secretary", "at": "group", "title": title, "seats": {"min": 1, "max": None}})
    newer["processes"][0]["stages"][-1]["notify"].append("secretary")
    await opened(store, newer)
    assert await groups_with_a_case(store) == set(GROUPS) - {"humanities"}
