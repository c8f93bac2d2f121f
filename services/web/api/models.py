"""What goes out, typed: shared by several resources."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Protocol, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.process.states import CaseStatus, How, TaskKind, Verdict
from services.workflow.beside import Priority
from services.workflow.case_list import CaseRow
from services.workflow.cases import CaseView, OpenTask
from services.workflow.possible import StageMark
from services.workflow.queue import TaskRow
from services.workflow.seats import Seat
from services.workflow.submissions import SubmissionView
from services.workflow.timeline import TimelineEntry

State = CaseStatus


class Out(BaseModel):
    """Base of answers; read from what the use cases return."""

    model_config = ConfigDict(from_attributes=True)


class ProblemItem(BaseModel):
    """One mistake: where, and in words what would be right."""

    model_config = ConfigDict(extra="allow")
    path: str
    message: str
    code: str | None = None


class Problem(BaseModel):
    """RFC 9457. `code` is stable; `detail` and `problems` are in the language that Accept-Language asks for."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    details: dict[str, Any] | None = None
    problems: list[ProblemItem] | None = None


class Title(Out):
    """One text in both languages."""

    zh: str
    en: str


class SeasonName(Out):
    """Which season."""

    id: UUID
    key: str


class GroupName(Out):
    """Which project group."""

    id: UUID
    code: str
    title: Title


class CaseOut(Out):
    """A case in a list."""

    id: UUID
    version: int
    state: State
    stage: str | None
    number: str | None
    late: bool
    missing: bool
    process: str
    season: SeasonName
    group: GroupName
    opened_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    submitted_at: datetime | None

    @classmethod
    def of(cls, row: CaseRow) -> Self:
        """Return it for a row of a list."""
        return cls(**vars(row), season=season_name(row), group=group_name(row))


class TaskOut(Out):
    """An open task of the caller's positions. on_behalf_of: for whom the caller stands in there; [] for their own."""

    id: UUID
    case_id: UUID
    version: int
    stage: str
    kind: TaskKind
    process: str
    season: SeasonName
    group: GroupName
    position_id: UUID | None
    person_id: UUID | None
    opened_at: datetime
    due_at: datetime | None
    returned: bool
    late: bool
    on_behalf_of: list[str]
    priority: Priority

    @classmethod
    def of(cls, row: TaskRow) -> Self:
        """Return it for a row of a work list."""
        held = {**vars(row), "on_behalf_of": list(row.on_behalf_of)}
        return cls(**held, id=row.task_id, season=season_name(row), group=group_name(row))


class Placed(Protocol):
    """Whatever is of a season and a group."""

    @property
    def season_id(self) -> UUID: ...
    @property
    def season_key(self) -> str: ...
    @property
    def group_id(self) -> UUID: ...
    @property
    def group_code(self) -> str: ...
    @property
    def group_zh(self) -> str: ...
    @property
    def group_en(self) -> str: ...


def season_name(row: Placed) -> SeasonName:
    """Return which season a row is of."""
    return SeasonName(id=row.season_id, key=row.season_key)


def group_name(row: Placed) -> GroupName:
    """Return which group a row is of."""
    return GroupName(id=row.group_id, code=row.group_code, title=Title(zh=row.group_zh, en=row.group_en))


class StageOut(Out):
    """A stage as it is drawn."""

    code: str
    kind: str
    title: Title
    state: Literal["done", "current", "ahead", "returned"]
    visits: int

    @classmethod
    def of(cls, mark: StageMark) -> Self:
        """Return it for a stage mark."""
        return cls(**{**vars(mark), "title": Title(zh=mark.title.zh, en=mark.title.en)})


class OpenTaskOut(Out):
    """An open task of a case. mine: it is with the caller. unheld: nobody has it today. person: whom it is with by name."""

    id: UUID
    visit_id: UUID
    stage: str
    kind: str
    actor: str
    position_id: UUID | None
    position: Title | None
    person_id: UUID | None
    person: str | None
    due_at: datetime | None
    close_at: datetime | None
    explained: dict[str, Any]
    mine: bool
    unheld: bool
    may: list[str]

    @classmethod
    def of(cls, task: OpenTask, seat: Seat | None) -> Self:
        """Return it for an open task. may: what the caller may do with it now."""
        held = Title(zh=task.position_zh, en=task.position_en or "") if task.position_zh is not None else None
        return cls(**{**vars(task), "position": held, "may": sorted(seat.may) if seat else []})


