"""Remarks pinned to fields, and one's own stock phrases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.errors import NotFoundError
from services.web.api.acting import once
from services.web.api.callers import Reading, Writing
from services.web.api.models import Made, Out
from services.web.api.values import NO_NUL, Incoming, Key
from services.workflow import remarks
from services.workflow.beside import sees

router = APIRouter(prefix="/api/v1", tags=["remarks"])


class RemarkOut(Out):
    """A remark. sent: it went out with a return; before that only its author sees it."""

    id: UUID
    task_id: UUID
    submission_id: UUID
    path: str
    text: str
    person_id: UUID
    person: str
    at: datetime
    sent: bool


class RemarkIn(Incoming):
    """A remark for a field of the submission that the task is about."""

    path: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[A-Za-z0-9_.-]+$")]
    text: Annotated[str, Field(min_length=1, max_length=remarks.MAX_TEXT, pattern=NO_NUL)]


class PhraseOut(Out):
    """One of the caller's own stock phrases."""

    id: UUID
    text: str


class PhraseIn(Incoming):
    """A stock phrase to keep."""

    text: Annotated[str, Field(min_length=1, max_length=remarks.MAX_PHRASE, pattern=NO_NUL)]


@router.get("/cases/{case_id}/remarks", operation_id="list_remarks")
async def list_remarks(case_id: UUID, caller: Reading) -> list[RemarkOut]:
    """Return the case's newest remarks that went out, and the caller's own; at most 200."""
    if not await sees(caller.tx, caller.reader, case_id):
        raise NotFoundError
    found = await remarks.remarks_of(caller.tx, by=caller.reader, case_id=case_id)
    return [RemarkOut.model_validate(each) for each in found]


@router.post("/tasks/{task_id}/remarks", operation_id="pin_remark", status_code=201)
async def pin(task_id: UUID, caller: Writing, body: RemarkIn, key: Key = None) -> Made:
    """Pin a remark to a field; it leaves with the task's return."""

    async def make() -> dict[str, str]:
        made = await remarks.pin_remark(caller.tx, by=caller.reader, task_id=task_id, path=body.path, text=body.text)
        return {"id": str(made)}

    return Made.model_validate(await once(caller, key, ("remark", str(task_id), body.path, body.text), make))


@router.delete("/remarks/{remark_id}", operation_id="unpin_remark", status_code=204, response_class=Response)
async def unpin(remark_id: UUID, caller: Writing) -> None:
    """Take back one's own remark before it went out."""
    await remarks.unpin_remark(caller.tx, by=caller.reader, remark_id=remark_id)


@router.get("/me/phrases", operation_id="list_phrases")
async def list_phrases(caller: Reading) -> list[PhraseOut]:
    """Return the caller's stock phrases, oldest first."""
    return [PhraseOut.model_validate(each) for each in await remarks.phrases(caller.tx, by=caller.reader)]


@router.post("/me/phrases", operation_id="add_phrase", status_code=201)
async def add_phrase(caller: Writing, body: PhraseIn, key: Key = None) -> Made:
    """Keep a stock phrase."""

    async def make() -> dict[str, str]:
        return {"id": str(await remarks.add_phrase(caller.tx, by=caller.reader, text=body.text))}

    return Made.model_validate(await once(caller, key, ("phrase", body.text), make))


@router.delete("/me/phrases/{phrase_id}", operation_id="remove_phrase", status_code=204, response_class=Response)
async def remove_phrase(phrase_id: UUID, caller: Writing) -> None:
    """Remove one of the caller's stock phrases."""
    await remarks.remove_phrase(caller.tx, by=caller.reader, phrase_id=phrase_id)
