"""A season of any process that a programme brings and that has no flow of its own: opened, chased, summed up."""

from __future__ import annotations

from prefect import flow

from flows.carrying import carried
from flows.steps import open_season, publish_summary, report_missing
from flows.until import until


@flow(name="any-season", persist_result=True, validate_parameters=True)
async def any_season(bureau: str, programme: str, process: str, season: str, generation: int) -> None:
    """Carry one season of a process, from its first line each time it is begun or woken."""
    async with carried(bureau, programme, process, season=season, generation=generation) as year:
        await open_season(year)  # cases and tasks that are missing
        await until(year, "due")  # suspends the run; woken by the clock
        await report_missing(year)  # list to the offices; the alarms do the chasing
        await until(year, "all-closed")  # every case filed, or ended by a named person; a hard close ends none
        await publish_summary(year)
