"""What may happen to a case, and what comes of it: plain values between the rules and the use cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.process.definitions import FileStage
from services.process.states import CaseState, ExceptionState, Outcome, TaskKind, VisitState

TellKind = Literal[
    "task-opened",
    "returned",
    "submitted",
    "closed-by-other",
    "returned-after-approval",
    "withdrawn",
    "filed",
    "exception-granted",
    "stage-reached",
    "ended",
]


@dataclass(frozen=True)
class Start:
    """The season opens the case."""


@dataclass(frozen=True)
class Submit:
    task: UUID
    submission: UUID


@dataclass(frozen=True)
class Approve:
    task: UUID
    words: str = ""


@dataclass(frozen=True)
class Return:
    """退回 to an earlier stage; the reason is mandatory."""

    task: UUID
    to: str
    words: str


@dataclass(frozen=True)
class Withdraw:
    """撤回: the submitter takes the submission back while nobody has acted on it."""


@dataclass(frozen=True)
class GrantException:
    """A named person lets the case submit after the hard close, until a moment."""

    until: datetime
    words: str


@dataclass(frozen=True)
class End:
    """A named person ends a case that will not be filed; the reason is mandatory."""

    words: str


Event = Start | Submit | Approve | Return | Withdraw | GrantException | End


@dataclass(frozen=True)
class Context:
    """What an event brings from outside.

    person: who acts (None for the season itself); held: the positions that the person holds now; now: business time;
    new_id: the Ids port; positions: actor word -> position id for every actor of the definition.
    """

    person: UUID | None
    held: frozenset[UUID]
    now: datetime
    new_id: Callable[[], UUID]
    positions: Mapping[str, UUID]


@dataclass(frozen=True)
class ClosedTask:
    """A task that this transition closes; `by_other` when somebody else's act made it pointless."""

    id: UUID
    actor: str
    position: UUID
    by_other: bool


@dataclass(frozen=True)
class OpenedVisit:
    """A visit that this transition opens. Its due dates are yet to be set, except after a withdrawal, which keeps them."""

    state: VisitState
    kind: TaskKind
    returned: bool


@dataclass(frozen=True)
class Tell:
    """Who is told what. `position` holders are told; `persons` are told directly (whoever already gave an opinion)."""

    kind: TellKind
    position: UUID | None = None
    person: UUID | None = None
    task: UUID | None = None


@dataclass(frozen=True)
class Transition:
    """What an act changes. The writer turns it into rows; nothing in it depends on how it is stored."""

    before: CaseState
    state: CaseState
    act: str
    closed: tuple[ClosedTask, ...] = ()
    outcome: Outcome | None = None
    opened: OpenedVisit | None = None
    tell: tuple[Tell, ...] = ()
    late: bool = False
    filing: FileStage | None = None
    acted_task: UUID | None = None
    acted_position: UUID | None = None
    granted: ExceptionState | None = None
    used: ExceptionState | None = None
