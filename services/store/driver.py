"""One statement straight to asyncpg, for the hot paths.

SQLAlchemy's way to run a statement costs a task switch and a result object each time, more than the rest of such a
statement together. Here the transaction is still SQLAlchemy's (it begins, commits, and counts the connection), and an
error is still SQLAlchemy's; only the way of the rows is short. Where somebody listens to the engine's statements (tests
that count them), statements go SQLAlchemy's way, so that they are heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import asyncpg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn

Rows = list[Mapping[str, Any]]


async def begin(engine: AsyncEngine) -> AsyncConnection:
    """Take a connection from the pool and begin a transaction on it: one switch to SQLAlchemy instead of two."""
    return AsyncConnection(engine, await greenlet_spawn(_begin, engine.sync_engine))


async def commit(connection: AsyncConnection) -> None:
    """Commit and give the connection back, in one switch to SQLAlchemy instead of two and a task."""
    await greenlet_spawn(_commit, connection.sync_connection)


async def roll_back(connection: AsyncConnection) -> None:
    """Roll back what is not committed and give the connection back, to the end even where the caller is cancelled."""
    task = asyncio.ensure_future(greenlet_spawn(_close, connection.sync_connection))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _begin(engine: Engine) -> Connection:
    connection = engine.connect()
    connection.begin()
    return connection


def _commit(connection: Connection) -> None:
    connection.commit()
    connection.close()


def _close(connection: Connection) -> None:
    if not connection.closed:
        connection.close()


async def fetch(connection: AsyncConnection, statement: str, parameters: Sequence[Any]) -> Rows:
    """Run one statement in the connection's transaction and return its rows as mappings.

    Raises:
        DBAPIError: as SQLAlchemy would raise it.
    """
    sync = connection.sync_connection
    assert sync is not None
    if sync.dispatch.before_cursor_execute:
        result = await connection.exec_driver_sql(statement, tuple(parameters))
        return cast("Rows", result.mappings().all()) if result.returns_rows else []
    adapter: Any = sync.connection.dbapi_connection
    try:
        async with adapter._execute_mutex:  # noqa: SLF001
            if adapter._transaction is None:  # noqa: SLF001 - SQLAlchemy begins with the first statement that it runs
                await adapter._start_transaction()  # noqa: SLF001
            return cast("Rows", await adapter.driver_connection.fetch(statement, *parameters))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise _as_sqlalchemy(sync, adapter, statement, error) from error


def _as_sqlalchemy(sync: Any, adapter: Any, statement: str, error: Exception) -> BaseException:
    """Return the error that SQLAlchemy would raise, without the parameters, which may be personal."""
    dbapi = sync.dialect.loaded_dbapi
    try:
        adapter._handle_exception(error)  # noqa: SLF001 - gives the driver's error its DBAPI class
    except dbapi.Error as translated:
        raised: BaseException = DBAPIError.instance(
            statement, (), translated, dbapi.Error, hide_parameters=True, dialect=sync.dialect,
            connection_invalidated=sync.dialect.is_disconnect(translated, adapter, None),
        )  # fmt: skip
        return raised
    except Exception as other:  # noqa: BLE001 - not the database's: as it is
        return other
    return error
