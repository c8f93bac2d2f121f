"""PostgreSQL loses its power again and again while people decide and a clock reminds them and sends their mails."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import asyncpg
import httpx
import psutil
import pytest
from sqlalchemy.exc import SQLAlchemyError

from services.adapters.postgres import EmbeddedPostgres
from services.people.tokens import create_token
from services.store import migrate
from services.store.clock import StoreClock
from services.store.transaction import Store
from tests.conftest import move_clock
from tests.crash.invariants import acknowledged, broken
from tests.crash.programs import Installation, installation
from tests.crash.test_clock import rest
from tests.flows.conftest import until_true
from tests.flows.filing import facts
from tests.homes import passable_folder
from tests.smtp_servers import RecordingServer
from tests.world import World, local, make_world, open_filing

pytestmark = [pytest.mark.crash, pytest.mark.postgres]

BUREAUS = ("qd", "hz")
IDLE = ("informatics", "humanities")
"""Groups of which nobody submits, so that their alarms fire to the end."""
BEGIN, END = local(2026, 12, 30), local(2027, 2, 3, 9, 30)
SEED = int(os.environ.get("GUANTONG_TEST_SEED", "20270131"))

T = TypeVar("T")


class Power:
    """The embedded server, and the switch that cuts its power: every process of it at once."""

    def __init__(self, home: Path) -> None:
        self.server = EmbeddedPostgres(home)
        self.cuts = 0
        self.on()

    def on(self) -> None:
        self._process = self.server.launch()
        self.server.wait_until_ready()

    def cut(self) -> None:
        supervisor = psutil.Process(self._process.pid)
        for each in [*supervisor.children(recursive=True), supervisor]:
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        self.cuts += 1


@pytest.fixture
def power() -> Iterator[Power]:
    with passable_folder() as home:
        power = Power(home)
        yield power
        power.server.stop()


async def again(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the store until it answers."""
    while True:
        try:
            return await ask()
        except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(0.05)


@dataclass
class Office:
    """One bureau's people at work. They go on until `over`, then they return nothing any more."""

    world: World
    http: httpx.AsyncClient
    random: Random
    over: asyncio.Event
    tokens: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def sign_everybody_in(self) -> None:
        async with self.world.store.transaction() as tx:
            for login in self.world.people:
                reader = await self.world.reader(tx, login)
                _, self.tokens[login] = await create_token(tx, reader, "test", scopes=("read", "write"), expires=None)

    async def command(self, login: str, path: str, **body: Any) -> str:
        """Ask until there is an answer, always under the same key; return the state that came of it."""
        key = f"{self.world.bureau_id}-{len(self.answers)}-{self.random.random()}"
        headers = {"Authorization": f"Bearer {self.tokens[login]}", "Idempotency-Key": key}
        while True:
            try:
                answer = await self.http.post(path, json=body, headers=headers)
            except httpx.TransportError:
                continue
            if answer.status_code == 503:
                await asyncio.sleep(self.random.uniform(0.1, 0.3))
                continue
            assert answer.status_code == 200, answer.text
            self.answers[key] = answer.json()
            return str(answer.json()["state"])

    async def task(self, group: str, actor: str | None = None) -> str:
        async def look() -> str:
            async with self.world.store.transaction() as tx:
                return str(await self.world.open_task(tx, group, actor))

        return await again(look)

    async def carry(self, group: str) -> None:
        """Submit, and decide by lot, until the plan is filed."""
        state = "plan"
        while state != "filed":
            if state == "plan":
                state = await self.command(f"{group}-chief", f"/tasks/{await self.task(group)}/submit")
            elif state == "guidance":
                state = await self.decide("research-reviewer", group, None)
            else:
                state = await self.countersign(group)
            await asyncio.sleep(self.random.uniform(0, 0.1))

    async def countersign(self, group: str) -> str:
        offices = [("basic-clerk", "basic-education-office/clerk"), ("finance-clerk", "planning-finance-office/clerk")]
        self.random.shuffle(offices)
        state = await self.decide(offices[0][0], group, offices[0][1])
        return await self.decide(offices[1][0], group, offices[1][1]) if state == "bureau" else state

    async def decide(self, login: str, group: str, actor: str | None) -> str:
        task = await self.task(group, actor)
        if self.over.is_set() or self.random.random() < 0.3:
            return await self.command(login, f"/tasks/{task}/approve", words="Good.")
        return await self.command(login, f"/tasks/{task}/return", to="plan", words="Look again.")


