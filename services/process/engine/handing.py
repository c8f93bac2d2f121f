"""Handing tasks on: claimed, put back, transferred, delegated and answered, handed over when somebody leaves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError
from services.process.definitions import JudgingStage
from services.process.engine.change import Change
from services.process.engine.rights import (
    acting_for,
    check_hand_to,
    check_judge,
    check_recipient,
    find_task,
    named,
    owning,
    reasoned,
    standing,
)
from services.process.events import Answer, Claim, Delegate, HandOver, PutBack, Recall, Transfer
from services.process.states import TaskState, VisitState


def claim(change: Change, event: Claim) -> None:
    """认领: take a task out of the position's queue, a substitute for who is away; putting it back undoes it."""
    visit, task = _find(change, event.task)
    if task.person is not None:
        if task.person == change.context.person:
            raise IllegalTransitionError("You have claimed this task already.", state=visit.stage, act="claim")
        raise ForbiddenError("This task is with somebody else.")
    on_behalf = acting_for(task, change.context)
    if isinstance(change.definition.stage(visit.stage), JudgingStage):
        check_judge(change.definition, change.before, visit, context=change.context, on_behalf=on_behalf)
    _hand(change, visit, task, person=on_behalf or named(change.context))


def put_back(change: Change, event: PutBack) -> None:
    """Give the task back to all who hold its position: whoever it is with, or the administrator."""
    visit, task = _find(change, event.task)
    if task.person is None or task.member or task.position is None:
        raise IllegalTransitionError(
            "This task has no queue that it could go back to.", state=visit.stage, act="put-back"
        )
    if not change.context.administrator:
        owning(task, change.context)
    after = _hand(change, visit, task, person=None, helper=None)
    change.tell("put-back", visit=visit, tasks=(after,))


def transfer(change: Change, event: Transfer) -> None:
    """转办: hand the task to another person, who decides in its position's name; they may transfer it back."""
    visit, task = _find(change, event.task)
    if not change.context.administrator:
        acting_for(task, change.context)
    _check_passing(change, visit, task, event.to)
    after = _hand(change, visit, task, person=event.to, helper=None)
    change.tell("transferred", visit=visit, persons=(event.to,), about=after.id)


def delegate(change: Change, event: Delegate) -> None:
    """委派: let another person look at it and answer; the owner decides afterwards, or recalls it."""
    visit, task = _find(change, event.task)
    on_behalf = acting_for(task, change.context)
    _check_passing(change, visit, task, event.to)
    owner = task.person or on_behalf or named(change.context)
    _hand(change, visit, task, person=owner, helper=event.to)
    change.tell("delegated", visit=visit, persons=(event.to,), about=task.id)


def answer(change: Change, event: Answer) -> None:
    """The helper answers a delegation; the task is with its owner again."""
    visit, task = _find(change, event.task)
    if task.helper is None:
        raise IllegalTransitionError("This task is not delegated.", state=visit.stage, act="answer")
    if task.helper != change.context.person:
        raise ForbiddenError("This task is with somebody else.")
    reasoned(event.words, "Write the answer.")
    after = _hand(change, visit, task, helper=None)
    change.tell("answered", visit=visit, persons=(after.person,) if after.person else (), about=after.id)


def recall(change: Change, event: Recall) -> None:
    """The owner takes a delegated task back."""
    visit, task = _find(change, event.task)
    if task.helper is None:
        raise IllegalTransitionError("This task is not delegated.", state=visit.stage, act="recall")
    owning(task, change.context)
    _hand(change, visit, task, helper=None)
    change.tell("recalled", visit=visit, persons=(task.helper,))


def hand_over(change: Change, event: HandOver) -> None:
    """离职交接: every task that is the leaving person's own, or delegated to them, goes to another person."""
    standing(change.before, "hand-over")
    if not change.context.administrator:
        raise ForbiddenError("Only the administrator may do this.")
    found = False
    for visit in change.before.open:
        for task in (*visit.tasks, *visit.waiting):
            if event.leaving not in (task.person, task.helper):
                continue
            found = True
            check_recipient(change.definition, change.before, visit, event.to, context=change.context)
            values = {
                name: event.to for name in ("person", "helper") if getattr(task, name) == event.leaving
            }  # fmt: skip
            _tell_successor(change, visit, _hand(change, _now(change, visit), task, **values), event.to)
    if not found:
        raise IllegalTransitionError(
            "No open task of this case is with that person.", state=change.before.name, act="hand-over"
        )


def _tell_successor(change: Change, visit: VisitState, task: TaskState, to: UUID) -> None:
    """Tell who gets a task from somebody who leaves: to decide, or to answer its owner; or that it is theirs later."""
    now = task.with_ == to and any(each.id == task.id for each in visit.tasks)
    kind = "delegated" if task.helper == to else "transferred"
    change.tell(kind, visit=visit, persons=(to,), about=task.id if now else None)


def _now(change: Change, visit: VisitState) -> VisitState:
    return next(each for each in change.state.open if each.id == visit.id)


def _find(change: Change, task_id: UUID) -> tuple[VisitState, TaskState]:
    standing(change.before, change.act)
    return find_task(change.before, task_id, change.act)


def _check_passing(change: Change, visit: VisitState, task: TaskState, to: UUID) -> None:
    """Refuse what the stage's `hand_to` does not allow, and persons who could not act on the task."""
    check_hand_to(change.definition, visit, task, to, context=change.context, act=change.act)
    if to in (task.with_, named(change.context)):
        raise InvalidInputError([{"field": "to", "message": "Name somebody else."}])
    check_recipient(change.definition, change.before, visit, to, context=change.context)


def _hand(change: Change, visit: VisitState, task: TaskState, **values: Any) -> TaskState:
    """Change whom the task is with."""
    after = task.model_copy(update=values)
    change.put(
        visit,
        tasks=tuple(after if each.id == task.id else each for each in visit.tasks),
        waiting=tuple(after if each.id == task.id else each for each in visit.waiting),
    )
    if any(each.id == task.id for each in visit.tasks):
        change.handed.append(after)
    change.more |= {"visit": visit, "acted_task": task.id, "acted_position": task.position}
    return after
