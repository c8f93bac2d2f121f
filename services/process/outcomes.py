"""What comes of an act: plain values that the store side turns into rows."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.process.definitions import FileStage, SubProcessStage
from services.process.states import CaseState, ExceptionState, Outcome, TaskKind, TaskState, VisitState


@dataclass(frozen=True)
class ClosedTask:
    """A task that this transition closes; `by_other` when somebody else's act made it pointless."""

    id: UUID
    actor: str
    position: UUID | None
    by_other: bool
    person: UUID | None = None


@dataclass(frozen=True)
class OpenedVisit:
    """A visit that this transition opens. kept: it keeps the due dates of the visit that it goes back to."""

    state: VisitState
    kind: TaskKind | None
    returned: bool
    kept: bool = False


@dataclass(frozen=True)
class LeftVisit:
    """A visit that this transition closes, and what came of it."""

    id: UUID
    stage: str
    outcome: Outcome


@dataclass(frozen=True)
class NewTask:
    """A task that opens in a visit which was open before."""

    visit: UUID
    task: TaskState


@dataclass(frozen=True)
class Tell:
    """Who is told what: the holders of a position or one person.

    task: what it is about, where that is an open task or one that the act closes. visit, visit_n: in which visit, so that
    the next one tells again.
    """

    kind: str
    position: UUID | None = None
    person: UUID | None = None
    task: UUID | None = None
    visit_n: int = 0
    visit: UUID | None = None


@dataclass(frozen=True)
class Moved:
    """A visit whose due date or close moved, and why: `extension`, `exception` or `resumed`."""

    visit: UUID
    why: str


@dataclass(frozen=True)
class Transition:
    """What an act changes. The writer turns it into rows; nothing in it depends on how it is stored.

    handed: open tasks that are now with somebody else. child: (visit, stage) whose other process is to be started.
    on_behalf: for whom a substitute acted. finished: how the case ended, if it did; filing: the stage that gives its number.
    """

    before: CaseState
    state: CaseState
    act: str
    closed: tuple[ClosedTask, ...] = ()
    left: tuple[LeftVisit, ...] = ()
    opened: tuple[OpenedVisit, ...] = ()
    added: tuple[NewTask, ...] = ()
    handed: tuple[TaskState, ...] = ()
    moved: tuple[Moved, ...] = ()
    children: tuple[tuple[UUID, SubProcessStage], ...] = ()
    tell: tuple[Tell, ...] = ()
    late: bool = False
    filing: FileStage | None = None
    visit: VisitState | None = None
    acted_task: UUID | None = None
    acted_position: UUID | None = None
    on_behalf: UUID | None = None
    granted: ExceptionState | None = None
    used: ExceptionState | None = None
