"""The clock process is killed around the commit of every part of its work, and another one goes on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from services.store.transaction import Store
from tests.conftest import move_clock
from tests.crash.invariants import AT_REST, broken
from tests.crash.programs import Installation, Program
from tests.flows.filing import facts
from tests.smtp_servers import RecordingServer
from tests.world import World, local, make_world, open_filing

pytestmark = [pytest.mark.crash, pytest.mark.postgres]

SWEEP = "), told AS ("
ASSEMBLE = "INSERT INTO message"
CLAIM = "SET state = 'sending'"
FINISH = "AND state = 'sending' AND lease_until = $2"

REMINDED = (local(2027, 1, 24), local(2027, 1, 28), local(2027, 1, 29), local(2027, 1, 30), local(2027, 1, 31))
OVERDUE = local(2027, 2, 1)
SLOW = 90.0


@pytest.fixture
async def world(store: Store) -> World:
    """Three groups of which none has submitted; what their opening told is void, so that only alarms tell."""
    world = await open_filing(await make_world(store), groups=("math", "physics", "chemistry"))
    await facts(store, "UPDATE notification SET state = 'void'")
    return world


async def rest(store: Store) -> None:
    """Wait until the clock has nothing left to do."""
    end = time.monotonic() + SLOW
    while True:
        async with store.transaction() as tx:
            left = {what for what, statement in AT_REST.items() if await tx.rows(statement, (tx.now,))}
        if not left:
            return
        assert time.monotonic() < end, left
        await asyncio.sleep(0.1)


class Killed:
    """A clock that is killed again and again, and the time that moves on meanwhile."""

    def __init__(self, world: World, installed: Installation, server: RecordingServer) -> None:
        self.store, self.installed, self.server = world.store, installed, server
        self.clock: Program = installed.clock()
        self.clock.start()

    async def at(self, now: datetime, marker: str, moment: Any) -> None:
        """Plan a crash, let it be `now`, and see the clock die."""
        self.installed.crash.plan(marker, moment)
        await move_clock(self.store, now)
        await asyncio.to_thread(self.clock.wait_killed, seconds=SLOW)
        assert self.installed.crash.happened

    async def goes_on(self) -> int:
        """Start a clock that does what is left; return how many mails had come before."""
        came = len(self.server.received)
        self.clock.start()
        await rest(self.store)
        return came

    async def lapse(self) -> int:
        """Let the leases of the dead clock run out; return how many messages it held."""
        held = await facts(
            self.store, "SELECT id FROM message WHERE state = 'sending' AND lease_until > clock_timestamp()"
        )
        await facts(self.store, "UPDATE message SET try_at = clock_timestamp() WHERE state = 'sending'")
        return len(held)

    async def broken(self, *, doubles: int = 0) -> list[str]:
        url = self.installed.settings.public_url
        return await broken(self.store, received=self.server.received, public_url=url, doubles=doubles)


async def test_no_reminder_is_lost_or_doubled_when_the_clock_dies(
    world: World, installed: Installation, server: RecordingServer
) -> None:
    killed = Killed(world, installed, server)
    await killed.at(REMINDED[0], SWEEP, "before")
    assert await told(world.store) == {}
    await killed.goes_on()
    await killed.at(REMINDED[1], SWEEP, "after")
    assert await told(world.store) == {"remind": 6}
    assert await facts(world.store, "SELECT 1 FROM notification WHERE state = 'pending'")
    await killed.goes_on()
    await killed.at(REMINDED[2], ASSEMBLE, "before")
    await killed.goes_on()
    await killed.at(REMINDED[3], ASSEMBLE, "after")
    assert await facts(world.store, "SELECT 1 FROM message WHERE state = 'waiting'")
    await killed.goes_on()
    assert await told(world.store) == {"remind": 9, "warn": 3}
    assert await killed.broken() == []
    assert set(Counter(mail.message_id for mail in server.received).values()) == {1}


async def test_only_a_mail_handed_over_before_its_commit_comes_twice(
    world: World, installed: Installation, server: RecordingServer
) -> None:
    killed = Killed(world, installed, server)
    await killed.at(REMINDED[0], CLAIM, "before")
    assert await killed.lapse() == 0
    assert await killed.goes_on() == 0
    assert len(server.received) == 3
    await killed.at(REMINDED[1], CLAIM, "after")
    assert await killed.lapse() == 3, "the dead clock had claimed them"
    assert await killed.goes_on() == 3
    assert len(server.received) == 6
    await killed.at(REMINDED[4], FINISH, "after")
    assert await killed.lapse() == 2, "one was sent, and says so"
    assert await killed.goes_on() == 7
    assert await killed.broken() == []
    assert len(server.received) == 9
    await killed.at(OVERDUE, FINISH, "before")
    assert await killed.lapse() == 4, "one was sent, and nobody knows"
    assert await killed.goes_on() == 10
    assert await killed.broken(doubles=1) == []
    assert sorted(Counter(mail.message_id for mail in server.received).values()) == [1] * 12 + [2]


async def told(store: Store) -> dict[str, int]:
    rows = await facts(store, "SELECT kind, count(*) AS n FROM notification WHERE state <> 'void' GROUP BY kind")
    return {row["kind"]: row["n"] for row in rows}
