"""The one function that changes a case: `advance(definition, state, event)` gives a Transition or a typed error.

Pure: it knows no rows, no calendar, no clock. Times and ids come in with the event and the context. What a transition
opens is said as a stage and its actors; due dates, alarms and recipients are added by the use case from the same
definition.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal, assert_never
from uuid import UUID

from services.errors import (
    AlreadyDecidedError,
    ClosedError,
    ConflictError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    OwnSubmissionError,
    SameSignerError,
)
from services.i18n import N_
from services.process.definitions import ApproveStage, FileStage, ProcessDefinition, SubmitStage
from services.process.events import (
    Approve,
    ClosedTask,
    Context,
    End,
    Event,
    GrantException,
    OpenedVisit,
    Return,
    Start,
    Submit,
    Tell,
    TellKind,
    Transition,
    Withdraw,
)
from services.process.states import CaseState, ExceptionState, Opinion, Outcome, TaskKind, TaskState, VisitState


def advance(  # noqa: PLR0911 - one line per event
    definition: ProcessDefinition, state: CaseState, event: Event, context: Context
) -> Transition:
    """Apply `event` to `state`.

    Args:
        definition: the process as the case's pinned pack says it.
        state: the case's state, read under the row lock.
        event: what somebody wants to do.
        context: who, when, and where ids come from.

    Returns:
        The transition, with the new state whole.

    Raises:
        IllegalTransitionError: the act does not fit the state; names both.
        AlreadyDecidedError: the task was closed by an earlier act.
        ForbiddenError: the person does not hold the task's position.
        OwnSubmissionError: the person submitted what they would decide on.
        ClosedError: a submission after the hard close without exception.
    """
    match event:
        case Start():
            return _start(definition, state, context)
        case Submit():
            return _submit(definition, state, event, context)
        case Approve():
            return _approve(definition, state, event, context)
        case Return():
            return _return(definition, state, event, context)
        case Withdraw():
            return _withdraw(definition, state, context)
        case GrantException():
            return _grant(definition, state, event, context)
        case End():
            return _end(definition, state, event, context)
        case never:
            assert_never(never)


def _start(definition: ProcessDefinition, state: CaseState, context: Context) -> Transition:
    if state.visits or state.status != "open":
        raise IllegalTransitionError(state=state.name, act="start")
    return _enter(definition, state, definition.stages[0].code, "start", context)


def _submit(definition: ProcessDefinition, state: CaseState, event: Submit, context: Context) -> Transition:
    visit, task = _open_task(state, event.task, "submit", context)
    stage = definition.stage(visit.stage)
    if not isinstance(stage, SubmitStage):
        raise IllegalTransitionError(state=state.name, act="submit")
    used = _check_close(stage, state, visit, context)
    person = _named(context)
    after = state.model_copy(
        update={
            "submission": event.submission,
            "submissions": state.submissions + 1,
            "submitters": tuple(dict.fromkeys((*state.submitters, person))),
            "exception": None if used else state.exception,
            "submit_due_at": visit.due_at,
            "submit_close_at": visit.close_at,
        }
    )
    closed = (ClosedTask(task.id, task.actor, task.position, by_other=False),)
    return _leave(
        definition,
        state,
        after,
        "submit",
        context,
        outcome="submitted",
        closed=closed,
        task=task,
        tell=(Tell("submitted", position=task.position),),
        late=visit.due_at is not None and context.now >= visit.due_at,
        used=used,
    )


def _check_close(stage: SubmitStage, state: CaseState, visit: VisitState, context: Context) -> ExceptionState | None:
    """Return the late exception without which this submission would be too late; raise when it is closed."""
    if visit.close_at is not None and context.now >= visit.close_at:
        who = stage.close.exceptions if stage.close is not None else None
        raise ClosedError(closed=visit.close_at.isoformat(), who=who or "-")
    exception = state.exception
    return exception if exception is not None and context.now >= exception.closed_at else None


def _approve(definition: ProcessDefinition, state: CaseState, event: Approve, context: Context) -> Transition:
    visit, task = _open_task(state, event.task, "approve", context)
    stage = _judging(definition, state, "approve", context)
    mine = ClosedTask(task.id, task.actor, task.position, by_other=False)
    others = tuple(other for other in visit.tasks if other.id != task.id)
    if any(opinion.person == context.person for opinion in visit.opinions):
        raise SameSignerError
    if stage.mode == "all_of" and others:
        opinion = Opinion(task=task.id, actor=task.actor, position=task.position, person=_named(context))
        waiting = visit.model_copy(update={"tasks": others, "opinions": (*visit.opinions, opinion)})
        after = state.model_copy(update={"visit": waiting, "version": state.version + 1})
        return Transition(
            before=state, state=after, act="approve", closed=(mine,), acted_task=task.id, acted_position=task.position
        )
    closed = (mine, *_closed_by_other(others))
    return _leave(
        definition,
        state,
        state,
        "approve",
        context,
        outcome="approved",
        closed=closed,
        task=task,
        tell=_tell_others(closed),
    )


def _return(definition: ProcessDefinition, state: CaseState, event: Return, context: Context) -> Transition:
    visit, task = _open_task(state, event.task, "return", context)
    stage = _judging(definition, state, "return", context)
    if event.to not in stage.return_to:
        raise IllegalTransitionError(
            "A case in “{state}” cannot be returned to “{to}”; it can go back to {choices}.",
            state=state.name,
            to=event.to,
            act="return",
            choices=", ".join(stage.return_to) or "-",
        )
    if not event.words.strip():
        raise InvalidInputError([{"field": "words", "message": "Say why it goes back."}])
    others = tuple(other for other in visit.tasks if other.id != task.id)
    closed = (ClosedTask(task.id, task.actor, task.position, by_other=False), *_closed_by_other(others))
    told = tuple(Tell("returned-after-approval", person=opinion.person) for opinion in visit.opinions)
    entered = _enter(definition, state, event.to, "return", context)
    return replace(
        entered,
        closed=closed,
        outcome="returned",
        tell=(*entered.tell, *_tell_others(closed), *told),
        acted_task=task.id,
        acted_position=task.position,
    )


def _withdraw(definition: ProcessDefinition, state: CaseState, context: Context) -> Transition:
    visit = state.visit
    if visit is None or state.entered_by != "submit" or visit.opinions:
        raise IllegalTransitionError(
            "Somebody has acted on it or there is nothing to take back: a case in “{state}” cannot be withdrawn.",
            state=state.name,
            act="withdraw",
        )
    _named(context)
    back_to = definition.stages[definition.index(visit.stage) - 1]
    if not isinstance(back_to, SubmitStage):
        raise IllegalTransitionError(state=state.name, act="withdraw")
    if context.positions[back_to.by] not in context.held:
        raise ForbiddenError("Only who submits it may withdraw it.")
    if state.submit_close_at is not None and context.now >= state.submit_close_at:
        raise ClosedError(
            "Submission closed on {closed}; the last submission stands.",
            closed=state.submit_close_at.isoformat(),
        )
    closed = _closed_by_other(visit.tasks)
    told = tuple(Tell("withdrawn", position=task.position, task=task.id) for task in closed)
    entered = _enter(definition, state, back_to.code, "withdraw", context)
    return replace(entered, closed=closed, outcome="withdrawn", tell=told)


def _grant(definition: ProcessDefinition, state: CaseState, event: GrantException, context: Context) -> Transition:
    visit = state.visit
    stage = definition.stage(visit.stage) if visit is not None else None
    if visit is None or not isinstance(stage, SubmitStage) or stage.close is None or stage.close.exceptions is None:
        raise IllegalTransitionError(state=state.name, act="grant-exception")
    granter = context.positions[stage.close.exceptions]
    if granter not in context.held:
        raise ForbiddenError("Only {who} may grant a late exception.", who=stage.close.exceptions)
    if context.positions[stage.by] in context.held:
        raise OwnSubmissionError
    problems = []
    if not event.words.strip():
        problems.append({"field": "reason", "message": "Say why the exception is granted."})
    if event.until <= context.now or (visit.close_at is not None and event.until <= visit.close_at):
        problems.append({"field": "until", "message": "The exception must last beyond now and beyond the close."})
    if problems:
        raise InvalidInputError(problems)
    exception = ExceptionState(id=context.new_id(), until=event.until, closed_at=_closes(state, visit) or event.until)
    longer = visit.model_copy(update={"close_at": event.until})
    after = state.model_copy(update={"visit": longer, "exception": exception, "version": state.version + 1})
    told = tuple(Tell("exception-granted", position=task.position, task=task.id) for task in visit.tasks)
    return Transition(
        before=state, state=after, act="grant-exception", tell=told, acted_position=granter, granted=exception
    )


def _closes(state: CaseState, visit: VisitState) -> datetime | None:
    """Return when the visit closes without any exception."""
    return state.exception.closed_at if state.exception is not None else visit.close_at


def _end(definition: ProcessDefinition, state: CaseState, event: End, context: Context) -> Transition:
    if state.status != "open":
        raise IllegalTransitionError(state=state.name, act="end")
    _named(context)
    if not event.words.strip():
        raise InvalidInputError([{"field": "words", "message": "Say why the case ends."}])
    closed = _closed_by_other(state.visit.tasks if state.visit else ())
    after = state.model_copy(update={"status": "ended", "visit": None, "version": state.version + 1})
    submit = definition.stages[0]
    told = {context.positions[submit.by]} if isinstance(submit, SubmitStage) else set()
    positions = dict.fromkeys((*told, *(task.position for task in closed)))
    return Transition(
        before=state,
        state=after,
        act="end",
        closed=closed,
        outcome="ended",
        tell=tuple(Tell("ended", position=position) for position in positions),
    )


def _open_task(state: CaseState, task_id: UUID, act: str, context: Context) -> tuple[VisitState, TaskState]:
    if state.visit is None:
        words = (
            N_("This case is filed; nothing more is to be done.")
            if state.status == "filed"
            else N_("This case was ended.")
        )
        raise AlreadyDecidedError(words, act=act)
    task = state.visit.task(task_id)
    if task is None:
        raise AlreadyDecidedError(N_("This task is closed: somebody else acted first."))
    if task.position not in context.held:
        raise ForbiddenError("This task belongs to a position that you do not hold.")
    return state.visit, task


def _judging(definition: ProcessDefinition, state: CaseState, act: str, context: Context) -> ApproveStage:
    stage = definition.stage(state.name) if state.visit is not None else None
    if not isinstance(stage, ApproveStage):
        raise IllegalTransitionError(state=state.name, act=act)
    submits = {context.positions[each.by] for each in definition.stages if isinstance(each, SubmitStage)}
    if _named(context) in state.submitters or not submits.isdisjoint(context.held):
        raise OwnSubmissionError
    return stage


def _named(context: Context) -> UUID:
    if context.person is None:
        raise ForbiddenError("A named person must do this.")
    return context.person


def _closed_by_other(tasks: tuple[TaskState, ...]) -> tuple[ClosedTask, ...]:
    return tuple(ClosedTask(task.id, task.actor, task.position, by_other=True) for task in tasks)


def _tell_others(closed: tuple[ClosedTask, ...]) -> tuple[Tell, ...]:
    return tuple(Tell("closed-by-other", position=task.position, task=task.id) for task in closed if task.by_other)


def _leave(  # noqa: PLR0913 - the parts of one transition, each named at the call
    definition: ProcessDefinition,
    before: CaseState,
    changed: CaseState,
    act: Literal["submit", "approve"],
    context: Context,
    *,
    outcome: Outcome,
    closed: tuple[ClosedTask, ...],
    task: TaskState,
    tell: tuple[Tell, ...] = (),
    late: bool = False,
    used: ExceptionState | None = None,
) -> Transition:
    """Close the open visit and enter the following stage."""
    following = definition.after(before.name)
    if following is None:
        raise ConflictError("The process has no stage after “{state}”.", state=before.name)
    entered = _enter(definition, changed, following.code, act, context)
    return replace(
        entered,
        before=before,
        closed=closed,
        outcome=outcome,
        tell=(*entered.tell, *tell),
        late=late,
        acted_task=task.id,
        acted_position=task.position,
        used=used,
    )


def _enter(
    definition: ProcessDefinition,
    state: CaseState,
    code: str,
    how: Literal["start", "submit", "approve", "return", "withdraw"],
    context: Context,
) -> Transition:
    """Open a visit of stage `code`; a `file` stage is passed at once and closes the case."""
    stage = definition.stage(code)
    visits = {**state.visits, code: state.visits.get(code, 0) + 1}
    told = tuple(Tell("stage-reached", position=context.positions[actor]) for actor in stage.notify)
    if isinstance(stage, FileStage):
        filed = state.model_copy(
            update={"status": "filed", "visit": None, "visits": visits, "version": state.version + 1}
        )
        told = tuple(Tell("filed", position=tell.position) for tell in told)
        return Transition(before=state, state=filed, act=how, filing=stage, tell=told)
    actors = stage.actors if isinstance(stage, ApproveStage) else (stage.by,)
    tasks = tuple(TaskState(id=context.new_id(), actor=actor, position=context.positions[actor]) for actor in actors)
    kept = {"due_at": state.submit_due_at, "close_at": state.submit_close_at} if how == "withdraw" else {}
    visit = VisitState(
        id=context.new_id(),
        stage=code,
        n=visits[code],
        opened_at=context.now,
        since=state.version + 1,
        tasks=tasks,
        **kept,
    )
    changes = {"visit": visit, "visits": visits, "entered_by": how, "version": state.version + 1}
    changes |= {"exception": None} if how == "return" else {}
    after = state.model_copy(update=changes)
    kind: TaskKind = "submit" if isinstance(stage, SubmitStage) else "approve"
    said: TellKind = "returned" if how == "return" else "task-opened"
    opening = () if how == "withdraw" else tuple(Tell(said, position=task.position, task=task.id) for task in tasks)
    return Transition(
        before=state,
        state=after,
        act=how,
        tell=(*opening, *told),
        opened=OpenedVisit(visit, kind, returned=how == "return"),
    )
