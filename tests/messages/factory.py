"""A bureau with the Qingdao programme, people in its positions, and cases opened by the real use cases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlmodel import select

from models.people import ProjectGroup
from models.programme import Season
from services.adapters.packs import read_pack
from services.people.access import Reader, reader_for
from services.people.set_up import set_up_bureau
from services.process.alarms import LadderSeries
from services.process.definitions import Span
from services.process.packs import Pack
from services.programmes.load import load_pack
from services.settings import Settings, load_settings
from services.store.transaction import Store, Tx
from services.workflow.season_plan import plan_season
from services.workflow.start import start_case

PACK = Path(__file__).resolve().parents[2] / "programmes" / "qingdao-qiangji"
PROGRAMME, PROCESS = "qingdao-qiangji", "annual-filing"
PUBLIC = "https://plans.example.edu.cn"
LONG_AGO = date(2026, 1, 1)
COACH = "qingdao-qiangji:math:chief-coach"


@cache
def pack() -> Pack:
    return read_pack(PACK)


def settings(tmp_path: Path, **more: object) -> Settings:
    values = {"home": tmp_path / "home", "key_folder": tmp_path / "keys", "public_url": PUBLIC, "smtp_timeout": 5.0}
    return load_settings({}, **{**values, "smtp_host": "127.0.0.1", "smtp_sender": "plans@example.edu.cn", **more})


@dataclass
class World:
    """A bureau with its programme and its season 2027, not a case opened yet."""

    store: Store
    bureau_id: UUID
    administrator: UUID
    season_id: UUID
    positions: dict[str, UUID]

    async def person(
        self, name: str, *held: str, email: str | None = "", locale: str = "en", ends_on: date | None = None
    ) -> UUID:
        """Add a person with positions; `email` left out makes one from the name."""
        async with self.store.transaction() as tx:
            identity = tx.new_id()
            address = f"{name.lower().replace(' ', '.')}@example.test" if email == "" else email
            await tx.rows(
                "INSERT INTO person (id, bureau_id, name, sort_key, email, locale, created_at) VALUES ($1, $2, $3, $3, $4, $5, $6)",
                (identity, self.bureau_id, name, address, locale, tx.now),
            )
            for code in held:
                await tx.rows(
                    "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, ends_on, created_at)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    (tx.new_id(), self.bureau_id, self.positions[code], identity, LONG_AGO, ends_on, tx.now),
                )
            return identity

    async def start(self, group: str = "math") -> UUID:
        """Open the group's case; return its id."""
        async with self.store.transaction() as tx:
            season = (await tx.session.exec(select(Season).where(Season.id == self.season_id))).one()
            wanted = select(ProjectGroup).where(ProjectGroup.bureau_id == self.bureau_id, ProjectGroup.code == group)
            case = await start_case(tx, season=season, group=(await tx.session.exec(wanted)).one())
            assert case is not None
            return case

    async def reader(self, person: UUID) -> Reader:
        async with self.store.transaction() as tx:
            return await reader_for(tx, bureau_id=self.bureau_id, person_id=person)

    async def tell(
        self,
        person: UUID,
        kind: str,
        context: dict[str, object] | None = None,
        *,
        case: UUID | None = None,
        season: UUID | None = None,
        of: UUID | None = None,
    ) -> UUID:
        """Write a pending notification as an act or a season does."""
        async with self.store.transaction() as tx:
            task = await _task(tx, case)
            identity = tx.new_id()
            await tx.rows(
                "INSERT INTO notification (id, bureau_id, person_id, kind, subject_id, task_id, case_id, season_id, visit_n,"
                " at, context, state, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10::jsonb, 'pending', $9)",
                (
                    identity,
                    self.bureau_id,
                    person,
                    kind,
                    of or task or season or self.bureau_id,
                    task,
                    case,
                    season,
                    tx.now,
                    json.dumps(context or {}),
                ),
            )
            return identity

    async def rows(self, statement: str, *parameters: object) -> list[dict[str, object]]:
        async with self.store.transaction() as tx:
            return [dict(row) for row in await tx.rows(statement, parameters)]

    async def told(self, kind: str | None = None) -> list[dict[str, object]]:
        """Return the notifications that alarms wrote (or those of one kind), oldest first."""
        return await self.rows(
            "SELECT person_id, kind, at, context::text AS context, state FROM notification"
            " WHERE ($1::text IS NULL AND kind <> 'task-opened') OR kind = $1 ORDER BY at, kind",
            kind,
        )

    async def messages(self) -> list[dict[str, object]]:
        return await self.rows("SELECT * FROM message ORDER BY created_at, id")


async def _task(tx: Tx, case: UUID | None) -> UUID | None:
    rows = (
        await tx.rows("SELECT id FROM task WHERE case_id = $1 ORDER BY opened_at DESC LIMIT 1", (case,)) if case else []
    )
    return rows[0]["id"] if rows else None


async def make_world(store: Store, code: str = "qingdao") -> World:
    """Set up a bureau with the programme and plan its season 2027."""
    async with store.transaction() as tx:
        new = await set_up_bureau(
            tx, code, name="青岛市教育局", admin_name="Administrator", admin_login="admin", password="a quiet morning"
        )
        bureau, administrator = new.bureau.id, new.administrator.id
    async with store.transaction() as tx:
        await load_pack(tx, bureau, pack())
        season = await plan_season(tx, bureau, programme=PROGRAMME, process=PROCESS, key="2027")
        rows = await tx.rows("SELECT code, id FROM position WHERE bureau_id = $1", (bureau,))
    return World(store, bureau, administrator, season, {row["code"]: row["id"] for row in rows})


LADDER = LadderSeries(rung=1, after=Span(n=1, unit="wd"), every=Span(n=2, unit="wd"), until="close", at="09:00")

CROWD = """
WITH someone AS (
    INSERT INTO person (id, bureau_id, name, sort_key, email, locale, created_at)
    SELECT gen_random_uuid(), $1, 'P' || n, 'P' || n, 'p' || n || '@example.test', 'en', $2
    FROM generate_series(1, $3::int) n RETURNING id
), t AS (SELECT id, case_id FROM task WHERE case_id = $4 LIMIT 1),
made AS (
    INSERT INTO task SELECT gen_random_uuid(), bureau_id, case_id, season_id, visit_id, stage, process, kind, group_id,
        position_id, actor, state, opened_at, due_at, due_sort, closed_at, decision_id, person_id, holder_id
    FROM task, generate_series(1, $5::int) WHERE case_id = $4 RETURNING id, bureau_id
), due AS (
    INSERT INTO deadline (id, bureau_id, subject, subject_id, case_id, due_at, close_at, explained, state)
    SELECT gen_random_uuid(), made.bureau_id, 'task', made.id, $4, $6, $7, '{"reasons": []}', 'open' FROM made
    RETURNING id, subject_id
)
INSERT INTO alarm (id, bureau_id, deadline_id, task_id, case_id, visit_n, kind, person_id, series, next_at)
SELECT gen_random_uuid(), $1, due.id, due.subject_id, $4, 1, 'overdue', someone.id, $8::jsonb, $9 FROM due, someone
"""


async def crowd(world: World, case: UUID, *, people: int, each: int, next_at: datetime) -> None:
    """Arm `each` alarms for each of `people` new people, all due at `next_at`, one task per alarm of a person."""
    due = next_at - timedelta(days=1)
    async with world.store.transaction() as tx:
        values = (
            world.bureau_id,
            tx.now,
            people,
            case,
            each,
            due,
            due + timedelta(days=7),
            LADDER.model_dump_json(),
            next_at,
        )
        await tx.rows(CROWD, values)
