"""Seasons carried by a real Prefect server and worker: suspended, woken, killed, wiped."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from uuid import UUID

import httpx
import pytest

from services.adapters import prefect_server
from services.adapters.prefect import PrefectOrchestrator, prefect_environment, register_deployments
from services.errors import OrchestratorDownError
from services.store.clock import StoreClock
from services.store.transaction import Store
from services.workflow.keeping import keep_seasons, resume_waits
from tests.conftest import move_clock
from tests.flows.conftest import ROOT, Installation, until_true
from tests.flows.filing import close_all, end, facts, know_cases, plan_2027, season_row
from tests.world import World, local, make_world

pytestmark = [pytest.mark.prefect, pytest.mark.postgres]


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await make_world(store)


async def asleep(world: World, installation: Installation, season_id: UUID, *, wait: str) -> str:
    """Wait until the season's run is suspended at `wait`; return its id."""

    async def look() -> str | None:
        season = await season_row(world.store, season_id)
        waits = await facts(
            world.store, "SELECT name FROM season_wait WHERE season_id = $1 AND met_at IS NULL", season_id
        )
        if [row["name"] for row in waits] != [wait] or season.flow_run_id is None:
            return None
        return (
            season.flow_run_id if await installation.orchestrator.run_state(season.flow_run_id) == "suspended" else None
        )

    found: str = await until_true(look, what=f"suspending at {wait}", words=installation.words)
    return found


async def completed(world: World, installation: Installation, season_id: UUID) -> None:
    async def look() -> bool:
        season = await season_row(world.store, season_id)
        return season.flow_run_id is not None and (
            await installation.orchestrator.run_state(season.flow_run_id) == "completed"
        )

    await until_true(look, what="completion", words=installation.words)
    assert (await season_row(world.store, season_id)).state == "completed"


async def steps_of(world: World) -> list[tuple[str, int]]:
    rows = await facts(world.store, "SELECT name, generation FROM season_step ORDER BY finished_at, id")
    return [(row["name"], row["generation"]) for row in rows]


async def blocked(world: World) -> bool:
    """Say whether a flow waits for a lock, in the middle of a step."""
    found = await facts(
        world.store,
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND application_name = 'guantong-flow'",
    )
    return bool(found)


async def test_a_season_is_carried_from_opening_to_completed(world: World, installation: Installation) -> None:
    season_id = await plan_2027(world)
    orchestrator = installation.orchestrator
    assert await keep_seasons(world.store, orchestrator) == 1
    run_id = await asleep(world, installation, season_id, wait="due")
    assert await keep_seasons(world.store, orchestrator) == 0, "a sleeping run is left alone"
    assert await resume_waits(world.store, orchestrator) == 0
    await know_cases(world, season_id)
    assert len(world.cases) == 6
    await close_all(world, but=("physics",))
    await move_clock(world.store, local(2027, 2, 1))
    assert await resume_waits(world.store, orchestrator) == 1
    assert await asleep(world, installation, season_id, wait="all-closed") == run_id
    await end(world, "physics")
    assert await resume_waits(world.store, orchestrator) == 1
    await completed(world, installation, season_id)
    assert await steps_of(world) == [("open-season", 1), ("report-missing", 1), ("publish-summary", 1)]
    (run,) = await installation.runs()
    assert run["parameters"] == {
        "bureau": "qd", "programme": "qingdao-qiangji", "season": "2027", "generation": 1
    }  # fmt: skip
    artifacts = await installation.api("POST", "/artifacts/filter", {})
    texts = " ".join(artifact["data"] for artifact in artifacts if artifact["type"] == "markdown")
    assert "Opened 6 of 6 cases. Due on 2027-01-31." in texts
    assert "| 6 | 5 | 0 | 1 |" in texts
    people = await facts(world.store, "SELECT name FROM person")
    assert not [person["name"] for person in people if person["name"] in texts]


