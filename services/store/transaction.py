"""One transaction per request, job or flow step. Use cases get a Tx and never commit.

The edge writes `async with store.transaction() as tx:` and hands `tx` down. What must happen after the commit
(waking the dispatcher) is registered with `tx.after_commit` and runs only when the commit succeeded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from services.ports import Ids
from services.store.clock import StoreClock, SystemClock
from services.store.ids import RandomIds


@dataclass
class Tx:
    """A running transaction: the session, the business time at which it began, and where ids come from."""

    session: AsyncSession
    now: datetime
    ids: Ids
    _after_commit: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def new_id(self) -> UUID:
        """Return a new id from the Ids port."""
        return self.ids.new()

    def after_commit(self, name: str, call: Callable[[], Awaitable[None]]) -> None:
        """Run `call` once after the commit; a second one of the same name replaces the first."""
        self._after_commit[name] = call

    async def connection(self) -> AsyncConnection:
        """Return the session's connection."""
        return await self.session.connection()

    async def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
        """Run one statement in PostgreSQL's own notation (`$1`) and return its rows as mappings.

        For hot paths and set-based statements; jsonb comes back decoded, and a jsonb parameter goes in as a JSON text.
        """
        connection = await self.session.connection()
        result = await connection.exec_driver_sql(statement, tuple(parameters))
        return cast("list[Mapping[str, Any]]", result.mappings().all()) if result.returns_rows else []


class Store:
    """The store of one installation: an engine, a clock and an id source, shared by a process."""

    def __init__(
        self,
        url: str,
        *,
        clock: SystemClock | StoreClock | None = None,
        ids: Ids | None = None,
        pool_size: int = 10,
        pooled: bool = True,
        application_name: str = "guantong",
    ) -> None:
        arguments: dict[str, Any] = {"server_settings": {"application_name": application_name, "jit": "off"}}
        url = sqlalchemy_url(url)
        if pooled:
            self.engine: AsyncEngine = create_async_engine(
                url, pool_size=pool_size, max_overflow=5, pool_pre_ping=False, connect_args=arguments
            )
        else:
            self.engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
        self.clock = clock or SystemClock()
        self.ids = ids or RandomIds()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Open a transaction; commit when the block ends, roll back when it raises; then run what waits for the commit."""
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=True) as session:
            async with session.begin():
                now = await self.clock.look(await session.connection())
                tx = Tx(session=session, now=now, ids=self.ids)
                yield tx
            for call in tx._after_commit.values():  # noqa: SLF001 - its own queue
                await call()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """Return a `postgresql://` URL as one for SQLAlchemy's asyncpg dialect."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+asyncpg://" + url.removeprefix(scheme)
    return url
