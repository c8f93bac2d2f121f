"""Keep seasons going: start their runs, start again what died, wake what may go on. Looks at facts, never at events.

Any number of clocks may do this at once: a generation is claimed by comparing and setting, a run is created under the
generation's key, and waking what is awake does nothing.
"""

from __future__ import annotations

import logging
from uuid import UUID

from services.errors import NotResumableError, OrchestratorRefusedError
from services.ports import Orchestrator
from services.store.transaction import Store
from services.workflow import carrying
from services.workflow.carrying import Kept, backoff, judge
from services.workflow.season_plan import plan_seasons

log = logging.getLogger(__name__)


async def plan_all_seasons(store: Store) -> int:
    """Plan the seasons of every bureau, each in its own transaction; return how many are new."""
    async with store.transaction() as tx:
        bureaus: list[UUID] = [row["id"] for row in await tx.rows("SELECT id FROM bureau ORDER BY id")]
    planned = 0
    for bureau_id in bureaus:
        async with store.transaction() as tx:
            planned += len(await plan_seasons(tx, bureau_id))
    return planned


async def keep_seasons(store: Store, orchestrator: Orchestrator) -> int:
    """See to it that every season that has opened is carried; return how many runs were started.

    Raises:
        OrchestratorDownError: nobody answers; the next look does what is left.
        OrchestratorRefusedError: a run was refused; the other seasons were seen to.
    """
    async with store.transaction() as tx:
        seasons = await carrying.seasons_to_keep(tx)
    started, refused = 0, None
    for season in seasons:
        try:
            started += await _keep(store, orchestrator, season)
        except OrchestratorRefusedError as error:
            refused = error  # one season's flow must not hold up the others
    if refused is not None:
        raise refused
    return started


async def _keep(store: Store, orchestrator: Orchestrator, season: Kept) -> bool:
    if season.generation == 0:
        return await _next(store, orchestrator, season)
    if season.flow_run_id is None:
        await _start(store, orchestrator, season)  # claimed by a clock that died before it had the run's id
        return True
    run = await orchestrator.run_state(season.flow_run_id)
    verdict = judge(run, season.lease, season.failures)
    if verdict == "next":
        log.warning("season %s: its run is %s, the next one is started", season.id, run or "unknown")
        return await _next(store, orchestrator, season)
    async with store.transaction() as tx:
        if verdict == "release":
            await carrying.release_expired(tx, season.id, generation=season.generation)
        elif verdict in {"grace", "wait"}:
            seconds = carrying.GRACE_SECONDS if verdict == "grace" else backoff(season.failures)
            await carrying.hold_lease(tx, season.id, generation=season.generation, seconds=seconds)
    return False


async def _next(store: Store, orchestrator: Orchestrator, season: Kept) -> bool:
    async with store.transaction() as tx:
        generation = await carrying.begin_generation(tx, season.id, seen=season.generation)
    if generation is None:
        return False  # another clock was first
    claimed = Kept(**{**vars(season), "generation": generation, "flow_run_id": None, "lease": "none"})
    await _start(store, orchestrator, claimed)
    return True


async def _start(store: Store, orchestrator: Orchestrator, season: Kept) -> None:
    run_id = await orchestrator.start_run(
        deployment=season.deployment, idempotency_key=season.run_key, parameters=season.parameters
    )
    async with store.transaction() as tx:
        await carrying.note_run(tx, season.id, generation=season.generation, run_id=run_id)


async def resume_waits(store: Store, orchestrator: Orchestrator) -> int:
    """Wake every suspended run whose wait is met; return how many were woken.

    Raises:
        OrchestratorDownError: nobody answers; the wait stays met, so the next look wakes the run.
    """
    async with store.transaction() as tx:
        waiting = await carrying.met_waits(tx)
    woken = 0
    for wait in waiting:
        if await orchestrator.run_state(wait.run_id) != "suspended":
            continue
        try:
            await orchestrator.resume(wait.run_id)
        except NotResumableError as error:
            log.warning("season %s: %s", wait.season_id, error)
            await _give_up(store, wait)
            continue
        woken += 1
    return woken


async def _give_up(store: Store, wait: carrying.Waiting) -> None:
    """Leave a run that can not be woken: `keep_seasons` starts the next generation's run."""
    async with store.transaction() as tx:
        await carrying.begin_generation(tx, wait.season_id, seen=wait.generation)