async def test_killed_in_a_step_the_next_generation_goes_on(world: World, installation: Installation) -> None:
    season_id = await plan_2027(world)
    orchestrator = installation.orchestrator
    await keep_seasons(world.store, orchestrator)
    first = await asleep(world, installation, season_id, wait="due")
    await move_clock(world.store, local(2027, 2, 1))

    async with world.store.transaction() as tx:
        await tx.rows("LOCK TABLE notification IN SHARE MODE")
        assert await resume_waits(world.store, orchestrator) == 1
        await until_true(lambda: blocked(world), what="the step's insert", words=installation.words)
        assert await keep_seasons(world.store, orchestrator) == 0
        installation.kill_worker()
    assert await orchestrator.run_state(first) == "running", "Prefect believes that it still runs"
    assert await steps_of(world) == [("open-season", 1)]
    assert await keep_seasons(world.store, orchestrator) == 0, "its lease is still held"
    await facts(world.store, "UPDATE season SET lease_until = clock_timestamp() WHERE id = $1", season_id)
    assert await keep_seasons(world.store, orchestrator) == 1
    installation.start_worker()
    assert await asleep(world, installation, season_id, wait="all-closed") != first
    assert await steps_of(world) == [("open-season", 1), ("report-missing", 2)]
    told = await facts(world.store, "SELECT person_id FROM notification WHERE kind = 'season-missing'")
    assert len(told) == 3


async def test_two_clocks_start_one_run(world: World, installation: Installation, database_url: str) -> None:
    installation.kill_worker()
    season_id = await plan_2027(world)
    stores = [Store(database_url, clock=StoreClock(), pool_size=2) for _ in range(4)]
    orchestrators = [PrefectOrchestrator(installation.settings) for _ in stores]
    started = await asyncio.gather(
        *(keep_seasons(each, carrier) for each, carrier in zip(stores, orchestrators, strict=True))
    )
    for each, carrier in zip(stores, orchestrators, strict=True):
        await each.close()
        await carrier.close()
    assert sum(started) >= 1
    (run,) = await installation.runs()
    season = await season_row(world.store, season_id)
    assert (season.generation, season.flow_run_id) == (1, run["id"])


async def test_a_clock_that_died_after_its_claim_is_made_good(world: World, installation: Installation) -> None:
    installation.kill_worker()
    season_id = await plan_2027(world)
    await keep_seasons(world.store, installation.orchestrator)
    (run,) = await installation.runs()
    await facts(world.store, "UPDATE season SET flow_run_id = NULL WHERE id = $1", season_id)
    await keep_seasons(world.store, installation.orchestrator)
    assert [each["id"] for each in await installation.runs()] == [run["id"]]
    assert (await season_row(world.store, season_id)).flow_run_id == run["id"]


async def test_prefect_wiped_the_season_goes_on(world: World, installation: Installation) -> None:
    season_id = await plan_2027(world)
    orchestrator = installation.orchestrator
    await keep_seasons(world.store, orchestrator)
    lost = await asleep(world, installation, season_id, wait="due")
    installation.server.stop()
    with pytest.raises(OrchestratorDownError):
        await keep_seasons(world.store, orchestrator)
    installation.server.wipe()
    installation.server.start()
    assert await orchestrator.run_state(lost) is None
    assert await keep_seasons(world.store, orchestrator) == 1
    deployments = await installation.api("POST", "/deployments/filter", {})
    assert {each["name"] for each in deployments} == {"annual-filing", "any-season", "open-due-seasons"}
    await asleep(world, installation, season_id, wait="due")
    assert await steps_of(world) == [("open-season", 1)]
    await know_cases(world, season_id)
    await close_all(world)
    await move_clock(world.store, local(2027, 2, 1))
    await resume_waits(world.store, orchestrator)
    await completed(world, installation, season_id)


