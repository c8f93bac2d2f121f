"""Who signs in a case's open visits: whose turn it is and whose comes, who has signed, and what is asked of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.process.definitions import ActedStage, Each, JudgingStage, Quorum, Votes
from services.process.engine.counting import FOR, waits_for
from services.process.states import CaseState, How, Opinion, TaskState, Verdict, VisitState
from services.store.transaction import Tx
from services.workflow.possible import (
    Beholder,
    Possible,
    may_decide_extension,
    own_decisions,
    removable,
    task_acts,
)

Names = Mapping[UUID, str]


@dataclass(frozen=True)
class Seat:
    """A signer who has not signed: with an open task, or waiting for their turn.

    person: whose alone it is; helper: to whom it is delegated. added_by, how: for an added signer. waits_for: who was added
    before them and must sign first. may: what the reader may do with the open task; removable: whether they may take it out.
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
    member: bool
    weight: int
    added_by: str | None
    how: How | None
    waits_for: str | None
    may: frozenset[Possible]
    removable: bool


@dataclass(frozen=True)
class Signed:
    """An opinion given in an open visit. on_behalf: for whom a substitute gave it. own: the reader may take it back."""

    task_id: UUID
    visit_id: UUID
    stage: str
    actor: str
    person: str
    on_behalf: str | None
    verdict: Verdict
    weight: int
    own: bool


@dataclass(frozen=True)
class Tally:
    """How the votes of a visit stand. needed: how much weight must be for it; open: how much is still to come."""

    visit_id: UUID
    stage: str
    needed: int
    yes: int
    no: int
    open: int


@dataclass(frozen=True)
class AskedTime:
    """More time that is asked for in a visit. decides: whether the reader decides on it."""

    visit_id: UUID
    task_id: UUID
    stage: str
    person: str
    due_at: datetime | None
    until: datetime
    words: str
    decides: bool


@dataclass(frozen=True)
class SeatsView:
    """The open visits of a case. take_back: the tasks whose decisions the reader may take back, with their stages."""

    seats: tuple[Seat, ...] = ()
    signed: tuple[Signed, ...] = ()
    tallies: tuple[Tally, ...] = ()
    asked: tuple[AskedTime, ...] = ()
    take_back: Mapping[UUID, str] = field(default_factory=dict)

    def of(self, task_id: UUID) -> Seat | None:
        """Return the seat of a task, or None."""
        return next((seat for seat in self.seats if seat.task_id == task_id), None)

    def tally(self, visit_id: UUID) -> Tally | None:
        """Return how the votes of a visit stand, or None where nobody votes."""
        return next((each for each in self.tallies if each.visit_id == visit_id), None)

    def asked_in(self, visit_id: UUID) -> AskedTime | None:
        """Return the time that is asked for in a visit, or None."""
        return next((each for each in self.asked if each.visit_id == visit_id), None)


NAMES = "SELECT id, name FROM person WHERE id = ANY($1::uuid[])"
REASONS = """
SELECT DISTINCT ON (d.stage) d.stage, d.words FROM decision d
WHERE d.case_id = $1 AND d.kind = 'ask-extension' ORDER BY d.stage, d.at DESC, d.id DESC
"""


async def seats_view(tx: Tx, beholder: Beholder, case_id: UUID) -> SeatsView:
    """Return who signs in the open visits of a case; at most two statements, none where there are only queues."""
    state = beholder.state
    people = sorted(set(_people(state)))
    names = {row["id"]: row["name"] for row in await tx.rows(NAMES, (people,))} if people else {}
    asked = any(visit.asked for visit in state.open)
    reasons = {row["stage"]: row["words"] for row in await tx.rows(REASONS, (case_id,))} if asked else {}
    moving = state.status == "open" and state.suspended_at is None
    back = set(own_decisions(beholder)) if moving else set()
    return SeatsView(
        seats=tuple(seat for visit in state.open for seat in _seats(beholder, visit, names)),
        signed=tuple(each for visit in state.open for each in _signed(visit, names, back)),
        tallies=tuple(_tallies(beholder)),
        asked=tuple(_asked(beholder, names, reasons)),
        take_back=dict(_take_back(state, back)),
    )


