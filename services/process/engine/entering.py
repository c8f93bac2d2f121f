"""Entering stages: which visits open when a stage is done, which tasks they have, and when side-by-side paths join."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from services.errors import ConflictError
from services.process.definitions import (
    Acted,
    ActedStage,
    BranchStage,
    Each,
    FileStage,
    Final,
    ParallelStage,
    Stage,
    SubmitStage,
    SubProcessStage,
    Votes,
    arms,
)
from services.process.engine.change import Change
from services.process.engine.conditions import chosen_way
from services.process.outcomes import OpenedVisit
from services.process.states import Opinion, TaskKind, TaskState, VisitState

KINDS: Mapping[str, TaskKind] = {"submit": "submit", "approve": "approve", "sign": "sign", "assess": "assess"}

Signer = TypeVar("Signer", TaskState, Opinion)


def start(change: Change) -> None:
    """Enter the process at its first stage."""
    _go(change, change.definition.stages, 0)


def enter(change: Change, code: str) -> None:
    """Enter the stage `code`, and where it is passed at once, what follows."""
    place = change.definition.places[code]
    ways = {block.code: arm for block, arm in place.path if isinstance(block, BranchStage)}
    change.update(chosen={**change.state.chosen, **ways})
    if _passes(change, place.stage):
        proceed(change, code)


def proceed(change: Change, code: str) -> None:
    """Go on after the stage `code` is done: to the next stage, out of a block, or wait for the paths beside it.

    Raises:
        ConflictError: nothing follows; a pack that is checked has no such end.
    """
    place = change.definition.places[code]
    if not _go(change, place.siblings, place.index + 1):
        return
    if not place.path:
        raise ConflictError("The process has no stage after “{state}”.", state=code)
    block, _ = place.path[-1]
    inside = change.definition.inside(block.code)
    if isinstance(block, ParallelStage) and any(visit.stage in inside for visit in change.state.open):
        return
    proceed(change, block.code)


def _go(change: Change, stages: tuple[Stage, ...], first: int) -> bool:
    """Enter the stages from `first` on until one stays open; tell whether the end of the list was reached."""
    return all(_passes(change, stage) for stage in stages[first:])


def _passes(change: Change, stage: Stage) -> bool:
    """Enter a stage; tell whether it is passed at once."""
    match stage:
        case BranchStage():
            way = chosen_way(stage, change.context.values, change.context.values.get("", {}))
            change.update(chosen={**change.state.chosen, stage.code: way})
            return _go(change, arms(stage)[way], 0)
        case ParallelStage():
            passed = [_go(change, path, 0) for path in arms(stage)]
            return all(passed)
        case _ if isinstance(stage, Final):
            _finish(change, stage)
        case _:
            open_visit(change, stage)
    return False


def _finish(change: Change, stage: Final) -> None:
    visits = {**change.state.visits, stage.code: change.state.visits.get(stage.code, 0) + 1}
    kind = "filed" if isinstance(stage, FileStage) else "completed"
    change.update(status=kind, open=(), visits=visits)
    change.filing = stage if isinstance(stage, FileStage) else None
    change.notify(kind, stage.notify)
    change.tell(kind)


def open_visit(change: Change, stage: Stage) -> VisitState:
    """Open a fresh visit of a stage: with tasks where people act, without where the clock or another case ends it."""
    signers = _signers(change, stage) if isinstance(stage, ActedStage) else []
    first = 1 if isinstance(stage, ActedStage) and stage.mode == "in_sequence" else len(signers)
    visit = _visit(change, stage.code, tasks=tuple(signers[:first]), waiting=tuple(signers[first:]))
    _add(change, visit, stage)
    return visit


def restore(change: Change, visit: VisitState, *, keep_due: bool) -> VisitState:
    """Open a visit of the same stage again with the opinions given in it and fresh tasks for those who have not.

    keep_due: it goes back to the due dates that it had, and nobody is told of a task that they had before.
    """
    stage = change.definition.stage(visit.stage)
    ids = {task.id: change.context.new_id() for task in (*visit.tasks, *visit.waiting)}
    dates = {"due_at": visit.due_at, "close_at": visit.close_at, "exception": visit.exception} if keep_due else {}
    opened = _visit(
        change, visit.stage, tasks=tuple(_renamed(task, ids) for task in visit.tasks),
        waiting=tuple(_renamed(task, ids) for task in visit.waiting), opinions=tuple(moved_to(each, ids) for each in visit.opinions),
        extensions=visit.extensions, objections=visit.objections, **dates,
    )  # fmt: skip
    _add(change, opened, stage, kept=keep_due)
    return opened


def _renamed(task: TaskState, ids: Mapping[UUID, UUID]) -> TaskState:
    return moved_to(task, ids).model_copy(update={"id": ids[task.id], "helper": None})


def moved_to(signer: Signer, ids: Mapping[UUID, UUID]) -> Signer:
    """Let a signer who signs or has signed and who was added to a closed task follow the one that stands instead of it."""
    if signer.added is None or signer.added.to not in ids:
        return signer
    return signer.model_copy(update={"added": signer.added.model_copy(update={"to": ids[signer.added.to]})})


def _visit(change: Change, code: str, **values: Any) -> VisitState:
    n = change.state.visits.get(code, 0) + 1
    visit = VisitState(
        id=change.context.new_id(), stage=code, n=n, opened_at=change.context.now, since=change.version,
        entered_by=change.act, **values,
    )  # fmt: skip
    change.update(open=(*change.state.open, visit), visits={**change.state.visits, code: n})
    return visit


def _add(change: Change, visit: VisitState, stage: Stage, *, kept: bool = False) -> None:
    kind = KINDS.get(stage.kind)
    returned = change.returning  # whoever must mend it is told so, not that there is a new task
    change.opened.append(OpenedVisit(visit, kind, returned=returned, kept=kept))
    if isinstance(stage, SubProcessStage):
        change.children.append((visit.id, stage))
    if kind is not None and not kept:
        change.tell("returned" if returned else "task-opened", visit=visit, tasks=visit.tasks)
    if not kept:
        change.notify("stage-reached", stage.notify, visit)


def _signers(change: Change, stage: Acted) -> list[TaskState]:
    """Return the tasks of a stage's definition, in its order."""
    if isinstance(stage, SubmitStage) or not isinstance(stage.by, Each):
        weights = stage.by.votes if not isinstance(stage, SubmitStage) and isinstance(stage.by, Votes) else {}
        return [
            TaskState(
                id=change.context.new_id(),
                actor=actor,
                position=change.context.positions[actor],
                weight=weights.get(actor, 1),
            )
            for actor in stage.actors
        ]
    position = change.context.positions[stage.by.each]
    return [member_task(change, stage.by.each, person) for person in change.context.holders.get(position, ())]


def member_task(change: Change, actor: str, person: UUID) -> TaskState:
    """Return the task of one of several members."""
    position = change.context.positions[actor]
    return TaskState(id=change.context.new_id(), actor=actor, position=position, person=person, member=True)
