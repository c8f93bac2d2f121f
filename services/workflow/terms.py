"""By when the visits that a transition opens or moves are due, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from services.process.deadlines import DueDate, Override, Term, approve_due, submit_due
from services.process.definitions import Judging, PublishStage, Span, SubmitStage, WaitStage
from services.process.outcomes import Moved, OpenedVisit, Transition
from services.process.states import VisitState
from services.process.timed import SeasonTimes, ready_at
from services.store.transaction import Tx
from services.workflow.locking import LockedCase

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Dated:
    """An open visit with its dates, the term that its alarms follow (None: nothing is due), and what explains it."""

    visit: VisitState
    term: Term | None
    explained: Mapping[str, Any]


Explanations = Mapping[str, Mapping[str, Any]]
"""Stage -> the explanation of the due date of its last visit."""


async def explanations(tx: Tx, case_id: UUID, stages: Iterable[str]) -> Explanations:
    """Return why the last visits of these stages were due when they were."""
    wanted = sorted(set(stages))
    if not wanted:
        return {}
    rows = await tx.rows(
        "SELECT DISTINCT ON (t.stage) t.stage, l.explained::text AS explained FROM task t"
        " JOIN deadline l ON l.subject_id = t.id WHERE t.case_id = $1 AND t.stage = ANY($2::text[])"
        " ORDER BY t.stage, t.opened_at DESC, t.id DESC",
        (case_id, wanted),
    )
    return {row["stage"]: json.loads(row["explained"]) for row in rows}


def needs_explaining(transition: Transition) -> tuple[str, ...]:
    """Return the stages whose explanations the transition carries on: kept visits, tasks added to open ones, moved dates."""
    stages = {visit.id: visit.stage for visit in transition.state.open}
    kept = [each.state.stage for each in transition.opened if each.kept]
    added = [stages[each.visit] for each in transition.added if each.visit in stages]
    moved = [stages[each.visit] for each in transition.moved if each.visit in stages]
    return tuple(dict.fromkeys((*kept, *added, *moved)))


def dated(tx: Tx, case: LockedCase, opened: OpenedVisit, known: Explanations) -> Dated:
    """Return the opened visit with its due dates. A visit that is kept goes back to the dates that it had."""
    visit, stage = opened.state, case.definition.stage(opened.state.stage)
    if opened.kept and visit.due_at is not None:
        return Dated(visit, Term.ending(visit.due_at, visit.close_at, case.calendar), known.get(visit.stage, {}))
    if isinstance(stage, PublishStage | WaitStage):
        season = SeasonTimes(case.season_key, case.season_opens_at, case.season_due_at)
        ready = ready_at(stage, visit.opened_at, season, case.calendar)
        return Dated(visit.model_copy(update={"due_at": ready}), None, {})
    due = _due(tx, case, stage, returned=opened.returned)
    if due is None:
        return Dated(visit, None, {})
    return Dated(visit.model_copy(update={"due_at": due.due_at, "close_at": due.close_at}), due, due.explained())


def _due(tx: Tx, case: LockedCase, stage: Any, *, returned: bool) -> DueDate | None:
    rolls = case.pack.settings.roll_forward
    if isinstance(stage, SubmitStage):
        return submit_due(
            stage, season_due=case.season_due, opened_at=tx.now, returned=returned, calendar=case.calendar, rolls=rolls
        )
    return approve_due(stage, tx.now, case.calendar, rolls=rolls) if isinstance(stage, Judging) else None


# --- moved dates ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """A visit's new dates: the term, its explanation, who moved it why. deadlines: task -> the deadline that moves."""

    visit: VisitState
    term: Term
    explained: Mapping[str, Any]
    by: UUID | None = None
    why: str = ""
    deadlines: Mapping[UUID, UUID] = field(default_factory=dict)