def _people(state: CaseState) -> Iterator[UUID]:
    for visit in state.open:
        for task in (*visit.tasks, *visit.waiting):
            yield from (each for each in (task.person, task.helper, task.added and task.added.by) if each)
        for opinion in visit.opinions:
            yield from (each for each in (opinion.person, opinion.on_behalf) if each)
        if visit.asked is not None:
            yield visit.asked.person


def _seats(beholder: Beholder, visit: VisitState, names: Names) -> Iterator[Seat]:
    moving = beholder.state.status == "open" and beholder.state.suspended_at is None
    out = set(removable(beholder, visit)) if moving else set()
    for task in (*visit.tasks, *visit.waiting):
        is_open = visit.task(task.id) is not None
        may = frozenset(task_acts(beholder, visit, task)) if is_open and moving else frozenset[Possible]()
        yield _seat(visit, task, names, may=may, removable=task.id in out)


def _seat(visit: VisitState, task: TaskState, names: Names, *, may: frozenset[Possible], removable: bool) -> Seat:
    first = waits_for(visit, task)
    return Seat(
        task_id=task.id, visit_id=visit.id, stage=visit.stage, actor=task.actor, open=visit.task(task.id) is not None,
        person_id=task.person, person=_name(names, task.person), helper_id=task.helper, helper=_name(names, task.helper),
        member=task.member, weight=task.weight, added_by=_name(names, task.added.by) if task.added else None,
        how=task.added.how if task.added else None, waits_for=_name(names, first.person) if first else None, may=may,
        removable=removable,
    )  # fmt: skip


def _name(names: Names, person: UUID | None) -> str | None:
    return names.get(person) if person is not None else None


def _signed(visit: VisitState, names: Names, back: set[UUID]) -> Iterator[Signed]:
    for each in visit.opinions:
        yield Signed(
            task_id=each.task, visit_id=visit.id, stage=visit.stage, actor=each.actor, person=names[each.person],
            on_behalf=_name(names, each.on_behalf), verdict=each.verdict, weight=each.weight, own=each.task in back,
        )  # fmt: skip


def _tallies(beholder: Beholder) -> Iterator[Tally]:
    for visit in beholder.state.open:
        stage = beholder.definition.stage(visit.stage)
        if isinstance(stage, JudgingStage) and stage.votes:
            given = [each for each in visit.opinions if each.added is None]
            yes = sum(each.weight for each in given if each.verdict in FOR)
            left = sum(each.weight for each in (*visit.tasks, *visit.waiting) if each.added is None)
            no = sum(each.weight for each in given) - yes
            yield Tally(visit.id, visit.stage, needed_of(stage, visit), yes, no, left)


def needed_of(stage: JudgingStage, visit: VisitState) -> int:
    """Return how much weight must be for it in a stage that is decided by votes."""
    match stage.by:
        case Votes():
            return stage.by.needed
        case Quorum():
            return stage.by.quorum
        case Each() if stage.by.needed is not None:
            return stage.by.needed
        case _:
            seats = [each for each in (*visit.tasks, *visit.waiting) if each.added is None]
            return len(seats) + sum(each.added is None for each in visit.opinions)


def _asked(beholder: Beholder, names: Names, reasons: Mapping[str, str]) -> Iterator[AskedTime]:
    suspended = beholder.state.suspended_at is not None
    for visit in beholder.state.open:
        if visit.asked is not None and isinstance(beholder.definition.stage(visit.stage), ActedStage):
            yield AskedTime(
                visit_id=visit.id, task_id=visit.asked.task, stage=visit.stage, person=names[visit.asked.person],
                due_at=visit.due_at, until=visit.asked.until, words=reasons.get(visit.stage, ""),
                decides=not suspended and may_decide_extension(beholder, visit),
            )  # fmt: skip


def _take_back(state: CaseState, back: set[UUID]) -> Iterator[tuple[UUID, str]]:
    """Yield each decision that may be taken back; a submission is withdrawn instead."""
    opinions: list[tuple[Opinion, str]] = [(each, visit.stage) for visit in state.open for each in visit.opinions]
    yield from ((move.task, move.left.stage) for move in state.moves if move.task in back and move.act != "submit")
    yield from ((each.task, stage) for each, stage in opinions if each.task in back)
