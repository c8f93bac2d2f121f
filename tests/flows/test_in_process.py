"""The same flows without Prefect: each step runs from the first line to the next wait."""

from __future__ import annotations

from uuid import UUID

import pytest

from flows import workplace
from flows.annual_filing import annual_filing
from flows.carrying import Carried, carried
from flows.step import Result, step
from flows.steps import open_season, publish_summary, report_missing
from flows.until import until
from services.adapters import stepping
from services.adapters.stepping import SteppingWaiter
from services.errors import NotFoundError
from services.store.transaction import Store, Tx
from services.workflow.carrying import begin_generation
from tests.conftest import move_clock
from tests.flows.filing import close_all, end, facts, know_cases, plan_2027, season_row
from tests.world import World, local, make_world

pytestmark = pytest.mark.postgres


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await make_world(store)


@pytest.fixture
async def season_id(world: World) -> UUID:
    season_id = await plan_2027(world)
    await next_generation(world, season_id, seen=0)
    return season_id


async def next_generation(world: World, season_id: UUID, *, seen: int) -> None:
    async with world.store.transaction() as tx:
        assert await begin_generation(tx, season_id, seen=seen) == seen + 1


NAMES = {"bureau": "qd", "programme": "qingdao-qiangji", "season": "2027"}


async def run(world: World, waiter: SteppingWaiter, *, generation: int = 1) -> str | None:
    with workplace.at(world.store, waiter):
        return await stepping.step(annual_filing.fn, **NAMES, generation=generation)


async def steps_of(world: World) -> list[tuple[str, int]]:
    rows = await facts(world.store, "SELECT name, generation FROM season_step ORDER BY finished_at, id")
    return [(row["name"], row["generation"]) for row in rows]


async def test_a_season_is_carried_to_its_summary(world: World, season_id: UUID) -> None:
    waiter = SteppingWaiter()
    assert await run(world, waiter) == "due-1"
    assert (await season_row(world.store, season_id)).lease_until is None, "a suspended run holds no lease"
    assert await run(world, waiter) == "due-2", "woken for nothing, it waits again under a fresh key"
    await know_cases(world, season_id)
    await close_all(world, but=("physics",))
    await move_clock(world.store, local(2027, 2, 1))
    assert await run(world, waiter) == "all-closed-1"
    await end(world, "physics")
    assert await run(world, waiter) is None
    assert [name for name, _ in await steps_of(world)] == ["open-season", "report-missing", "publish-summary"]
    assert (await season_row(world.store, season_id)).state == "completed"
    assert await run(world, waiter) is None, "run again, it finds everything done"
    assert len(await facts(world.store, "SELECT 1 FROM notification WHERE kind = 'season-summary'")) == 3


async def test_a_later_generation_goes_on_where_the_first_stopped(world: World, season_id: UUID) -> None:
    assert await run(world, SteppingWaiter()) == "due-1"
    await next_generation(world, season_id, seen=1)
    assert await run(world, SteppingWaiter(), generation=2) == "due-2"
    assert await steps_of(world) == [("open-season", 1)], "the finished step was not repeated"


async def test_an_older_run_stops_quietly_and_changes_nothing(world: World, season_id: UUID) -> None:
    await run(world, SteppingWaiter())
    await move_clock(world.store, local(2027, 2, 1))
    await next_generation(world, season_id, seen=1)
    assert await run(world, SteppingWaiter(), generation=1) is None
    assert await steps_of(world) == [("open-season", 1)]
    assert (await season_row(world.store, season_id)).lease_until is None, "it took no lease"


async def test_a_key_that_was_used_leads_to_the_next(world: World, season_id: UUID) -> None:
    waiter = SteppingWaiter()
    waiter.used = ["due-1", "due-2"]
    assert await run(world, waiter) == "due-3"


async def test_a_due_date_that_moved_is_waited_for_again(world: World, season_id: UUID) -> None:
    waiter = SteppingWaiter()
    await run(world, waiter)
    await facts(world.store, "UPDATE season SET due_at = $2 WHERE id = $1", season_id, local(2027, 3, 1, 0))
    await move_clock(world.store, local(2027, 2, 2))
    assert await run(world, waiter) == "due-2"


async def test_a_killed_step_leaves_nothing_and_is_repeated(world: World, season_id: UUID) -> None:
    class Killed(BaseException):
        pass

    tries: list[int] = []

    @step()
    async def mark(tx: Tx, season_id: UUID, generation: int) -> Result:
        await tx.rows(
            "UPDATE season SET summary = jsonb_build_object('tries', $2::int) WHERE id = $1", (season_id, len(tries))
        )
        tries.append(generation)
        if len(tries) == 1:
            raise Killed
        return {"tries": len(tries)}

    async def flow(generation: int) -> Result:
        async with carried("qd", "qingdao-qiangji", "annual-filing", season="2027", generation=generation) as year:
            return await mark(year)
        raise AssertionError

    with workplace.at(world.store, SteppingWaiter()):
        with pytest.raises(Killed):
            await flow(1)
        assert (await season_row(world.store, season_id)).summary is None
        assert await steps_of(world) == []
        assert await flow(1) == {"tries": 2}
        assert await flow(1) == {"tries": 2}
    assert tries == [1, 1]
    assert await steps_of(world) == [("mark", 1)]


async def test_a_step_added_in_front_of_a_passed_wait_never_runs(world: World, season_id: UUID) -> None:
    ran: list[str] = []

    @step()
    async def warn_early(tx: Tx, season_id: UUID, generation: int) -> Result:
        ran.append("early")
        return {}

    @step()
    async def note_late(tx: Tx, season_id: UUID, generation: int) -> Result:
        ran.append("late")
        return {}

    async def newer() -> None:
        async with carried("qd", "qingdao-qiangji", "annual-filing", season="2027", generation=1) as year:
            await open_season(year)
            await warn_early(year)
            await until(year, "due")
            await report_missing(year)
            await note_late(year)
            await until(year, "all-closed")
            await publish_summary(year)

    waiter = SteppingWaiter()
    await run(world, waiter)
    await move_clock(world.store, local(2027, 2, 1))
    assert await run(world, waiter) == "all-closed-1"
    with workplace.at(world.store, waiter):
        assert await stepping.step(newer) == "all-closed-2"
    assert ran == ["late"]
    assert [name for name, _ in await steps_of(world)] == ["open-season", "report-missing", "note-late"]


async def test_a_cancelled_season_is_carried_no_further(world: World, season_id: UUID) -> None:
    await run(world, SteppingWaiter())
    await facts(world.store, "UPDATE season SET state = 'cancelled' WHERE id = $1", season_id)
    await move_clock(world.store, local(2027, 2, 1))
    assert await run(world, SteppingWaiter()) is None
    assert await steps_of(world) == [("open-season", 1)]


async def test_a_season_that_nobody_planned_is_not_found(world: World) -> None:
    with workplace.at(world.store, SteppingWaiter()), pytest.raises(NotFoundError):
        await annual_filing.fn(**{**NAMES, "season": "2031"}, generation=1)


async def test_the_lease_is_held_while_a_run_works(world: World, season_id: UUID) -> None:
    seen: list[bool] = []

    async def flow() -> None:
        async with carried("qd", "qingdao-qiangji", "annual-filing", season="2027", generation=1) as year:
            assert isinstance(year, Carried)
            row = await season_row(world.store, season_id)
            seen.append(row.lease_until is not None)

    with workplace.at(world.store, SteppingWaiter()):
        await flow()
    assert seen == [True]
    assert (await season_row(world.store, season_id)).lease_until is None
