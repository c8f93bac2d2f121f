"""Moving a case otherwise than forward: back to an earlier stage, taken back, ended, reopened, set into a stage."""

from __future__ import annotations

from uuid import UUID

from services.errors import ClosedError, ForbiddenError, IllegalTransitionError
from services.process.definitions import (
    ActedStage,
    ApproveStage,
    AssessStage,
    BranchStage,
    Final,
    ParallelStage,
    ProcessDefinition,
    SignStage,
    Stage,
    SubmitStage,
)
from services.process.engine.change import Change
from services.process.engine.counting import count
from services.process.engine.entering import enter, restore
from services.process.engine.rights import named, reasoned, require_administrator, standing
from services.process.engine.signers import seat_again
from services.process.events import End, Jump, Reopen, TakeBack, Withdraw
from services.process.states import CaseState, CaseStatus, Detour, Move, Opinion, Outcome, TaskState, VisitState


def send_back(
    change: Change,
    visit: VisitState,
    to: str,
    *,
    outcome: Outcome,
    mine: TaskState | None = None,
    owner: UUID | None = None,
) -> None:
    """Send the case back from an open visit to an earlier stage.

    Every open visit that comes after that stage ends: also those on paths beside this one that began after it. With an
    `owner` they open again once the correction is done, with the opinions already given and `mine` as the owner's own task.
    """
    before = [each for each in change.state.open if to in change.definition.earlier(each.stage)]
    again = tuple(_first_theirs(each, mine, owner) for each in before) if owner is not None else ()
    for each in before:
        left = change.close(each, mine, by_other=False) if each.id == visit.id and mine is not None else each
        change.leave(left, outcome)
        change.tell("returned-after-approval", visit=each)
    change.tell("closed-by-other")
    earlier = change.definition.earlier
    detours = tuple(each for each in change.state.detours if owner is not None or to not in earlier(each.target))
    change.update(detours=(*detours, Detour(target=to, back=again)) if owner is not None else detours)
    change.returning = True
    enter(change, to)


def _first_theirs(visit: VisitState, mine: TaskState | None, person: UUID | None) -> VisitState:
    """Return the visit with the task of whoever returned the case as that person's own: it comes back to them."""
    tasks = tuple(
        task.model_copy(update={"person": person}) if mine is not None and task.id == mine.id else task
        for task in visit.tasks
    )
    return visit.model_copy(update={"tasks": tasks})


def end_badly(change: Change, status: CaseStatus, *, outcome: Outcome) -> None:
    """End the case without success: every open visit ends."""
    for each in change.state.open:
        change.leave(each, outcome)
    change.update(status=status, detours=())
    change.tell("closed-by-other")
    change.tell("rejected", visit=change.more.get("visit", change.before.visit))


def withdraw(change: Change, _event: Withdraw) -> None:
    """撤回: whoever holds the position that submitted takes the submission back while nobody has acted on it."""
    standing(change.before, "withdraw")
    named(change.context)
    moves = [move for move in change.before.moves if move.act == "submit"]
    if not moves:
        raise IllegalTransitionError(
            "Somebody has acted on it or there is nothing to take back: a case in “{state}” cannot be withdrawn.",
            state=change.before.name,
            act="withdraw",
        )
    held = set(change.context.held).union(*(each.held for each in change.context.stand_ins))
    mine = [move for move in moves if change.context.positions[_left_stage(change, move).by] in held]
    if not mine:
        raise ForbiddenError("Only who submits it may withdraw it.")
    _undo_submission(change, mine[-1], "withdrawn")


def _left_stage(change: Change, move: Move) -> SubmitStage:
    return submitted_stage(change.definition, change.before, move)


def submitted_stage(definition: ProcessDefinition, state: CaseState, move: Move) -> SubmitStage:
    """Return the stage whose submission a move was.

    Raises:
        IllegalTransitionError: it was none.
    """
    stage = definition.stage(move.left.stage or _before(definition, state, move))
    if not isinstance(stage, SubmitStage):
        raise IllegalTransitionError(state=state.name, act="withdraw")
    return stage


def _before(definition: ProcessDefinition, state: CaseState, move: Move) -> str:
    """Return the stage before the one that the move opened, which is where 0.1.0 went back to."""
    opened = next(visit for visit in state.open if visit.id in move.opened)
    place = definition.places[opened.stage]
    return place.siblings[place.index - 1].code


def _undo_submission(change: Change, move: Move, outcome: Outcome) -> None:
    stage = _left_stage(change, move)
    left = move.left if move.left.stage else _rebuilt(change, move, stage)
    if left.close_at is not None and change.context.now >= left.close_at:
        raise ClosedError(
            "Submission closed on {closed}; the last submission stands.", closed=left.close_at.isoformat()
        )
    change.more |= {"visit": change.before.visit}
    _undo(change, move, left, outcome)


def _rebuilt(change: Change, move: Move, stage: SubmitStage) -> VisitState:
    task = TaskState(id=change.context.new_id(), actor=stage.by, position=change.context.positions[stage.by])
    return move.left.model_copy(update={"stage": stage.code, "tasks": (task,)})


