"""An opinion kept for later: restored to who typed it, shown to nobody else, gone with the decision."""

from __future__ import annotations

import pytest

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from services.workflow.acts import return_case
from services.workflow.housekeeping import clear_away
from services.workflow.opinions import keep_opinion, opinion_of, read_opinion
from tests.workflow.acting import guide, sign, submit
from tests.workflow.beside import CLERK, FINANCE, OUTSIDER, REVIEWER, events
from tests.world import World

pytestmark = pytest.mark.postgres


async def kept(world: World, login: str, words: str, *, actor: str | None = None) -> None:
    async with world.store.transaction() as tx:
        by, task_id = await world.reader(tx, login), await world.open_task(tx, "math", actor)
        await keep_opinion(tx, by=by, task_id=task_id, words=words)


async def test_it_is_kept_per_person_and_task_and_changed(world: World) -> None:
    await submit(world)
    await kept(world, REVIEWER, "预算")
    await kept(world, REVIEWER, "预算偏高")
    async with world.store.transaction() as tx:
        reviewer, task_id = await world.reader(tx, REVIEWER), await world.open_task(tx, "math")
        assert await read_opinion(tx, by=reviewer, task_id=task_id) == "预算偏高"
        for login, error in ((CLERK, ForbiddenError), ("math-chief", ForbiddenError), (OUTSIDER, NotFoundError)):
            with pytest.raises(error):
                await read_opinion(tx, by=await world.reader(tx, login), task_id=task_id)
        assert set(await events(tx, world.cases["math"])) == {"start", "submit"}
    await kept(world, REVIEWER, " ")
    async with world.store.transaction() as tx:
        assert await opinion_of(tx, by=reviewer, task_id=task_id) == ""
    with pytest.raises(InvalidInputError):
        await kept(world, REVIEWER, "x" * 4001)
    with pytest.raises(ForbiddenError):
        await kept(world, CLERK, "x")


@pytest.mark.parametrize("returns", [False, True])
async def test_the_decision_drops_it(world: World, returns: bool) -> None:  # noqa: FBT001 - a table's column
    await submit(world)
    await kept(world, REVIEWER, "x")
    async with world.store.transaction() as tx:
        task_id = await world.open_task(tx, "math")
        if returns:
            await return_case(tx, by=await world.reader(tx, REVIEWER), task_id=task_id, to="plan", words="y")
    if not returns:
        await guide(world)
    async with world.store.transaction() as tx:
        assert await tx.rows("SELECT 1 FROM opinion") == []
        with pytest.raises(IllegalTransitionError):
            await keep_opinion(tx, by=await world.reader(tx, REVIEWER), task_id=task_id, words="x")


async def test_another_offices_opinion_stays_while_its_task_is_open(world: World) -> None:
    await submit(world)
    await guide(world)
    await kept(world, CLERK, "a", actor="basic-education-office/clerk")
    await kept(world, FINANCE, "b", actor="planning-finance-office/clerk")
    await sign(world, CLERK, "basic-education-office/clerk")
    async with world.store.transaction() as tx:
        assert [row["words"] for row in await tx.rows("SELECT words FROM opinion")] == ["b"]


async def test_what_was_kept_while_its_task_ended_is_cleared_away(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        task_id = await world.open_task(tx, "math")
    await guide(world)
    async with world.store.transaction() as tx:
        await tx.rows(
            "INSERT INTO opinion (id, bureau_id, task_id, person_id, words, saved_at) VALUES ($1, $2, $3, $4, 'x', $5)",
            (tx.new_id(), world.bureau_id, task_id, world.people[REVIEWER], tx.now),
        )
        await clear_away(tx)
        assert await tx.rows("SELECT 1 FROM opinion") == []
