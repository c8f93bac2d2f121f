"""What a signer does with a task besides approving: vote against, sign, decline, assess, reject, take back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.web.api.acting import carry_out
from services.web.api.bodies import Opinion, OutcomeOut, Reason, Seen
from services.web.api.callers import Writing
from services.web.api.values import IfMatch, Key, seen
from services.workflow import acts
from services.workflow.carry_out import Outcome
from services.workflow.cases import case_of_task

router = APIRouter(prefix="/api/v1", tags=["acts"])


@router.post("/tasks/{task_id}/oppose", operation_id="oppose", response_model=OutcomeOut)
async def oppose(task_id: UUID, caller: Writing, body: Reason, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """Vote against, with a reason, where the stage is decided by votes."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(lambda: acts.oppose(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match)


@router.post("/tasks/{task_id}/sign", operation_id="sign", response_model=OutcomeOut)
async def sign(
    task_id: UUID, caller: Writing, body: Opinion | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Sign, in a stage that asks for signatures."""
    more: dict[str, Any] = {"words": body.words if body else "", "version": seen(body, if_match), "key": key}
    return await carry_out(lambda: acts.sign(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match)


@router.post("/tasks/{task_id}/decline", operation_id="decline", response_model=OutcomeOut)
async def decline(task_id: UUID, caller: Writing, body: Reason, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """Refuse to sign, with a reason; the process says where the case goes."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: acts.decline(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/assess", operation_id="assess", response_model=OutcomeOut)
async def assess(
    task_id: UUID, caller: Writing, body: Opinion | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """File the assessment that the caller has drafted for the task."""
    more: dict[str, Any] = {"words": body.words if body else "", "version": seen(body, if_match), "key": key}
    return await carry_out(lambda: acts.assess(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match)


@router.post("/tasks/{task_id}/reject", operation_id="reject", response_model=OutcomeOut)
async def reject(task_id: UUID, caller: Writing, body: Reason, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """End the case without success, with a reason, where the stage allows it. The administrator may reopen it."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(lambda: acts.reject(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match)


@router.post("/tasks/{task_id}/take-back", operation_id="take_back", response_model=OutcomeOut)
async def take_back(
    task_id: UUID, caller: Writing, body: Seen | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Take back one's own decision on a task, while the next has not acted."""
    case_id = await case_of_task(caller.tx, caller.reader, task_id)
    more: dict[str, Any] = {"version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: acts.take_back(caller.tx, by=caller.reader, case_id=case_id, task_id=task_id, **more), if_match=if_match
    )