async def moves(
    tx: Tx, case: LockedCase, transition: Transition, known: Explanations, *, by: UUID | None, name: str, words: str
) -> tuple[list[Move], Transition]:
    """Return the moved visits with their new dates, and the transition whose state has them.

    Args:
        tx: the transaction.
        case: the locked case.
        transition: says which visits move and why.
        known: why they were due when they were.
        by: who moved them.
        name: as the explanation names them.
        words: their reason.
    """
    found: list[Move] = []
    for moved in transition.moved:
        visit = next(each for each in transition.state.open if each.id == moved.visit)
        move = _moved(tx, case, transition, visit=visit, moved=moved, told=(known.get(visit.stage, {}), name, words))
        tasks = [task.id for task in visit.tasks]
        rows = await tx.rows("SELECT subject_id, id FROM deadline WHERE subject_id = ANY($1::uuid[])", (tasks,))
        deadlines = {row["subject_id"]: row["id"] for row in rows}
        found.append(replace(move, by=by, why=words, deadlines=deadlines))
        state = transition.state
        visits = tuple(move.visit if each.id == visit.id else each for each in state.open)
        transition = replace(transition, state=state.model_copy(update={"open": visits}))
    return found, transition


def _moved(
    tx: Tx,
    case: LockedCase,
    transition: Transition,
    *,
    visit: VisitState,
    moved: Moved,
    told: tuple[Mapping[str, Any], str, str],
) -> Move:
    explained, by, words = told
    assert visit.due_at is not None
    before = next(each for each in transition.before.open if each.id == visit.id)
    match moved.why:
        case "exception":
            term = Term.ending(visit.due_at, visit.close_at, case.calendar)
            step = {"code": "close-extended", "values": {"date": str(term.close_on), "by": by, "why": words}}
            override = Override(by=by, why=words, close_on=term.close_on)
        case "extension":
            term = _extended(case, visit)
            first = Term.ending(before.due_at or visit.due_at, None, case.calendar).due_on
            values = {"from_date": str(first), "date": str(term.due_on), "by": by, "why": words}
            step, override = {"code": "extended", "values": values}, Override(by=by, why=words, due_on=term.due_on)
        case _:
            n, term = _resumed(tx, case, transition, visit)
            step = {"code": "resumed", "values": {"n": n, "date": str(term.due_on)}}
            override = Override(by=by, why=words, due_on=term.due_on, close_on=term.close_on)
    days = {"due_on": str(term.due_on), "close_on": str(term.close_on) if term.close_on else None}
    because = {**explained, **days, "override": override.to_json(), "reasons": [*explained.get("reasons", ()), step]}
    after = visit.model_copy(update={"due_at": term.due_at, "close_at": term.close_at})
    return Move(after, term, because)


def _extended(case: LockedCase, visit: VisitState) -> Term:
    """Return the term of an extended visit: its close follows the new due date as it followed the old one."""
    assert visit.due_at is not None
    calendar, stage = case.calendar, case.definition.stage(visit.stage)
    due_on = calendar.local_day(visit.due_at - _INSTANT)
    close = stage.close if isinstance(stage, SubmitStage) else None
    close_at = calendar.end_of(calendar.add(due_on, close.after)) if close is not None else None
    if close_at is not None and visit.exception is not None:
        close_at = max(close_at, visit.exception.until)
    return Term.ending(calendar.end_of(due_on), close_at, calendar)


def _resumed(tx: Tx, case: LockedCase, transition: Transition, visit: VisitState) -> tuple[int, Term]:
    """Return by how many workdays the dates move on, and the new term: as many as the case stood still."""
    since = transition.before.suspended_at
    assert since is not None and visit.due_at is not None  # noqa: PT018 - it was suspended and is dated
    calendar = case.calendar
    n = calendar.workdays_between(calendar.local_day(since), calendar.local_day(tx.now))

    def later(instant: datetime | None) -> datetime | None:
        return instant and calendar.end_of(_on(calendar.local_day(instant - _INSTANT), n, case))

    due_at = later(visit.due_at)
    return n, Term.ending(due_at or visit.due_at, later(visit.close_at), calendar)


def _on(day: date, n: int, case: LockedCase) -> date:
    return case.calendar.add(day, Span(n=n, unit="wd")) if n else day
