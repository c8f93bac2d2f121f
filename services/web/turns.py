"""Turns at the passwords: their hashing keeps a core busy, and anybody may ask for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, Request

from services.web.arrival import ArrivedDep
from services.web.errors import BusyError

MOST_WAITING = 64
"""About three seconds of work for two cores; whoever comes then is asked to try again."""


class Turns:
    """Lets a few in at a time and a short queue wait; refuses the rest at once.

    Args:
        at_once: how many work at the same time.
        waiting: how many may wait.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._here = 0

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn and have it.

        Raises:
            BusyError: too many wait already.
        """
        if self._here >= self._most:
            raise BusyError
        self._here += 1
        try:
            async with self._free:
                yield
        finally:
            self._here -= 1


def for_this_machine() -> Turns:
    """Return turns for as many at once as there are cores."""
    return Turns(os.cpu_count() or 1, MOST_WAITING)


async def turn(request: Request, _arrived: ArrivedDep) -> AsyncIterator[None]:
    """Have a turn from before the transaction opens until it ends: who waits holds no connection."""
    turns: Turns = request.app.state.turns
    async with turns.take():
        yield


HASHING = Depends(turn, scope="function")
