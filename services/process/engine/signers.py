"""加签, 减签: signers who are added before, after or beside somebody, and taken out again."""

from __future__ import annotations

from services.errors import ForbiddenError, IllegalTransitionError
from services.process.definitions import ActedStage, Judging, JudgingStage, Quorum, SubmitStage, Votes
from services.process.engine.change import Change
from services.process.engine.rights import acting_for, check_recipient, find_task, named, reasoned, standing
from services.process.events import AddSigner, ClosedTask, NewTask, RemoveSigner
from services.process.states import Added, Opinion, TaskState, VisitState


def add_signer(change: Change, event: AddSigner) -> None:
    """加签: another person must sign too: before the task's owner, after them, or beside them."""
    standing(change.before, "add-signer")
    visit, task = find_task(change.before, event.task, "add-signer")
    acting_for(task, change.context)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, JudgingStage) or stage.hand_to == "nobody":
        raise IllegalTransitionError(state=visit.stage, act="add-signer")
    check_recipient(change.definition, change.before, visit, event.person)
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
    if not change.context.administrator and (task.added is None or task.added.by != change.context.person):
        raise ForbiddenError("Only who added this signer, or the administrator, may take them out.")
    rest = [each for each in (*visit.tasks, *visit.waiting) if each.id != task.id]
    if not rest or not _still_possible(stage, visit, rest):
        raise IllegalTransitionError(
            "This is the last signer whom “{state}” needs; nothing is decided by taking somebody away. Return the case, or"
            " transfer the task.",
            state=visit.stage,
            act="remove-signer",
        )
    change.more |= {"visit": visit, "acted_task": task.id, "acted_position": task.position}
    _take_out(change, visit, task)
    change.tell("signer-removed", visit=visit, persons=(task.person,) if task.person else ())


def _signer(change: Change, event: RemoveSigner) -> tuple[VisitState, TaskState]:
    for visit in change.before.open:
        task = visit.signer(event.task)
        if task is not None:
            return visit, task
    return find_task(change.before, event.task, "remove-signer")


def _still_possible(stage: Judging, visit: VisitState, rest: list[TaskState]) -> bool:
    """Tell whether the definition's signers can still decide the stage without this one, and someone still has to."""
    named_left = [task for task in rest if task.added is None]
    given = [opinion for opinion in visit.opinions if opinion.added is None]
    possible = sum(opinion.weight for opinion in given if opinion.verdict != "oppose")
    possible += sum(task.weight for task in named_left)
    match stage.by:
        case Votes():
            return possible >= stage.by.needed
        case Quorum():
            return possible >= stage.by.quorum
        case _:
            # Whoever the definition names must be among those left, unless they have all signed and others are waited for.
            all_signed = not [task for task in (*visit.tasks, *visit.waiting) if task.added is None]
            return bool(named_left) or all_signed


def _take_out(change: Change, visit: VisitState, task: TaskState) -> None:
    """Take the signer out with the signers whom they had added after themselves; whoever waited for them need not."""
    gone = {task.id}
    if any(each.id == task.id for each in visit.tasks):
        change.closed.append(ClosedTask(task.id, task.actor, task.position, by_other=True, person=task.with_))
    waiting = tuple(
        each for each in visit.waiting if each.id not in gone and not (each.added and each.added.to in gone)
    )
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
        id=change.context.new_id(), actor=opinion.actor, position=opinion.position, person=named(change.context),
        member=opinion.member, weight=opinion.weight, added=opinion.added,
    )  # fmt: skip
    called = [
        each
        for each in visit.tasks
        if (each.added is not None and each.added.how == "after" and each.added.to == opinion.task)
        or (in_turn and opinion.added is None and each.added is None)
    ]
    for each in called:
        visit = change.close(visit, each, by_other=True)
    again = [_waits_again(change, each, opinion, task) for each in called]
    again += [_moved_to(each, opinion, task) for each in visit.waiting]
    visit = change.put(
        visit,
        tasks=(*(_moved_to(each, opinion, task) for each in visit.tasks), task),
        waiting=tuple(again),
        opinions=tuple(each for each in visit.opinions if each.task != opinion.task),
    )
    change.added.append(NewTask(visit.id, task))
    change.tell("taken-back", visit=visit)


def _waits_again(change: Change, called: TaskState, opinion: Opinion, task: TaskState) -> TaskState:
    """Return the called-up signer as waiting again, under a new id: a closed task does not open again."""
    fresh = called.model_copy(update={"id": change.context.new_id(), "helper": None})
    return _moved_to(fresh, opinion, task)


def _moved_to(signer: TaskState, opinion: Opinion, task: TaskState) -> TaskState:
    """Let a signer who was added to the closed task follow the one that is open instead of it."""
    if signer.added is None or signer.added.to != opinion.task:
        return signer
    return signer.model_copy(update={"added": signer.added.model_copy(update={"to": task.id})})
