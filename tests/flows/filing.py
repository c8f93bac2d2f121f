"""What people do in the tests of seasons."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from models.programme import Season
from services.store.transaction import Store
from services.workflow.acts import approve, submit_plan
from services.workflow.administering import end_case
from services.workflow.season_plan import plan_seasons, season_id_of
from tests.world import GROUPS, World


async def plan_2027(world: World) -> UUID:
    """Plan the bureau's seasons; return the id of 2027's annual filing."""
    async with world.store.transaction() as tx:
        await plan_seasons(tx, world.bureau_id)
        return await season_id_of(tx, world.bureau_id, programme="qingdao-qiangji", process="annual-filing", key="2027")


async def know_cases(world: World, season_id: UUID) -> None:
    """Let the world know the cases that the season has opened."""
    async with world.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT g.code, c.id FROM cases c JOIN project_group g ON g.id = c.group_id WHERE c.season_id = $1",
            (season_id,),
        )
    world.cases = {row["code"]: row["id"] for row in rows}


async def submit(world: World, group: str) -> None:
    await world.fill_in(group)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, f"{group}-chief")
        await submit_plan(tx, by=by, task_id=await world.open_task(tx, group))


async def file(world: World, group: str) -> None:
    """Submit the group's plan and approve it to the end."""
    await submit(world, group)
    reviewer = "equipment-reviewer" if group == "informatics" else "research-reviewer"
    signers = [(reviewer, None), ("basic-clerk", "basic-education-office/clerk")]
    for login, actor in [*signers, ("finance-clerk", "planning-finance-office/clerk")]:
        async with world.store.transaction() as tx:
            by = await world.reader(tx, login)
            await approve(tx, by=by, task_id=await world.open_task(tx, group, actor))


async def end(world: World, group: str) -> None:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "administrator")
        await end_case(tx, by=by, case_id=world.cases[group], words="The group was dissolved.")


async def close_all(world: World, *, but: tuple[str, ...] = ()) -> None:
    for group in GROUPS:
        if group not in but:
            await file(world, group)


async def season_row(store: Store, season_id: UUID) -> Season:
    async with store.transaction() as tx:
        return await tx.session.get_one(Season, season_id)


async def facts(store: Store, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    async with store.transaction() as tx:
        return [dict(row) for row in await tx.rows(statement, parameters)]
