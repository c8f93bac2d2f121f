"""年度备案: every project group's plan, filed by the end of January (QD-14, QD-15, QD-32)."""

from __future__ import annotations

from prefect import flow

from flows.carrying import carried
from flows.steps import open_season, publish_summary, report_missing
from flows.until import until


@flow(name="annual-filing", persist_result=True, validate_parameters=True)
async def annual_filing(bureau: str, programme: str, season: str, generation: int) -> None:
    """Carry one season of the annual filing, from its first line each time it is begun or woken."""
    async with carried(bureau, programme, "annual-filing", season=season, generation=generation) as year:
        await open_season(year)  # cases and tasks that are missing
        await until(year, "due")  # suspends the run; woken by the clock
        await report_missing(year)  # list to the offices; the alarms do the chasing
        await until(year, "all-closed")  # every case filed, or ended by a named person; a hard close ends none
        await publish_summary(year)
