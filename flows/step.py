"""`@step`: a plain async function that a season's flow runs once, whoever carries it and however often it dies."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from prefect import Task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext

from flows.carrying import Carried
from services.errors import GuantongError
from services.store.transaction import Tx
from services.workflow import carrying

Result = Mapping[str, Any]
Work = Callable[[Tx, UUID, int], Awaitable[Result]]
Step = Callable[[Carried], Awaitable[Result]]

RETRY_DELAYS: list[float] = [1, 5, 20]
"""Seconds between attempts: a database that is restarted is back within the last."""


def step(*, says: Callable[[Result], str] | None = None) -> Callable[[Work], Step]:
    """Make a use case a step of a season.

    It runs in a transaction of its own, which also records that it is done; so it is done once. A run that is killed
    in it leaves nothing, and the next one does it. In Prefect it is a task, called directly it is a function.

    Args:
        says: writes its result as Markdown for Prefect's page; nothing personal may stand in it.
    """

    def wrap(work: Work) -> Step:
        name = work.__name__.replace("_", "-")

        async def do(year: Carried) -> Result:
            result = await _once(year, name, work)
            if says is not None and FlowRunContext.get() is not None:
                await acreate_markdown_artifact(says(result), key=_artifact_key(year.label, name))
            return result

        task = Task(
            fn=do, name=name, retries=len(RETRY_DELAYS), retry_delay_seconds=RETRY_DELAYS,
            retry_condition_fn=_may_pass, cache_policy=NO_CACHE, persist_result=False,
        )  # fmt: skip

        @functools.wraps(work)
        async def run(year: Carried) -> Result:
            done = await year.finished(name)
            if done is not None:
                return done
            return await (do(year) if FlowRunContext.get() is None else task(year))

        return run

    return wrap


async def _once(year: Carried, name: str, work: Work) -> Result:
    async with year.store.transaction() as tx:
        season = await carrying.lock_carried(tx, year.season_id, year.generation)
        done = await carrying.finished_step(tx, year.season_id, name)
        if done is not None:
            return done  # an attempt before this one was committed, but did not hear of it
        result = await work(tx, year.season_id, year.generation)
        await carrying.finish_step(tx, season, name, result=result)
        return result


async def _may_pass(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Say whether trying again may help: what our own rules refuse, they refuse again."""
    del task, run
    return not isinstance(await state.aresult(raise_on_failure=False), GuantongError)


def _artifact_key(label: str, name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{label}-{name}".lower()).strip("-")
