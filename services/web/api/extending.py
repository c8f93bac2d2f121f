"""More time: extensions asked for, granted and refused."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.web.api.acting import carry_out
from services.web.api.bodies import Opinion, OutcomeOut, Reason
from services.web.api.callers import Writing
from services.web.api.values import IfMatch, Instant, Key, Words, seen
from services.workflow import extending
from services.workflow.carry_out import Outcome

router = APIRouter(prefix="/api/v1", tags=["extensions"])


class Longer(Reason):
    """Until when time is asked for, and why."""

    words: Annotated[Words, Field(min_length=1, max_length=2000)]
    until: Instant


@router.post("/tasks/{task_id}/extension", operation_id="ask_extension", response_model=OutcomeOut)
async def ask(task_id: UUID, caller: Writing, body: Longer, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """Ask for more time before the due date, where the stage allows it."""
    more: dict[str, Any] = {"until": body.until, "words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: extending.ask_extension(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post(
    "/cases/{case_id}/visits/{visit_id}/extension/grant", operation_id="grant_extension", response_model=OutcomeOut
)
async def grant(
    case_id: UUID,
    visit_id: UUID,
    *,
    caller: Writing,
    body: Opinion | None = None,
    key: Key = None,
    if_match: IfMatch = None,
) -> Outcome:
    """Give the time that was asked for (`asked` of the case names it); reminders begin anew."""
    more: dict[str, Any] = {"words": body.words if body else "", "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: extending.grant_extension(caller.tx, by=caller.reader, case_id=case_id, visit_id=visit_id, **more),
        if_match=if_match,
    )


@router.post(
    "/cases/{case_id}/visits/{visit_id}/extension/refuse", operation_id="refuse_extension", response_model=OutcomeOut
)
async def refuse(
    case_id: UUID, visit_id: UUID, *, caller: Writing, body: Reason, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Refuse the time that was asked for, with a reason; it may be asked for again."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: extending.refuse_extension(caller.tx, by=caller.reader, case_id=case_id, visit_id=visit_id, **more),
        if_match=if_match,
    )
