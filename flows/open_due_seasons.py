"""Once a day: what the clock does every few seconds, should no clock run."""

from __future__ import annotations

from prefect import flow

from flows.workplace import workplace
from services.adapters.prefect import PrefectOrchestrator
from services.settings import load_settings
from services.workflow.keeping import keep_seasons, plan_all_seasons


@flow(name="open-due-seasons", retries=3, retry_delay_seconds=60)
async def open_due_seasons() -> None:
    """Plan every bureau's seasons and see to it that each one that has opened is carried."""
    orchestrator = PrefectOrchestrator(load_settings())
    try:
        async with workplace() as place:
            await plan_all_seasons(place.store)
            await keep_seasons(place.store, orchestrator)
    finally:
        await orchestrator.close()
