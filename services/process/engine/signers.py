"""加签, 减签: signers who are added before, after or beside somebody, and taken out again."""

from __future__ import annotations

from uuid import UUID

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError
from services.process.definitions import (
    ActedStage,
    Each,
    Judging,
    JudgingStage,
    ProcessDefinition,
    Quorum,
    SubmitStage,
    Votes,
)
from services.process.engine.change import Change
from services.process.engine.entering import moved_to
from services.process.engine.rights import (
    acting_for,
    check_hand_to,
    check_recipient,
    find_task,
    named,
    reasoned,
    standing,
)
from services.process.events import AddSigner, Context, RemoveSigner
from services.process.outcomes import ClosedTask, NewTask
from services.process.states import Added, Opinion, TaskState, VisitState


def add_signer(change: Change, event: AddSigner) -> None:
    """加签: another person must sign too: before the task's owner, after them, or beside them."""
    standing(change.before, "add-signer")
    visit, task = find_task(change.before, event.task, "add-signer")
    on_behalf = acting_for(task, change.context)
    if event.person in (named(change.context), on_behalf):
        raise InvalidInputError([{"field": "to", "message": "Name somebody else."}])
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, JudgingStage):
        raise IllegalTransitionError(state=visit.stage, act="add-signer")
    check_hand_to(change.definition, visit, task, event.person, context=change.context, act=change.act)
    check_recipient(change.definition, change.before, visit, event.person, context=change.context)
    added = TaskState(
        id=change.context.new_id(), actor=task.actor, person=event.person, member=True,
        added=Added(by=named(change.context), how=event.how, to=task.id),
    )  # fmt: skip
    change.more |= {"visit": visit, "acted_task": task.id, "acted_position": task.position}
    if event.how == "after":
        change.put(visit, waiting=(*visit.waiting, added))
    else:
        visit = change.put(visit, tasks=(*visit.tasks, added))
        change.added.append(NewTask(visit.id, added))
    about = None if event.how == "after" else added.id  # whose turn has not come has no task yet
    change.tell("signer-added", visit=visit, persons=(event.person,), about=about)


def remove_signer(change: Change, event: RemoveSigner) -> None:
    """减签: take out a signer who has not signed. The last one stays: nothing is decided by taking somebody away."""
    standing(change.before, "remove-signer")
    reasoned(event.words, "Say why this signer is taken out.")
    visit, task = _signer(change, event)
    stage = change.definition.stage(visit.stage)
    if isinstance(stage, SubmitStage) or not isinstance(stage, ActedStage):
        raise IllegalTransitionError(state=visit.stage, act="remove-signer")
    if not _takes_out(task, change.context):
        raise ForbiddenError("Only who added this signer, or the administrator, may take them out.")
    gone = _with_followers(visit, task)
    if not _without(stage, visit, task, gone):
        raise IllegalTransitionError(
            "This is the last signer whom “{state}” needs; nothing is decided by taking somebody away. Return the case, or"
            " transfer the task.",
            state=visit.stage,
            act="remove-signer",
        )
    change.more |= {"visit": visit, "acted_task": task.id, "acted_position": task.position}
    _take_out(change, visit, task, gone=gone)
    persons = (task.person,) if task.person else ()
    losing = (task,) if task.person is None and visit.task(task.id) is not None else ()  # who waits was asked nothing
    change.tell("signer-removed", visit=visit, persons=persons, losing=losing)


def may_remove(definition: ProcessDefinition, visit: VisitState, task: TaskState, context: Context) -> bool:
    """Tell whether the person may take a signer out of an open visit."""
    stage = definition.stage(visit.stage)
    if isinstance(stage, SubmitStage) or not isinstance(stage, ActedStage) or not _takes_out(task, context):
        return False
    return _without(stage, visit, task, _with_followers(visit, task))


def _takes_out(task: TaskState, context: Context) -> bool:
    return context.administrator or (task.added is not None and task.added.by == context.person)


def _without(stage: Judging, visit: VisitState, task: TaskState, gone: set[UUID]) -> bool:
    """Tell whether the stage still has whom it needs without this signer and their followers; added ones never count."""
    rest = [each for each in (*visit.tasks, *visit.waiting) if each.id not in gone]
    return bool(rest) and (task.added is not None or _still_possible(stage, visit, rest))


