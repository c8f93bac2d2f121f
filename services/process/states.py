"""The state of a case as the rules see it: plain values, stored whole in the case's row, compared whole in tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

TaskKind = Literal["submit", "approve", "sign", "assess"]
CaseStatus = Literal["open", "filed", "completed", "rejected", "ended"]
Outcome = Literal[
    "submitted", "approved", "signed", "assessed", "failed", "declined", "returned", "withdrawn", "taken-back", "rejected",
    "filed", "ended", "jumped", "passed", "upheld",
]  # fmt: skip
Verdict = Literal["approve", "oppose", "sign", "assess"]
How = Literal["before", "after", "beside"]


class Value(BaseModel):
    """Base of the immutable values of a state."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Added(Value):
    """加签: who added this signer, and how to whose task. A signer added before must sign first; one added after, next."""

    by: UUID
    how: How
    to: UUID


class TaskState(Value):
    """A task of an open visit. `actor` is the definition's word, `position` the row that it meant.

    person: who alone may act (claimed, transferred, one of several members, an added signer); None: whoever holds the
    position. member: it is that person's own and has no queue to be put back to. helper: to whom its owner delegated it;
    only the helper's answer brings it back. weight: of its vote. asked: the extension that is asked for, not yet decided.
    """

    id: UUID
    actor: str
    position: UUID | None = None
    person: UUID | None = None
    member: bool = False
    helper: UUID | None = None
    weight: int = 1
    added: Added | None = None

    @property
    def with_(self) -> UUID | None:
        """The person whom the task is with now, or None: whoever holds its position."""
        return self.helper or self.person


class Opinion(Value):
    """An opinion already given in the open visit. on_behalf: the person for whom a substitute gave it."""

    task: UUID
    actor: str
    position: UUID | None = None
    person: UUID
    verdict: Verdict = "approve"
    weight: int = 1
    on_behalf: UUID | None = None
    member: bool = False
    added: Added | None = None


class Asked(Value):
    """延期: more time that somebody asked for in time and nobody has decided on."""

    id: UUID
    task: UUID
    person: UUID
    until: datetime


class ExceptionState(Value):
    """A late exception of the open submit visit. closed_at: when it would have closed without it."""

    id: UUID
    until: datetime
    closed_at: datetime


class ObjectionState(Value):
    """An objection against what is posted that is not settled yet."""

    id: UUID


class VisitState(Value):
    """An open visit of a stage. `since` is the case's version at its opening.

    tasks: those that are open. waiting: signers whose turn has not come. opinions: given so far. entered_by: the
    act that opened it. extensions: how many were granted.
    """

    id: UUID
    stage: str
    n: int
    opened_at: datetime
    since: int = 0
    due_at: datetime | None = None
    close_at: datetime | None = None
    tasks: tuple[TaskState, ...] = ()
    waiting: tuple[TaskState, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    entered_by: str = "start"
    exception: ExceptionState | None = None
    asked: Asked | None = None
    extensions: int = 0
    objections: tuple[ObjectionState, ...] = ()

    def task(self, task_id: UUID) -> TaskState | None:
        """Return the open task with this id, or None."""
        return next((task for task in self.tasks if task.id == task_id), None)

    def signer(self, task_id: UUID) -> TaskState | None:
        """Return the open or waiting task with this id, or None."""
        return next((task for task in (*self.tasks, *self.waiting) if task.id == task_id), None)


class Detour(Value):
    """A correction after which the case goes straight back: once the stage `target` is done, the visits `back` are open again."""

    target: str
    back: tuple[VisitState, ...]


class Move(Value):
    """A decision that its person may still take back: nobody has acted in what it opened.

    task: the one that they decided. left: the visit as it was before the decision; without a stage where 0.1.0 wrote it,
    which knew only the stage before. opened: the visits that the decision opened. detour: the correction that it ended.
    """

    person: UUID
    act: Literal["submit", "approve", "sign", "assess"]
    task: UUID
    left: VisitState
    opened: tuple[UUID, ...] = ()
    detour: Detour | None = None


class CaseState(Value):
    """Everything that decides what may happen next to a case.

    open: the open visits, in the order of their opening; several where paths are walked side by side. visits counts the
    visits of each stage; submitted is the last submission of each stage, submission the last of all; submitters are all who
    ever submitted it and assessors all who assessed it, so that none of them decides on their own. chosen: the way that each
    branch took last. moves: the decisions that may still be taken back. suspended_at: since when the case stands still.
    """

    status: CaseStatus = "open"
    version: int = 0
    open: tuple[VisitState, ...] = ()
    visits: dict[str, int] = {}
    submission: UUID | None = None
    submitted: dict[str, UUID] = {}
    submissions: int = 0
    submitters: tuple[UUID, ...] = ()
    assessors: tuple[UUID, ...] = ()
    chosen: dict[str, int] = {}
    detours: tuple[Detour, ...] = ()
    moves: tuple[Move, ...] = ()
    suspended_at: datetime | None = None
    number: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_the_first_shape(cls, data: Any) -> Any:
        """Read a state as 0.1.0 wrote it: one visit, with what belongs to the visit standing beside it."""
        return from_one_visit(data) if isinstance(data, Mapping) and "entered_by" in data else data

    @property
    def visit(self) -> VisitState | None:
        """The visit that has been open longest, or None: the only one where nothing runs side by side."""
        return self.open[0] if self.open else None

    @property
    def name(self) -> str:
        """The state's name for a person: the open stages, or how the case ended."""
        return ", ".join(visit.stage for visit in self.open) or self.status

    @property
    def tasks(self) -> tuple[TaskState, ...]:
        """Every open task, in the order of the visits."""
        return tuple(task for visit in self.open for task in visit.tasks)

    def visit_of(self, task_id: UUID) -> VisitState | None:
        """Return the open visit that has this open task, or None."""
        return next((visit for visit in self.open if visit.task(task_id) is not None), None)

    def visit_in(self, stage: str) -> VisitState | None:
        """Return the open visit of a stage, or None."""
        return next((visit for visit in self.open if visit.stage == stage), None)


def from_one_visit(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state as 0.1.0 wrote it in today's shape.

    It had one visit, and kept beside it how it came about, its late exception, and the due dates to which a withdrawal of the
    last submission goes back. What a withdrawal restores is now the visit that was left, so that one is made from these.
    """
    old = dict(data)
    visit, how = old.pop("visit", None), old.pop("entered_by")
    due_at, close_at = old.pop("submit_due_at", None), old.pop("submit_close_at", None)
    exception = old.pop("exception", None)
    if visit is None:
        return {**old, "open": []}
    visit = {**visit, "entered_by": how}
    state = {**old, "open": [visit]}
    if how == "submit":
        submitter = (old.get("submitters") or [visit["id"]])[-1]
        left = {
            "id": visit["id"], "stage": "", "n": 0, "opened_at": visit["opened_at"], "due_at": due_at,
            "close_at": close_at, "exception": exception,
        }  # fmt: skip
        state["moves"] = [
            {"person": submitter, "act": "submit", "task": visit["id"], "left": left, "opened": [visit["id"]]}
        ]
    elif exception is not None:
        visit["exception"] = exception
    return state
