"""Submitting and judging: opinions, votes, signatures, assessments, and what they come to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.errors import AlreadyDecidedError, ClosedError, IllegalTransitionError
from services.i18n import N_
from services.process.definitions import ApproveStage, AssessStage, Judging, JudgingStage, SignStage, SubmitStage
from services.process.engine.change import Change
from services.process.engine.counting import added_left, count, orphans, turns, waits_for
from services.process.engine.entering import proceed, restore
from services.process.engine.moving import end_badly, send_back
from services.process.engine.rights import acting_for, check_judge, find_task, named, reasoned, standing
from services.process.events import Approve, Assess, Decline, Oppose, Reject, Return, Sign, Submit
from services.process.outcomes import NewTask
from services.process.states import ExceptionState, Move, Opinion, Outcome, TaskState, Verdict, VisitState

OUTCOMES: dict[str, Outcome] = {"submit": "submitted", "approve": "approved", "sign": "signed", "assess": "assessed"}
VERDICTS: dict[str, Verdict] = {"approve": "approve", "oppose": "oppose", "sign": "sign", "assess": "assess"}
STAGES: dict[str, type[JudgingStage]] = {
    "approve": ApproveStage, "oppose": ApproveStage, "sign": SignStage, "decline": SignStage, "assess": AssessStage,
}  # fmt: skip
"""In which kind of stage a verdict is given."""


def submit(change: Change, event: Submit) -> None:
    """Submit the form of a stage (QD-14)."""
    visit, task, on_behalf = _mine(change, event.task)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, SubmitStage):
        raise IllegalTransitionError(state=visit.stage, act="submit")
    used = _check_close(change, stage, visit)
    now, person = change.context.now, named(change.context)
    change.more |= {"late": visit.due_at is not None and now >= visit.due_at, "used": used}
    left = change.close(visit, task, by_other=False)
    change.leave(left, "submitted")
    state = change.state
    submitters = dict.fromkeys((*state.submitters, person, *((on_behalf,) if on_behalf else ())))
    change.update(
        submission=event.submission, submitted={**state.submitted, stage.code: event.submission},
        submissions=state.submissions + 1, submitters=tuple(submitters),
    )  # fmt: skip
    change.tell("submitted", visit=visit)
    snapshot = visit.model_copy(update={"exception": None}) if used else visit
    _leave_for_next(change, snapshot, task, act="submit")


def _check_close(change: Change, stage: SubmitStage, visit: VisitState) -> ExceptionState | None:
    """Return the late exception without which this submission would be too late; raise when it is closed."""
    now = change.context.now
    if visit.close_at is not None and now >= visit.close_at:
        who = stage.close.exceptions if stage.close is not None else None
        raise ClosedError(closed=visit.close_at.isoformat(), who=who or "-")
    exception = visit.exception
    return exception if exception is not None and now >= exception.closed_at else None


def judge(change: Change, event: Approve | Oppose | Sign | Assess) -> None:
    """Give an opinion, a vote, a signature or an assessment; go on where that decides the stage."""
    visit, task, stage, on_behalf = _judging(change, event.task)
    if change.act == "oppose":
        reasoned(event.words, "Say why you are against it.")
        if not stage.votes:
            raise IllegalTransitionError(state=visit.stage, act="oppose")
    if stage.opinion == "required":
        reasoned(event.words, "This stage asks for an opinion in words.")
    if isinstance(event, Assess):
        _assessed(change, event.submission, stage.code, on_behalf)
    signed = change.close(visit, task, by_other=False)
    opinion = Opinion(
        task=task.id, actor=task.actor, position=task.position, person=named(change.context),
        verdict=VERDICTS[change.act], weight=task.weight, on_behalf=on_behalf, member=task.member, added=task.added,
    )  # fmt: skip
    signed = change.put(signed, opinions=(*signed.opinions, opinion))
    if count(stage, signed) != "failed":
        _call_up(change, signed, turns(stage, signed, task))
    _settle(change, stage, before=visit, task=task)


def _assessed(change: Change, submission: UUID, stage: str, on_behalf: UUID | None) -> None:
    state, person = change.state, named(change.context)
    assessors = dict.fromkeys((*state.assessors, person, *((on_behalf,) if on_behalf else ())))
    change.update(
        submitted={**state.submitted, stage: submission}, submissions=state.submissions + 1, assessors=tuple(assessors)
    )


def _call_up(change: Change, visit: VisitState, tasks: tuple[TaskState, ...]) -> VisitState:
    """Open the tasks of waiting signers whose turn has come, and return the visit as it is then."""
    if not tasks:
        return visit
    waiting = tuple(each for each in visit.waiting if each not in tasks)
    visit = change.put(visit, tasks=(*visit.tasks, *tasks), waiting=waiting)
    change.added += [NewTask(visit.id, task) for task in tasks]
    change.tell("task-opened", visit=visit, tasks=tasks)
    return visit


def _settle(change: Change, stage: Judging, *, before: VisitState, task: TaskState) -> None:
    """Look what the opinions come to: the stage is passed, it has failed, or others are waited for."""
    visit = change.state.visit_in(stage.code)
    assert visit is not None
    match count(stage, visit):
        case "failed" if stage.fails is not None and stage.fails != "reject":
            change.tell("failed", visit=visit)
            send_back(change, visit, stage.fails, outcome="failed")
        case "failed":
            end_badly(change, "rejected", outcome="failed")
        case "passed":
            _pass(change, stage, visit, before=before, task=task)
        case _:
            return


def _pass(change: Change, stage: Judging, visit: VisitState, *, before: VisitState, task: TaskState) -> None:
    for other in visit.tasks:
        if other.added is None:
            visit = change.close(visit, other, by_other=True)
    visit = change.put(visit, waiting=tuple(each for each in visit.waiting if each.added is not None))
    change.tell("closed-by-other", visit=visit)
    visit = _call_up(change, visit, orphans(visit))
    if added_left(visit):
        return
    change.leave(visit, OUTCOMES[stage.kind])
    _leave_for_next(change, before, task, act=stage.kind)


def _leave_for_next(change: Change, before: VisitState, task: TaskState, *, act: Any) -> None:
    """Go on after a stage is done: straight back after a correction, else to what follows; remember how to take it back."""
    opened = len(change.opened)
    detour = next((each for each in change.state.detours if each.target == before.stage), None)
    if detour is not None:
        change.update(detours=tuple(each for each in change.state.detours if each is not detour))
        for visit in detour.back:
            restore(change, visit, keep_due=False)
    else:
        proceed(change, before.stage)
    ids = tuple(each.state.id for each in change.opened[opened:])
    change.move = Move(
        person=named(change.context), act=act, task=task.id, left=before, opened=ids, detour=detour
    )  # fmt: skip


def return_(change: Change, event: Return) -> None:
    """退回: send the case back to an earlier stage with a reason; the definition says what follows the correction."""
    visit, task, stage, on_behalf = _judging(change, event.task, wanted=JudgingStage)
    if event.to not in stage.return_to:
        raise IllegalTransitionError(
            "A case in “{state}” cannot be returned to “{to}”; it can go back to {choices}.",
            state=visit.stage,
            to=event.to,
            act="return",
            choices=", ".join(stage.return_to) or "-",
        )
    if event.to not in change.before.visits:
        words = N_("The case has not been in “{to}”, so it cannot go back there.")
        raise IllegalTransitionError(words, state=visit.stage, to=event.to, act="return")
    reasoned(event.words, "Say why it goes back.")
    owner = (on_behalf or named(change.context)) if stage.after_correction == "straight-back" else None
    send_back(change, visit, event.to, outcome="returned", mine=task, owner=owner)


def decline(change: Change, event: Decline) -> None:
    """Refuse to sign, with a reason; the definition says where the case goes."""
    visit, task, stage, _ = _judging(change, event.task)
    reasoned(event.words, "Say why you do not sign.")
    if isinstance(stage, SignStage) and stage.declined != "reject":
        send_back(change, visit, stage.declined, outcome="declined", mine=task)
    else:
        change.close(visit, task, by_other=False)
        end_badly(change, "rejected", outcome="declined")


def reject(change: Change, event: Reject) -> None:
    """拒绝: end the case without success, with a reason, where the stage allows it."""
    visit, task, stage, _ = _judging(change, event.task, wanted=JudgingStage)
    if not stage.may_reject:
        raise IllegalTransitionError(state=visit.stage, act="reject")
    reasoned(event.words, "Say why it is rejected.")
    change.close(visit, task, by_other=False)
    end_badly(change, "rejected", outcome="rejected")


def _mine(change: Change, task_id: UUID) -> tuple[VisitState, TaskState, UUID | None]:
    """Return the task that the person acts on, with its visit and on whose behalf."""
    visit, task = find_task(change.before, task_id, change.act)
    standing(change.before, change.act)
    on_behalf = acting_for(task, change.context)
    change.more |= {
        "visit": visit, "acted_task": task.id, "acted_position": task.position, "on_behalf": on_behalf
    }  # fmt: skip
    return visit, task, on_behalf


def _judging(
    change: Change, task_id: UUID, *, wanted: type[JudgingStage] | None = None
) -> tuple[VisitState, TaskState, Judging, UUID | None]:
    """Return the task that the person judges in, its stage checked against the act."""
    visit, task, on_behalf = _mine(change, task_id)
    stage = change.definition.stage(visit.stage)
    if not isinstance(stage, ApproveStage | SignStage | AssessStage) or not isinstance(
        stage, wanted or STAGES[change.act]
    ):
        raise IllegalTransitionError(state=visit.stage, act=change.act)
    check_judge(change.definition, change.before, visit, context=change.context, on_behalf=on_behalf)
    if waits_for(visit, task) is not None:
        raise IllegalTransitionError(
            "A signer was added before you and has not signed yet; then it is your turn.",
            state=visit.stage,
            act=change.act,
        )
    if count(stage, visit) == "passed" and task.added is None:
        raise AlreadyDecidedError(N_("This is decided already; only added signers are waited for."))
    return visit, task, stage, on_behalf
