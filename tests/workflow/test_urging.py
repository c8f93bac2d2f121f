"""Urging: who may, how often, whom it tells, and two at once."""

from __future__ import annotations

import asyncio

import pytest

from services.errors import ForbiddenError, IllegalTransitionError, NotFoundError
from services.people.access import reader_for
from services.web.errors import words as said
from services.workflow.timeline import timeline_page
from services.workflow.urging import UrgedError, urge
from tests.conftest import move_clock
from tests.workflow.acting import guide, submit
from tests.workflow.beside import CLERK, FINANCE, OUTSIDER, REVIEWER, events, facts
from tests.world import World, local, make_world, open_filing, told

pytestmark = pytest.mark.postgres


async def urged(world: World, login: str, *, task_id=None, actor: str | None = None, words: str = ""):
    async with world.store.transaction() as tx:
        task = task_id or await world.open_task(tx, "math", actor)
        return await urge(tx, by=await world.reader(tx, login), task_id=task, words=words)


async def test_urging_tells_the_holders_and_moves_nothing(world: World) -> None:
    await submit(world)
    before = await facts(world)
    done = await urged(world, "math-chief", words="下周开班")
    assert done.told == 1
    assert await told(world.store, kind="urged") == [("urged", world.people[REVIEWER])]
    assert await facts(world) == before
    async with world.store.transaction() as tx:
        chief = await world.reader(tx, "math-chief")
        newest = (await timeline_page(tx, chief, world.cases["math"])).entries[0]
        assert (newest.kind, newest.words) == ("urge", "下周开班")
        assert (await events(tx, world.cases["math"]))[-1] == "urged"


async def test_nobody_urges_again_before_the_programmes_hours_are_over(world: World) -> None:
    await submit(world)
    await urged(world, "math-chief")
    await move_clock(world.store, local(2026, 12, 2, 8))
    with pytest.raises(UrgedError) as refused:
        await urged(world, CLERK)
    assert said(refused.value, "zh") == "已于2026-12-01 09:00催办过，2026-12-02 09:00起可再次催办。"
    await move_clock(world.store, local(2026, 12, 2, 9))
    await urged(world, CLERK)


async def test_a_programme_says_how_often(store) -> None:
    from tests.world import qingdao  # noqa: PLC0415

    pack = qingdao()
    pack = pack.model_copy(update={"settings": pack.settings.model_copy(update={"urge_every_hours": 1})})
    await move_clock(store, local(2026, 12, 1))
    world = await open_filing(await make_world(store, pack=pack), groups=("math",))
    await submit(world)
    await urged(world, "math-chief")
    await move_clock(store, local(2026, 12, 1, 10))
    await urged(world, "math-chief")


@pytest.mark.parametrize(
    ("login", "error"),
    [
        ("math-chief", None),  # submits
        (REVIEWER, None),  # held an earlier task
        ("school-1-office", None),  # an office that sees the season
        ("basic-head", None),
        ("administrator", None),
        ("math-coach-1", ForbiddenError),
        (CLERK, ForbiddenError),  # is to do it
        (OUTSIDER, NotFoundError),
        ("physics-chief", NotFoundError),
    ],
)
async def test_who_urges_the_office(world: World, login: str, error: type[Exception] | None) -> None:
    await submit(world)
    await guide(world)
    if error is None:
        await urged(world, login, actor="basic-education-office/clerk")
        return
    with pytest.raises(error):
        await urged(world, login, actor="basic-education-office/clerk")


async def test_only_an_open_task_is_urged_and_each_by_itself(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        task = await world.open_task(tx, "math")
    await urged(world, "math-chief")
    await guide(world)
    with pytest.raises(IllegalTransitionError):
        await urged(world, "math-chief", task_id=task)
    await urged(world, "math-chief", actor="basic-education-office/clerk")
    await urged(world, "math-chief", actor="planning-finance-office/clerk")
    assert {person for _, person in await told(world.store, kind="urged")} == {
        world.people[CLERK], world.people[FINANCE],
    }  # fmt: skip


WAITING = """
SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def waiting(world: World) -> int:
    async with world.store.transaction() as tx:
        return (await tx.rows(WAITING))[0]["n"]


async def test_several_at_once_give_one(world: World) -> None:
    """All of them stand before the case's lock when it is let go of: who comes second sees what the first has done."""
    await submit(world)
    people = ("math-chief", "basic-head", CLERK, FINANCE)
    async with world.store.transaction() as tx:
        await tx.rows("SELECT 1 FROM cases WHERE id = $1 FOR UPDATE", (world.cases["math"],))
        urging = [asyncio.create_task(urged(world, login)) for login in people]
        for _ in range(600):
            if await waiting(world) == len(people):
                break
            await asyncio.sleep(0.05)
    done = await asyncio.gather(*urging, return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["Urged", "UrgedError", "UrgedError", "UrgedError"]
    assert len(await told(world.store, kind="urged")) == 1


async def test_of_a_task_that_nobody_holds_the_administrators_are_told(world: World) -> None:
    await submit(world)
    async with world.store.transaction() as tx:
        reviewer = await reader_for(tx, bureau_id=world.bureau_id, person_id=world.people[REVIEWER])
        await tx.rows("DELETE FROM appointment WHERE person_id = $1", (reviewer.person_id,))
    assert (await urged(world, "math-chief")).told == 0
    assert await told(world.store, kind="urged") == []
    assert await told(world.store, kind="unheld") == [("unheld", world.people["administrator"])]
