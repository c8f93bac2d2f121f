"""From a Transition to rows: tasks with their due dates and alarms, notifications, the decision, the audit event.

Pure but for the ids it draws: everything that it needs was read under the lock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.people.access import Reader
from services.people.holding import holds
from services.process.alarms import ASSIGNEE, PlannedAlarm, dump_series, plan_series
from services.process.deadlines import DueDate, Override, Term, approve_due, submit_due
from services.process.definitions import FileStage, SubmitStage
from services.process.events import OpenedVisit, Tell, Transition
from services.process.states import TaskState, VisitState
from services.store.audit import ChainedEvent, salted
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.locking import LockedCase

NO_DUE = datetime(9999, 12, 31, tzinfo=UTC)
"""Sort key of what has no due date: after everything that has one."""


@dataclass(frozen=True)
class Act:
    """Who did it and with what, for the decision's row, the notifications and the audit event.

    explained: the kept deadline of a withdrawn visit, where the transition keeps one. administrators: who is told where
    nobody holds a position that gets a task; read only then.
    """

    person: UUID | None
    decision_id: UUID | None = None
    words: str = ""
    to_stage: str | None = None
    submission: Mapping[str, Any] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    explained: Mapping[str, Any] | None = None
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
    """Tell whether a position that this transition gives a task to is held by nobody."""
    return any(_is_unheld(case, tell) for tell in transition.tell)


def _is_unheld(case: LockedCase, tell: Tell) -> bool:
    asks = tell.kind in ("task-opened", "returned")
    return asks and tell.position is not None and not case.holders.get(tell.position)


def dated(tx: Tx, case: LockedCase, opened: OpenedVisit) -> tuple[VisitState, Term]:
    """Return the opened visit with its due dates, and the term that its alarms follow."""
    visit = opened.state
    if visit.due_at is not None:
        return visit, Term.ending(visit.due_at, visit.close_at, case.calendar)
    stage = case.definition.stage(visit.stage)
    rolls = case.pack.settings.roll_forward
    if isinstance(stage, SubmitStage):
        due = submit_due(
            stage,
            season_due=case.season_due,
            opened_at=tx.now,
            returned=opened.returned,
            calendar=case.calendar,
            rolls=rolls,
        )
    elif not isinstance(stage, FileStage):
        due = approve_due(stage, tx.now, case.calendar, rolls=rolls)
    return visit.model_copy(update={"due_at": due.due_at, "close_at": due.close_at}), due


def transition_rows(tx: Tx, case: LockedCase, transition: Transition, act: Act) -> tuple[Rows, Transition]:
    """Return everything that the transition writes, and the transition with its due dates filled in."""
    rows = Rows(now=tx.now)
    if transition.opened is not None:
        visit, term = dated(tx, case, transition.opened)
        opened = replace(transition.opened, state=visit)
        transition = replace(transition, opened=opened, state=transition.state.model_copy(update={"visit": visit}))
        _open(tx, case, rows, opened=opened, term=term, explained=act.explained)
    _close(rows, transition, act)
    _decide(tx, case, rows, transition, act)
    _tell(tx, case, rows, transition, act)
    return rows, transition


def _open(
    tx: Tx, case: LockedCase, rows: Rows, *, opened: OpenedVisit, term: Term, explained: Mapping[str, Any] | None
) -> None:
    visit = opened.state
    planned = plan(case, visit, term)
    rows.add(
        "visit", id=visit.id, bureau_id=case.bureau_id, case_id=case.id, stage=visit.stage, n=visit.n,
        opened_at=visit.opened_at, closed_at=None, outcome=None,
    )  # fmt: skip
    for task in visit.tasks:
        rows.add(
            "task", id=task.id, bureau_id=case.bureau_id, case_id=case.id, season_id=case.season_id, visit_id=visit.id,
            stage=visit.stage, process=case.definition.process, kind=opened.kind, group_id=case.group_id,
            position_id=task.position, actor=task.actor, state="open", opened_at=visit.opened_at, due_at=visit.due_at,
            due_sort=visit.due_at or NO_DUE, closed_at=None, decision_id=None,
        )  # fmt: skip
        deadline_id = tx.new_id()
        why = term.explained() if isinstance(term, DueDate) else explained
        rows.add(
            "deadline", id=deadline_id, bureau_id=case.bureau_id, subject="task", subject_id=task.id, case_id=case.id,
            due_at=term.due_at, close_at=term.close_at, explained=why or {}, override_by=None, override_reason=None,
            state="open",
        )  # fmt: skip
        arm(tx, case, rows, planned=planned, visit=visit, task=task, deadline_id=deadline_id)


def plan(case: LockedCase, visit: VisitState, term: Term) -> list[PlannedAlarm]:
    """Return the alarms that each task of the visit gets: its series after the visit's opening."""
    stage = case.definition.stage(visit.stage)
    if isinstance(stage, FileStage):
        return []
    return plan_series(stage, term, opened_at=visit.opened_at, calendar=case.calendar)


