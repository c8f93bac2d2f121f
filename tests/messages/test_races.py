"""Many clocks and many dispatchers at once, each on its own connections, as separate processes would be."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from services.adapters.smtp import SmtpMailer
from services.messages.assemble import assemble, assemble_all
from services.messages.delivery import Backoff
from services.messages.dispatch import Dispatcher
from services.messages.sweep import sweep
from services.settings import Settings
from services.store.clock import StoreClock
from services.store.transaction import Store
from tests.conftest import START, move_clock
from tests.messages.factory import World, crowd
from tests.smtp_servers import RecordingServer

pytestmark = pytest.mark.postgres

PEOPLE, EACH, CLOCKS, DISPATCHERS = 500, 10, 8, 16


async def _clock(url: str, swept: Counter[str]) -> None:
    """Sweep until nothing is due any more, also not what another clock holds."""
    store = Store(url, clock=StoreClock(), pool_size=1)
    while True:
        async with store.transaction() as tx:
            result = await sweep(tx, limit=250)
        swept["notified"] += result.notified
        if not result.claimed:
            async with store.transaction() as tx:
                if not (await tx.rows("SELECT 1 FROM alarm WHERE next_at <= $1 LIMIT 1", (tx.now,))):
                    break
            await asyncio.sleep(0.01)
    await store.close()


async def _dispatch(url: str, port: int, settings: Settings, done: asyncio.Event) -> int:
    store = Store(url, clock=StoreClock(), pool_size=2)
    mailer = SmtpMailer("127.0.0.1", port, timeout=30, connections=1)
    dispatcher = Dispatcher(store, mailer, settings, backoff=Backoff(first=0.05, longest=0.1))
    sent = 0
    while True:
        ending = done.is_set()
        worked = await dispatcher.tick()
        sent += worked
        if ending and not worked:
            break
        await asyncio.sleep(0.2)
    await mailer.close()
    await store.close()
    return sent


async def test_while_one_assembles_for_a_person_no_other_does(world: World, store: Store):
    case = await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    reader = await world.person("Reader")
    await world.tell(reader, "submitted", case=case)
    async with store.transaction() as first:
        assert await assemble(first) == 1
        await world.tell(reader, "filed", {"number": "1"}, case=case)
        assert await assemble_all(store) == 0
    assert await assemble_all(store) == 1


async def test_clocks_and_dispatchers_at_once_give_each_person_one_digest(
    world: World, server: RecordingServer, own_settings: Settings, database_url: str
):
    case = await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    due = START + timedelta(hours=1)
    await crowd(world, case, people=PEOPLE, each=EACH, next_at=due)
    await move_clock(world.store, due)
    await world.store.close()
    settings = own_settings.model_copy(update={"smtp_connections": 1, "smtp_timeout": 30.0})
    swept: Counter[str] = Counter()
    done = asyncio.Event()
    async with asyncio.TaskGroup() as everybody:
        dispatchers = [
            everybody.create_task(_dispatch(database_url, server.port, settings, done)) for _ in range(DISPATCHERS)
        ]
        async with asyncio.TaskGroup() as clocks:
            for _ in range(CLOCKS):
                clocks.create_task(_clock(database_url, swept))
        done.set()
    assert swept["notified"] == PEOPLE * EACH
    assert sum(task.result() for task in dispatchers) == PEOPLE
    got = Counter(mail.recipients[0] for mail in server.received)
    assert len(got) == PEOPLE
    assert set(got.values()) == {1}
    assert len({mail.message_id for mail in server.received}) == PEOPLE
    assert all(f"{EACH} items" in str(mail.mail["Subject"]) for mail in server.received)
    counts = await world.rows("SELECT state, count(*) AS n FROM message GROUP BY state")
    assert counts == [{"state": "sent", "n": PEOPLE}]
    enclosed = await world.rows("SELECT count(*) AS n FROM notification WHERE kind = 'overdue' AND state = 'enclosed'")
    assert enclosed == [{"n": PEOPLE * EACH}]
