"""From a Transition to rows: tasks with their due dates and alarms, notifications, the decision, the audit event.

Pure but for the ids it draws: everything that it needs was read under the lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.people.holding import holds
from services.process.alarms import ASSIGNEE, PlannedAlarm, dump_series, plan_series
from services.process.deadlines import Term
from services.process.definitions import Each, Judging, JudgingStage, PublishStage, SubProcessStage, WaitStage
from services.process.engine.counting import unfilled
from services.process.outcomes import Tell, Transition
from services.process.states import TaskState, VisitState
from services.store.audit import ChainedEvent, salted
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.locking import LockedCase
from services.workflow.terms import Explanations, Move, dated

NO_DUE = datetime(9999, 12, 31, tzinfo=UTC)
"""Sort key of what has no due date: after everything that has one."""
ASKING = ("task-opened", "returned", "put-back", "extension-asked", "objected")
"""What asks a position to act: where nobody holds it, the administrators are told of that instead."""
DECIDING = ("extension-asked", "objected")
"""What is told to a position that has no task of it: the notification keeps which."""


@dataclass(frozen=True)
class Act:
    """Who did it and with what, for the decision's row, the notifications and the audit event.

    explained: why visits that keep their dates, or get another task, are due. moves: visits whose dates moved.
    administrators: who is told where nobody holds a position that gets a task; read only then. to_person, entered_by and
    paper: whom it gave a task to; who entered what was decided on paper, with its scans.
    """

    person: UUID | None
    decision_id: UUID | None = None
    words: str = ""
    to_stage: str | None = None
    to_person: UUID | None = None
    entered_by: UUID | None = None
    paper: Sequence[Mapping[str, Any]] | None = None
    context: dict[str, Any] = field(default_factory=dict)
    explained: Explanations = field(default_factory=dict)
    moves: Sequence[Move] = ()
    administrators: tuple[UUID, ...] = ()


ADMINISTRATORS = f"""
SELECT DISTINCT a.person_id FROM position o JOIN unit u ON u.id = o.unit_id AND u.kind = 'bureau'
JOIN appointment a ON a.position_id = o.id
WHERE o.bureau_id = $1 AND o.role = 'administrator' AND {holds("$2", "$3")}
"""  # noqa: S608 - constant parts


async def administrators(tx: Tx, bureau_id: UUID, *, on: date) -> tuple[UUID, ...]:
    """Return the bureau's administrators on a day: who is told of a position that nobody holds."""
    return tuple(row["person_id"] for row in await tx.rows(ADMINISTRATORS, (bureau_id, on, tx.now)))


def vacant(case: LockedCase, transition: Transition) -> bool:
    """Tell whether a position that this transition gives a task to is held by nobody, or a stage could give none."""
    return any(_is_unheld(case, tell) for tell in transition.tell) or any(_unfilled(case, transition))


def _is_unheld(case: LockedCase, tell: Tell) -> bool:
    return tell.kind in ASKING and tell.position is not None and not case.holders.get(tell.position)


def _unfilled(case: LockedCase, transition: Transition) -> list[tuple[VisitState, Judging]]:
    """Return the visits that this transition opens with fewer members than they need: too few hold the position."""
    stages = ((each.state, case.definition.stage(each.state.stage)) for each in transition.opened)
    return [(visit, stage) for visit, stage in stages if isinstance(stage, JudgingStage) and unfilled(stage, visit)]


def transition_rows(tx: Tx, case: LockedCase, transition: Transition, act: Act) -> tuple[Rows, Transition]:
    """Return everything that the transition writes, and the transition with its due dates filled in."""
    rows = Rows(now=tx.now)
    transition = _open(tx, case, rows, transition, act)
    visits = {visit.id: visit for visit in transition.state.open}
    for new in transition.added:
        if (visit := visits.get(new.visit)) is not None:
            term = _term(case, visit)
            due = _Due(term, act.explained.get(visit.stage, {}), _plan(tx, case, visit, term))
            _add_task(tx, case, rows, visit=visit, task=new.task, due=due)
    for task in transition.handed:
        rows.handed[task.id] = task.with_
    for move in act.moves:
        _move(tx, case, rows, move)
    _close(rows, transition, act)
    if transition.act == "suspend":
        rows.paused = [task.id for task in transition.state.tasks]
    _decide(tx, case, rows, transition, act)
    _tell(tx, case, rows, transition, act)
    return rows, transition


def _term(case: LockedCase, visit: VisitState) -> Term | None:
    return Term.ending(visit.due_at, visit.close_at, case.calendar) if visit.due_at is not None else None


def _open(tx: Tx, case: LockedCase, rows: Rows, transition: Transition, act: Act) -> Transition:
    """Add the opened visits with their tasks; return the transition with their dates."""
    if not transition.opened:
        return transition
    opened, visits = [], {visit.id: visit for visit in transition.state.open}
    for each in transition.opened:
        new = dated(tx, case, each, act.explained)
        visits[new.visit.id] = new.visit
        opened.append(replace(each, state=new.visit))
        rows.add("visit", **_visit_row(case, new.visit))
        due = _Due(new.term, new.explained, _plan(tx, case, new.visit, new.term))
        for task in new.visit.tasks:
            _add_task(tx, case, rows, visit=new.visit, task=task, due=due)
    state = transition.state.model_copy(update={"open": tuple(visits[each.id] for each in transition.state.open)})
    return replace(transition, opened=tuple(opened), state=state)