def _undo(change: Change, move: Move, left: VisitState, outcome: Outcome) -> None:
    """Close what the move opened and open again what it left."""
    for visit in change.before.open:
        if visit.id in move.opened:
            change.leave(visit, outcome)
    change.tell("withdrawn" if move.act == "submit" else "taken-back")
    if move.detour is not None:
        change.update(detours=(*change.state.detours, move.detour))
    change.update(moves=tuple(each for each in change.state.moves if each.task != move.task))
    restore(change, left, keep_due=True)


def take_back(change: Change, event: TakeBack) -> None:
    """拿回: take back one's own decision while the next has not acted: the stage that it ended, or the opinion in one that goes on."""
    standing(change.before, "take-back")
    person = named(change.context)
    move = next((each for each in change.before.moves if each.task == event.task), None)
    if move is not None:
        _require_own(person, {move.person})
        change.more |= {"acted_task": event.task, "visit": change.before.visit}
        if move.act == "submit":
            _undo_submission(change, move, "taken-back")
        else:
            _undo(change, move, move.left, "taken-back")
        return
    for visit in change.before.open:
        for opinion in visit.opinions:
            if opinion.task == event.task:
                _require_own(person, {opinion.person})
                _take_opinion_back(change, visit, opinion)
                return
    raise IllegalTransitionError(
        "The next has acted, or this was not a decision: a case in “{state}” does not go back to it.",
        state=change.before.name,
        act="take-back",
    )


def _require_own(person: UUID, deciders: set[UUID]) -> None:
    if person not in deciders:
        raise ForbiddenError("Only who decided may take it back.")


def _take_opinion_back(change: Change, visit: VisitState, opinion: Opinion) -> None:
    """Open the signer's task again; who was called up by the opinion waits again."""
    if not may_undo_opinion(change.definition, visit, opinion):
        raise IllegalTransitionError(
            "The next has acted, or this was not a decision: a case in “{state}” does not go back to it.",
            state=visit.stage,
            act="take-back",
        )
    change.more |= {"visit": visit, "acted_task": opinion.task, "acted_position": opinion.position}
    seat_again(change, visit, opinion, in_turn=_in_turn(change.definition, visit))


def may_undo_opinion(definition: ProcessDefinition, visit: VisitState, opinion: Opinion) -> bool:
    """Tell whether an opinion may still be taken back: the stage is not decided by it, and nobody has signed after it."""
    stage = definition.stage(visit.stage)
    decided = isinstance(stage, ApproveStage | SignStage | AssessStage) and count(stage, visit) == "passed"
    followed = any(
        each.added and each.added.how == "after" and each.added.to == opinion.task for each in visit.opinions
    )
    last = visit.opinions[-1].task == opinion.task or not _in_turn(definition, visit)
    return last and not decided and not followed


def _in_turn(definition: ProcessDefinition, visit: VisitState) -> bool:
    stage = definition.stage(visit.stage)
    return isinstance(stage, ActedStage) and stage.mode == "in_sequence"


# --- the administrator ----------------------------------------------------------------------------------------------


def end(change: Change, event: End) -> None:
    """End a case that will not be filed, with a reason."""
    if change.before.status != "open":
        raise IllegalTransitionError(state=change.before.name, act="end")
    if not change.context.system:
        named(change.context)
    reasoned(event.words, "Say why the case ends.")
    for visit in change.before.open:
        change.leave(visit, "ended")
    change.update(status="ended", detours=(), suspended_at=None)
    change.more |= {"visit": change.before.visit}
    change.tell("ended")


def jump(change: Change, event: Jump) -> None:
    """Set an open case into a stage, with a reason; every open visit ends."""
    require_administrator(change.context)
    standing(change.before, "jump")
    if change.before.status != "open":
        raise IllegalTransitionError(state=change.before.name, act="jump")
    reasoned(event.words, "Say why the case is moved.")
    stage = _landing(change, event.to)
    for visit in change.before.open:
        change.leave(visit, "jumped")
    change.more |= {"visit": change.before.visit}
    change.tell("jumped")
    change.update(detours=(), moves=())
    enter(change, stage.code)


def reopen(change: Change, event: Reopen) -> None:
    """唤醒: open a finished case again in a stage, with a reason. A number that it was given stays its number."""
    require_administrator(change.context)
    if change.before.status == "open":
        raise IllegalTransitionError(state=change.before.name, act="reopen")
    reasoned(event.words, "Say why the case is opened again.")
    stage = _landing(change, event.to)
    change.update(status="open", detours=(), suspended_at=None)
    change.tell("reopened")
    enter(change, stage.code)


def _landing(change: Change, to: str) -> Stage:
    """Return the stage that a case may be set into: not an end, which would skip what leads there, and not a block."""
    place = change.definition.places.get(to)
    if place is None or isinstance(place.stage, Final | BranchStage | ParallelStage):
        raise IllegalTransitionError(
            "A case cannot be set into “{to}”; it can be set into {choices}.",
            state=change.before.name,
            to=to,
            act=change.act,
            choices=", ".join(
                each.code
                for each in change.definition.all_stages
                if not isinstance(each, Final | BranchStage | ParallelStage)
            ),
        )
    return place.stage
