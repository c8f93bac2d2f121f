"""Carry a season's flow in this process, without Prefect: each step runs from the first line to where it would suspend.

For rehearsals and tests. It takes the same way through a flow as Prefect does: leave it at a wait, begin it again later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any


class Suspension(BaseException):
    """The flow waits under `key`. A way out, not an error: nothing on the way may take it for one."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class SteppingWaiter:
    """A Waiter that leaves the flow; a key that was used returns at once, as Prefect's do."""

    def __init__(self) -> None:
        self.used: list[str] = []

    async def suspend(self, *, key: str) -> None:
        """Leave the flow, once per key."""
        if key not in self.used:
            self.used.append(key)
            raise Suspension(key)


async def step(flow: Callable[..., Awaitable[Any]], **parameters: Any) -> str | None:
    """Run the flow until it waits; return the key under which it does, or None when it is over."""
    try:
        await flow(**parameters)
    except Suspension as suspension:
        return suspension.key
    return None