def _visit_row(case: LockedCase, visit: VisitState) -> dict[str, Any]:
    stage = case.definition.stage(visit.stage)
    waits = None
    if isinstance(stage, PublishStage | WaitStage):
        waits = "case" if isinstance(stage, WaitStage) and stage.until.case is not None else "time"
    elif isinstance(stage, SubProcessStage):
        waits = "process"
    return {
        "id": visit.id, "bureau_id": case.bureau_id, "case_id": case.id, "stage": visit.stage, "n": visit.n,
        "opened_at": visit.opened_at, "closed_at": None, "outcome": None, "entered_by": visit.entered_by,
        "waits_for": waits, "ready_at": visit.due_at if waits else None,
    }  # fmt: skip


@dataclass(frozen=True)
class _Due:
    """By when each task of a visit is due, why, and the alarms that each gets; no term: nothing is due."""

    term: Term | None
    explained: Mapping[str, Any]
    planned: Sequence[PlannedAlarm]


def _plan(tx: Tx, case: LockedCase, visit: VisitState, term: Term | None) -> list[PlannedAlarm]:
    """Return the alarms that each task of the visit gets from now on."""
    stage = case.definition.acted(visit.stage)
    if stage is None or term is None:
        return []
    return plan_series(stage, term, opened_at=tx.now, calendar=case.calendar)


def _add_task(tx: Tx, case: LockedCase, rows: Rows, *, visit: VisitState, task: TaskState, due: _Due) -> None:
    """Add an open task of a visit with its deadline and alarms."""
    stage = case.definition.stage(visit.stage)
    rows.add(
        "task", id=task.id, bureau_id=case.bureau_id, case_id=case.id, season_id=case.season_id, visit_id=visit.id,
        stage=visit.stage, process=case.definition.process, kind=stage.kind, group_id=case.group_id,
        position_id=task.position, person_id=task.with_, holder_id=task.with_ or task.position, actor=task.actor,
        state="open", opened_at=tx.now, due_at=visit.due_at, due_sort=visit.due_at or NO_DUE, closed_at=None,
        decision_id=None,
    )  # fmt: skip
    if due.term is None:
        return
    deadline_id = tx.new_id()
    rows.add(
        "deadline", id=deadline_id, bureau_id=case.bureau_id, subject="task", subject_id=task.id, case_id=case.id,
        due_at=due.term.due_at, close_at=due.term.close_at, explained=due.explained, override_by=None,
        override_reason=None, state="open",
    )  # fmt: skip
    _arm(tx, case, rows, visit=visit, task=task, deadline_id=deadline_id, planned=due.planned)


def _arm(
    tx: Tx,
    case: LockedCase,
    rows: Rows,
    *,
    visit: VisitState,
    task: TaskState,
    deadline_id: UUID,
    planned: Sequence[PlannedAlarm],
) -> None:
    """Add the planned alarms of a task: to whom it is with, or whoever holds a position when it fires."""
    for alarm in planned:
        mine = alarm.recipient == ASSIGNEE
        person = task.with_ if mine else None
        position = (task.position if mine else case.actors[alarm.recipient]) if person is None else None
        rows.add(
            "alarm", id=tx.new_id(), bureau_id=case.bureau_id, deadline_id=deadline_id, task_id=task.id, case_id=case.id,
            visit_n=visit.n, kind=alarm.kind, position_id=position, person_id=person, series=dump_series(alarm.series),
            next_at=alarm.first_at,
        )  # fmt: skip


def _move(tx: Tx, case: LockedCase, rows: Rows, move: Move) -> None:
    """Add what moved dates change: due date and close, their explanation, and the alarms, which follow them."""
    if case.definition.acted(move.visit.stage) is None:
        rows.ready[move.visit.id] = move.term.due_at
    planned = _plan(tx, case, move.visit, move.term)
    for task in move.visit.tasks:
        deadline_id = move.deadlines[task.id]
        rows.moved_deadlines.append({
            "task": task.id, "due_at": move.term.due_at, "close_at": move.term.close_at,
            "explained": move.explained, "override_by": move.by, "override_reason": move.why[:2000],
        })  # fmt: skip
        _arm(tx, case, rows, visit=move.visit, task=task, deadline_id=deadline_id, planned=planned)


def _close(rows: Rows, transition: Transition, act: Act) -> None:
    for task in transition.closed:
        rows.closed_tasks[task.id] = "closed" if task.by_other else "done"
    rows.decision_id = act.decision_id
    rows.left_visits = {left.id: left.outcome for left in transition.left}


