"""More time: extensions asked for and decided, and late exceptions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.errors import InvalidInputError
from services.i18n import N_, Message
from services.people.access import Reader
from services.process.events import AskExtension, GrantException, GrantExtension, RefuseExtension
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, Outcome, act, carry_out, decide, lock
from services.workflow.locking import LockedCase

_INSTANT = timedelta(microseconds=1)


async def ask_extension(tx: Tx, *, by: Reader, task_id: UUID, until: datetime, words: str, **more: Any) -> Outcome:
    """Ask for more time before the due date (延期).

    Args:
        tx: the transaction.
        by: whose task it is.
        task_id: an open task of a stage that has an extension rule.
        until: aware; the end of the day until which time is asked for.
        words: the reason; not empty.
        more: version and key.

    Raises:
        ClosedError: the due date has come.
        InvalidInputError: the date is not later than the due date, or later than the rule allows.
    """
    asked = Asked(by, "ask-extension", task_id=task_id, until=until, words=words, **more)
    case, before = await lock(tx, asked)
    if before is not None:
        return before
    transition = await decide(tx, case, asked, AskExtension(task_id, until, words))
    _check_length(case, task_id, until)
    return await carry_out(tx, case, asked, transition)


def _check_length(case: LockedCase, task_id: UUID, until: datetime) -> None:
    """Refuse more time than the stage's rule allows; the days are counted from the due date."""
    visit = case.state.visit_of(task_id)
    stage = case.definition.acted(visit.stage) if visit is not None else None
    if visit is None or visit.due_at is None or stage is None or stage.extension is None:
        return
    latest = case.calendar.add(case.calendar.local_day(visit.due_at - _INSTANT), stage.extension.at_most)
    if case.calendar.local_day(until - _INSTANT) > latest:
        words = Message(N_("At most until {date} may be asked for."), {"date": latest.isoformat()})
        raise InvalidInputError([{"field": "until", "message": words}])


async def grant_extension(
    tx: Tx, *, by: Reader, case_id: UUID, visit_id: UUID, words: str = "", **more: Any
) -> Outcome:
    """Give the time that was asked for; the close follows the new due date, and reminders begin anew.

    Raises:
        IllegalTransitionError: no more time is asked for.
        ForbiddenError: the person does not hold the position that decides.
        OwnSubmissionError: they asked for it themself.
    """
    asked = Asked(by, "grant-extension", case_id=case_id, words=words, more=str(visit_id), **more)
    return await act(tx, asked, GrantExtension(visit_id, words))


async def refuse_extension(tx: Tx, *, by: Reader, case_id: UUID, visit_id: UUID, words: str, **more: Any) -> Outcome:
    """Refuse the time that was asked for, with a reason.

    Raises:
        InvalidInputError: no reason was given.
    """
    asked = Asked(by, "refuse-extension", case_id=case_id, words=words, more=str(visit_id), **more)
    return await act(tx, asked, RefuseExtension(visit_id, words))


async def grant_exception(tx: Tx, *, by: Reader, case_id: UUID, until: datetime, words: str, **more: Any) -> Outcome:
    """Let one case submit after the hard close, until a moment, by name and with a reason.

    Args:
        tx: the transaction.
        by: holds the position that the stage's `close.exceptions` names.
        case_id: the case.
        until: aware; beyond now and beyond the close.
        words: the reason; not empty.
        more: version and key.
    """
    asked = Asked(by, "grant-exception", case_id=case_id, until=until, words=words, **more)
    return await act(tx, asked, GrantException(until, words))
