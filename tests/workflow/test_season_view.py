"""The season's page: who has filed, who is late, where cases stand, what the chat group is told."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from services.errors import ForbiddenError, NotFoundError
from services.process.lights import Light
from services.store.transaction import Store
from services.workflow.carrying import begin_generation
from services.workflow.season_view import SeasonOverview, season_overview, seasons_page
from services.workflow.seasons import open_season
from tests.conftest import move_clock
from tests.flows.filing import end, facts, file, know_cases, plan_2027, submit
from tests.statements import counted
from tests.world import World, local, make_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await make_world(store)


@pytest.fixture
async def season_id(world: World) -> UUID:
    season_id = await plan_2027(world)
    async with world.store.transaction() as tx:
        await begin_generation(tx, season_id, seen=0)
        await open_season(tx, season_id, 1)
    await know_cases(world, season_id)
    return season_id


async def overview(world: World, season_id: UUID, login: str = "basic-clerk") -> SeasonOverview:
    async with world.store.transaction() as tx:
        return await season_overview(tx, await world.reader(tx, login), season_id)


async def test_the_page_says_who_has_filed_and_who_is_late(world: World, season_id: UUID) -> None:
    await file(world, "math")
    await submit(world, "biology")
    await end(world, "humanities")
    await move_clock(world.store, local(2027, 2, 3))
    await file(world, "chemistry")
    page = await overview(world, season_id)
    assert page.counts == {
        "cases": 6, "open": 3, "filed": 2, "ended": 1, "late": 1, "missing": 2, "overdue": 2,
    }  # fmt: skip
    lights = {group.code: group.light for group in page.groups}
    assert lights == {
        "math": Light.DONE, "chemistry": Light.DONE_LATE, "humanities": Light.NONE, "biology": Light.RED,
        "physics": Light.RED, "informatics": Light.RED,
    }  # fmt: skip
    assert [(stage.code, stage.cases) for stage in page.stages] == [
        ("plan", 2), ("guidance", 1), ("bureau", 0), ("filed", 2), ("ended", 1),
    ]  # fmt: skip
    assert [(day.day, day.filed, day.total) for day in page.filed_by_day] == [
        (date(2026, 12, 1), 1, 1), (date(2027, 2, 3), 1, 2),
    ]  # fmt: skip


async def test_the_chat_text_lists_late_groups_with_their_schools_and_no_person(world: World, season_id: UUID) -> None:
    assert (await overview(world, season_id)).chat == {"zh": "", "en": ""}
    for group in ("math", "biology", "chemistry", "humanities"):
        await submit(world, group)
    await move_clock(world.store, local(2027, 2, 1))
    page = await overview(world, season_id)
    late = {group.code: group for group in page.groups if group.overdue}
    assert set(late) == {"physics", "informatics"}
    lines = page.chat["zh"].splitlines()
    assert lines[0] == "2027 年度项目实施方案备案应于1月31日周日前完成提报，以下项目组尚未提报："
    unit = late["informatics"].unit
    assert unit is not None
    assert lines[1] == f"1. {late['informatics'].title.zh}（{unit.zh}）"
    assert page.chat["en"].splitlines()[0] == (
        "Annual plan filing 2027 was due on Sun 31 Jan. Nothing has been submitted yet by:"
    )
    people = await facts(world.store, "SELECT name FROM person")
    assert not [person for person in people if person["name"] in "".join(page.chat.values())]


async def test_positions_that_nobody_holds_are_named(world: World, season_id: UUID) -> None:
    assert (await overview(world, season_id)).vacancies == ()
    await facts(
        world.store, "UPDATE appointment SET ends_on = '2026-11-30' WHERE person_id = $1", world.people["physics-chief"]
    )
    (vacancy,) = (await overview(world, season_id)).vacancies
    assert vacancy.code == "qingdao-qiangji:physics:chief-coach"


async def test_a_reviewer_sees_the_groups_that_are_theirs(world: World, season_id: UUID) -> None:
    page = await overview(world, season_id, "equipment-reviewer")
    assert [group.code for group in page.groups] == ["informatics"]
    async with world.store.transaction() as tx:
        (row, *_) = [
            season for season in await seasons_page(tx, await world.reader(tx, "equipment-reviewer"))
            if season.id == season_id
        ]  # fmt: skip
    assert (row.cases, row.filed, row.title.en) == (1, 0, "Annual plan filing")


async def test_a_coach_and_another_bureau_see_no_season(world: World, season_id: UUID) -> None:
    with pytest.raises(ForbiddenError):
        await overview(world, season_id, "math-chief")
    other = await make_world(world.store, code="other")
    with pytest.raises(NotFoundError):
        await overview(other, season_id)
    async with world.store.transaction() as tx:
        assert await seasons_page(tx, await other.reader(tx, "basic-clerk")) == ()


async def test_the_page_costs_the_same_with_one_case_and_with_six(world: World, season_id: UUID) -> None:
    await overview(world, season_id)
    with counted(world.store) as six:
        await overview(world, season_id)
    with counted(world.store) as one:
        await overview(world, season_id, "equipment-reviewer")
    assert len(six) == len(one)
