"""The real application on a fresh database, and people who sign in to it as browsers do."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.adapters.demo import PACK, PASSWORD, play_demo
from services.adapters.packs import read_pack, read_roster
from services.settings import Settings
from services.store.clock import StoreClock
from services.store.transaction import Store
from services.web.app import create_app

ADDRESS = "http://127.0.0.1:8080"


class Browser:
    """An HTTP client that keeps cookies and sends the token of the page that it saw last."""

    def __init__(self, app: FastAPI) -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
        self.token = ""

    async def get(self, path: str, **more) -> httpx.Response:
        answer = await self.http.get(path, **more)
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer

    async def post(self, path: str, data: dict | None = None, **more) -> httpx.Response:
        return await self.http.post(path, data={"csrf": self.token, **(data or {})}, **more)

    async def sign_in(self, login: str, password: str) -> httpx.Response:
        await self.get("/sign-in")
        answer = await self.post("/sign-in", {"login": login, "password": password})
        assert answer.status_code == 303, answer.text
        await self.get("/account")
        return answer


class Demo:
    """The application on the demo, and the people who use it."""

    def __init__(self, app: FastAPI, store: Store) -> None:
        self.app, self.store = app, store
        self.browsers: list[Browser] = []

    def browser(self) -> Browser:
        self.browsers.append(Browser(self.app))
        return self.browsers[-1]

    async def sign_in(self, login: str) -> Browser:
        made = self.browser()
        await made.sign_in(login, PASSWORD)
        return made

    async def rows(self, statement: str, *parameters) -> list:
        async with self.store.transaction() as tx:
            return list(await tx.rows(statement, parameters))

    async def case(self, group: str) -> UUID:
        found = await self.rows(
            "SELECT c.id FROM cases c JOIN project_group g ON g.id = c.group_id WHERE g.code = $1", group
        )
        return found[0]["id"]

    async def task(self, group: str, actor: str) -> UUID:
        statement = (
            "SELECT t.id FROM task t JOIN project_group g ON g.id = t.group_id"
            " WHERE g.code = $1 AND t.actor = $2 AND t.state = 'open'"
        )
        return (await self.rows(statement, group, actor))[0]["id"]


async def run_sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def in_database(server: str, name: str) -> str:
    head, _, tail = server.rpartition("/")
    query = tail.partition("?")[2]
    return f"{head}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
async def demo_template(database_server: str, template_database: str) -> AsyncIterator[str]:
    """A database with the demo's people and plans that is only ever cloned."""
    name = f"guantong_demo_{uuid.uuid4().hex[:12]}"
    await run_sql(database_server, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    store = Store(in_database(database_server, name), clock=StoreClock(), pooled=False)
    pack = read_pack(PACK)
    await play_demo(store, pack, read_roster(PACK / "people" / "demo.yaml", pack))
    await store.close()
    yield name
    await run_sql(database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def demo_store(database_server: str, demo_template: str) -> AsyncIterator[Store]:
    """A store of the demo, its clock standing at nine days before the plans are due."""
    name = f"guantong_test_{uuid.uuid4().hex[:12]}"
    await run_sql(database_server, f"CREATE DATABASE {name} TEMPLATE {demo_template}")
    store = Store(in_database(database_server, name), clock=StoreClock())
    yield store
    await store.close()
    await run_sql(database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def demo(demo_store: Store, settings: Settings) -> AsyncIterator[Demo]:
    """The demo behind the application; `demo.sign_in(login)` gives a browser of that person."""
    made = create_app(demo_store, settings)
    async with made.router.lifespan_context(made):
        held = Demo(made, demo_store)
        yield held
        for each in held.browsers:
            await each.http.aclose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", key_folder=tmp_path / "keys", clock="store", attachment_limit_mb=1)


@pytest.fixture
async def app(store: Store, settings: Settings) -> AsyncIterator[FastAPI]:
    made = create_app(store, settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    made = Browser(app)
    yield made
    await made.http.aclose()
