"""A case ends under the rules that it began under, whatever is loaded meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from flows import workplace
from flows.annual_filing import annual_filing
from services.adapters import stepping
from services.adapters.stepping import SteppingWaiter
from services.messages.sweep import sweep_all
from services.programmes.load import load_pack
from services.store.transaction import Store
from services.workflow.acts import approve, return_case, submit_plan
from services.workflow.carrying import begin_generation
from services.workflow.season_plan import plan_seasons, season_id_of
from tests.conftest import move_clock
from tests.crash.invariants import broken
from tests.flows.filing import facts, know_cases
from tests.pack_copies import changed_pack
from tests.world import World, local, make_world, plan

pytestmark = pytest.mark.postgres

CHANGES = (
    ("all_of: [basic-education-office/clerk, planning-finance-office/clerk]",
     "all_of: [basic-education-office/head, planning-finance-office/head]"),
    ("tell: [basic-education-office/clerk, planning-finance-office/clerk]",
     "tell: [basic-education-office/head, planning-finance-office/head]"),
    ("    within: 5wd\n", "    within: 2wd\n"),
    ("    within: 10wd\n", "    within: 3wd\n"),
    ("returned: {at_least: 3wd}", "returned: {at_least: 8wd}"),
    ('number: "QJ-{season}-{serial:03d}"', 'number: "NEW-{season}-{serial:04d}"'),
    ("remind: {before: [30d, 14d, 7d, 3d, 1d, 0d]", "remind: {before: [2d]"),
)  # fmt: skip
CLERKS = ("basic-education-office/clerk", "planning-finance-office/clerk")
HEADS = ("basic-education-office/head", "planning-finance-office/head")


async def opened(world: World, key: str) -> UUID:
    """Plan and open a season as the clock and its flow do."""
    async with world.store.transaction() as tx:
        await plan_seasons(tx, world.bureau_id)
        names = {"programme": "qingdao-qiangji", "process": "annual-filing", "key": key}
        season = await season_id_of(tx, world.bureau_id, **names)
        generation = await begin_generation(tx, season, seen=0)
    assert generation is not None
    with workplace.at(world.store, SteppingWaiter()):
        await stepping.step(
            annual_filing.fn, bureau="qd", programme="qingdao-qiangji", season=key, generation=generation
        )
    await know_cases(world, season)
    return season


async def submit(world: World, year: int = 2027) -> None:
    await world.fill_in("math", json.loads(json.dumps(plan()).replace("2027-", f"{year}-")))
    async with world.store.transaction() as tx:
        await submit_plan(tx, by=await world.reader(tx, "math-chief"), task_id=await world.open_task(tx, "math"))


async def approved(world: World, login: str, actor: str | None = None) -> str | None:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, login)
        return (await approve(tx, by=by, task_id=await world.open_task(tx, "math", actor))).number


async def due(world: World) -> list[datetime]:
    rows = await facts(
        world.store, "SELECT due_at FROM task WHERE case_id = $1 AND state = 'open'", world.cases["math"]
    )
    return [row["due_at"].astimezone(UTC) for row in rows]


def midnight(year: int, month: int, day: int) -> datetime:
    """The end of the day before, in Shanghai."""
    return local(year, month, day, 0).astimezone(UTC)


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2027, 1, 18))
    return await make_world(store)


async def test_an_old_case_keeps_its_rules_and_a_new_season_has_the_new_ones(world: World, tmp_path: Path) -> None:
    old = await opened(world, "2027")
    await submit(world)
    newer = changed_pack(tmp_path / "pack", *CHANGES)
    async with world.store.transaction() as tx:
        report = await load_pack(tx, world.bureau_id, newer)
        assert report.new_version
    async with world.store.transaction() as tx:
        await return_case(
            tx, by=await world.reader(tx, "research-reviewer"), task_id=await world.open_task(tx, "math"), to="plan",
            words="The hours are missing.",
        )  # fmt: skip
    await move_clock(world.store, local(2027, 1, 28, 10))
    assert await due(world) == [midnight(2027, 2, 1)]
    await submit(world)
    assert await due(world) == [midnight(2027, 2, 5)], "five workdays, as the old version has it"
    await move_clock(world.store, local(2027, 1, 31))
    await sweep_all(world.store)
    reminded = await facts(
        world.store, "SELECT 1 FROM notification WHERE kind = 'remind' AND at = $1", local(2027, 1, 31)
    )
    assert len(reminded) == 5, "the groups that have not submitted, on the old version's last day"
    assert await approved(world, "research-reviewer") is None
    actors = await facts(
        world.store, "SELECT actor FROM task WHERE case_id = $1 AND state = 'open'", world.cases["math"]
    )
    assert sorted(row["actor"] for row in actors) == sorted(CLERKS)
    assert await approved(world, "basic-clerk", CLERKS[0]) is None
    assert await approved(world, "finance-clerk", CLERKS[1]) == "QJ-2027-001"

    await move_clock(world.store, local(2027, 12, 1))
    new = await opened(world, "2028")
    await submit(world, 2028)
    assert await due(world) == [midnight(2027, 12, 4)], "two workdays"
    assert await approved(world, "research-reviewer") is None
    actors = await facts(
        world.store, "SELECT actor FROM task WHERE case_id = $1 AND state = 'open'", world.cases["math"]
    )
    assert sorted(row["actor"] for row in actors) == sorted(HEADS)
    assert await approved(world, "basic-head", HEADS[0]) is None
    assert await approved(world, "finance-head", HEADS[1]) == "NEW-2028-0001"
    versions = await facts(world.store, "SELECT id, version_id FROM season WHERE id = ANY($1::uuid[])", [old, new])
    assert len({row["version_id"] for row in versions}) == 2
    assert await broken(world.store) == []
