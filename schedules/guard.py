"""Run a job again and again, whatever happens to what it needs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class Guard:
    """One job's runs. A failure is said once, until the job fails in another way or works again; then that is said.

    Args:
        name: the job's.
        run: what it does.
    """

    def __init__(self, name: str, run: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._run = run
        self.failing: str | None = None
        self.failures = 0
        self.seconds = 0.0
        self.task: asyncio.Task[object] | None = None

    async def once(self) -> bool:
        """Run the job once; return whether it worked."""
        began = time.monotonic()
        self.task = asyncio.current_task()
        try:
            await self._run()
        except Exception as error:  # noqa: BLE001 - a clock outlives everything that may be down or wrong
            self._failed(error)
            return False
        finally:
            self.seconds = time.monotonic() - began
            self.task = None
        self._worked()
        return True

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        words = type(error).__name__
        if words != self.failing:
            log.error("%s fails, and is tried again: %s: %s", self.name, words, error, exc_info=_unexpected(error))
        self.failing = words

    def _worked(self) -> None:
        if self.failing is not None:
            log.warning("%s works again", self.name)
        self.failing = None

    def says(self) -> dict[str, object]:
        """Return what the heartbeat tells of the job."""
        return {"failing": self.failing, "failures": self.failures, "seconds": round(self.seconds, 3)}


def _unexpected(error: Exception) -> bool:
    """Say whether the error is one of the program and not of what it needs: then where it happened is logged too."""
    return isinstance(error, LookupError | TypeError | AttributeError | AssertionError | ArithmeticError)
