"""Waking the dispatcher after a commit: PostgreSQL's NOTIFY and LISTEN, each on its own connection outside the pool.

NOTIFY never stands in the transaction that it tells of, because notifying commits queue up behind each other. A lost
wake-up costs a second: whoever waits looks by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

log = logging.getLogger(__name__)

CHANNEL = "guantong_messages"
CONNECT_TIMEOUT = 5.0
APART = 0.05
"""Seconds between two wake-ups of one process: a busy one says it twenty times a second and not with every commit."""
ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def _plain(url: str) -> str:
    """Return the URL as asyncpg takes it, without SQLAlchemy's driver."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class Waker:
    """Tells all dispatchers that there is something to do. Calls that come while one is under way become one.

    `Store.wake = waker.wake` has every transaction of the store that writes notifications wake them once it commits.
    """

    def __init__(self, url: str) -> None:
        self._url = _plain(url)
        self._connection: Any = None
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    async def wake(self) -> None:
        """Ask for a wake-up and return at once; it never fails the caller, whose commit stands already."""
        self._wanted = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._notify())

    async def close(self) -> None:
        """Finish what is under way and close the connection."""
        if self._task is not None:
            await self._task
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _notify(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT)
                await self._connection.execute(f"NOTIFY {CHANNEL}", timeout=CONNECT_TIMEOUT)
            except ERRORS:
                log.warning("the dispatcher could not be woken; it looks by itself within a second", exc_info=True)
                if self._connection is not None:
                    self._connection.terminate()
                    self._connection = None
            await asyncio.sleep(APART)


class Listener:
    """Waits for a wake-up. A connection that breaks is made anew; until then waiting is just waiting."""

    def __init__(self, url: str) -> None:
        self._url = _plain(url)
        self._connection: Any = None
        self._woken = asyncio.Event()

    async def wait(self, seconds: float, *, stop: asyncio.Event | None = None) -> bool:
        """Wait until woken, at most `seconds`, less when `stop` is set; return whether somebody woke us."""
        await self._listen()
        waits = [asyncio.create_task(event.wait()) for event in (self._woken, stop) if event is not None]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with contextlib.suppress(*ERRORS):
                await self._connection.close(timeout=CONNECT_TIMEOUT)
            self._connection = None

    async def _listen(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        try:
            self._connection = await asyncpg.connect(self._url, timeout=CONNECT_TIMEOUT)
            await self._connection.add_listener(CHANNEL, self._hear)
        except ERRORS:
            log.warning("cannot listen for wake-ups; looking every second instead", exc_info=True)
            self._connection = None

    def _hear(self, *_: object) -> None:
        self._woken.set()
