"""The real application on a fresh database, and people who sign in to it as browsers do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.settings import Settings
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
