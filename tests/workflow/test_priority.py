"""Priority: who gives it, whom it tells, and that lists go by due date all the same."""

from __future__ import annotations

import pytest

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError
from services.workflow.cases import case_view
from services.workflow.priority import give_priority
from services.workflow.queue import QueueFilter, tasks_page
from services.workflow.timeline import timeline_page
from tests.workflow.acting import file, guide, submit
from tests.workflow.beside import CLERK, FINANCE, REVIEWER, events, facts
from tests.world import World, told

pytestmark = pytest.mark.postgres


async def given(world: World, login: str, priority: str, *, group: str = "math", words: str = "下周开会") -> None:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, login)
        await give_priority(tx, by=by, case_id=world.cases[group], priority=priority, words=words)


async def test_it_is_given_with_a_reason_told_and_given_back(world: World) -> None:
    await submit(world)
    before = await facts(world)
    await given(world, CLERK, "urgent")
    async with world.store.transaction() as tx:
        reviewer = await world.reader(tx, REVIEWER)
        assert (await case_view(tx, reviewer, world.cases["math"])).priority == "urgent"
        newest = (await timeline_page(tx, reviewer, world.cases["math"])).entries[0]
        assert (newest.kind, newest.priority, newest.words) == ("priority", "urgent", "下周开会")
        assert (await events(tx, world.cases["math"]))[-1] == "priority-given"
    assert await told(world.store, kind="priority-given") == [("priority-given", world.people[REVIEWER])]
    with pytest.raises(InvalidInputError):
        await given(world, CLERK, "urgent")
    with pytest.raises(InvalidInputError):
        await given(world, CLERK, "high", words=" ")
    await given(world, CLERK, "normal")
    async with world.store.transaction() as tx:
        assert (await case_view(tx, reviewer, world.cases["math"])).priority == "normal"
    assert await facts(world) == before


@pytest.mark.parametrize(
    ("login", "may"),
    [
        ("administrator", True), (CLERK, True), (FINANCE, True), ("basic-head", True), ("finance-head", False),
        (REVIEWER, False), ("math-chief", False), ("school-1-office", False),
    ],
)  # fmt: skip
async def test_who_gives_it(world: World, login: str, may: bool) -> None:  # noqa: FBT001 - a table's column
    await submit(world)
    if may:
        await given(world, login, "high")
        return
    with pytest.raises(ForbiddenError):
        await given(world, login, "high")


async def test_a_closed_case_gets_none_and_an_act_keeps_it(world: World) -> None:
    await submit(world)
    await given(world, CLERK, "high")
    await guide(world)
    async with world.store.transaction() as tx:
        clerk = await world.reader(tx, CLERK)
        assert (await case_view(tx, clerk, world.cases["math"])).priority == "high"
    await file(world, "physics")
    with pytest.raises(IllegalTransitionError):
        await given(world, CLERK, "high", group="physics")


async def test_the_queue_is_narrowed_by_it_and_sorted_by_due_date(world: World) -> None:
    for group in ("math", "physics", "biology"):
        await submit(world, group)
    await given(world, CLERK, "urgent", group="physics")
    await given(world, CLERK, "high", group="biology")
    async with world.store.transaction() as tx:
        reviewer = await world.reader(tx, REVIEWER)
        every = (await tasks_page(tx, reviewer)).rows
        assert [row.due_sort for row in every] == sorted(row.due_sort for row in every)
        assert {row.group_code: row.priority for row in every} == {
            "math": "normal",
            "physics": "urgent",
            "biology": "high",
        }
        for priority, group in (("urgent", "physics"), ("high", "biology"), ("normal", "math")):
            page = await tasks_page(tx, reviewer, QueueFilter(priority=priority))
            assert [row.group_code for row in page.rows] == [group]
            assert sum(page.counts.values()) == 1
