"""Who may do what with a task: holders, persons it was given to, helpers, substitutes; and who never may."""

from __future__ import annotations

from uuid import UUID

from services.errors import (
    AlreadyDecidedError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    OwnSubmissionError,
    SameSignerError,
)
from services.i18n import N_
from services.process.definitions import ActedStage, AssessStage, ProcessDefinition, SubmitStage
from services.process.events import Context
from services.process.states import CaseState, TaskState, VisitState


def named(context: Context) -> UUID:
    """Return the person who acts.

    Raises:
        ForbiddenError: nobody does: it is the clock or the season.
    """
    if context.person is None:
        raise ForbiddenError("A named person must do this.")
    return context.person


def reasoned(words: str, message: str) -> None:
    """Refuse an act without words.

    Raises:
        InvalidInputError: with `message`.
    """
    if not words.strip():
        raise InvalidInputError([{"field": "words", "message": message}])


def require_administrator(context: Context) -> None:
    """Refuse whoever does not administer the bureau.

    Raises:
        ForbiddenError: they do not.
    """
    if not context.administrator:
        raise ForbiddenError("Only the administrator may do this.")


def standing(state: CaseState, act: str) -> None:
    """Refuse an act on a case that stands still.

    Raises:
        IllegalTransitionError: the case is suspended.
    """
    if state.suspended_at is not None:
        raise IllegalTransitionError(
            "The case is suspended; “{act}” is possible again once the administrator resumes it.",
            state=state.name,
            act=act,
        )


def find_task(state: CaseState, task_id: UUID, act: str) -> tuple[VisitState, TaskState]:
    """Return an open task with its visit.

    Raises:
        AlreadyDecidedError: the task is closed, or the case is.
    """
    visit = state.visit_of(task_id)
    if visit is not None and (task := visit.task(task_id)) is not None:
        return visit, task
    if state.status == "open":
        raise AlreadyDecidedError(N_("This task is closed: somebody else acted first."))
    words = (
        N_("This case is filed; nothing more is to be done.")
        if state.status in ("filed", "completed")
        else N_("This case was ended.")
    )
    raise AlreadyDecidedError(words, act=act)


def acting_for(task: TaskState, context: Context) -> UUID | None:
    """Return on whose behalf the person acts on the task: None for themself, else whom they stand in for.

    Raises:
        ForbiddenError: the task is somebody else's.
    """
    if task.helper is not None:
        raise ForbiddenError("This task is delegated; it comes back with the answer, or when its owner recalls it.")
    return owning(task, context)


def owning(task: TaskState, context: Context) -> UUID | None:
    """Return as `acting_for` does, whether the task is delegated or not.

    Raises:
        ForbiddenError: the task is somebody else's.
    """
    if task.person is not None:
        if task.person == context.person:
            return None
        for absent in context.stand_ins:
            if absent.person == task.person:
                return absent.person
        raise ForbiddenError("This task is with somebody else.")
    if task.position in context.held:
        return None
    for absent in context.stand_ins:
        if task.position in absent.held:
            return absent.person
    raise ForbiddenError("This task belongs to a position that you do not hold.")


def check_judge(
    definition: ProcessDefinition, state: CaseState, visit: VisitState, *, context: Context, on_behalf: UUID | None
) -> None:
    """Refuse whoever submitted what they would judge, could have submitted it, or has signed in this visit.

    It holds for the person who acts, for whom they stand in for, and for who enters a decision made on paper.

    Raises:
        OwnSubmissionError: nobody decides on their own submission.
        SameSignerError: one person's opinion stands for one signer only.
    """
    authors = authors_for(definition, state, visit)
    persons = {named(context), on_behalf, context.entered_by} - {None}
    held = set(context.held).union(*(each.held for each in context.stand_ins if each.person == on_behalf))
    if persons & authors or held & submitting_positions(definition, state, context):
        raise OwnSubmissionError
    signed = {opinion.person for opinion in visit.opinions} | {opinion.on_behalf for opinion in visit.opinions}
    if {context.person, on_behalf} & (signed - {None}):
        raise SameSignerError


def authors_for(definition: ProcessDefinition, state: CaseState, visit: VisitState) -> set[UUID]:
    """Return who may not judge in this visit: who ever submitted, and where assessments are judged, who assessed."""
    assessing = isinstance(definition.stage(visit.stage), AssessStage)
    return {*state.submitters} if assessing else {*state.submitters, *state.assessors}


def submitting_positions(definition: ProcessDefinition, state: CaseState, context: Context) -> set[UUID]:
    """Return the positions that submit in the stages the case has been in."""
    stages = (stage for stage in definition.submit_stages() if stage.code in state.visits)
    return {context.positions[stage.by] for stage in stages}


def check_hand_to(
    definition: ProcessDefinition, visit: VisitState, task: TaskState, person: UUID, *, context: Context, act: str
) -> None:
    """Refuse to give a task, or a signature beside it, to whom the stage's `hand_to` does not allow.

    Raises:
        IllegalTransitionError: the stage lets it go to nobody.
        InvalidInputError: they do not hold the task's position.
    """
    stage = definition.stage(visit.stage)
    if not isinstance(stage, ActedStage) or stage.hand_to == "nobody":
        raise IllegalTransitionError(state=visit.stage, act=act)
    if stage.hand_to == "position" and (task.position is None or person not in context.holders.get(task.position, ())):
        raise InvalidInputError([{"field": "to", "message": "Name somebody who holds the same position."}])


def check_recipient(
    definition: ProcessDefinition, state: CaseState, visit: VisitState, person: UUID, *, context: Context
) -> None:
    """Refuse to give a task of the visit to a person who could not act on it.

    Raises:
        InvalidInputError: they submitted what is judged here, could have submitted it, or sign here already.
    """
    judging = not isinstance(definition.stage(visit.stage), SubmitStage)
    positions = submitting_positions(definition, state, context)
    could = any(person in context.holders.get(position, ()) for position in positions)
    if judging and (could or person in authors_for(definition, state, visit)):
        message = "This person submitted the case themself, so somebody else must decide on it."
        raise InvalidInputError([{"field": "to", "message": message}])
    signed = any(person in (opinion.person, opinion.on_behalf) for opinion in visit.opinions)
    if signed or any(each.person == person for each in (*visit.tasks, *visit.waiting)):
        raise InvalidInputError([{"field": "to", "message": "This person signs here already."}])
