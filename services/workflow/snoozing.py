"""Putting a task off one's own list until a day. Reminders and the task's dates know nothing of it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.errors import ForbiddenError, InvalidInputError, NotFoundError
from services.i18n import Message
from services.people.access import Reader
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.beside import lock_beside, write_beside

MOST = 200
LONGEST = timedelta(days=365)
COUNT_CAP = 1000

KEEP = """
INSERT INTO snooze (id, bureau_id, person_id, task_id, until, at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (person_id, task_id) DO UPDATE SET until = excluded.until, at = excluded.at
"""


async def snooze(tx: Tx, *, by: Reader, task_id: UUID, until: date) -> datetime:
    """Keep an open task out of the reader's own list until a day begins; return the instant. It ends by itself.

    Args:
        tx: the transaction.
        by: holds the task's position.
        task_id: the task.
        until: the day on which it is shown again: after today, and not after the day it is due.

    Raises:
        IllegalTransitionError: the task is not open.
        ForbiddenError: the reader does not hold it.
        InvalidInputError: the day is too early or too late, or too many tasks are put off.
    """
    case = await lock_beside(tx, by, task_id=task_id)
    if not case.is_with(by, case.open_task(task_id, act="snooze")):
        raise ForbiddenError
    due_at = case.visit_of(task_id, act="snooze").due_at
    again = datetime.combine(until, time(), ZoneInfo(by.zone))
    _refuse_wrong_day(tx.now, again, due_at)
    await _refuse_many(tx, by, task_id)
    await tx.rows(KEEP, (tx.new_id(), by.bureau_id, by.person_id, task_id, again, tx.now))
    data = {"task": str(task_id), "until": until.isoformat()}
    await write_beside(tx, case, Rows(now=tx.now), by=by, kind="snoozed", data=data)
    return again


def _refuse_wrong_day(now: datetime, again: datetime, due_at: datetime | None) -> None:
    message = None
    if again <= now:
        message = Message("Choose a day after today.")
    elif due_at is not None and again >= due_at:
        message = Message("A task is not put off beyond the day on which it is due.")
    elif again > now + LONGEST:
        message = Message("A task is put off for a year at most.")
    if message is not None:
        raise InvalidInputError([{"field": "until", "message": message}])


async def _refuse_many(tx: Tx, by: Reader, task_id: UUID) -> None:
    statement = "SELECT count(*) AS n FROM snooze WHERE person_id = $1 AND until > $2 AND task_id <> $3"
    if (await tx.rows(statement, (by.person_id, tx.now, task_id)))[0]["n"] >= MOST:
        message = Message("At most {most} tasks are put off at once.", {"most": MOST})
        raise InvalidInputError([{"field": "until", "message": message}])


async def wake(tx: Tx, *, by: Reader, task_id: UUID) -> None:
    """Show a task again that the reader has put off.

    Raises:
        NotFoundError: the reader has not put it off, or it is shown again already.
    """
    if not await tx.rows("SELECT 1 FROM snooze WHERE person_id = $1 AND task_id = $2", (by.person_id, task_id)):
        raise NotFoundError
    case = await lock_beside(tx, by, task_id=task_id)
    statement = "DELETE FROM snooze WHERE person_id = $1 AND task_id = $2 AND until > $3 RETURNING id"
    if not await tx.rows(statement, (by.person_id, task_id, tx.now)):
        raise NotFoundError
    await write_beside(tx, case, Rows(now=tx.now), by=by, kind="woken", data={"task": str(task_id)})


async def snoozed_until(tx: Tx, *, by: Reader, task_id: UUID) -> datetime | None:
    """Return until when the reader has put the task off, or None."""
    statement = "SELECT until FROM snooze WHERE person_id = $1 AND task_id = $2 AND until > $3"
    rows = await tx.rows(statement, (by.person_id, task_id, tx.now))
    until: datetime | None = rows[0]["until"] if rows else None
    return until


def condition(by: Reader, *, snoozed: bool, now: datetime, parameters: list[Any]) -> str:
    """Return what narrows a work list over task t to what its reader has put off, or has not, adding its values.

    A task whose due date came nearer meanwhile is shown from then on, whatever was chosen.
    """
    parameters += [by.person_id, now]
    person, at = f"${len(parameters) - 1}", f"${len(parameters)}::timestamptz"
    put_off = f"ARRAY(SELECT z.task_id FROM snooze z WHERE z.person_id = {person} AND z.until > {at})"  # noqa: S608
    hidden = f"(t.id = ANY({put_off}) AND t.due_sort > {at})"
    return f" AND {hidden}" if snoozed else f" AND NOT {hidden}"