async def time_passes(store: Store, seconds: float) -> None:
    """Let the days from BEGIN to END pass in so many seconds, in leaps that miss several reminders at once."""
    began, gone = time.monotonic(), 0.0
    while gone < 1:
        await asyncio.sleep(0.5)
        gone = min(1.0, (time.monotonic() - began) / seconds)
        now = BEGIN + (END - BEGIN) * gone
        await again(lambda now=now: move_clock(store, now))  # type: ignore[misc]


async def storm(power: Power, random: Random, over: asyncio.Event) -> None:
    while not over.is_set():
        await asyncio.sleep(random.uniform(1.0, 3.0))
        await asyncio.to_thread(power.cut)
        await asyncio.sleep(random.uniform(0, 0.5))
        await asyncio.to_thread(power.on)


@asynccontextmanager
async def offices(power: Power, installed: Installation, over: asyncio.Event) -> AsyncIterator[list[Office]]:
    store = Store(power.server.url, clock=StoreClock(), pool_size=4)
    await move_clock(store, BEGIN)
    base = f"http://127.0.0.1:{installed.settings.port}/api/v1"
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=20) as http:
        made = []
        for number, code in enumerate(BUREAUS):
            world = await open_filing(await make_world(store, code=code))
            for group in world.cases:
                await world.fill_in(group)
            made.append(Office(world, http, Random(SEED + number), over))
            await made[-1].sign_everybody_in()
        yield made
    await store.close()


async def settled(store: Store) -> None:
    """Let the leases of mails run out whose sender could not say what became of them."""
    await store.engine.dispose()  # its connections are those of a server that is gone
    await until_true(
        lambda: facts(
            store,
            "SELECT 1 WHERE NOT EXISTS (SELECT FROM notification WHERE state = 'pending') AND NOT EXISTS ("
            "SELECT FROM message WHERE state = 'waiting' AND try_at <= clock_timestamp())",
        ),
        what="sending what nobody holds",
    )
    await facts(store, "UPDATE message SET try_at = clock_timestamp() WHERE state IN ('sending', 'waiting')")
    await rest(store)


async def run(power: Power, server: RecordingServer, folder: Path, *, seconds: float) -> None:
    await migrate.upgrade(power.server.url)
    installed = installation(
        folder, power.server.url, watched=False, smtp_host="127.0.0.1", smtp_port=server.port, smtp_tls="none", smtp_timeout=5.0,
        smtp_connections=1, smtp_sender="plans@example.edu.cn",
    )  # fmt: skip
    over = asyncio.Event()
    try:
        async with offices(power, installed, over) as working:
            store = working[0].world.store
            await asyncio.to_thread(installed.start_web, installed.web())
            installed.clock().start()
            async with asyncio.TaskGroup() as everybody:
                for office in working:
                    for group in office.world.cases:
                        if group not in IDLE:
                            everybody.create_task(office.carry(group))
                everybody.create_task(storm(power, Random(SEED), over))
                await time_passes(store, seconds)
                over.set()
            await settled(store)
            assert power.cuts > seconds / 8
            # At each cut one mail may stand between DATA and its answer, and another one between that and its commit.
            url = installed.settings.public_url
            assert await broken(store, received=server.received, public_url=url, doubles=2 * power.cuts) == []
            for office in working:
                assert await acknowledged(store, office.answers) == []
            decided = await facts(store, "SELECT count(*) AS n FROM decision")
            assert decided == [{"n": sum(len(office.answers) for office in working)}]
            numbers = await facts(store, "SELECT count(*) AS n, max(serial) AS last FROM filing GROUP BY season_id")
            assert numbers == [{"n": 4, "last": 4}] * len(BUREAUS)
    finally:
        installed.end()


async def test_nothing_is_lost_or_doubled_when_postgresql_loses_its_power(
    power: Power, server: RecordingServer, tmp_path: Path
) -> None:
    await run(power, server, tmp_path, seconds=18)


@pytest.mark.long
async def test_nothing_is_lost_or_doubled_through_many_power_cuts(
    power: Power, server: RecordingServer, tmp_path: Path
) -> None:
    await run(power, server, tmp_path, seconds=300)
