"""Two stores in databases of their own, in which histories are lived one after the other."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import _run_in_thread, in_database
from tests.workflow.histories.town import Town


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def town(database_url: str, runner: asyncio.Runner) -> Iterator[Town]:
    made = Town(database_url, runner)
    yield made
    runner.run(made.close())


@pytest.fixture
def other(database_server: str, template_database: str, runner: asyncio.Runner) -> Iterator[Town]:
    name = f"guantong_test_{uuid.uuid4().hex[:12]}"
    _run_in_thread(database_server, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    made = Town(in_database(database_server, name), runner)
    yield made
    runner.run(made.close())
    _run_in_thread(database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
