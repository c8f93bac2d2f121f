"""The steps that seasons are made of."""

from __future__ import annotations

from uuid import UUID

from flows.step import Result, step
from services.store.transaction import Tx
from services.workflow import seasons


def _opened(result: Result) -> str:
    return f"Opened {result['opened']} of {result['cases']} cases. Due on {result['due_on']}."


@step(says=_opened)
async def open_season(tx: Tx, season_id: UUID, generation: int) -> Result:
    """Open the season and the cases that are missing."""
    return await seasons.open_season(tx, season_id, generation)


def _missing(result: Result) -> str:
    groups = "".join(f"\n- {code}" for code in result["missing"])
    return f"Not submitted by the due date: {len(result['missing'])}. Told: {result['told']}.{groups}"


@step(says=_missing)
async def report_missing(tx: Tx, season_id: UUID, generation: int) -> Result:
    """List to the offices who has not submitted; the alarms do the chasing."""
    return await seasons.report_missing(tx, season_id, generation)


def _summary(result: Result) -> str:
    head = "| cases | filed | of these late | ended |\n|---|---|---|---|\n"
    return head + "| {cases} | {filed} | {late} | {ended} |".format(**result)


@step(says=_summary)
async def publish_summary(tx: Tx, season_id: UUID, generation: int) -> Result:
    """Close the season with its summary."""
    return await seasons.publish_summary(tx, season_id, generation)
