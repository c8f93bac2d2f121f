"""Carry a season: hold its lease for as long as the run works, and leave when another generation has taken over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from flows.workplace import Workplace, workplace
from services.errors import SupersededError
from services.store.transaction import Store
from services.workflow import carrying

log = logging.getLogger(__name__)

RENEW_SECONDS = carrying.LEASE_SECONDS / 3


class Carried:
    """One season as the run that carries it sees it. Not a dataclass: Prefect looks into those when it runs a task."""

    def __init__(self, place: Workplace, season_id: UUID, generation: int, *, label: str) -> None:
        self.store = place.store
        self.waiter = place.waiter
        self.season_id = season_id
        self.generation = generation
        self.label = label
        self._behind: set[str] = set()

    async def finished(self, step: str) -> Mapping[str, Any] | None:
        """Return the result of a step that is not to be run (again), or None where it is.

        A step is done, or it stands in front of a wait that the season has passed: it was added to the flow later,
        and its time is over.
        """
        async with self.store.transaction() as tx:
            result = await carrying.finished_step(tx, self.season_id, step)
            passed = await carrying.passed_waits(tx, self.season_id)
        if result is None and passed - self._behind:
            log.warning("season %s: step %s came too late and is left out", self.label, step)
            return {}
        return result

    async def ask(self, wait: str) -> str | None:
        """Pass the wait and return None, or return the key under which to suspend."""
        async with self.store.transaction() as tx:
            key = await carrying.pass_or_ask(tx, self.season_id, generation=self.generation, name=wait)
        if key is None:
            self._behind.add(wait)
        return key


@asynccontextmanager
async def carried(bureau: str, programme: str, process: str, *, season: str, generation: int) -> AsyncIterator[Carried]:
    """Carry a season as one generation of it.

    Holds the lease while the block runs and drops it when the run suspends, ends or fails. A run that is no longer the
    one leaves the block quietly: that is not a failure.

    Args:
        bureau: the bureau's code.
        programme: its programme's code.
        process: of the programme.
        season: its key.
        generation: which of the season's runs this is.

    Raises:
        NotFoundError: there is no such season.
    """
    async with workplace() as place:
        async with place.store.transaction() as tx:
            season_id = await carrying.named_season(tx, bureau, programme=programme, process=process, key=season)
        year = Carried(place, season_id, generation, label=f"{bureau}-{process}-{season}")
        try:
            await _renew(place.store, year)
            keeping = asyncio.create_task(_keep_lease(place.store, year))
            try:
                yield year
            finally:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping
                await _drop(place.store, year)
        except SupersededError as error:
            log.warning("%s", error)


async def _renew(store: Store, year: Carried) -> bool:
    async with store.transaction() as tx:
        return await carrying.hold_lease(tx, year.season_id, generation=year.generation)


async def _drop(store: Store, year: Carried) -> None:
    async with store.transaction() as tx:
        await carrying.drop_lease(tx, year.season_id, generation=year.generation)


async def _keep_lease(store: Store, year: Carried) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        if not await _renewed(store, year):
            return


async def _renewed(store: Store, year: Carried) -> bool:
    """Renew the lease; False when another generation has it, which the next step or wait finds too."""
    try:
        return await _renew(store, year)
    except (SQLAlchemyError, OSError) as error:
        log.warning("season %s: its lease could not be renewed: %s", year.label, error)
        return True
