"""Handing tasks on: claimed, put back, transferred, delegated and answered, recalled; signers added and taken out."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.web.api.acting import carry_out
from services.web.api.bodies import Opinion, OutcomeOut, Reason, Seen
from services.web.api.callers import Writing
from services.web.api.values import IfMatch, Key, seen
from services.workflow import handing
from services.workflow.carry_out import Outcome
from services.workflow.cases import case_of_task

router = APIRouter(prefix="/api/v1", tags=["handing"])


class ToPerson(Opinion):
    """To whom, and why; the words may be empty."""

    to: Annotated[UUID, Field(description="A person of the bureau, as `GET /people/find` finds them.")]


class Signer(ToPerson):
    """Who signs too: `before` the caller, `after` them, or `beside` them at the same time."""

    how: Literal["before", "after", "beside"]


@router.post("/tasks/{task_id}/claim", operation_id="claim", response_model=OutcomeOut)
async def claim(
    task_id: UUID, caller: Writing, body: Seen | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Take a task out of the queue of one's position; putting it back undoes it."""
    more: dict[str, Any] = {"version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.claim(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/put-back", operation_id="put_back", response_model=OutcomeOut)
async def put_back(
    task_id: UUID, caller: Writing, body: Seen | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Give a task back to all who hold its position: whoever it is with, or the administrator."""
    more: dict[str, Any] = {"version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.put_back(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/transfer", operation_id="transfer", response_model=OutcomeOut)
async def transfer(
    task_id: UUID, caller: Writing, body: ToPerson, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Hand a task to another person, who decides in its position's name; they may transfer it back."""
    await case_of_task(caller.tx, caller.reader, task_id)
    more: dict[str, Any] = {"to": body.to, "words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.transfer(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/delegate", operation_id="delegate", response_model=OutcomeOut)
async def delegate(
    task_id: UUID, caller: Writing, body: ToPerson, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Let another person look at a task and answer; deciding stays with its owner, who may recall it."""
    await case_of_task(caller.tx, caller.reader, task_id)
    more: dict[str, Any] = {"to": body.to, "words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.delegate(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/answer", operation_id="answer_delegation", response_model=OutcomeOut)
async def answer(task_id: UUID, caller: Writing, body: Reason, key: Key = None, if_match: IfMatch = None) -> Outcome:
    """Answer a task that was delegated to the caller; it is with its owner again."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.answer(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/recall", operation_id="recall", response_model=OutcomeOut)
async def recall(
    task_id: UUID, caller: Writing, body: Seen | None = None, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Take a delegated task back without waiting for the answer."""
    more: dict[str, Any] = {"version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.recall(caller.tx, by=caller.reader, task_id=task_id, **more), if_match=if_match
    )


@router.post("/tasks/{task_id}/signers", operation_id="add_signer", response_model=OutcomeOut)
async def add_signer(
    task_id: UUID, caller: Writing, body: Signer, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Let another person sign too, before, after or beside oneself; taking them out undoes it while they have not signed."""
    await case_of_task(caller.tx, caller.reader, task_id)
    more: dict[str, Any] = {"how": body.how, "words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.add_signer(caller.tx, by=caller.reader, task_id=task_id, person=body.to, **more),
        if_match=if_match,
    )


@router.post("/cases/{case_id}/signers/{task_id}/remove", operation_id="remove_signer", response_model=OutcomeOut)
async def remove_signer(
    case_id: UUID, task_id: UUID, *, caller: Writing, body: Reason, key: Key = None, if_match: IfMatch = None
) -> Outcome:
    """Take out a signer who has not signed (`signers` of the case names them): who added them, or the administrator."""
    more: dict[str, Any] = {"words": body.words, "version": seen(body, if_match), "key": key}
    return await carry_out(
        lambda: handing.remove_signer(caller.tx, by=caller.reader, case_id=case_id, task_id=task_id, **more),
        if_match=if_match,
    )