def _decide(tx: Tx, case: LockedCase, rows: Rows, transition: Transition, act: Act) -> None:
    if act.decision_id is None:
        return
    visit = transition.visit
    rows.add(
        "decision", id=act.decision_id, bureau_id=case.bureau_id, case_id=case.id, visit_id=visit.id if visit else None,
        task_id=transition.acted_task, stage=visit.stage if visit else None, kind=transition.act, to_stage=act.to_stage,
        person_id=act.person, position_id=transition.acted_position, on_behalf_id=transition.on_behalf,
        entered_by_id=act.entered_by, to_person_id=act.to_person, paper=act.paper,
        submission_id=transition.state.submission, words=act.words, late=transition.late, at=tx.now,
    )  # fmt: skip


def _tell(tx: Tx, case: LockedCase, rows: Rows, transition: Transition, act: Act) -> None:
    """Add the notifications. Nobody is told of their own act; of a vacancy the administrators are told."""
    told: set[tuple[str, UUID | None, UUID]] = set()

    def tell(kind: str, subject: UUID, person: UUID, context: Mapping[str, Any], *, task: UUID | None, n: int) -> None:
        about = None if kind in OF_THE_CASE else subject
        if (kind, about, person) in told or (person == act.person and kind in OTHERS_ONLY):
            return
        told.add((kind, about, person))
        rows.add(
            "notification", id=tx.new_id(), bureau_id=case.bureau_id, person_id=person, kind=kind, subject_id=subject,
            task_id=task, case_id=case.id, season_id=case.season_id, visit_n=n, at=tx.now, context=context,
            state="pending", message_id=None, created_at=tx.now,
        )  # fmt: skip

    stages = _stages(transition)
    for each in transition.tell:
        context = act.context | ({"stage": stages[each.visit]} if each.visit in stages else {})
        unheld = _is_unheld(case, each)
        if unheld or each.kind in DECIDING:
            context |= {"position_id": str(each.position)}
        for person in act.administrators if unheld else _people(case, each):
            kind = "unheld" if unheld else each.kind
            tell(kind, _subject(case, each), person, context, task=each.task, n=each.visit_n)
    for visit, stage in _unfilled(case, transition):
        context = {
            **act.context,
            "position_id": str(case.actors[stage.actors[0]]),
            "stage": visit.stage,
            **_few(stage, visit),
        }
        for person in act.administrators:
            tell("unheld", visit.id, person, context, task=None, n=visit.n)


def _few(stage: Judging, visit: VisitState) -> dict[str, Any]:
    """Return how many members the stage needs, and whether some were asked."""
    needed = {"needed": stage.by.needed or 1} if isinstance(stage.by, Each) else {}
    return needed | ({"few": "yes"} if visit.tasks or visit.opinions else {})


def _stages(transition: Transition) -> dict[UUID | None, str]:
    """Return the stage of each visit that is told of: open before the act or opened by it."""
    opened = [each.state for each in transition.opened]
    return {visit.id: visit.stage for visit in (*transition.before.open, *opened, *transition.state.open)}


def _subject(case: LockedCase, tell: Tell) -> UUID:
    """Return what the notification is about. Stages that are reached at one moment are told of one by one."""
    if tell.kind == "stage-reached" and tell.visit is not None:
        return tell.visit
    return tell.task or case.id


OTHERS_ONLY = (
    "closed-by-other", "returned-after-approval", "withdrawn", "taken-back", "put-back", "ended", "suspended", "resumed",
    "jumped", "reopened", "rejected", "failed", "completed", "objection-settled",
)  # fmt: skip
"""What only other people are told: whoever holds two positions knows of their own act."""
OF_THE_CASE = (
    "withdrawn", "taken-back", "ended", "suspended", "resumed", "jumped", "reopened", "rejected", "failed", "completed",
)  # fmt: skip
"""What is said of the whole case: once to a person, however many tasks and positions they have in it."""


def _people(case: LockedCase, tell: Tell) -> tuple[UUID, ...]:
    if tell.person is not None:
        return (tell.person,)
    return case.holders.get(tell.position, ()) if tell.position is not None else ()


def chain(
    tx: Tx,
    case: LockedCase,
    rows: Rows,
    *,
    kind: str,
    person: UUID | None,
    data: dict[str, Any],
    personal: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Add the act to the case's audit chain; return the chain's new head (sequence and hash).

    `personal`: texts that may hold personal data, by name: the event holds their salted digests only.
    """
    event_id = tx.new_id()
    kept = {name: text for name, text in (personal or {}).items() if text}
    if kept:
        salt = tx.ids.token()
        data = {**data, **{name: salted(text, salt) for name, text in kept.items()}}
        rows.add("audit_salt", id=tx.new_id(), bureau_id=case.bureau_id, event_id=event_id, salt=salt)
    event = ChainedEvent(
        id=event_id, bureau_id=case.bureau_id, stream="case", stream_id=case.id, seq=case.audit_seq + 1, at=tx.now,
        person_id=person, kind=kind, data=data, prev=case.audit_hash,
    )  # fmt: skip
    head = event.hash
    rows.add(
        "audit_event", id=event.id, bureau_id=event.bureau_id, stream=event.stream, stream_id=event.stream_id,
        seq=event.seq, at=event.at, person_id=event.person_id, kind=event.kind, data=event.data, prev=event.prev, hash=head,
    )  # fmt: skip
    return event.seq, head
