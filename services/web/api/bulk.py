"""Approving many tasks at once: first what it would do, then exactly that."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from services.errors import GuantongError
from services.i18n import Message
from services.web import errors, languages
from services.web.api.bodies import OutcomeOut
from services.web.api.callers import Caller, Writing
from services.web.api.models import Out, Title
from services.web.api.values import LARGEST, Incoming, Key, Words
from services.workflow import bulk
from services.workflow.bulk import BulkResult

routes = APIRouter(tags=["bulk"])
"""Taken in by `acts` in front of its own: `bulk` is no task."""
Ids = Annotated[list[UUID], Field(min_length=1, max_length=bulk.MOST)]


class BulkWanted(Incoming):
    """The tasks to look at."""

    tasks: Ids


class BulkItemOut(Out):
    """A task. refusal: why it would not be approved, in words; null where it would."""

    task_id: UUID
    case_id: UUID
    version: int
    group: Title
    stage: str
    refusal: str | None


class BulkPreviewOut(Out):
    """What approving would do. `digest` stands for the tasks without a refusal, at these versions."""

    items: list[BulkItemOut]
    digest: str


class SeenTask(Incoming):
    """A task with the version of its case, as the preview showed it."""

    id: UUID
    version: Annotated[int, Field(ge=0, le=LARGEST)]


class BulkApproval(Incoming):
    """Exactly the tasks of a preview that had no refusal, with its digest, and one opinion for all."""

    tasks: Annotated[list[SeenTask], Field(min_length=1, max_length=bulk.MOST)]
    digest: Annotated[str, Field(max_length=128, pattern=r"^[0-9a-f]*$")]
    words: Words = ""


class RefusalOut(Out):
    """Why one task was not approved."""

    code: str
    detail: str


class BulkResultOut(Out):
    """What became of one task: one of the two."""

    task_id: UUID
    outcome: OutcomeOut | None
    refusal: RefusalOut | None


class BulkResultsOut(Out):
    """What became of each task, in the order given."""

    items: list[BulkResultOut]


@routes.post("/tasks/bulk/preview", operation_id="preview_bulk")
async def preview(caller: Writing, body: BulkWanted) -> BulkPreviewOut:
    """Say what approving these tasks would do; nothing is changed. Tasks that the caller may not see are left out."""
    found = await bulk.preview(caller.tx, by=caller.reader, tasks=body.tasks)
    items = [
        BulkItemOut(
            task_id=each.task_id, case_id=each.case_id, version=each.version, stage=each.stage,
            group=Title(zh=each.group_zh, en=each.group_en), refusal=_said(caller, each.refusal),
        )
        for each in found.items
    ]  # fmt: skip
    return BulkPreviewOut(items=items, digest=found.digest)


def _said(caller: Caller, message: Message | None) -> str | None:
    return message.in_(languages.of(caller.request)) if message is not None else None


@routes.post("/tasks/bulk/approve", operation_id="approve_bulk")
async def approve(caller: Writing, body: BulkApproval, key: Key = None) -> BulkResultsOut:
    """Approve the tasks of a preview, each by itself: what has changed since is refused and the rest is approved."""
    results = await bulk.approve_all(
        caller.tx, by=caller.reader, tasks=[(each.id, each.version) for each in body.tasks], shown=body.digest,
        words=body.words, key=key,
    )  # fmt: skip
    return BulkResultsOut(items=[_result(caller, each) for each in results])


def _result(caller: Caller, result: BulkResult) -> BulkResultOut:
    outcome = OutcomeOut(**vars(result.outcome)) if result.outcome else None
    refusal = _refusal(caller, result.refusal) if result.refusal else None
    return BulkResultOut(task_id=result.task_id, outcome=outcome, refusal=refusal)


def _refusal(caller: Caller, error: GuantongError) -> RefusalOut:
    said = errors.words(error, languages.of(caller.request), zone=caller.reader.zone)
    return RefusalOut(code=error.code, detail=said)
