import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from tests.homes import passable_folder


@pytest.fixture
def home() -> Iterator[Path]:
    with passable_folder() as folder:
        yield folder


@pytest.fixture
def empty_database(database_server: str) -> Iterator[Callable[[], str]]:
    """Makes empty databases on the test server, and drops them."""
    made: list[str] = []

    def run(statement: str) -> None:
        async def go() -> None:
            connection = await asyncpg.connect(database_server)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(go())

    def make() -> str:
        made.append(f"guantong_empty_{uuid4().hex[:12]}")
        run(f"CREATE DATABASE {made[-1]}")
        head, _, tail = database_server.rpartition("/")
        return f"{head}/{made[-1]}" + (f"?{tail.partition('?')[2]}" if "?" in tail else "")

    yield make
    for name in made:
        run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
