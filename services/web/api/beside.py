"""What does not move a case: urging, priority, putting a task off, an opinion kept for later."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AfterValidator, Field

from services.web.api.callers import Reading, Writing
from services.web.api.models import Out
from services.web.api.values import NO_NUL, YEARS, Incoming
from services.workflow import opinions, priority, snoozing, urging
from services.workflow.beside import MOST_WORDS, Priority

router = APIRouter(prefix="/api/v1", tags=["beside"])
Said = Annotated[str, Field(max_length=MOST_WORDS, pattern=NO_NUL)]


def _within_years(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError("not a day between the years 2000 and 2200")
    return day


class Urging(Incoming):
    """What is said with it; may be empty."""

    words: Said = ""


class UrgedOut(Out):
    """When it was urged, from when it may be again, and how many people are told."""

    task_id: UUID
    at: datetime
    again_at: datetime
    told: int


class PriorityIn(Incoming):
    """The priority from now on, and why."""

    priority: Priority
    words: Annotated[Said, Field(min_length=1)]


class SnoozeIn(Incoming):
    """The day on which the task is shown again."""

    until: Annotated[date, AfterValidator(_within_years)]


class SnoozeOut(Out):
    """From when the task is shown again."""

    until: datetime


class OpinionBody(Out):
    """What was typed."""

    words: str


class OpinionIn(Incoming):
    """What was typed so far; empty forgets it."""

    words: Annotated[str, Field(max_length=opinions.MOST_WORDS, pattern=NO_NUL)]


@router.post("/tasks/{task_id}/urge", operation_id="urge")
async def urge(task_id: UUID, caller: Writing, body: Urging | None = None) -> UrgedOut:
    """Ask the holders of an open task to hurry; at most once in the programme's `urge_every_hours`, by anybody."""
    words = body.words if body else ""
    return UrgedOut.model_validate(await urging.urge(caller.tx, by=caller.reader, task_id=task_id, words=words))


@router.put("/cases/{case_id}/priority", operation_id="give_priority", status_code=204, response_class=Response)
async def put_priority(case_id: UUID, caller: Writing, body: PriorityIn) -> None:
    """Give an open case a priority with a reason; lists still go by due date."""
    await priority.give_priority(
        caller.tx, by=caller.reader, case_id=case_id, priority=body.priority, words=body.words
    )  # fmt: skip


@router.put("/tasks/{task_id}/snooze", operation_id="snooze")
async def put_off(task_id: UUID, caller: Writing, body: SnoozeIn) -> SnoozeOut:
    """Keep a task out of the caller's own list until a day, at the latest the day it is due. Reminders go on."""
    return SnoozeOut(until=await snoozing.snooze(caller.tx, by=caller.reader, task_id=task_id, until=body.until))


@router.delete("/tasks/{task_id}/snooze", operation_id="wake", status_code=204, response_class=Response)
async def wake(task_id: UUID, caller: Writing) -> None:
    """Show a task again that the caller has put off."""
    await snoozing.wake(caller.tx, by=caller.reader, task_id=task_id)


@router.get("/tasks/{task_id}/opinion", operation_id="read_opinion")
async def read_opinion(task_id: UUID, caller: Reading) -> OpinionBody:
    """Return what the caller has typed for the task and not decided yet."""
    return OpinionBody(words=await opinions.read_opinion(caller.tx, by=caller.reader, task_id=task_id))


@router.put("/tasks/{task_id}/opinion", operation_id="keep_opinion", status_code=204, response_class=Response)
async def keep_opinion(task_id: UUID, caller: Writing, body: OpinionIn) -> None:
    """Keep what the caller has typed for an open task; the decision drops it."""
    await opinions.keep_opinion(caller.tx, by=caller.reader, task_id=task_id, words=body.words)
