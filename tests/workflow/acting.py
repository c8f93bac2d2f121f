"""Acts by the people of the demo world, each in its own transaction."""

from __future__ import annotations

from services.workflow.acts import approve, submit_plan
from services.workflow.carry_out import Outcome
from tests.world import World

REVIEWER = {"informatics": "equipment-reviewer"}


async def submit(world: World, group: str = "math", **more: object) -> Outcome:
    await world.fill_in(group)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, f"{group}-chief")
        return await submit_plan(tx, by=by, task_id=await world.open_task(tx, group), **more)


REVIEWER = {"informatics": "equipment-reviewer"}


async def guide(world: World, group: str = "math") -> Outcome:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, REVIEWER.get(group, "research-reviewer"))
        return await approve(tx, by=by, task_id=await world.open_task(tx, group))


async def sign(world: World, login: str, actor: str, group: str = "math", **more: object) -> Outcome:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, login)
        return await approve(tx, by=by, task_id=await world.open_task(tx, group, actor), **more)


async def file(world: World, group: str = "math") -> Outcome:
    await submit(world, group)
    await guide(world, group)
    await sign(world, "basic-clerk", "basic-education-office/clerk", group)
    return await sign(world, "finance-clerk", "planning-finance-office/clerk", group)
