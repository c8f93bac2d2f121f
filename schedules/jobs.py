"""The table of what the clock does, and how often. Each job may be run at any time, twice, and by several clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.adapters.files import FileStore
from services.adapters.heartbeat import beat
from services.adapters.keys import load_keys
from services.adapters.prefect import PrefectOrchestrator
from services.messages.sweep import sweep_all
from services.settings import Settings
from services.store.transaction import Store
from services.workflow.anchoring import anchor_today
from services.workflow.arrivals import let_go_on
from services.workflow.housekeeping import clear_away, known_files
from services.workflow.keeping import keep_seasons, plan_all_seasons, resume_waits

HOUR = 3600.0
ORPHAN_AGE = 24 * HOUR
"""Seconds that a file without a row is left alone: an upload may take long, and its row comes last."""


@dataclass(frozen=True)
class Clockwork:
    """What the jobs work with."""

    store: Store
    settings: Settings
    orchestrator: PrefectOrchestrator

    async def sweep(self) -> None:
        """Fire every alarm that is due."""
        await sweep_all(self.store)

    async def plan(self) -> None:
        """Plan the seasons that the programmes define."""
        await plan_all_seasons(self.store)

    async def keep(self) -> None:
        """See to it that every season that has opened is carried."""
        await keep_seasons(self.store, self.orchestrator)

    async def resume(self) -> None:
        """Wake the runs whose wait is met."""
        await resume_waits(self.store, self.orchestrator)

    async def arrive(self) -> None:
        """Let cases go on whose wait is over."""
        await let_go_on(self.store)

    async def anchor(self) -> None:
        """Anchor the audit chains, once a day."""
        await anchor_today(self.store, lambda: load_keys(self.settings.key_folder).anchor)

    async def tidy(self) -> None:
        """Clear away what nobody needs any more."""
        async with self.store.transaction() as tx:
            await clear_away(tx)

    async def orphans(self) -> None:
        """Remove files whose row was never committed, or is gone."""
        files = FileStore(self.settings.files, limit=self.settings.attachment_limit)
        async with self.store.transaction() as tx:
            known = await known_files(tx)
        await asyncio.to_thread(files.sweep, known, min_age=ORPHAN_AGE)


@dataclass(frozen=True)
class Job:
    """One line of the table. after: seconds from the clock's start to the first run."""

    name: str
    every: float
    run: Callable[[Clockwork], Awaitable[None]]
    after: float = 0.0


JOBS = (
    Job("sweep", 1, Clockwork.sweep),
    Job("plan-seasons", 30, Clockwork.plan),
    Job("keep-seasons", 5, Clockwork.keep, after=1),
    Job("resume-waits", 3, Clockwork.resume, after=2),
    Job("arrivals", 2, Clockwork.arrive, after=2),
    Job("anchor", 60, Clockwork.anchor, after=5),
    Job("tidy", HOUR, Clockwork.tidy, after=60),
    Job("orphan-files", 6 * HOUR, Clockwork.orphans, after=300),
)
"""Sending is not among them: the dispatcher is woken by commits and looks by itself every second (schedules.runner)."""

HEARTBEAT_EVERY = 5.0


async def heartbeat(store: Store, says: Callable[[], dict[str, object]]) -> None:
    """Write that this clock lives, and how its jobs fare."""
    async with store.transaction() as tx:
        await beat(tx, "clock", detail=says())
