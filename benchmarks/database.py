"""Databases for benchmarks: migrated, on the server at GUANTONG_TEST_DATABASE_URL or port 5432, else the embedded one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from services.store import migrate


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a server's maintenance database."""
    url = os.environ.get("GUANTONG_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    if _answers(url):
        yield url
        return
    from services.adapters.postgres import EmbeddedPostgres  # noqa: PLC0415 - only where no server answers

    with tempfile.TemporaryDirectory() as home, EmbeddedPostgres(Path(home)) as embedded:
        yield embedded.url


def _answers(url: str) -> bool:
    import asyncio  # noqa: PLC0415

    async def ask() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=3)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    return asyncio.run(ask())


@asynccontextmanager
async def database(server_url: str) -> AsyncIterator[str]:
    """Yield a fresh, migrated database and drop it afterwards."""
    name = f"guantong_bench_{uuid.uuid4().hex[:10]}"
    await execute(server_url, f"CREATE DATABASE {name}")
    url = server_url.rpartition("/")[0] + "/" + name
    try:
        await migrate.upgrade(url)
        yield url
    finally:
        await execute(server_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
