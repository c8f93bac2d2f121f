"""Putting a task off: out of one's own list until a day, and of nobody else's; reminders and dates know nothing of it."""

from __future__ import annotations

from datetime import date

import pytest

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.people.access import Reader
from services.store.transaction import Tx
from services.workflow.queue import QueueFilter, tasks_page
from services.workflow.snoozing import MOST, snooze, snoozed_until, wake
from tests.conftest import move_clock
from tests.workflow.acting import submit
from tests.workflow.beside import CLERK, REVIEWER, events, facts
from tests.world import World, local

pytestmark = pytest.mark.postgres
TO_DO, PUT_OFF = QueueFilter(), QueueFilter(snoozed=True)


async def listed(tx: Tx, by: Reader, chosen: QueueFilter) -> tuple[list[str], int]:
    page = await tasks_page(tx, by, chosen)
    return [row.group_code for row in page.rows], sum(page.counts.values())


async def put_off(world: World, until: date, *, login: str = REVIEWER, group: str = "math") -> None:
    async with world.store.transaction() as tx:
        by, task_id = await world.reader(tx, login), await world.open_task(tx, group)
        await snooze(tx, by=by, task_id=task_id, until=until)


async def test_it_leaves_the_list_until_the_day_and_comes_back_by_itself(world: World) -> None:
    await submit(world, "math")
    await submit(world, "physics")
    before = await facts(world)
    await put_off(world, date(2026, 12, 4))
    async with world.store.transaction() as tx:
        reviewer = await world.reader(tx, REVIEWER)
        assert await listed(tx, reviewer, TO_DO) == (["physics"], 1)
        assert await listed(tx, reviewer, PUT_OFF) == (["math"], 1)
        assert (await events(tx, world.cases["math"]))[-1] == "snoozed"
    assert await facts(world) == before
    await move_clock(world.store, local(2026, 12, 4, 0, 0))
    async with world.store.transaction() as tx:
        assert await listed(tx, reviewer, TO_DO) == (["math", "physics"], 2)
        assert await listed(tx, reviewer, PUT_OFF) == ([], 0)
        assert await snoozed_until(tx, by=reviewer, task_id=await world.open_task(tx, "math")) is None


async def test_another_holder_of_the_position_sees_it_still(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        await tx.rows(
            "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)"
            " SELECT $1, a.bureau_id, a.position_id, $2, a.starts_on, a.created_at FROM appointment a WHERE a.person_id = $3",
            (tx.new_id(), world.people["sports-clerk"], world.people[REVIEWER]),
        )
    await put_off(world, date(2026, 12, 4))
    async with world.store.transaction() as tx:
        assert await listed(tx, await world.reader(tx, "sports-clerk"), TO_DO) == (["math"], 1)


async def test_it_is_undone(world: World) -> None:
    await submit(world)
    await put_off(world, date(2026, 12, 4))
    async with world.store.transaction() as tx:
        reviewer, task_id = await world.reader(tx, REVIEWER), await world.open_task(tx, "math")
        await wake(tx, by=reviewer, task_id=task_id)
        assert await listed(tx, reviewer, TO_DO) == (["math"], 1)
        assert (await events(tx, world.cases["math"]))[-1] == "woken"
        with pytest.raises(NotFoundError):
            await wake(tx, by=reviewer, task_id=task_id)


async def test_never_beyond_the_due_date_and_never_for_another(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        (task,) = await tx.rows("SELECT due_at FROM task WHERE id = $1", (await world.open_task(tx, "math"),))
    due_day = date(2026, 12, 8)
    assert task["due_at"] == local(2026, 12, 9, 0)
    for day in (date(2026, 12, 1), date(2026, 11, 30), date(2026, 12, 9), date(2030, 1, 1)):
        with pytest.raises(InvalidInputError):
            await put_off(world, day)
    await put_off(world, due_day)
    with pytest.raises(ForbiddenError):
        await put_off(world, date(2026, 12, 4), login=CLERK)


async def test_a_task_whose_due_date_came_nearer_is_shown(world: World) -> None:
    await submit(world)
    await put_off(world, date(2026, 12, 8))
    async with world.store.transaction() as tx:
        reviewer, task_id = await world.reader(tx, REVIEWER), await world.open_task(tx, "math")
        await tx.rows("UPDATE task SET due_at = $2, due_sort = $2 WHERE id = $1", (task_id, local(2026, 12, 1, 8)))
        assert await listed(tx, reviewer, TO_DO) == (["math"], 1)


async def test_only_so_many_are_put_off_at_once(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        reviewer, task_id = await world.reader(tx, REVIEWER), await world.open_task(tx, "math")
        for _ in range(MOST):
            await tx.rows(
                "INSERT INTO snooze (id, bureau_id, person_id, task_id, until, at) VALUES ($1, $2, $3, $4, $5, $6)",
                (tx.new_id(), world.bureau_id, reviewer.person_id, tx.new_id(), local(2027, 1, 1), tx.now),
            )
        with pytest.raises(InvalidInputError):
            await snooze(tx, by=reviewer, task_id=task_id, until=date(2026, 12, 4))
