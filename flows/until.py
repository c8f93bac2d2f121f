"""The wait."""

from __future__ import annotations

from flows.carrying import Carried


async def until(year: Carried, condition: str) -> None:
    """Go on once the condition holds; until then the run is suspended and uses no process.

    A condition is decided by the facts each time the run is woken, so a date that has moved is simply waited for
    again, and being woken for nothing does no harm. A wait that the season has passed is not waited for again.

    Args:
        year: the season.
        condition: a name of services.workflow.waits.CONDITIONS; each stands once in a flow.
    """
    while (key := await year.ask(condition)) is not None:
        await year.waiter.suspend(key=key)