class SignerOut(Out):
    """A signer of an open visit who has not signed. open: whether it is their turn. removable: the caller may take them out.

    person: whose alone the task is; helper: to whom it is delegated. added_by, how: of an added signer. waits_for: who was
    added before them and must sign first.
    """

    task_id: UUID
    visit_id: UUID
    stage: str
    actor: str
    open: bool
    person_id: UUID | None
    person: str | None
    helper_id: UUID | None
    helper: str | None
    weight: int
    added_by: str | None
    how: How | None
    waits_for: str | None
    removable: bool


class SignedOut(Out):
    """An opinion given in an open visit. on_behalf: for whom a substitute gave it. own: the caller may take it back."""

    task_id: UUID
    visit_id: UUID
    stage: str
    actor: str
    person: str
    on_behalf: str | None
    verdict: Verdict
    weight: int
    own: bool


class TallyOut(Out):
    """How the votes of an open visit stand. needed: how much weight must be for it; open: how much is still to come."""

    visit_id: UUID
    stage: str
    needed: int
    yes: int
    no: int
    open: int


class AskedTimeOut(Out):
    """More time that is asked for in an open visit. decides: whether the caller grants or refuses it."""

    visit_id: UUID
    task_id: UUID
    stage: str
    person: str
    due_at: datetime | None
    until: datetime
    words: str
    decides: bool


class CaseWhole(Out):
    """A case whole, for its caller. `may`: what they can do with it now. take_back: tasks whose decisions they may take back."""

    id: UUID
    version: int
    state: State
    stage: str | None
    number: str | None
    late: bool
    process: str
    title: Title
    season: SeasonName
    group: GroupName
    opened_at: datetime
    closed_at: datetime | None
    exception_until: datetime | None
    submissions: int
    priority: Priority
    suspended_at: datetime | None
    stages: list[StageOut]
    tasks: list[OpenTaskOut]
    signers: list[SignerOut]
    signed: list[SignedOut]
    votes: list[TallyOut]
    asked: list[AskedTimeOut]
    take_back: list[UUID]
    may: list[str]

    @classmethod
    def of(cls, view: CaseView) -> Self:
        """Return it for a case view."""
        return cls(
            id=view.id, version=view.version, state=view.status, stage=view.stage, number=view.number,
            late=view.late, process=view.definition.process, season=season_name(view), group=group_name(view),
            title=Title(zh=view.definition.title.zh, en=view.definition.title.en), opened_at=view.opened_at,
            closed_at=view.closed_at, exception_until=view.exception_until, submissions=view.submitted,
            stages=[StageOut.of(mark) for mark in view.stages], tasks=[OpenTaskOut.of(task, view.seats.of(task.id)) for task in view.tasks],
            signers=[SignerOut.model_validate(each) for each in view.seats.seats],
            signed=[SignedOut.model_validate(each) for each in view.seats.signed],
            votes=[TallyOut.model_validate(each) for each in view.seats.tallies],
            asked=[AskedTimeOut.model_validate(each) for each in view.seats.asked],
            take_back=list(view.seats.take_back), may=sorted(view.may), priority=view.priority,
            suspended_at=view.suspended_at,
        )  # fmt: skip


class DecisionOut(Out):
    """An entry of the case's history: a decision's act, or `question`, `urge` or `priority`.

    addressee, answer and what follows: of a question. priority: the one that was given. on_behalf: for whom a substitute did
    it. entered_by: who entered what was decided on paper. to_person: who got the task.
    """

    id: UUID
    at: datetime
    kind: str
    stage: str | None
    to_stage: str | None
    person: str
    position: Title | None
    words: str
    late: bool
    submission_id: UUID | None
    addressee: str | None
    answer: str | None
    answered_at: datetime | None
    withdrawn_at: datetime | None
    priority: Priority | None
    on_behalf: str | None
    entered_by: str | None
    to_person: str | None

    @classmethod
    def of(cls, entry: TimelineEntry) -> Self:
        """Return it for a timeline entry."""
        held = Title(zh=entry.position_zh, en=entry.position_en or "") if entry.position_zh is not None else None
        return cls(**{**vars(entry), "position": held})


class AttachmentOut(Out):
    """A file of a draft or a submission."""

    id: UUID
    field: str
    name: str
    size: int
    media_type: str
    sha256: str


class SubmissionOut(Out):
    """A submission as it was submitted."""

    id: UUID
    n: int
    form: str
    data: dict[str, Any]
    attachments: list[AttachmentOut]
    digest: str
    person_id: UUID
    late: bool
    at: datetime

    @classmethod
    def of(cls, each: SubmissionView) -> Self:
        """Return it for a submission view."""
        files = [AttachmentOut(**file) for file in each.attachments]
        return cls(**{**vars(each), "form": each.form.form, "data": dict(each.data), "attachments": files})


class Made(Out):
    """What was made."""

    id: UUID
