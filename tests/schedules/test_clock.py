"""The clock process itself, on a real database, with nobody at Prefect's address."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from schedules.jobs import JOBS, ORPHAN_AGE, Clockwork
from schedules.runner import Clock
from services.adapters.keys import make_keys
from services.adapters.lifeline import Lifeline
from services.adapters.prefect import PrefectOrchestrator
from services.settings import Settings, load_settings
from services.store.anchors import verify_anchors
from services.store.chain import verify_chain
from services.store.clock import StoreClock
from services.store.transaction import Store
from tests.conftest import move_clock
from tests.flows.filing import facts
from tests.logs import logged
from tests.world import World, local, make_world, open_filing

pytestmark = pytest.mark.postgres
TIMEOUT = 30.0


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]
    settings = load_settings(
        {
            "GUANTONG_HOME": str(tmp_path / "home"),
            "GUANTONG_KEY_FOLDER": str(tmp_path / "keys"),
            "GUANTONG_DATABASE_URL": database_url,
            "GUANTONG_PREFECT_PORT": str(nobody),
            "GUANTONG_CLOCK": "store",
        }
    )
    make_keys(settings.key_folder)
    return settings


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await open_filing(await make_world(store))


async def until_true(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    deadline = time.monotonic() + TIMEOUT
    while not (found := await look()):
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.1)
    return found


@asynccontextmanager
async def ticking(settings: Settings, database_url: str) -> AsyncIterator[None]:
    """A clock in this process, for as long as the block lasts."""
    stop = asyncio.Event()
    store = Store(database_url, clock=StoreClock(), pool_size=4)
    running = asyncio.create_task(Clock(settings, store).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, TIMEOUT)


def rows_of(world: World, statement: str) -> Callable[[], Awaitable[list[dict[str, Any]]]]:
    return lambda: facts(world.store, statement)


async def test_it_works_while_prefect_is_down(world: World, settings: Settings, database_url: str) -> None:
    await move_clock(world.store, local(2027, 1, 24, 9, 1))
    with logged("schedules") as records:
        async with ticking(settings, database_url):
            reminded = rows_of(world, "SELECT 1 FROM notification WHERE kind = 'remind' AND state = 'enclosed'")
            await until_true(reminded, "the reminder and its message")
            planned = rows_of(world, "SELECT key FROM season WHERE key = '2028'")
            await until_true(planned, "planning next year")
            beats = rows_of(
                world,
                "SELECT detail FROM heartbeat WHERE kind = 'clock' AND detail -> 'jobs' -> 'keep-seasons' ->> 'failing' = 'OrchestratorDownError'",
            )
            (beat,) = await until_true(beats, "a sign of life that says that Prefect is down")
            assert set(beat["detail"]["jobs"]) == {*(job.name for job in JOBS), "dispatch", "heartbeat"}
    assert await facts(world.store, "SELECT 1 FROM heartbeat") == [], "it said farewell"
    said = [record.getMessage() for record in records if record.getMessage().startswith("keep-seasons fails")]
    assert len(said) == 1


async def test_the_chains_are_anchored_once_a_day_and_the_auditor_is_told(
    world: World, settings: Settings, database_url: str
) -> None:
    orchestrator = PrefectOrchestrator(settings)
    work = Clockwork(Store(database_url, clock=StoreClock(), pool_size=2), settings, orchestrator)
    for _ in range(2):
        await work.anchor()
    await move_clock(world.store, local(2026, 12, 2, 0, 1))
    await work.anchor()
    anchors = await facts(world.store, "SELECT id, day::text AS day FROM anchor ORDER BY day")
    assert [anchor["day"] for anchor in anchors] == ["2026-12-01", "2026-12-02"]
    told = await facts(
        world.store, "SELECT person_id, subject_id, context FROM notification WHERE kind = 'audit-anchor' ORDER BY at"
    )
    assert [(row["person_id"], row["subject_id"]) for row in told] == [
        (world.people["auditor"], anchor["id"]) for anchor in anchors
    ]
    assert set(told[0]["context"]) == {"day", "digest", "signature", "key_id"}
    key = make_keys(settings.key_folder).anchor.public_key()
    async with world.store.transaction() as tx:
        assert await verify_chain(tx, world.bureau_id) == []
        assert await verify_anchors(tx, world.bureau_id, keys=[key]) == []
    await orchestrator.close()
    await work.store.close()


async def test_files_without_a_row_go_and_others_stay(world: World, settings: Settings) -> None:
    orchestrator = PrefectOrchestrator(settings)
    work = Clockwork(world.store, settings, orchestrator)
    from services.adapters.files import FileStore  # noqa: PLC0415

    files = FileStore(settings.files, limit=1000)
    named, orphan, young = (files.put([text]) for text in (b"named", b"orphan", b"young"))
    await facts(
        world.store,
        "INSERT INTO stored_file (bureau_id, sha256, size, media_type, created_at) VALUES ($1, $2, 5, 'text/plain', now())",
        world.bureau_id, named.sha256,
    )  # fmt: skip
    old = time.time() - ORPHAN_AGE - 60
    for stored in (named, orphan):
        os.utime(files.path(stored.sha256), (old, old))
    await work.orphans()
    assert set(files.digests()) == {named.sha256, young.sha256}
    await orchestrator.close()


async def test_what_nobody_needs_is_cleared_away(world: World, settings: Settings) -> None:
    orchestrator = PrefectOrchestrator(settings)
    insert = (
        "INSERT INTO sign_in (id, bureau_id, person_id, token_hash, csrf, created_at, expires_at)"
        " VALUES (gen_random_uuid(), $1, $2, $3, 'x', now(), now() - make_interval(days => $4))"
    )
    for token, days in (("gone", 31), ("recent", 3)):
        await facts(world.store, insert, world.bureau_id, world.people["auditor"], token, days)
    await facts(
        world.store,
        "INSERT INTO heartbeat (name, kind, at, detail) VALUES ('old', 'clock', now() - interval '2 days', '{}')",
    )
    await Clockwork(world.store, settings, orchestrator).tidy()
    assert [row["token_hash"] for row in await facts(world.store, "SELECT token_hash FROM sign_in")] == ["recent"]
    assert await facts(world.store, "SELECT 1 FROM heartbeat") == []
    await orchestrator.close()


async def test_it_goes_on_after_the_database_has_thrown_it_out(
    world: World, settings: Settings, database_url: str
) -> None:
    async with ticking(settings, database_url):
        beats = rows_of(world, "SELECT at FROM heartbeat")
        before = (await until_true(beats, "a sign of life"))[0]["at"]
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()
        await world.store.engine.dispose()

        async def later() -> bool:
            return any(row["at"] > before for row in await beats())

        await until_true(later, "another sign of life")


def start(settings: Settings, **options: Any) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GUANTONG_")}
    environment |= settings.environment() | options.pop("env", {})
    return subprocess.Popen([sys.executable, "-m", "schedules.runner"], env=environment, **options)


async def test_sigterm_ends_it_in_good_order(world: World, settings: Settings) -> None:
    process = start(settings)
    try:
        await until_true(rows_of(world, "SELECT 1 FROM heartbeat"), "a sign of life")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 15) == 0
    finally:
        process.kill()
        process.wait()
    assert await facts(world.store, "SELECT 1 FROM heartbeat") == []


async def test_it_ends_with_its_parent(world: World, settings: Settings) -> None:
    lifeline = Lifeline()
    process = start(settings, env=lifeline.environment(), pass_fds=(lifeline.read_end,))
    try:
        await until_true(rows_of(world, "SELECT 1 FROM heartbeat"), "a sign of life")
        lifeline.close()
        await asyncio.to_thread(process.wait, 5)
    finally:
        process.kill()
        process.wait()


async def test_a_database_of_another_release_is_refused_in_one_sentence(store: Store, settings: Settings) -> None:
    await facts(store, "UPDATE alembic_version SET version_num = '9999'")
    process = start(settings, stderr=subprocess.PIPE)
    _, words = await asyncio.to_thread(process.communicate, None, 60)
    assert process.returncode == 2
    assert len(words.decode().strip().splitlines()) == 1
    assert "9999" in words.decode()
