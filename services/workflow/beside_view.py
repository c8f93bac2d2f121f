"""What a person may do with a case beside its way, and what was done: for the pages of a case and of a task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.people.access import Reader, may_give_priority, may_see_seasons
from services.store.transaction import Tx
from services.workflow.beside import submit_positions
from services.workflow.cases import CaseView
from services.workflow.copies import CopyView, copies_of, has_acted
from services.workflow.urging import held_earlier

Possible = Literal["copy", "priority"]


@dataclass(frozen=True)
class Urgeable:
    """An open task that the reader may urge. again_at: from when, where it was urged a short while ago."""

    task_id: UUID
    urged_at: datetime | None
    again_at: datetime | None


@dataclass(frozen=True)
class BesideView:
    """may: what of the whole case; urge: open tasks that the reader waits for; put_off: own ones until when.

    copies: those that the reader sent or got. unread: the one that was sent to them, which they have not read.
    """

    may: frozenset[Possible]
    urge: Mapping[UUID, Urgeable]
    put_off: Mapping[UUID, datetime]
    copies: tuple[CopyView, ...]
    unread: CopyView | None


OF_TASKS = """
SELECT (SELECT json_object_agg(u.task_id, u.at)::text FROM (
        SELECT x.task_id, max(x.at) AS at FROM urge x WHERE x.task_id = ANY($1::uuid[]) GROUP BY x.task_id) u) AS urged,
    (SELECT json_object_agg(z.task_id, z.until)::text FROM snooze z
        WHERE z.person_id = $2 AND z.task_id = ANY($1::uuid[]) AND z.until > $3) AS put_off
"""


async def beside_view(tx: Tx, reader: Reader, view: CaseView) -> BesideView:
    """Return what goes beside the way of a case that the reader sees, in at most four statements."""
    row = (await tx.rows(OF_TASKS, ([task.id for task in view.tasks], reader.person_id, tx.now)))[0]
    copies = await copies_of(tx, by=reader, case_id=view.id)
    unread = (
        each
        for each in copies
        if each.person_id == reader.person_id and not (each.read_at or each.revoked_at or each.question_id)
    )
    return BesideView(
        may=frozenset(await _may(tx, reader, view)),
        urge=await _urgeable(tx, reader, view, urged=_moments(row["urged"])),
        put_off=_moments(row["put_off"]),
        copies=copies,
        unread=next(unread, None),
    )


def _moments(text: str | None) -> dict[UUID, datetime]:
    return {UUID(task): datetime.fromisoformat(at) for task, at in json.loads(text or "{}").items()}


async def _may(tx: Tx, reader: Reader, view: CaseView) -> set[Possible]:
    may: set[Possible] = set()
    mine = any(task.mine for task in view.tasks) or reader.person_id in view.submitters
    if mine or await has_acted(tx, reader, view.id):
        may.add("copy")
    if view.status == "open" and may_give_priority(reader, view.actors.values()):
        may.add("priority")
    return may


async def _urgeable(tx: Tx, reader: Reader, view: CaseView, *, urged: Mapping[UUID, datetime]) -> dict[UUID, Urgeable]:
    others = [task.id for task in view.tasks if not task.mine]
    waits = may_see_seasons(reader) or not submit_positions(view.definition, view.actors).isdisjoint(
        reader.position_ids
    )
    if not others or not (waits or await held_earlier(tx, reader, view.id)):
        return {}
    every = timedelta(hours=view.pack.settings.urge_every_hours)
    again = {task: at + every for task, at in urged.items() if tx.now < at + every}
    return {task: Urgeable(task, urged.get(task), again.get(task)) for task in others}
