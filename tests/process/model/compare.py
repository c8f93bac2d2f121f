"""Whether the state that the engine came to is the one of the model; new ids are learnt here, known ones must agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.process.states import CaseState, Opinion, TaskState, VisitState
from tests.process.model.model import Case, Seat, Visit


class Broken(AssertionError):  # noqa: N818 - a test's verdict
    """A rule does not hold. `rule`: which, in a few words."""

    def __init__(self, rule: str, *values: Any) -> None:
        self.rule, self.values = rule, values
        super().__init__(": ".join([rule, *map(repr, values)]))


def same(rule: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise Broken(rule, found, expected)


def compare(case: Case, state: CaseState) -> None:
    """Raise Broken where the state differs from the model."""
    same("the status is another than the rules say", state.status, case.status)
    same("the open stages are others than the rules say", _stages(state.open), _stages(case.open))
    same("the count of visits is wrong", state.visits, case.visits)
    same("the version is wrong", state.version, case.version)
    same("a branch took another way", state.chosen, case.chosen)
    same("who submitted is wrong", set(state.submitters), case.submitters)
    same("who assessed is wrong", set(state.assessors), case.assessors)
    same("suspended or not is wrong", state.suspended_at, case.suspended)
    detours = [(each.target, _stages(each.back)) for each in state.detours]
    same("what goes straight back is wrong", sorted(detours), sorted((to, _stages(back)) for to, back in case.detours))
    open_ = {visit.stage: visit for visit in case.open}
    for visit in state.open:
        _visit(open_[visit.stage], visit)
    same("what may be taken back is wrong", _moves(state), {step.task: step.left.stage for step in case.steps})


def _stages(visits: Sequence[Visit | VisitState]) -> list[str]:
    return sorted(visit.stage for visit in visits)


def _moves(state: CaseState) -> dict[UUID, str]:
    return {move.task: move.left.stage for move in state.moves}


def _visit(mine: Visit, visit: VisitState) -> None:
    same("a visit has the wrong number", visit.n, mine.n)
    if mine.id is None:
        mine.id = visit.id
        if not mine.kept:
            mine.due, mine.close = visit.due_at, visit.close_at
    same("a visit has another id", visit.id, mine.id)
    exception = visit.exception and (visit.exception.until, visit.exception.closed_at)
    asked = visit.asked and (visit.asked.person, visit.asked.until)
    same("a due date is wrong", (visit.due_at, visit.close_at), (mine.due, mine.close))
    same("an exception is wrong", exception, mine.exception)
    same("an extension is wrong", (asked, visit.extensions), (mine.asked, mine.extensions))
    same("the objections are wrong", [each.id for each in visit.objections], mine.objections)
    _signers(mine, visit)


def _signers(mine: Visit, visit: VisitState) -> None:
    opinions = {opinion.task: opinion for opinion in visit.opinions}
    for seat in mine.signed:
        if seat.id not in opinions:
            raise Broken("an opinion is lost", seat.actor)
        same("an opinion is wrong", _given(opinions[seat.id]), _gave(seat))
    same("there are other opinions than were given", len(opinions), len(mine.signed))
    _bind("the open tasks of a visit are wrong", mine.seats, visit.tasks)
    _bind("the waiting signers of a visit are wrong", mine.waiting, visit.waiting)
    for seat, task in [*_pairs(mine.seats, visit.tasks), *_pairs(mine.waiting, visit.waiting)]:
        same("an added signer belongs to another", task.added and task.added.to, seat.to and seat.to.id)
    named = [each.actor for each in visit.waiting if each.added is None]
    same("the sequence is in another order", named, [seat.actor for seat in mine.waiting if not seat.how])


def _bind(rule: str, seats: list[Seat], tasks: Sequence[TaskState]) -> None:
    """Let new signers of the model have the ids of the tasks that are like them."""
    known = {seat.id for seat in seats}
    free = [task for task in tasks if task.id not in known]
    for seat in seats:
        if seat.id is None:
            like = next((task for task in free if _task(task) == _seat(seat)), None)
            if like is None:
                raise Broken(rule, [_task(task) for task in free], _seat(seat))
            free.remove(like)
            seat.id = like.id
    same(
        rule, sorted(map(str, [(t.id, *_task(t)) for t in tasks])), sorted(map(str, [(s.id, *_seat(s)) for s in seats]))
    )


def _pairs(seats: list[Seat], tasks: Sequence[TaskState]) -> list[tuple[Seat, TaskState]]:
    found = {task.id: task for task in tasks}
    return [(seat, found[seat.id]) for seat in seats if seat.id is not None]


def _task(task: TaskState) -> tuple[Any, ...]:
    added = (task.added.how, task.added.by) if task.added else ("", None)
    return (task.actor, task.position, task.person, task.member, task.helper, task.weight, *added)


def _seat(seat: Seat) -> tuple[Any, ...]:
    return (seat.actor, seat.position, seat.person, seat.member, seat.helper, seat.weight, seat.how, seat.by)


def _given(opinion: Opinion) -> tuple[Any, ...]:
    how = opinion.added.how if opinion.added else ""
    return (opinion.actor, opinion.position, opinion.person, opinion.on_behalf, opinion.verdict, opinion.weight, how)


def _gave(seat: Seat) -> tuple[Any, ...]:
    return (seat.actor, seat.position, seat.signer, seat.behalf, seat.verdict, seat.weight, seat.how)
