"""The real application, called by programs with tokens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.adapters.keys import make_keys
from services.people.tokens import create_token
from services.settings import Settings
from services.store.clock import StoreClock
from services.store.transaction import Store
from services.web.app import create_app
from services.workflow.acts import submit_plan
from tests.conftest import START, _run_in_thread, in_database, move_clock
from tests.world import World, make_world, open_filing

ADDRESS = "http://127.0.0.1:8080"
ALL = ("read", "write")
METRICS = "a-secret-of-the-installation"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@dataclass
class Client:
    """A program with a token; `call` returns the response whatever its status is."""

    http: httpx.AsyncClient
    token: str = ""
    login: str = ""

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        path = path if path.startswith(("/api", "/metrics")) else f"/api/v1{path}"
        return await self.http.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("GET", path, **more)

    async def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        return await self.call("POST", path, **({"json": json} if json is not None else {}), **more)

    async def put(self, path: str, json: Any, **more: Any) -> httpx.Response:
        return await self.call("PUT", path, json=json, **more)

    async def delete(self, path: str, **more: Any) -> httpx.Response:
        return await self.call("DELETE", path, **more)


@dataclass
class Installation:
    """The application with its bureaus."""

    app: FastAPI
    store: Store
    worlds: dict[str, World] = field(default_factory=dict)
    clients: dict[tuple[str, str, tuple[str, ...]], Client] = field(default_factory=dict)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    sessions: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return next(iter(self.worlds.values()))

    def stranger(self) -> Client:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return Client(httpx.AsyncClient(transport=transport, base_url=ADDRESS))

    async def client(self, login: str, *scopes: str, world: World | None = None) -> Client:
        """Return a client with a token of the person, all scopes that they may have unless some are named."""
        world = world or self.world
        named = scopes or (("read", "write", "admin", "metrics") if login == "administrator" else ALL)
        known = (str(world.bureau_id), login, named)
        if known not in self.clients:
            async with self.store.transaction() as tx:
                reader = await world.reader(tx, login)
                _, secret = await create_token(tx, reader, "test", scopes=named, expires=None)
            self.clients[known] = Client(self.stranger().http, secret, login)
        return self.clients[known]

    async def close(self) -> None:
        for client in self.clients.values():
            await client.http.aclose()


@asynccontextmanager
async def installed(url: str, home: Path, *codes: str) -> AsyncIterator[Installation]:
    """Run the application on a migrated, empty database with a bureau for each code, its season open."""
    store = Store(url, clock=StoreClock(), pool_size=20)
    await move_clock(store, START)
    settings = Settings(
        home=home / "home", key_folder=home / "keys", clock="store", attachment_limit_mb=1, metrics_token=METRICS
    )
    make_keys(settings.key_folder)
    app = create_app(store, settings)
    made = Installation(app, store)
    try:
        for code in codes:
            made.worlds[code] = await open_filing(await make_world(store, code=code))
        async with app.router.lifespan_context(app):
            yield made
    finally:
        await made.close()
        await store.close()


@pytest.fixture
async def installation(database_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """The application with one bureau on a database of this test's own."""
    async with installed(database_url, tmp_path, "qd") as made:
        yield made


@pytest.fixture(scope="module")
def module_database(database_server: str, template_database: str) -> Iterator[str]:
    """A migrated, empty database that a module's tests share."""
    name = f"guantong_test_{uuid.uuid4().hex[:12]}"
    _run_in_thread(database_server, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    yield in_database(database_server, name)
    _run_in_thread(database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def submit(world: World, group: str) -> None:
    """Fill in and submit the group's plan as its chief coach."""
    await world.fill_in(group)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, f"{group}-chief")
        await submit_plan(tx, by=by, task_id=await world.open_task(tx, group))


async def task_of(world: World, group: str, actor: str | None = None) -> str:
    async with world.store.transaction() as tx:
        return str(await world.open_task(tx, group, actor))


async def together(*calls: Any) -> list[httpx.Response]:
    return await asyncio.gather(*calls)
