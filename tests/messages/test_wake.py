"""Waking after a commit, on connections of its own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import asyncpg
import pytest
from pydantic import SecretStr

from services.messages.dispatch import Dispatcher
from services.messages.sweep import sweep_all
from services.messages.wake import Listener, Waker
from services.settings import Settings
from services.web.app import create_app
from tests.conftest import move_clock
from tests.messages.factory import COACH, World
from tests.smtp_servers import RecordingServer

pytestmark = pytest.mark.postgres


async def test_a_commit_wakes_whoever_listens_and_a_rollback_does_not(world: World, database_url: str):
    waker, listener = Waker(database_url), Listener(database_url)
    world.store.wake = waker.wake
    assert not await listener.wait(0.05)

    async def fail() -> None:
        async with world.store.transaction() as tx:
            tx.wake()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert not await listener.wait(0.2)
    async with world.store.transaction() as tx:
        tx.wake()
        tx.wake()
    assert await listener.wait(5)
    assert not await listener.wait(0.1)
    await waker.close()
    await listener.close()


async def test_what_writes_notifications_wakes_and_what_writes_none_does_not(world: World, database_url: str):
    waker, listener = Waker(database_url), Listener(database_url)
    world.store.wake = waker.wake
    await world.person("Coach", COACH)
    assert not await listener.wait(0.2)
    await world.start()
    assert await listener.wait(5), "an act"
    await move_clock(world.store, datetime(2027, 1, 24, 1, tzinfo=UTC))
    assert not await listener.wait(0.2)
    assert (await sweep_all(world.store)).notified == 1
    assert await listener.wait(5), "a sweep"
    assert (await sweep_all(world.store)).notified == 0
    assert not await listener.wait(0.2)
    await waker.close()
    await listener.close()


async def test_the_web_process_wakes(world: World, database_url: str, own_settings: Settings):
    settings = own_settings.model_copy(update={"database_url": SecretStr(database_url)})
    app = create_app(settings=settings)
    listener = Listener(database_url)
    assert not await listener.wait(0.05)
    async with app.router.lifespan_context(app):
        async with app.state.store.transaction() as tx:
            tx.wake()
        assert await listener.wait(5)
    await listener.close()


async def test_wake_ups_that_come_together_become_few(database_url: str):
    heard: list[object] = []
    ear = await asyncpg.connect(database_url)
    await ear.add_listener("guantong_messages", lambda *_: heard.append(1))
    waker = Waker(database_url)
    for _ in range(200):
        await waker.wake()
    await waker.close()
    await asyncio.sleep(0.2)
    await ear.close()
    assert 1 <= len(heard) <= 5


async def test_a_database_that_cannot_be_reached_fails_nobody(database_url: str):
    nowhere = "postgresql://postgres@127.0.0.1:1/none"
    waker, listener = Waker(nowhere), Listener(nowhere)
    await waker.wake()
    await waker.close()
    assert not await listener.wait(0.05)
    await listener.close()


async def test_a_broken_connection_is_made_anew(database_url: str):
    waker, listener = Waker(database_url), Listener(database_url)
    await listener.wait(0.05)
    await waker.wake()
    assert await listener.wait(5)
    other = await asyncpg.connect(database_url)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'LISTEN|NOTIFY' AND pid <> pg_backend_pid() AND datname = current_database()"
    )
    await other.close()
    await listener.wait(0.3)
    await listener.wait(0.1)
    for _ in range(3):
        await waker.wake()
        if await listener.wait(2):
            break
    else:
        raise AssertionError("nobody was woken")
    await waker.close()
    await listener.close()


async def test_a_running_dispatcher_sends_at_once_when_woken_and_ends_when_told(
    world: World, dispatcher: Dispatcher, server: RecordingServer, database_url: str
):
    waker, listener, stop = Waker(database_url), Listener(database_url), asyncio.Event()
    running = asyncio.create_task(dispatcher.run(stop, listener))
    await world.person("Coach", COACH)
    await world.start()
    await waker.wake()
    await asyncio.to_thread(server.wait_for, 1, seconds=5)
    begin = time.monotonic()
    stop.set()
    await running
    assert time.monotonic() - begin < 1
    await waker.close()
    await listener.close()


async def test_a_dispatcher_looks_by_itself(
    world: World, dispatcher: Dispatcher, server: RecordingServer, database_url: str
):
    stop, listener = asyncio.Event(), Listener(database_url)
    running = asyncio.create_task(dispatcher.run(stop, listener))
    await world.person("Coach", COACH)
    await world.start()
    await asyncio.to_thread(server.wait_for, 1, seconds=5)
    stop.set()
    await running
    await listener.close()
