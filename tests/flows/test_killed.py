"""Flow, worker, clock and Prefect's server are killed around the commits of a season's steps, waits and claims."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from services.adapters.keys import make_keys
from services.errors import OrchestratorDownError
from services.store.transaction import Store
from services.workflow.keeping import keep_seasons, resume_waits
from tests.conftest import move_clock
from tests.crash.invariants import broken
from tests.crash.programs import Crash, Moment, Program
from tests.flows.conftest import Installation, until_true
from tests.flows.filing import close_all, facts, know_cases, plan_2027, season_row
from tests.flows.test_prefect import asleep, completed, steps_of
from tests.world import World, local, make_world

pytestmark = [pytest.mark.prefect, pytest.mark.crash, pytest.mark.postgres]

STEP = "INSERT INTO season_step"
ASK = "INSERT INTO season_wait"
MET = "UPDATE season_wait SET met_at"
CLAIM = "SET generation = generation + 1"
NOTE = "SET flow_run_id = $3"


@pytest.fixture
def crash(tmp_path: Path) -> Crash:
    return Crash(tmp_path / "crash.json")


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await make_world(store)


class Carrying:
    """A season whose runs are killed; the clock's part is done here, leases run out as soon as their holder is dead."""

    def __init__(self, world: World, installation: Installation, crash: Crash, season_id: UUID) -> None:
        self.world, self.installation, self.crash, self.season_id = world, installation, crash, season_id

    async def killed(self, marker: str, moment: Moment, *, everything: bool = False) -> None:
        """Have the next run die at this commit; `everything`: with its worker."""
        self.crash.plan(marker, moment, everything=everything)
        await self.goes_on()

        async def happened() -> bool:
            return self.crash.happened

        await until_true(happened, what=f"dying {moment} {marker}", words=self.installation.words)
        if everything:
            self.installation.kill_worker()
            self.installation.start_worker()

    async def goes_on(self) -> None:
        """Wake the run whose wait is met; where it is dead, start the next generation's."""

        async def look() -> bool:
            await facts(
                self.world.store, "UPDATE season SET lease_until = clock_timestamp() WHERE lease_until IS NOT NULL"
            )
            orchestrator = self.installation.orchestrator
            return bool(
                await keep_seasons(self.world.store, orchestrator) + await resume_waits(self.world.store, orchestrator)
            )

        await until_true(look, what="going on", words=self.installation.words)

    async def steps(self) -> list[str]:
        return [name for name, _ in await steps_of(self.world)]


@pytest.fixture
async def carrying(world: World, installation: Installation, crash: Crash) -> Carrying:
    """A season planned, and a worker whose flow processes can be killed."""
    installation.kill_worker()
    installation.environment = crash.environment()
    installation.start_worker()
    return Carrying(world, installation, crash, await plan_2027(world))


async def test_a_season_killed_at_every_turn_is_carried_to_its_end(carrying: Carrying) -> None:
    world, installation, season_id = carrying.world, carrying.installation, carrying.season_id
    await carrying.killed(STEP, "before")
    assert await facts(world.store, "SELECT 1 FROM cases") == [], "the step is whole or not at all"
    await carrying.killed(STEP, "after")
    assert await carrying.steps() == ["open-season"]
    await carrying.killed(ASK, "after")
    await carrying.goes_on()
    await asleep(world, installation, season_id, wait="due")
    await know_cases(world, season_id)
    assert len(world.cases) == 6
    await close_all(world, but=("math",))
    await move_clock(world.store, local(2027, 2, 1))
    await carrying.killed(MET, "before")
    await carrying.killed(STEP, "before", everything=True)
    assert await carrying.steps() == ["open-season"]
    await carrying.goes_on()
    await asleep(world, installation, season_id, wait="all-closed")
    await close_all(world, but=tuple(set(world.cases) - {"math"}))
    await carrying.killed(STEP, "after")
    assert (await season_row(world.store, season_id)).state == "completed", "what was left was Prefect's page only"
    assert await carrying.steps() == ["open-season", "report-missing", "publish-summary"]
    told = await facts(
        world.store,
        "SELECT kind, count(*) AS n FROM notification WHERE kind LIKE 'season-%' GROUP BY kind ORDER BY kind",
    )
    assert [(row["kind"], row["n"]) for row in told] == [("season-missing", 3), ("season-summary", 3)]
    assert await broken(world.store) == []


async def test_prefect_killed_while_a_step_works_the_season_goes_on(carrying: Carrying) -> None:
    world, installation, season_id = carrying.world, carrying.installation, carrying.season_id
    await carrying.goes_on()
    await asleep(world, installation, season_id, wait="due")
    await know_cases(world, season_id)
    await close_all(world, but=("math",))
    await move_clock(world.store, local(2027, 2, 1))

    async def works() -> bool:
        return bool(await facts(world.store, BLOCKED))

    async with world.store.transaction() as tx:
        await tx.rows("LOCK TABLE notification IN SHARE MODE")
        await resume_waits(world.store, installation.orchestrator)
        await until_true(works, what="the step's insert", words=installation.words)
        installation.server.stop()
    with pytest.raises(OrchestratorDownError):
        await keep_seasons(world.store, installation.orchestrator)
    await close_all(world, but=tuple(set(world.cases) - {"math"}))
    installation.kill_worker()
    installation.server.start()
    installation.start_worker()
    await carrying.goes_on()
    await completed(world, installation, season_id)
    assert await carrying.steps() == ["open-season", "report-missing", "publish-summary"]
    assert await broken(world.store) == []


BLOCKED = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND application_name = 'guantong-flow'
"""


@pytest.fixture
def clock(installation: Installation, crash: Crash, tmp_path: Path) -> Iterator[Program]:
    installation.kill_worker()
    make_keys(installation.settings.key_folder)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GUANTONG_")}
    environment = inherited | installation.settings.environment() | crash.environment()
    program = Program([sys.executable, "-m", "schedules.runner"], environment, tmp_path / "clock.log")
    yield program
    program.kill()


async def test_the_clock_killed_around_its_claim_starts_one_run(
    world: World, installation: Installation, crash: Crash, clock: Program
) -> None:
    season_id = await plan_2027(world)
    seen = []
    for marker, moment in ((CLAIM, "before"), (CLAIM, "after"), (NOTE, "before"), (NOTE, "after")):
        crash.plan(marker, moment)  # type: ignore[arg-type]
        clock.start()
        await asyncio.to_thread(clock.wait_killed)
        season = await season_row(world.store, season_id)
        seen.append((season.generation, season.flow_run_id is not None, len(await installation.runs())))
    assert seen == [(0, False, 0), (1, False, 0), (1, False, 1), (1, True, 1)]
    clock.start()

    async def beats() -> bool:
        return bool(await facts(world.store, "SELECT 1 FROM heartbeat WHERE kind = 'clock'"))

    await until_true(beats, what="a clock at work", words=clock.words)
    (run,) = await installation.runs()
    season = await season_row(world.store, season_id)
    assert (season.generation, season.flow_run_id) == (1, run["id"])
