"""What a person does to a case: submit, approve, return, withdraw, late exception, end; and many tasks at once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.web.api import bulk
from services.web.api.acting import carry_out
from services.web.api.bodies import Opinion, OutcomeOut, Reason, Seen
from services.web.api.callers import Administering, Writing
from services.web.api.values import IfMatch, Instant, Key, Words, seen
from services.workflow import acts, administering, extending
from services.workflow.carry_out import Outcome

router = APIRouter(prefix="/api/v1")
router.include_router(bulk.routes)


class Returning(Reason):
    """Send the case back to an earlier stage."""

    to: Annotated[
        str, Field(max_length=60, pattern=r"^[a-z][a-z0-9-]*$", description="A stage that may be returned to.")
    ]


class LateException(Reason):
    """Let one case submit after the hard close, until a moment."""

    words: Annotated[Words, Field(min_length=1, max_length=2000)]
    until: Instant


@router.post("/tasks/{task_id}/submit", operation_id="submit_plan", response_model=OutcomeOut, tags=["acts"])
async def submit(
    task_id: UUID, caller: Writing, body: Seen | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Submit the draft of the task's case."""
    version = seen(body, if_match)
    return await carry_out(
        lambda: acts.submit_plan(caller.tx, by=caller.reader, task_id=task_id, version=version, key=key),
        if_match=if_match,
    )


@router.post("/tasks/{task_id}/approve", operation_id="approve", response_model=OutcomeOut, tags=["acts"])
async def approve(
    task_id: UUID, caller: Writing, body: Opinion | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Approve: alone, as the first of several, or as one of all."""
    said = body or Opinion()
    version = seen(body, if_match)
    return await carry_out(
        lambda: acts.approve(caller.tx, by=caller.reader, task_id=task_id, words=said.words, version=version, key=key),
        if_match=if_match,
    )


@router.post("/tasks/{task_id}/return", operation_id="return_case", response_model=OutcomeOut, tags=["acts"])
async def return_case(
    task_id: UUID, caller: Writing, body: Returning, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Return the case to an earlier stage with a reason; the remarks pinned for the task go with it."""
    version = seen(body, if_match)
    return await carry_out(
        lambda: acts.return_case(
            caller.tx, by=caller.reader, task_id=task_id, to=body.to, words=body.words, version=version, key=key
        ),
        if_match=if_match,
    )


@router.post("/cases/{case_id}/withdraw", operation_id="withdraw", response_model=OutcomeOut, tags=["acts"])
async def withdraw(
    case_id: UUID, caller: Writing, body: Seen | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Take a submission back while nobody has acted on it."""
    version = seen(body, if_match)
    return await carry_out(
        lambda: acts.withdraw(caller.tx, by=caller.reader, case_id=case_id, version=version, key=key),
        if_match=if_match,
    )


@router.post(
    "/cases/{case_id}/late-exception", operation_id="grant_late_exception", response_model=OutcomeOut, tags=["acts"]
)
async def late_exception(
    case_id: UUID, caller: Writing, body: LateException, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Let one case submit after the hard close, by name and with a reason."""
    version = seen(body, if_match)
    return await carry_out(
        lambda: extending.grant_exception(
            caller.tx, by=caller.reader, case_id=case_id, until=body.until, words=body.words, version=version, key=key
        ),
        if_match=if_match,
    )


@router.post("/cases/{case_id}/end", operation_id="end_case", response_model=OutcomeOut, tags=["acts"])
async def end(case_id: UUID, caller: Administering, body: Reason, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """End a case that will not be filed; only the bureau's administrator."""
    version = seen(body, if_match)
    return await carry_out(
        lambda: administering.end_case(
            caller.tx, by=caller.reader, case_id=case_id, words=body.words, version=version, key=key
        ),
        if_match=if_match,
    )
