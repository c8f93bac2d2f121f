"""The bureau of a history in the store: emptied and set up anew for each, with the ids that the model gives its people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

import models  # noqa: F401 - every table
from models.base import metadata
from services.people.access import Reader, reader_for
from services.people.directory import create_bureau
from services.process.packs import Pack
from services.programmes.load import load_pack
from services.store.clock import StoreClock
from services.store.transaction import Store, Tx
from services.workflow.season_plan import plan_season
from services.workflow.seasons import open_season
from tests.process.model.people import POSITIONS, People, id_of
from tests.workflow.histories.facts import LOOK, Facts
from tests.workflow.histories.ids import CountedIds
from tests.workflow.histories.pack import ADMINISTRATOR, PROCESS, PROGRAMME, SEASON, position_code

EMPTY = "SET session_replication_role = replica; {deletes} SET session_replication_role = DEFAULT"
"""So neither foreign keys nor the guard of the audit chain are in the way; the schema and the clock stay."""
MOVE = """
INSERT INTO store_clock (id, offset_seconds, frozen_at) VALUES (1, 0, $1)
ON CONFLICT (id) DO UPDATE SET offset_seconds = 0, frozen_at = excluded.frozen_at
"""
FOREVER = "2099-12-31"


class WatchedStore(Store):
    """A store that lets a test look after each transaction of the clock, as it was committed."""

    watch: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        async with super().transaction() as tx:
            yield tx
        if self.watch is not None:
            watch, self.watch = self.watch, None
            await watch()
            self.watch = watch


class Town:
    """A store with one bureau. runner: whose loop the store's connections belong to."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self.url, self.runner, self.ids = url, runner, CountedIds()
        self.store = WatchedStore(url, clock=StoreClock(), ids=self.ids, pool_size=4)
        self.bureau_id = self.case_id = UUID(int=0)
        self._eye: asyncpg.Connection | None = None
        self.known: set[str] = set()
        self.positions: dict[str, UUID] = {}

    async def close(self) -> None:
        await self.store.close()
        if self._eye is not None:
            await self._eye.close()

    async def reader(self, tx: Tx, name: str) -> Reader:
        return await reader_for(tx, bureau_id=self.bureau_id, person_id=id_of(name))

    async def set_up(self, pack: Pack, people: People, *, space: int, now: datetime) -> None:
        """Begin anew with this pack and these people; the season is open and has its case."""
        await self._empty()
        self.ids.begin(space)
        self.known = set()
        await self.move_clock(now)
        async with self.store.transaction() as tx:
            bureau = await create_bureau(tx, code="town", name="Town")
            self.bureau_id = bureau.id
            await load_pack(tx, bureau.id, pack)
            await self._name_positions(tx)
            await self._settle(tx, people)
        self.case_id = await self.open_season(PROCESS)

    async def look(self) -> Facts:
        """Everything that is committed."""
        return Facts(orjson.loads(await (await self.eye()).fetchval(LOOK)))

    async def eye(self) -> asyncpg.Connection:
        """A connection of its own beside the store's, for what is no act of anybody."""
        if self._eye is None:
            self._eye = await asyncpg.connect(self.url)
        return self._eye

    async def _empty(self) -> None:
        tables = [table.name for table in metadata.sorted_tables if table.name != "store_clock"]
        await (await self.eye()).execute(EMPTY.format(deletes=" ".join(f"DELETE FROM {name};" for name in tables)))

    async def _name_positions(self, tx: Tx) -> None:
        """Give the positions the ids that they have in the model."""
        self.positions = {**POSITIONS, ADMINISTRATOR: id_of(ADMINISTRATOR)}
        codes = [position_code(actor) for actor in self.positions]
        await tx.rows(
            "UPDATE position p SET id = n.id FROM unnest($1::text[], $2::uuid[]) AS n(code, id) WHERE p.code = n.code",
            (codes, list(self.positions.values())),
        )

    async def _settle(self, tx: Tx, people: People) -> None:
        await self._bring_in(tx, [*people.names, *people.stands_in])
        for actor, persons in people.holders.items():
            for person in persons:
                await self._appoint(tx, person, actor)
        for person in people.administrators:
            await self._appoint(tx, person, ADMINISTRATOR)
        for away, here in people.stands_in.items():
            await self._stand_in(tx, away, here)

    async def know(self, names: Iterable[str]) -> None:
        """See to it that these people are there."""
        if missing := [name for name in names if name and name not in self.known]:
            async with self.store.transaction() as tx:
                await self._bring_in(tx, missing)

    async def _bring_in(self, tx: Tx, names: Iterable[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self.known]
        self.known |= {*new}
        await tx.rows(
            "INSERT INTO person (id, bureau_id, name, sort_key, locale, created_at)"
            " SELECT n.id, $1, n.name, n.name, 'en', $2 FROM unnest($3::uuid[], $4::text[]) AS n(id, name)",
            (self.bureau_id, tx.now, [id_of(name) for name in new], new),
        )

    async def _appoint(self, tx: Tx, person: str, actor: str) -> None:
        await tx.rows(
            "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)"
            " VALUES ($1, $2, $3, $4, '2026-01-01', $5)",
            (tx.new_id(), self.bureau_id, self.positions[actor], id_of(person), tx.now),
        )

    async def _stand_in(self, tx: Tx, away: str, here: str) -> None:
        if away == here:
            return
        await tx.rows(
            "INSERT INTO substitution (id, bureau_id, person_id, substitute_id, starts_on, ends_on, reason, created_at)"
            f" VALUES ($1, $2, $3, $4, '2026-01-01', '{FOREVER}', 'Ill', $5)",
            (tx.new_id(), self.bureau_id, id_of(away), id_of(here), tx.now),
        )

    # --- what happens around the case -------------------------------------------------------------------------------

    async def move_clock(self, now: datetime) -> None:
        await (await self.eye()).execute(MOVE, now)

    async def appoint(self, person: str, actor: str) -> None:
        await self.know([person])
        async with self.store.transaction() as tx:
            await self._appoint(tx, person, actor)

    async def dismiss(self, person: str, actor: str) -> None:
        """End it as if it had ended yesterday."""
        async with self.store.transaction() as tx:
            await tx.rows(
                "UPDATE appointment SET ends_on = '2026-12-31' WHERE person_id = $1 AND position_id = $2",
                (id_of(person), self.positions[actor]),
            )

    async def stand_in(self, away: str, here: str | None) -> None:
        """Let somebody stand in for a person from now on instead of whoever did; nobody where it is None."""
        await self.know([away, here or ""])
        async with self.store.transaction() as tx:
            await tx.rows(
                "UPDATE substitution SET ended_at = $2 WHERE person_id = $1 AND ended_at IS NULL", (id_of(away), tx.now)
            )
            if here is not None:
                await self._stand_in(tx, away, here)

    async def open_season(self, process: str) -> UUID:
        """Open the season of a process unless it is; return the group's case in it."""
        async with self.store.transaction() as tx:
            season = await plan_season(tx, self.bureau_id, programme=PROGRAMME, process=process, key=SEASON)
        async with self.store.transaction() as tx:
            await open_season(tx, season, 0)
            rows = await tx.rows("SELECT id FROM cases WHERE season_id = $1 AND parent_id IS NULL", (season,))
        found: UUID = rows[0]["id"]
        return found

    async def do(self, use_case: Callable[..., Awaitable[Any]], name: str, **more: Any) -> Any:
        async with self.store.transaction() as tx:
            return await use_case(tx, by=await self.reader(tx, name), **more)
