"""Work lists: the open tasks of the caller's positions by due date, and single tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends

from services.process.states import TaskKind
from services.web.api.callers import Reading
from services.web.api.models import Out, TaskOut
from services.web.api.values import After, Code, Limit
from services.workflow.beside import Priority
from services.workflow.case_list import task_facts
from services.workflow.cases import case_view
from services.workflow.queue import Cursor, QueueFilter, Span, task_counts, tasks_page
from services.workflow.represented import Whose

router = APIRouter(prefix="/api/v1", tags=["tasks"])


class Counts(Out):
    """Open tasks by light; each stops at 1,000."""

    overdue: int
    near: int
    later: int


class TaskPageOut(Out):
    """Tasks by due date, undated ones last. The first page brings the counts."""

    items: list[TaskOut]
    next: str | None
    counts: Counts | None


class TaskWhole(Out):
    """A task, open or not. What closed it is in `outcome`, `decided_at`, `decided_by`. `may`: what the caller can do with it."""

    id: UUID
    case_id: UUID
    version: int
    stage: str
    kind: TaskKind
    state: Literal["open", "done", "closed"]
    actor: str
    position_id: UUID | None
    person_id: UUID | None
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    outcome: str | None
    decided_at: datetime | None
    decided_by: str | None
    may: list[str]


def chosen(  # noqa: PLR0913 - the filters of a list
    *,
    kind: TaskKind | None = None,
    process: Code = None,
    stage: Code = None,
    group_id: UUID | None = None,
    season_id: UUID | None = None,
    light: Span | None = None,
    whose: Whose | None = None,
    priority: Priority | None = None,
    snoozed: bool = False,
) -> QueueFilter:
    """Read the filter from the query."""
    return QueueFilter(
        kind=kind, process=process, stage=stage, group_id=group_id, season_id=season_id, light=light, whose=whose,
        priority=priority, snoozed=snoozed,
    )  # fmt: skip


Chosen = Annotated[QueueFilter, Depends(chosen)]


@router.get("/tasks", operation_id="list_tasks")
async def tasks(caller: Reading, narrowed: Chosen, after: After = None, limit: Limit = 50) -> TaskPageOut:
    """List the open tasks of the caller's positions, and of those whom the caller stands in for."""
    page = await tasks_page(caller.tx, caller.reader, narrowed, after=Cursor.decode(after), limit=limit)
    return TaskPageOut(
        items=[TaskOut.of(row) for row in page.rows],
        next=page.next.encode() if page.next else None,
        counts=Counts(**page.counts) if page.counts else None,
    )


@router.get("/tasks/counts", operation_id="count_tasks")
async def counts(caller: Reading, narrowed: Chosen) -> Counts:
    """Count the same tasks by light."""
    return Counts(**await task_counts(caller.tx, caller.reader, narrowed))


@router.get("/tasks/{task_id}", operation_id="read_task")
async def task(task_id: UUID, caller: Reading) -> TaskWhole:
    """Show one task of a case that the caller may see, also when it is closed."""
    facts = dict(await task_facts(caller.tx, caller.reader, task_id))
    seats = (await case_view(caller.tx, caller.reader, facts["case_id"])).seats
    seat, undone = seats.of(task_id), {"take-back"} if task_id in seats.take_back else set()
    return TaskWhole(**facts, may=sorted(undone | (seat.may if seat else set())))