def arm(
    tx: Tx,
    case: LockedCase,
    rows: Rows,
    *,
    planned: Iterable[PlannedAlarm],
    visit: VisitState,
    task: TaskState,
    deadline_id: UUID,
) -> None:
    """Add the planned alarms of a task, each told to a position."""
    for alarm in planned:
        recipient = task.position if alarm.recipient == ASSIGNEE else case.actors[alarm.recipient]
        rows.add(
            "alarm", id=tx.new_id(), bureau_id=case.bureau_id, deadline_id=deadline_id, task_id=task.id, case_id=case.id,
            visit_n=visit.n, kind=alarm.kind, position_id=recipient, person_id=None, series=dump_series(alarm.series),
            next_at=alarm.first_at,
        )  # fmt: skip


async def extend(tx: Tx, case: LockedCase, rows: Rows, transition: Transition, *, by: Reader, words: str) -> None:
    """Add what a late exception changes: the close, its explanation, and the alarms, which follow the new close."""
    visit = transition.state.visit
    if transition.granted is None or visit is None or visit.due_at is None:
        return
    for task in visit.tasks:
        statement = "SELECT id, explained::text AS explained FROM deadline WHERE subject_id = $1"
        (row,) = await tx.rows(statement, (task.id,))
        term = Term.ending(visit.due_at, visit.close_at, case.calendar)
        explained = json.loads(row["explained"])
        override = Override(by=by.name, why=words, close_on=term.close_on)
        step = {"code": "close-extended", "values": {"date": str(term.close_on), "by": by.name, "why": words}}
        explained |= {"close_on": str(term.close_on), "override": override.to_json()}
        explained["reasons"] = [*explained.get("reasons", ()), step]
        rows.moved_deadline = {
            "task": task.id, "close_at": visit.close_at, "explained": explained, "override_by": by.person_id,
            "override_reason": words[:2000],
        }  # fmt: skip
        from_now = visit.model_copy(update={"opened_at": tx.now})
        planned = plan(case, from_now, term)
        arm(tx, case, rows, planned=planned, visit=from_now, task=task, deadline_id=row["id"])


def _close(rows: Rows, transition: Transition, act: Act) -> None:
    for task in transition.closed:
        rows.closed_tasks[task.id] = "closed" if task.by_other else "done"
    rows.decision_id = act.decision_id
    left = transition.before.visit
    if transition.outcome is not None and left is not None:
        rows.left_visit = {"id": left.id, "outcome": transition.outcome}


def _decide(tx: Tx, case: LockedCase, rows: Rows, transition: Transition, act: Act) -> None:
    if act.decision_id is None:
        return
    left = transition.before.visit
    rows.add(
        "decision", id=act.decision_id, bureau_id=case.bureau_id, case_id=case.id, visit_id=left.id if left else None,
        task_id=transition.acted_task, stage=left.stage if left else None, kind=transition.act, to_stage=act.to_stage,
        person_id=act.person, position_id=transition.acted_position, submission_id=transition.state.submission,
        words=act.words, late=transition.late, at=tx.now,
    )  # fmt: skip


def _tell(tx: Tx, case: LockedCase, rows: Rows, transition: Transition, act: Act) -> None:
    """Add the notifications. Nobody is told of their own act; of a vacancy the administrators are told."""
    told: set[tuple[str, UUID, UUID]] = set()
    visit = transition.state.visit or transition.before.visit
    for tell in transition.tell:
        unheld = _is_unheld(case, tell)
        kind, subject = "unheld" if unheld else tell.kind, tell.task or case.id
        context = {**act.context, "position_id": str(tell.position)} if unheld else dict(act.context)
        for person in act.administrators if unheld else _people(case, tell):
            if (kind, subject, person) in told or (person == act.person and tell.kind in OTHERS_ONLY):
                continue
            told.add((kind, subject, person))
            rows.add(
                "notification", id=tx.new_id(), bureau_id=case.bureau_id, person_id=person, kind=kind,
                subject_id=subject, task_id=tell.task, case_id=case.id, season_id=case.season_id,
                visit_n=visit.n if visit else 0, at=tx.now, context=context, state="pending", message_id=None,
                created_at=tx.now,
            )  # fmt: skip


OTHERS_ONLY = ("closed-by-other", "returned-after-approval", "withdrawn")
"""What only other people are told: whoever holds two positions knows of their own act."""


def _people(case: LockedCase, tell: Tell) -> tuple[UUID, ...]:
    if tell.person is not None:
        return (tell.person,)
    return case.holders.get(tell.position, ()) if tell.position is not None else ()


def chain(
    tx: Tx, case: LockedCase, rows: Rows, *, kind: str, person: UUID | None, data: dict[str, Any], words: str = ""
) -> tuple[int, str]:
    """Add the act to the case's audit chain; return the chain's new head (sequence and hash).

    `words` may hold personal data: the event holds their salted digest only.
    """
    event_id = tx.new_id()
    if words:
        salt = tx.ids.token()
        data = {**data, "words": salted(words, salt)}
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
