"""Work lists of substitutes: the tasks of those whom they stand in for, marked, filtered, counted and limited alike."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from services.people.substitutes import Wish, name_substitute
from services.workflow.case_list import CaseFilter, cases_page, task_facts
from services.workflow.queue import QueueFilter, next_task, task_counts, tasks_page
from tests.conftest import move_clock
from tests.statements import counted
from tests.workflow.acting import guide, submit
from tests.world import World, local, make_world, open_filing

pytestmark = pytest.mark.postgres

FIRST, LAST = date(2026, 12, 1), date(2026, 12, 10)
FILING = ("qingdao-qiangji", "annual-filing")
OTHER = ("qingdao-qiangji", "another-process")


async def stand_in(world: World, person: str, substitute: str, **more: object) -> UUID:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, person)
        wish = Wish(by.person_id, world.people[substitute], FIRST, LAST, "出差", **more)
        return await name_substitute(tx, by, wish)


async def limited_to_what_no_case_is_of(world: World, person: str, substitute: str) -> None:
    """A substitution for a process whose cases are none of these; its pack is not loaded, so it is written as it stands."""
    substitution = await stand_in(world, person, substitute)
    async with world.store.transaction() as tx:
        await tx.rows(
            "UPDATE substitution SET processes = jsonb_build_array(jsonb_build_array($2::text, $3::text)) WHERE id = $1",
            (substitution, *OTHER),
        )


async def tasks(world: World, login: str, **chosen: object) -> list[tuple[str, tuple[str, ...]]]:
    async with world.store.transaction() as tx:
        reader, narrowed = await world.reader(tx, login), QueueFilter(**chosen)
        page = await tasks_page(tx, reader, narrowed)
        assert sum((await task_counts(tx, reader, narrowed)).values()) == len(page.rows)
        first = await next_task(tx, reader, narrowed)
        assert first == (page.rows[0] if page.rows else None)
    return sorted((row.group_code, row.on_behalf_of) for row in page.rows)


async def name_of(world: World, login: str) -> str:
    async with world.store.transaction() as tx:
        return (await world.reader(tx, login)).name


async def test_tasks_of_others_stand_beside_ones_own_and_say_whose_they_are(world: World) -> None:
    await stand_in(world, "physics-chief", "math-chief")
    chief = await name_of(world, "physics-chief")
    assert await tasks(world, "math-chief") == [("math", ()), ("physics", (chief,))]
    assert await tasks(world, "math-chief", whose="own") == [("math", ())]
    assert await tasks(world, "math-chief", whose="on-behalf") == [("physics", (chief,))]
    assert await tasks(world, "physics-chief") == [("physics", ())]
    assert await tasks(world, "physics-chief", whose="on-behalf") == []


async def test_they_are_gone_the_day_after(world: World) -> None:
    await stand_in(world, "physics-chief", "math-chief")
    async with world.store.transaction() as tx:
        task = await world.open_task(tx, "physics")
        assert (await task_facts(tx, await world.reader(tx, "math-chief"), task))["id"] == task
    await move_clock(world.store, local(2026, 12, 11, 0))
    assert await tasks(world, "math-chief") == [("math", ())]
    async with world.store.transaction() as tx:
        reader = await world.reader(tx, "math-chief")
        assert [row.group_code for row in (await cases_page(tx, reader, CaseFilter())).rows] == ["math"]


async def test_a_limit_to_processes_holds_for_lists_counts_and_the_next_one(world: World) -> None:
    await stand_in(world, "physics-chief", "math-chief", processes=[FILING])
    await limited_to_what_no_case_is_of(world, "chemistry-chief", "math-chief")
    chief = await name_of(world, "physics-chief")
    assert await tasks(world, "math-chief") == [("math", ()), ("physics", (chief,))]
    assert await tasks(world, "math-chief", whose="on-behalf") == [("physics", (chief,))]
    async with world.store.transaction() as tx:
        reader = await world.reader(tx, "math-chief")
        seen = {row.group_code for row in (await cases_page(tx, reader, CaseFilter())).rows}
    assert seen == {"math", "physics"}


async def test_a_position_of_ones_own_is_ones_own(world: World) -> None:
    await submit(world)
    await guide(world)
    async with world.store.transaction() as tx:
        person = world.people["basic-head"]
        await tx.rows(
            "UPDATE appointment SET position_id = (SELECT id FROM position WHERE code = 'basic-education-office/clerk')"
            " WHERE person_id = $1",
            (person,),
        )
    await limited_to_what_no_case_is_of(world, "basic-clerk", "basic-head")
    assert await tasks(world, "basic-head") == [("math", ())]


async def test_two_limits_on_one_position_are_one_list(world: World) -> None:
    async with world.store.transaction() as tx:
        await tx.rows(
            "UPDATE appointment SET position_id = (SELECT id FROM position WHERE code = 'qingdao-qiangji:math:chief-coach')"
            " WHERE person_id = $1",
            (world.people["math-coach-1"],),
        )
    await limited_to_what_no_case_is_of(world, "math-coach-1", "physics-chief")
    assert await tasks(world, "physics-chief", whose="on-behalf") == []
    await stand_in(world, "math-chief", "physics-chief", processes=[FILING])
    assert await tasks(world, "physics-chief", whose="on-behalf") == [("math", (await name_of(world, "math-chief"),))]


async def test_a_substitute_of_a_substitute_has_none_of_it(world: World) -> None:
    await stand_in(world, "physics-chief", "math-chief")
    await stand_in(world, "math-chief", "sports-clerk")
    assert await tasks(world, "sports-clerk") == [("math", (await name_of(world, "math-chief"),))]


async def test_nothing_of_another_bureau(world: World) -> None:
    other = await open_filing(await make_world(world.store, code="yt"))
    await stand_in(world, "physics-chief", "math-chief")
    assert await tasks(other, "math-chief") == [("math", ())]
    assert [group for group, _ in await tasks(world, "math-chief")] == ["math", "physics"]


async def test_a_page_is_as_many_statements_as_without_substitution(world: World) -> None:
    async def statements() -> int:
        async with world.store.transaction() as tx:
            reader = await world.reader(tx, "math-chief")
            with counted(world.store) as sent:
                await tasks_page(tx, reader)
        return len(sent)

    before = await statements()
    for person in ("physics-chief", "chemistry-chief"):
        await stand_in(world, person, "math-chief", processes=[FILING])
    assert await statements() == before
