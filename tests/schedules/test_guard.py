"""A job that fails is tried again, and said once."""

from __future__ import annotations

import asyncio

import pytest

from schedules.guard import Guard
from services.errors import OrchestratorDownError
from tests.logs import logged


class Moody:
    def __init__(self) -> None:
        self.errors: list[Exception | None] = []

    async def run(self) -> None:
        error = self.errors.pop(0)
        if error is not None:
            raise error


async def test_a_failure_is_said_once_and_so_is_its_end() -> None:
    job = Moody()
    guard = Guard("keep-seasons", job.run)
    job.errors = [OrchestratorDownError(words="refused"), OrchestratorDownError(words="timed out"), None, None]
    with logged("schedules.guard") as records:
        worked = [await guard.once() for _ in range(4)]
    assert worked == [False, False, True, True]
    assert [(record.levelname, bool(record.exc_info)) for record in records] == [
        ("ERROR", False),
        ("WARNING", False),
    ]
    assert guard.says()["failures"] == 2


async def test_another_failure_is_said_too_and_one_of_the_program_with_its_place() -> None:
    job = Moody()
    guard = Guard("sweep", job.run)
    job.errors = [ConnectionRefusedError("database"), KeyError("stage"), KeyError("stage")]
    with logged("schedules.guard") as records:
        for _ in range(3):
            await guard.once()
    assert [bool(record.exc_info) for record in records] == [False, True]
    assert guard.failing == "KeyError"


async def test_being_cancelled_is_no_failure() -> None:
    guard = Guard("sweep", asyncio.Event().wait)
    task = asyncio.create_task(guard.once())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert guard.says()["failures"] == 0
