"""Where a flow works: the store and the waiter. Its parameters are names only, so these come in by another door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from services.adapters.prefect_waiter import PrefectWaiter
from services.ports import Waiter
from services.settings import load_settings
from services.store.clock import StoreClock, SystemClock
from services.store.transaction import Store


@dataclass(frozen=True)
class Workplace:
    """What a flow needs from outside."""

    store: Store
    waiter: Waiter


_given: ContextVar[Workplace | None] = ContextVar("workplace", default=None)


@contextmanager
def at(store: Store, waiter: Waiter) -> Iterator[None]:
    """Let flows that are called in this block work on `store` and wait with `waiter`."""
    token = _given.set(Workplace(store, waiter))
    try:
        yield
    finally:
        _given.reset(token)


@asynccontextmanager
async def workplace() -> AsyncIterator[Workplace]:
    """Give the workplace: the one that the caller set, else this installation's store, and Prefect to wait with."""
    given = _given.get()
    if given is not None:
        yield given
        return
    settings = load_settings()
    clock = StoreClock() if settings.clock == "store" else SystemClock()
    store = Store(settings.required_database_url(), clock=clock, pool_size=7, application_name="guantong-flow")
    try:
        yield Workplace(store, PrefectWaiter())
    finally:
        await store.close()
