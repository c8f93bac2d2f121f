"""More time, and standing still: extensions, late exceptions, suspending and resuming a case."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.errors import ClosedError, ForbiddenError, IllegalTransitionError, InvalidInputError, OwnSubmissionError
from services.process.definitions import Acted, Extension, SubmitStage
from services.process.engine.change import Change
from services.process.engine.rights import (
    acting_for,
    find_task,
    named,
    owning,
    reasoned,
    require_administrator,
    standing,
)
from services.process.events import AskExtension, GrantException, GrantExtension, RefuseExtension, Resume, Suspend
from services.process.outcomes import Moved
from services.process.states import Asked, ExceptionState, VisitState


def ask_extension(change: Change, event: AskExtension) -> None:
    """延期: ask for more time, with a reason, before the due date: at its very instant it is too late to ask."""
    standing(change.before, "ask-extension")
    visit, task = find_task(change.before, event.task, "ask-extension")
    acting_for(task, change.context)
    rule = _rule(change, visit, "ask-extension")
    reasoned(event.words, "Say why more time is needed.")
    if visit.asked is not None:
        raise IllegalTransitionError("More time was asked for already.", state=visit.stage, act="ask-extension")
    if visit.extensions >= rule.times or visit.due_at is None:
        raise IllegalTransitionError(state=visit.stage, act="ask-extension")
    if change.context.now >= visit.due_at:
        raise ClosedError(
            "More time must be asked for before the due date, which was {due}.", due=visit.due_at.isoformat()
        )
    if event.until <= visit.due_at:
        raise InvalidInputError([{"field": "until", "message": "The new date must be later than the due date."}])
    asked = Asked(id=change.context.new_id(), task=task.id, person=named(change.context), until=event.until)
    change.put(visit, asked=asked)
    change.more |= {"visit": visit, "acted_task": task.id, "acted_position": task.position}
    change.tell("extension-asked", visit=visit, positions=(change.context.positions[rule.by],), about=task.id)


def grant_extension(change: Change, event: GrantExtension) -> None:
    """Give the time that was asked for in time, also after the due date has passed."""
    visit, asked, position = _asked(change, event.visit)
    after = change.put(visit, asked=None, due_at=asked.until, extensions=visit.extensions + 1)
    change.moved.append(Moved(visit.id, "extension"))
    change.more |= {"visit": visit, "acted_position": position}
    change.tell("extension-granted", visit=visit, tasks=after.tasks)


def refuse_extension(change: Change, event: RefuseExtension) -> None:
    """Refuse the time that was asked for, with a reason."""
    visit, asked, position = _asked(change, event.visit)
    reasoned(event.words, "Say why the time is not given.")
    change.put(visit, asked=None)
    change.more |= {"visit": visit, "acted_position": position}
    change.tell("extension-refused", visit=visit, persons=(asked.person,), about=asked.task)


def _rule(change: Change, visit: VisitState, act: str) -> Extension:
    stage: Acted | None = change.definition.acted(visit.stage)
    if stage is None or stage.extension is None:
        raise IllegalTransitionError(state=visit.stage, act=act)
    return stage.extension


def _asked(change: Change, visit_id: UUID) -> tuple[VisitState, Asked, UUID]:
    standing(change.before, change.act)
    visit = next((each for each in change.before.open if each.id == visit_id), None)
    if visit is None or visit.asked is None:
        raise IllegalTransitionError("No more time is asked for.", state=change.before.name, act=change.act)
    position = change.context.positions[_rule(change, visit, change.act).by]
    on_behalf = None
    if position not in change.context.held:
        on_behalf = next((each.person for each in change.context.stand_ins if position in each.held), None)
        if on_behalf is None:
            raise ForbiddenError("You may not decide on this.")
    if visit.asked.person in (change.context.person, on_behalf):
        raise OwnSubmissionError
    change.more |= {"on_behalf": on_behalf}
    return visit, visit.asked, position


def grant_exception(change: Change, event: GrantException) -> None:
    """Let the case submit after the hard close until a moment, by name and with a reason."""
    standing(change.before, "grant-exception")
    visit, stage, granter = _closing(change)
    if granter not in change.context.held:
        raise ForbiddenError("Only {who} may grant a late exception.", who=stage.close and stage.close.exceptions)
    if change.context.positions[stage.by] in change.context.held or _has_task(change, visit):
        raise OwnSubmissionError
    problems = []
    if not event.words.strip():
        problems.append({"field": "reason", "message": "Say why the exception is granted."})
    if event.until <= change.context.now or (visit.close_at is not None and event.until <= visit.close_at):
        problems.append({"field": "until", "message": "The exception must last beyond now and beyond the close."})
    if problems:
        raise InvalidInputError(problems)
    exception = ExceptionState(id=change.context.new_id(), until=event.until, closed_at=_closes(visit) or event.until)
    change.put(visit, close_at=event.until, exception=exception)
    change.moved.append(Moved(visit.id, "exception"))
    change.more |= {"visit": visit, "acted_position": granter, "granted": exception}
    change.tell("exception-granted", visit=visit, tasks=visit.tasks)


def _has_task(change: Change, visit: VisitState) -> bool:
    """Tell whether what would be submitted is the person's own: handed to them, or of somebody whom they stand in for."""
    for task in visit.tasks:
        try:
            owning(task, change.context)
        except ForbiddenError:
            continue
        return True
    return False


def _closing(change: Change) -> tuple[VisitState, SubmitStage, UUID]:
    """Return the open visit that has a hard close with exceptions, its stage, and the position that grants them."""
    found = None
    for visit in change.before.open:
        stage = change.definition.stage(visit.stage)
        if isinstance(stage, SubmitStage) and stage.close is not None and stage.close.exceptions is not None:
            granter = change.context.positions[stage.close.exceptions]
            if found is None or granter in change.context.held:
                found = visit, stage, granter
    if found is None:
        raise IllegalTransitionError(state=change.before.name, act="grant-exception")
    return found


def _closes(visit: VisitState) -> datetime | None:
    """Return when the visit closes without any exception."""
    return visit.exception.closed_at if visit.exception is not None else visit.close_at


def suspend(change: Change, event: Suspend) -> None:
    """Let the case stand still, with a reason: nobody acts, nobody is reminded, until it is resumed."""
    require_administrator(change.context)
    if change.before.status != "open" or change.before.suspended_at is not None:
        raise IllegalTransitionError(state=change.before.name, act="suspend")
    reasoned(event.words, "Say why the case is suspended.")
    change.update(suspended_at=change.context.now)
    change.more |= {"visit": change.before.visit}
    change.tell("suspended", visit=change.before.visit, tasks=change.before.tasks)


def resume(change: Change, _event: Resume) -> None:
    """Let a suspended case go on; its due dates move on by the days that it stood still."""
    require_administrator(change.context)
    if change.before.suspended_at is None:
        raise IllegalTransitionError(state=change.before.name, act="resume")
    change.update(suspended_at=None)
    change.moved += [Moved(visit.id, "resumed") for visit in change.before.open if visit.due_at is not None]
    change.more |= {"visit": change.before.visit}
    change.tell("resumed", visit=change.before.visit, tasks=change.before.tasks)
