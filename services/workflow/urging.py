"""Urging (催办): whoever waits for a task asks its holders to hurry, once in a while, whoever it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.errors import ConflictError, ForbiddenError
from services.people.access import Reader, may_see_seasons
from services.people.directory import local_day
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.beside import Beside, Told, lock_beside, people_with, submit_positions, worded, write_beside
from services.workflow.rows import administrators


class UrgedError(ConflictError):
    """The task was urged a short while ago. `details`: at, again (ISO instants)."""

    code, default = "urged-already", "This was urged at {at}; it can be urged again from {again}."


@dataclass(frozen=True)
class Urged:
    """What urging did. again_at: from when the task may be urged again. told: how many people are told."""

    task_id: UUID
    at: datetime
    again_at: datetime
    told: int


LAST = "SELECT max(u.at) AS at FROM urge u WHERE u.task_id = $1"
EARLIER = """
SELECT 1 FROM task t WHERE t.case_id = $1 AND t.state <> 'open' AND t.position_id = ANY($2::uuid[]) LIMIT 1
"""


async def urge(tx: Tx, *, by: Reader, task_id: UUID, words: str = "") -> Urged:
    """Ask the holders of an open task to hurry. Where nobody holds its position, the administrators are told so.

    The last urging is looked for under the case's lock, so that of two at once one is refused.

    Args:
        tx: the transaction.
        by: submits the case, held an earlier task of it, or is of an office that sees its season; does not hold the task.
        task_id: the task.
        words: may be empty.

    Raises:
        IllegalTransitionError: the task is not open.
        ForbiddenError: the reader waits for nothing here, or is to do it themselves.
        UrgedError: it was urged within the programme's `urge_every_hours`, by anybody.
    """
    case = await lock_beside(tx, by, task_id=task_id)
    task = case.open_task(task_id, act="urge")
    if case.is_with(by, task) or not await _waits_for(tx, by, case):
        raise ForbiddenError
    every = timedelta(hours=case.pack.settings.urge_every_hours)
    last = (await tx.rows(LAST, (task_id,)))[0]["at"]
    if last is not None and tx.now < last + every:
        raise UrgedError(at=last.isoformat(), again=(last + every).isoformat())
    words, rows = worded(words, required=False), Rows(now=tx.now)
    rows.add(
        "urge", id=tx.new_id(), bureau_id=case.bureau_id, case_id=case.id, task_id=task_id, person_id=by.person_id,
        words=words, at=tx.now,
    )  # fmt: skip
    holders = await people_with(tx, by, [task])
    told = Told("urged", holders, task_id, task_id)
    if not holders:
        instead = await administrators(tx, case.bureau_id, on=local_day(tx.now, by.zone))
        told = Told("unheld", instead, task_id, task_id, {"position_id": str(task.position)})
    await write_beside(tx, case, rows, by=by, kind="urged", data={"task": str(task_id)}, words=words, told=[told])
    return Urged(task_id, tx.now, tx.now + every, len(holders))


async def _waits_for(tx: Tx, by: Reader, case: Beside) -> bool:
    if may_see_seasons(by) or not submit_positions(case.definition, case.actors).isdisjoint(by.position_ids):
        return True
    return await held_earlier(tx, by, case.id)


async def held_earlier(tx: Tx, by: Reader, case_id: UUID) -> bool:
    """Tell whether a task of the case that is done was of a position that the reader holds."""
    return bool(await tx.rows(EARLIER, (case_id, sorted(by.position_ids))))