async def test_a_run_whose_deployment_is_gone_is_followed_by_another(world: World, installation: Installation) -> None:
    season_id = await plan_2027(world)
    orchestrator = installation.orchestrator
    await keep_seasons(world.store, orchestrator)
    first = await asleep(world, installation, season_id, wait="due")
    found = await installation.api("GET", "/deployments/name/annual-filing/annual-filing")
    await installation.api("DELETE", f"/deployments/{found['id']}")
    await move_clock(world.store, local(2027, 2, 1))

    async def next_run() -> bool:
        await resume_waits(world.store, orchestrator)
        await keep_seasons(world.store, orchestrator)
        return (await season_row(world.store, season_id)).flow_run_id not in {None, first}

    await until_true(next_run, what="the next run", words=installation.words)
    await asleep(world, installation, season_id, wait="all-closed")


async def test_prefect_answers_nobody_without_its_secret(installation: Installation) -> None:
    base = prefect_server.api_url(installation.settings)
    async with httpx.AsyncClient(base_url=base, trust_env=False) as stranger:
        for method, path in (
            ("POST", "/flow_runs/filter"),
            ("POST", "/deployments/filter"),
            ("POST", "/work_pools/"),
            ("GET", "/admin/settings"),
            ("GET", "/version"),
        ):
            answer = await stranger.request(method, path, json={})
            assert answer.status_code == 401, path
        asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
        answer = await stranger.options("/flow_runs/filter", headers=asked)
        assert "access-control-allow-origin" not in answer.headers


async def test_registering_again_leaves_everything_as_it_is(installation: Installation) -> None:
    before = await installation.api("POST", "/deployments/filter", {"sort": "NAME_ASC"})
    await register_deployments(installation.settings)
    after = await installation.api("POST", "/deployments/filter", {"sort": "NAME_ASC"})
    assert [(each["id"], each["updated"]) for each in after] == [(each["id"], each["updated"]) for each in before]
    schedules = {each["name"]: [s["schedule"]["cron"] for s in each["schedules"]] for each in after}
    assert schedules == {"annual-filing": [], "any-season": [], "open-due-seasons": ["10 0 * * *"]}
    zones = [s["schedule"]["timezone"] for each in after for s in each["schedules"]]
    assert zones == ["Asia/Shanghai"]


async def test_prefect_deploy_takes_the_same_file(installation: Installation) -> None:
    before = await installation.api("POST", "/deployments/filter", {"sort": "NAME_ASC"})
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"], cwd=ROOT,
        env=prefect_environment(installation.settings), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    after = await installation.api("POST", "/deployments/filter", {"sort": "NAME_ASC"})
    kept = ("id", "name", "entrypoint", "work_pool_name", "pull_steps")
    assert [{key: each[key] for key in kept} for each in after] == [{key: each[key] for key in kept} for each in before]


async def test_the_daily_flow_does_what_the_clock_does(world: World, installation: Installation) -> None:
    found = await installation.api("GET", "/deployments/name/open-due-seasons/open-due-seasons")
    await installation.api("POST", f"/deployments/{found['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})

    async def carried() -> bool:
        rows = await facts(world.store, "SELECT key FROM season WHERE flow_run_id IS NOT NULL")
        return [row["key"] for row in rows] == ["2027"]

    await until_true(carried, what="the season's run", words=installation.words)


async def test_prefect_killed_under_a_working_run_the_season_goes_on(world: World, installation: Installation) -> None:
    season_id = await plan_2027(world)
    orchestrator = installation.orchestrator
    await keep_seasons(world.store, orchestrator)
    async with world.store.transaction() as tx:
        await tx.rows("LOCK TABLE cases IN SHARE MODE")
        await until_true(lambda: blocked(world), what="the opening", words=installation.words)
        installation.server.stop()
        installation.kill_worker()
    with pytest.raises(OrchestratorDownError):
        await keep_seasons(world.store, orchestrator)
    assert await steps_of(world) == []
    installation.server.start()
    installation.start_worker()
    assert await keep_seasons(world.store, orchestrator) == 0, "its lease is still held"
    await facts(world.store, "UPDATE season SET lease_until = clock_timestamp() WHERE id = $1", season_id)
    assert await keep_seasons(world.store, orchestrator) == 1
    await asleep(world, installation, season_id, wait="due")
    assert await steps_of(world) == [("open-season", 2)]
    assert len(await facts(world.store, "SELECT 1 FROM cases")) == 6
