"""Many processes sweep, assemble or claim at the very same moment; each test fails where its lock is taken away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from services.messages.assemble import assemble, assemble_all
from services.messages.delivery import claim
from services.messages.sweep import sweep, sweep_all
from services.store.clock import StoreClock
from services.store.transaction import Store, Tx
from tests.conftest import START, move_clock
from tests.messages.factory import World, crowd

pytestmark = pytest.mark.postgres

PEOPLE, EACH, AT_ONCE = 200, 20, 8
T = TypeVar("T")


@pytest.fixture
async def due(world: World) -> World:
    """A crowd whose alarms are all due now."""
    case = await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    await crowd(world, case, people=PEOPLE, each=EACH, next_at=START + timedelta(hours=1))
    await move_clock(world.store, START + timedelta(hours=1))
    return world


async def at_once(url: str, work: Callable[[Tx], Awaitable[T]]) -> list[T]:
    """Do the work in so many transactions that have all begun before the first of them does it."""
    ready = asyncio.Barrier(AT_ONCE)

    async def one() -> T:
        store = Store(url, clock=StoreClock(), pool_size=1)
        async with store.transaction() as tx:
            await ready.wait()
            result = await work(tx)
        await store.close()
        return result

    return list(await asyncio.gather(*(one() for _ in range(AT_ONCE))))


async def test_no_alarm_is_swept_by_two(due: World, database_url: str):
    results = await at_once(database_url, lambda tx: sweep(tx, limit=PEOPLE * EACH))
    assert sum(result.claimed for result in results) == PEOPLE * EACH
    assert sum(result.notified for result in results) == PEOPLE * EACH
    assert await due.rows("SELECT 1 FROM alarm WHERE next_at <= $1", START + timedelta(hours=1)) == []


async def test_each_person_gets_one_message(due: World, database_url: str):
    """Without the lock on the person, two processes each enclose a part of what is pending for one person."""
    await sweep_all(due.store)
    await at_once(database_url, assemble)
    messages = await due.rows("SELECT count(*) AS n, count(DISTINCT person_id) AS people FROM message")
    assert messages == [{"n": PEOPLE, "people": PEOPLE}]
    assert await due.rows("SELECT 1 FROM notification WHERE state = 'pending'") == []


async def test_no_message_is_claimed_by_two(due: World, database_url: str):
    await sweep_all(due.store)
    await assemble_all(due.store)
    claimed = await at_once(database_url, lambda tx: claim(tx, limit=PEOPLE, lease=60))
    times = Counter(message.id for batch in claimed for message in batch)
    assert len(times) == PEOPLE
    assert set(times.values()) == {1}
