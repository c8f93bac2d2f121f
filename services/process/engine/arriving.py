"""What the clock and other cases bring: waits that are over, postings and their objections, tasks that could not be given."""

from __future__ import annotations

from uuid import UUID

from services.errors import ConflictError, ForbiddenError, IllegalTransitionError
from services.process.definitions import (
    ApproveStage,
    AssessStage,
    Each,
    PublishStage,
    SignStage,
    SubProcessStage,
    WaitStage,
)
from services.process.engine.change import Change
from services.process.engine.counting import unfilled
from services.process.engine.entering import member_task, proceed
from services.process.engine.moving import end_badly, send_back
from services.process.engine.rights import reasoned, standing
from services.process.events import Fail, Fill, Object, Pass, Settle
from services.process.outcomes import NewTask
from services.process.states import ObjectionState, Outcome, VisitState


def pass_(change: Change, event: Pass) -> None:
    """Go on from a stage in which nobody acts. Late is possible, early never; an open objection holds a posting open."""
    visit = _visit(change, event.visit)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, PublishStage | WaitStage | SubProcessStage):
        raise IllegalTransitionError(state=visit.stage, act="pass")
    if visit.due_at is not None and change.context.now < visit.due_at:
        raise ConflictError("“{state}” lasts until {until}.", state=visit.stage, until=visit.due_at.isoformat())
    if visit.objections:
        raise ConflictError("An objection is open; “{state}” goes on once it is settled.", state=visit.stage)
    change.more |= {"visit": visit}
    change.leave(visit, "passed")
    proceed(change, visit.stage)


def fail(change: Change, event: Fail) -> None:
    """Go where the definition says when the other process ended without success."""
    visit = _visit(change, event.visit)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, SubProcessStage):
        raise IllegalTransitionError(state=visit.stage, act="fail")
    _leave_badly(change, visit, stage.failed)


def _leave_badly(change: Change, visit: VisitState, to: str) -> None:
    change.more |= {"visit": visit}
    outcome: Outcome = "upheld" if change.act == "settle" else "failed"
    if to == "reject":
        end_badly(change, "rejected", outcome=outcome)
    else:
        send_back(change, visit, to, outcome=outcome)


def fill(change: Change, event: Fill) -> None:
    """Give a task to each member who has none, where the stage has fewer signers than it needs: somebody holds the position now."""
    visit = _visit(change, event.visit)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, ApproveStage | SignStage | AssessStage) or not isinstance(stage.by, Each):
        raise IllegalTransitionError(state=visit.stage, act="fill")
    if not unfilled(stage, visit):
        raise ConflictError("“{state}” has all the signers that it needs.", state=visit.stage)
    there = {task.person for task in (*visit.tasks, *visit.waiting)}
    there |= {person for opinion in visit.opinions for person in (opinion.person, opinion.on_behalf)}
    position = change.context.positions[stage.by.each]
    missing = [each for each in change.context.holders.get(position, ()) if each not in there]
    if not missing:
        raise ConflictError("Nobody new holds the position “{who}”.", who=stage.by.each)
    tasks = tuple(member_task(change, stage.by.each, person) for person in missing)
    visit = change.put(visit, tasks=(*visit.tasks, *tasks))
    change.added += [NewTask(visit.id, task) for task in tasks]
    change.more |= {"visit": visit}
    change.tell("task-opened", visit=visit, tasks=tasks)


def object_(change: Change, event: Object) -> None:
    """异议: note an objection against what is posted, while the period lasts."""
    visit, stage = _posted(change, event.visit)
    reasoned(event.words, "Say what the objection is.")
    if visit.due_at is not None and change.context.now >= visit.due_at:
        raise ConflictError(
            "The period in which objections are taken ended on {until}.", until=visit.due_at.isoformat()
        )
    change.put(visit, objections=(*visit.objections, ObjectionState(id=event.objection)))
    change.more |= {"visit": visit}
    change.tell("objected", visit=visit, positions=(change.context.positions[stage.objections_to],))


def settle(change: Change, event: Settle) -> None:
    """Settle an objection with words: upheld, the case goes where the definition says; else the posting goes on."""
    visit, stage = _posted(change, event.visit)
    if change.context.positions[stage.objections_to] not in change.context.held:
        raise ForbiddenError("Only {who} settles objections here.", who=stage.objections_to)
    if all(each.id != event.objection for each in visit.objections):
        raise IllegalTransitionError("There is no such open objection.", state=visit.stage, act="settle")
    reasoned(event.words, "Say why the objection is upheld or not.")
    rest = tuple(each for each in visit.objections if each.id != event.objection)
    visit = change.put(visit, objections=rest)
    change.more |= {"visit": visit, "acted_position": change.context.positions[stage.objections_to]}
    change.tell("objection-settled", visit=visit)
    if event.upheld:
        _leave_badly(change, visit, stage.upheld)


def _posted(change: Change, visit_id: UUID) -> tuple[VisitState, PublishStage]:
    visit = _visit(change, visit_id)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, PublishStage):
        raise IllegalTransitionError(state=visit.stage, act=change.act)
    return visit, stage


def _visit(change: Change, visit_id: UUID) -> VisitState:
    standing(change.before, change.act)
    visit = next((each for each in change.before.open if each.id == visit_id), None)
    if visit is None:
        raise IllegalTransitionError(state=change.before.name, act=change.act)
    return visit
