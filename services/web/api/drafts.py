"""The draft of a case's form."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from services.errors import ConflictError
from services.process.forms import Problem
from services.web import languages
from services.web.api.acting import refused
from services.web.api.callers import Caller, Reading, Writing
from services.web.api.models import AttachmentOut, ProblemItem
from services.web.api.values import IfMatch, Incoming, Version, etag, matched
from services.workflow.drafts import DraftView, open_draft, save_draft

router = APIRouter(prefix="/api/v1", tags=["drafts"])


Of = Annotated[UUID | None, Query(description="Whose form, where several tasks of the case are the caller's.")]


class DraftOut(BaseModel):
    """A draft as it stands. `problems`: what submitting would refuse now. version 0: nothing was saved yet."""

    case_id: UUID
    task_id: UUID
    case_version: int
    form: str
    data: dict[str, Any]
    version: int
    saved_at: datetime | None
    attachments: list[AttachmentOut]
    problems: list[ProblemItem]


class DraftIn(Incoming):
    """A draft, right or wrong: `{part: {field: value}}`, tables as lists of rows."""

    data: Annotated[dict[str, Any], Field(max_length=100)]
    version: Version = None


def _problem(each: Problem, locale: str) -> ProblemItem:
    return ProblemItem(path=each.path, code=each.code, message=each.message.in_(locale))


def _out(caller: Caller, view: DraftView, response: Response) -> DraftOut:
    response.headers["ETag"] = etag(view.version)
    locale = languages.of(caller.request)
    return DraftOut(
        case_id=view.case_id, task_id=view.task_id, case_version=view.case_version, form=view.form.form,
        data=dict(view.data), version=view.version, saved_at=view.saved_at,
        attachments=[AttachmentOut.model_validate(each) for each in view.attachments],
        problems=[_problem(each, locale) for each in view.problems],
    )  # fmt: skip


@router.get("/cases/{case_id}/draft", operation_id="read_draft")
async def draft(case_id: UUID, caller: Reading, response: Response, task_id: Of = None) -> DraftOut:
    """Return the draft with what would be refused now. The ETag is the draft's version."""
    return _out(caller, await open_draft(caller.tx, by=caller.reader, case_id=case_id, task_id=task_id), response)


@router.put("/cases/{case_id}/draft", operation_id="save_draft")
async def put_draft(
    case_id: UUID, *, caller: Writing, body: DraftIn, response: Response, if_match: IfMatch = None, task_id: Of = None
) -> DraftOut:
    """Save the draft; it is cleaned, not judged. Without a version it is saved over whatever is there."""
    version = body.version if body.version is not None else matched(if_match)
    try:
        await save_draft(caller.tx, by=caller.reader, case_id=case_id, data=body.data, version=version, task_id=task_id)
    except ConflictError as error:
        raise refused(error, if_match) from error
    return _out(caller, await open_draft(caller.tx, by=caller.reader, case_id=case_id, task_id=task_id), response)
