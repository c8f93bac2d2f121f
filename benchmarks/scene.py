"""A bureau with the Qingdao programme, its people and a running season, made by the real use cases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from benchmarks.crowd import copies
from services.adapters.demo import PACK
from services.adapters.demo_history import sample_plan
from services.adapters.packs import read_pack, read_roster
from services.people.access import Reader, reader_for
from services.people.directory import create_bureau
from services.people.set_up import load_people
from services.people.tokens import create_token
from services.programmes.load import load_pack
from services.store.transaction import Store, Tx
from services.workflow.acts import approve, submit_plan
from services.workflow.drafts import save_draft
from services.workflow.season_plan import plan_season
from services.workflow.seasons import open_season

GROUP = "biology"
REVIEWER, CLERK, FINANCE = "research-reviewer", "basic-clerk", "finance-clerk"


class MovableClock:
    """A business clock that the benchmark holds; business time costs no statement, as in a lasting installation."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    async def look(self, _connection: object) -> datetime:
        return self.moment


@dataclass
class Scene:
    """What a benchmark works on."""

    url: str
    store: Store
    bureau_id: UUID = field(default_factory=lambda: UUID(int=0))
    season_id: UUID = field(default_factory=lambda: UUID(int=0))
    people: dict[str, UUID] = field(default_factory=dict)
    cases: dict[str, UUID] = field(default_factory=dict)

    async def reader(self, tx: Tx, login: str) -> Reader:
        return await reader_for(tx, bureau_id=self.bureau_id, person_id=self.people[login])

    async def token(self, login: str) -> str:
        async with self.store.transaction() as tx:
            _, raw = await create_token(
                tx, await self.reader(tx, login), "benchmark", scopes=["read", "write"], expires=None
            )
        return raw

    async def task(self, tx: Tx, case_id: UUID, actor: str | None = None) -> UUID:
        rows = await tx.rows("SELECT id, actor FROM task WHERE case_id = $1 AND state = 'open'", (case_id,))
        found: UUID = next(row["id"] for row in rows if actor in (None, row["actor"]))
        return found

    async def submit(self, group: str = GROUP) -> UUID:
        async with self.store.transaction() as tx:
            by = await self.reader(tx, f"{group}-chief")
            case_id = self.cases[group]
            await submit_plan(tx, by=by, task_id=await self.task(tx, case_id))
        return case_id

    async def guide(self, group: str = GROUP) -> UUID:
        async with self.store.transaction() as tx:
            by = await self.reader(tx, REVIEWER)
            await approve(tx, by=by, task_id=await self.task(tx, self.cases[group]))
        return self.cases[group]

    async def copies(self, case_id: UUID, n: int) -> list[UUID]:
        connection = await asyncpg.connect(self.url)
        try:
            return await copies(connection, case_id, n)
        finally:
            await connection.close()

    async def execute(self, statements: Iterable[str]) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def scene(url: str) -> AsyncIterator[Scene]:
    """Yield a scene with the next filing season open for six groups, each with a plan drafted."""
    now = datetime.now(UTC)
    key = str(now.year + 1 if now.month > 1 else now.year)
    store = Store(url, clock=MovableClock(now - timedelta(hours=1)), pool_size=16)  # type: ignore[arg-type]
    made = Scene(url, store)
    pack = read_pack(PACK)
    try:
        async with store.transaction() as tx:
            bureau = await create_bureau(tx, code="bench", name="Benchmark", zone="Asia/Shanghai", locale="en")
            made.bureau_id = bureau.id
            await load_pack(tx, bureau.id, pack)
            roster = read_roster(PACK / "people" / "demo.yaml", pack)
            made.people = await load_people(tx, bureau.id, roster, programme=pack.programme)
            made.season_id = await plan_season(
                tx, bureau.id, programme=pack.programme, process="annual-filing", key=key
            )
            await open_season(tx, made.season_id, 0)
            rows = await tx.rows("SELECT g.code, c.id FROM cases c JOIN project_group g ON g.id = c.group_id")
            made.cases = {row["code"]: row["id"] for row in rows}
        for group, case_id in made.cases.items():
            async with store.transaction() as tx:
                by = await made.reader(tx, f"{group}-chief")
                plan = sample_plan(key, group)
                plan["budget"]["total"] = plan["budget"]["daily"]
                await save_draft(tx, by=by, case_id=case_id, data=plan)
        yield made
    finally:
        await store.close()
