"""Fixtures of all tests: a real PostgreSQL, a database per test cloned from a migrated template, a clock that is moved.

The server is the one at GUANTONG_TEST_DATABASE_URL or on this machine's port 5432 where one answers, else the embedded
one; `--database embedded` asks for the embedded one.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from services.store import migrate
from services.store.clock import StoreClock, set_clock
from services.store.transaction import Store

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("auto", "server", "embedded"), default="auto")


@pytest.fixture(scope="session")
def documents() -> Path:
    """The folder of the real policy documents; a test that needs it skips where it is absent."""
    folder = SHARED / "documents"
    if not folder.is_dir():
        pytest.skip("the policy documents are not beside this checkout")
    return folder


def _answers(url: str) -> bool:
    async def ask() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=3)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    return asyncio.run(ask())


def _run(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL server (its maintenance database) on which tests may create databases."""
    choice = request.config.getoption("--database")
    server = os.environ.get("GUANTONG_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    if choice != "embedded" and _answers(server):
        yield server
        return
    if choice == "server":
        pytest.fail(f"no PostgreSQL answers at {server}")
    from services.adapters.postgres import EmbeddedPostgres  # noqa: PLC0415 - its binaries are large; only where needed
    from tests.homes import passable_folder  # noqa: PLC0415

    with passable_folder() as home, EmbeddedPostgres(home) as embedded:
        yield embedded.url


def in_database(server: str, name: str) -> str:
    """Return the server's URL with another database name."""
    head, _, tail = server.rpartition("/")
    query = tail.partition("?")[2]
    return f"{head}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def template_database(database_server: str) -> Iterator[str]:
    """A migrated database that is only ever cloned."""
    name = f"guantong_template_{uuid.uuid4().hex[:12]}"
    _run(database_server, f"CREATE DATABASE {name}")
    asyncio.run(migrate.upgrade(in_database(database_server, name)))
    yield name
    _run(database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def database_url(database_server: str, template_database: str) -> Iterator[str]:
    """A fresh, migrated, empty database."""
    name = f"guantong_test_{uuid.uuid4().hex[:12]}"
    _run_in_thread(database_server, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    yield in_database(database_server, name)
    _run_in_thread(database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _run_in_thread(url: str, statement: str) -> None:
    """Run a statement from a synchronous fixture even while the session's event loop runs."""
    import threading  # noqa: PLC0415

    thread = threading.Thread(target=_run, args=(url, statement))
    thread.start()
    thread.join()


START = datetime(2027, 1, 22, 1, 0, tzinfo=UTC)
"""Friday 22 January 2027, 09:00 in Shanghai: nine days before the plans are due."""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store on a fresh database whose business clock stands at START; move it with `move_clock`."""
    store = Store(database_url, clock=StoreClock(), pool_size=20)
    await move_clock(store, START)
    yield store
    await store.close()


async def move_clock(store: Store, to: datetime) -> None:
    """Set the business clock of every process on this database to `to`, standing still."""
    async with store.engine.begin() as connection:
        await set_clock(connection, to, frozen=True)