def _signer(change: Change, event: RemoveSigner) -> tuple[VisitState, TaskState]:
    for visit in change.before.open:
        task = visit.signer(event.task)
        if task is not None:
            return visit, task
    return find_task(change.before, event.task, "remove-signer")


def _still_possible(stage: Judging, visit: VisitState, rest: list[TaskState]) -> bool:
    """Tell whether the definition's signers who are left can still decide the stage."""
    named_left = [task for task in rest if task.added is None]
    given = [opinion for opinion in visit.opinions if opinion.added is None]
    possible = sum(opinion.weight for opinion in given if opinion.verdict != "oppose")
    possible += sum(task.weight for task in named_left)
    match stage.by:
        case Votes():
            return possible >= stage.by.needed
        case Quorum():
            return possible >= stage.by.quorum
        case Each() if stage.by.needed is not None:
            return possible >= stage.by.needed
        case _:
            return bool(named_left)


def _with_followers(visit: VisitState, task: TaskState) -> set[UUID]:
    """Return the signer with the waiting signers who were added after them, and after these."""
    gone = {task.id}
    for _ in visit.waiting:
        gone |= {each.id for each in visit.waiting if each.added is not None and each.added.to in gone}
    return gone


def _take_out(change: Change, visit: VisitState, task: TaskState, *, gone: set[UUID]) -> None:
    """Take the signer out with those who follow them; whoever waited for them need not."""
    if any(each.id == task.id for each in visit.tasks):
        change.closed.append(ClosedTask(task.id, task.actor, task.position, by_other=True, person=task.with_))
    waiting = tuple(each for each in visit.waiting if each.id not in gone)
    tasks = tuple(each for each in visit.tasks if each.id not in gone)
    visit = change.put(visit, tasks=tasks, waiting=waiting)
    stage = change.definition.stage(visit.stage)
    if isinstance(stage, JudgingStage) and stage.mode == "in_sequence" and not visit.tasks and visit.waiting:
        following = visit.waiting[0]
        visit = change.put(visit, tasks=(following,), waiting=visit.waiting[1:])
        change.added.append(NewTask(visit.id, following))
        change.tell("task-opened", visit=visit, tasks=(following,))


def seat_again(change: Change, visit: VisitState, opinion: Opinion, *, in_turn: bool) -> None:
    """Open the task of a signer who takes their opinion back; whom it had called up waits again."""
    task = TaskState(
        id=change.context.new_id(), actor=opinion.actor, position=opinion.position, person=opinion.on_behalf or named(change.context),
        member=opinion.member, weight=opinion.weight, added=opinion.added,
    )  # fmt: skip
    beside = _whom_it_was_added_to(visit, opinion)
    called = [
        each
        for each in visit.tasks
        if (each.added is not None and each.added.how == "after" and each.added.to == opinion.task)
        or (in_turn and each.added is None and each.id not in beside)
    ]
    for each in called:
        visit = change.close(visit, each, by_other=True)
    ids = {opinion.task: task.id, **{each.id: change.context.new_id() for each in called}}
    again = [each.model_copy(update={"id": ids[each.id], "helper": None}) for each in called]
    visit = change.put(
        visit,
        tasks=(*(moved_to(each, ids) for each in visit.tasks), task),
        waiting=tuple(moved_to(each, ids) for each in (*again, *visit.waiting)),
        opinions=tuple(moved_to(each, ids) for each in visit.opinions if each.task != opinion.task),
    )
    change.added.append(NewTask(visit.id, task))
    change.tell("taken-back", visit=visit)


def _whom_it_was_added_to(visit: VisitState, opinion: Opinion) -> set[UUID]:
    """Return the signers to whom this one was added, and these in turn: they were there before it."""
    added = {task.id: task.added for task in (*visit.tasks, *visit.waiting)}
    added |= {each.task: each.added for each in visit.opinions}
    found, at = set(), opinion.added
    while at is not None:
        found.add(at.to)
        at = added.get(at.to)
    return found
