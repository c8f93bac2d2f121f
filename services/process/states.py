"""The state of a case as the rules see it: plain values, stored whole in the case's row, compared whole in tests."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

TaskKind = Literal["submit", "approve"]
CaseStatus = Literal["open", "filed", "ended"]
Outcome = Literal["submitted", "approved", "returned", "withdrawn", "filed", "ended"]


class Value(BaseModel):
    """Base of the immutable values of a state."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskState(Value):
    """An open task of the open visit. `actor` is the definition's word, `position` the row that it meant."""

    id: UUID
    actor: str
    position: UUID


class Opinion(Value):
    """An approval already given in the open visit (countersigning)."""

    task: UUID
    actor: str
    position: UUID
    person: UUID


class VisitState(Value):
    """The one open visit of a case. `since` is the case's version at its opening."""

    id: UUID
    stage: str
    n: int
    opened_at: datetime
    since: int = 0
    due_at: datetime | None = None
    close_at: datetime | None = None
    tasks: tuple[TaskState, ...] = ()
    opinions: tuple[Opinion, ...] = ()

    def task(self, task_id: UUID) -> TaskState | None:
        """Return the open task with this id, or None."""
        return next((task for task in self.tasks if task.id == task_id), None)


class ExceptionState(Value):
    """A late exception of the open submit visit. closed_at: when it would have closed without it."""

    id: UUID
    until: datetime
    closed_at: datetime


class CaseState(Value):
    """Everything that decides what may happen next to a case.

    visits counts the visits of each stage; submitters are all who ever submitted it, so that none of them decides on it;
    entered_by is how the open visit came about, which decides whether a withdrawal is still possible; submit_due_at and
    submit_close_at are those of the last submission's visit, which a withdrawal goes back to; exception is the late
    exception by which that visit stays open longer, until it is used.
    """

    status: CaseStatus = "open"
    version: int = 0
    visit: VisitState | None = None
    visits: dict[str, int] = {}
    submission: UUID | None = None
    submissions: int = 0
    submitters: tuple[UUID, ...] = ()
    entered_by: Literal["start", "submit", "approve", "return", "withdraw"] = "start"
    exception: ExceptionState | None = None
    submit_due_at: datetime | None = None
    submit_close_at: datetime | None = None
    number: str | None = None

    @property
    def name(self) -> str:
        """The state's name for a person: the open stage, or how the case ended."""
        return self.visit.stage if self.visit is not None else self.status
