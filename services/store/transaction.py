"""One transaction per request, job or flow step. Use cases get a Tx and never commit.

The edge writes `async with store.transaction() as tx:` and hands `tx` down. What must happen after the commit
(waking the dispatcher) is registered with `tx.after_commit` and runs only when the commit succeeded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from services.ports import Ids
from services.store.clock import StoreClock, SystemClock
from services.store.driver import begin, commit, fetch, roll_back
from services.store.ids import RandomIds


@dataclass
class Tx:
    """A running transaction: its connection, the business time at which it began, and where ids come from."""

    _connection: AsyncConnection
    now: datetime
    ids: Ids
    _session: AsyncSession | None = None
    _wake: Callable[[], Awaitable[None]] | None = None
    _after_commit: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)

    def new_id(self) -> UUID:
        """Return a new id from the Ids port."""
        return self.ids.new()

    def new_ids(self, n: int) -> list[UUID]:
        """Return `n` new ids from the Ids port."""
        return self.ids.many(n)

    def after_commit(self, name: str, call: Callable[[], Awaitable[None]]) -> None:
        """Run `call` once after the commit; a second one of the same name replaces the first."""
        self._after_commit[name] = call

    def wake(self) -> None:
        """Wake the dispatcher after the commit, where the process has a way to: there is something to send."""
        if self._wake is not None:
            self.after_commit("wake", self._wake)

    @property
    def session(self) -> AsyncSession:
        """The ORM session on this transaction, made when first asked for: acts do without one."""
        if self._session is None:
            self._session = AsyncSession(
                self._connection, expire_on_commit=False, autoflush=True, join_transaction_mode="rollback_only"
            )
        return self._session

    async def connection(self) -> AsyncConnection:
        """Return the connection that the transaction runs on."""
        return self._connection

    async def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Mapping[str, Any]]:
        """Run one statement in PostgreSQL's own notation (`$1`) and return its rows as mappings.

        For hot paths and set-based statements; jsonb comes back decoded, and a jsonb parameter goes in as a JSON text.
        """
        if self._session is not None:
            await self._session.flush()
        return await fetch(self._connection, statement, parameters)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Take back what the block wrote where it raises; the transaction goes on."""
        # A session that first begins inside a savepoint would end with it, so it begins here.
        await self.session.connection()
        await self.flush()
        async with self._connection.begin_nested():
            try:
                yield
                await self.flush()
            except BaseException:
                self.session.expunge_all()
                raise

    async def flush(self) -> None:
        """Send what the session holds back."""
        if self._session is not None:
            await self._session.flush()

    async def close(self) -> None:
        """Let go of the session; the transaction's end is not its business."""
        if self._session is not None:
            await self._session.close()


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
        server_settings: Mapping[str, str] | None = None,
    ) -> None:
        named = {"application_name": application_name, "jit": "off", **(server_settings or {})}
        # Parameters may be personal, and an error's text goes to the log.
        arguments: dict[str, Any] = {"connect_args": {"server_settings": named}, "hide_parameters": True}
        url = sqlalchemy_url(url)
        if pooled:
            self.engine: AsyncEngine = create_async_engine(
                url, pool_size=pool_size, max_overflow=0, pool_pre_ping=False, **arguments
            )
        else:
            self.engine = create_async_engine(url, poolclass=NullPool, **arguments)
        self.wake: Callable[[], Awaitable[None]] | None = None
        self.clock = clock or SystemClock()
        self.ids = ids or RandomIds()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Open a transaction; commit when the block ends, roll back when it raises; then run what waits for the commit."""
        connection = await begin(self.engine)
        try:
            tx = Tx(connection, await self.clock.look(connection), self.ids, _wake=self.wake)
            try:
                yield tx
                await tx.flush()
            finally:
                await tx.close()
            await commit(connection)
        except BaseException:
            await roll_back(connection)
            raise
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
