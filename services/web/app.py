"""The web process: one FastAPI application for the pages, the API and the health endpoints.

`uvicorn --factory services.web.app:create_app` builds everything from the environment; tests hand in a store and settings.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan

from services.adapters import lifeline
from services.adapters.files import FileStore
from services.messages.wake import Waker
from services.settings import Settings, load_settings
from services.store import migrate
from services.store.clock import StoreClock, SystemClock
from services.store.transaction import Store
from services.web import api, errors, health, metrics, pages, security, turns
from services.web.api import description
from services.web.templating import STATIC, VERSION

PATIENCE = {"lock_timeout": "20s", "idle_in_transaction_session_timeout": "60s"}
"""How long a request waits for another's lock, and how long one may hold its own without doing anything."""


def create_app(store: Store | None = None, settings: Settings | None = None) -> FastAPI:
    """Return the application.

    Args:
        store: the store to use; left out, one is opened at the settings' database and closed at the end.
        settings: left out, they are read from the environment, and the process ends with its parent.
    """
    if settings is None:
        settings = load_settings()
        lifeline.watch()
    ours = store is None
    store = store or _open_store(settings)
    app = FastAPI(
        title="Guantong",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=_lifespan(store, settings, ours),
    )
    app.state.store, app.state.settings = store, settings
    app.state.turns = turns.for_this_machine()
    app.state.files = FileStore(settings.files, limit=settings.attachment_limit)
    # Only what holds no secret is compressed: a page's token could be guessed from the length of what is.
    app.mount("/static", GZipMiddleware(_CachedFiles(directory=STATIC), minimum_size=1000), name="static")
    for router in (*_routers(api), *_routers(pages), health.router, metrics.router):
        app.include_router(router)
    errors.install(app)
    security.install(app, settings)
    metrics.install(app)
    description.install(app)
    return app


def _open_store(settings: Settings) -> Store:
    clock = StoreClock() if settings.clock == "store" else SystemClock()
    url = settings.required_database_url()
    size = settings.database_pool
    return Store(url, clock=clock, pool_size=size, application_name="guantong-web", server_settings=PATIENCE)


def _lifespan(store: Store, settings: Settings, ours: bool) -> Lifespan[FastAPI]:  # noqa: FBT001 - who opened the store closes it
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await migrate.require_head(store.engine)
        waker = Waker(settings.required_database_url()) if ours else None
        store.wake = waker.wake if waker else None
        if ours:
            _settle()
        try:
            yield
        finally:
            if waker:
                await waker.close()
                await store.close()

    return lifespan


def _settle() -> None:
    """Leave what a process has loaded out of every later search for garbage, and search less often.

    A request makes many small values that are freed at once without any search.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _routers(package: ModuleType) -> list[APIRouter]:
    """Return the `router` of every module of the package that has one, in the order of their names."""
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return [router for module in modules if isinstance(router := getattr(module, "router", None), APIRouter)]


class _CachedFiles(StaticFiles):
    """Static files: their addresses carry the release (`?v=`), so browsers may keep them for a year."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
