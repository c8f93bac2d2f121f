"""Work lists: the open tasks of a reader's positions, by due date, a page at a time.

One indexed query: each position's open tasks are read in the order of the index (a LATERAL per position), so the first
page costs the same with a thousand and with a million open tasks. Counts stop at COUNT_CAP.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.errors import InvalidInputError
from services.people.access import Reader
from services.store.transaction import Tx
from services.workflow import snoozing
from services.workflow.beside import Priority

COUNT_CAP = 1000
NEAR_DAYS = 7
MAX_PAGE = 200
Span = Literal["overdue", "near", "later"]


@dataclass(frozen=True)
class QueueFilter:
    """What a work list is narrowed to. light: overdue, near (within NEAR_DAYS) or later.

    snoozed: only what the reader has put off; otherwise that is left out.
    """

    kind: Literal["submit", "approve"] | None = None
    process: str | None = None
    stage: str | None = None
    group_id: UUID | None = None
    season_id: UUID | None = None
    light: Span | None = None
    priority: Priority | None = None
    snoozed: bool = False


@dataclass(frozen=True)
class Cursor:
    """The last row of a page: the next page begins after it, whatever was closed in between."""

    due_sort: datetime
    task_id: UUID

    def encode(self) -> str:
        """Return it as one opaque URL-safe word."""
        return base64.urlsafe_b64encode(f"{self.due_sort.isoformat()}|{self.task_id}".encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str | None) -> Cursor | None:
        """Read what `encode` gave; None for None.

        Raises:
            InvalidInputError: it is no cursor of ours.
        """
        if not text:
            return None
        try:
            plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            due, _, task = plain.partition("|")
            cursor = cls(datetime.fromisoformat(due), UUID(task))
        except (ValueError, UnicodeError) as error:
            raise InvalidInputError([{"field": "after", "message": "This page mark is not one of ours."}]) from error
        if cursor.due_sort.tzinfo is None:
            raise InvalidInputError([{"field": "after", "message": "This page mark is not one of ours."}])
        return cursor


@dataclass(frozen=True)
class TaskRow:
    """An open task as a list shows it. due_at: aware UTC, the end of the due day; None where there is no due date."""

    task_id: UUID
    case_id: UUID
    version: int
    stage: str
    kind: str
    process: str
    season_id: UUID
    season_key: str
    version_id: UUID
    group_id: UUID
    group_code: str
    group_zh: str
    group_en: str
    position_id: UUID
    due_at: datetime | None
    due_sort: datetime
    opened_at: datetime
    returned: bool
    late: bool
    priority: Priority

    def group_title(self, locale: str) -> str:
        """Return the group's title for `locale`."""
        return self.group_zh if locale.startswith("zh") else self.group_en


@dataclass(frozen=True)
class TaskPage:
    """A page of a work list. counts: open tasks by light, each at most COUNT_CAP. next: where the next page begins."""

    rows: tuple[TaskRow, ...]
    next: Cursor | None
    counts: dict[str, int] = field(default_factory=dict)


PRIORITY = (
    " AND t.case_id = ANY(ARRAY(SELECT k.id FROM cases k WHERE k.state = 'open' AND k.priority = {priority}))",
    " AND NOT t.case_id = ANY(ARRAY(SELECT k.id FROM cases k WHERE k.state = 'open' AND k.priority <> {priority}))",
)
"""Read once for each statement, from the few open cases that have a priority: one or another, and none."""


def _conditions(chosen: QueueFilter, reader: Reader, *, now: datetime, parameters: list[Any]) -> str:
    """Return the filter as SQL over task t, adding its values to `parameters`."""
    text = snoozing.condition(reader, snoozed=chosen.snoozed, now=now, parameters=parameters)
    if chosen.priority is not None:
        parameters.append(chosen.priority)
        text += PRIORITY[chosen.priority == "normal"].format(priority=f"${len(parameters)}::text")
    for column in ("kind", "process", "stage", "group_id", "season_id"):
        value = getattr(chosen, column)
        if value is not None:
            parameters.append(value)
            text += f" AND t.{column} = ${len(parameters)}"
    low, high = _bounds(chosen.light, now)
    for sign, bound in ((">", low), ("<=", high)):
        if bound is not None:
            parameters.append(bound)
            text += f" AND t.due_sort {sign} ${len(parameters)}::timestamptz"
    return text


def _bounds(light: Span | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    near = now + timedelta(days=NEAR_DAYS)
    return {"overdue": (None, now), "near": (now, near), "later": (near, None), None: (None, None)}[light]


PAGE = """
SELECT x.id AS task_id, x.case_id, c.version, x.stage, x.kind, x.process, x.season_id, s.key AS season_key, c.version_id,
    x.group_id, g.code AS group_code, g.title_zh AS group_zh, g.title_en AS group_en, x.position_id, x.due_at, x.due_sort,
    x.opened_at, c.state_doc ->> 'entered_by' = 'return' AS returned, c.late,
    coalesce(c.priority, 'normal') AS priority
FROM (SELECT q.* FROM unnest($1::uuid[]) AS p(position_id) CROSS JOIN LATERAL (
        SELECT t.* FROM task t WHERE t.position_id = p.position_id AND t.state = 'open'{where}
        ORDER BY t.due_sort, t.id LIMIT $2) q
    ORDER BY q.due_sort, q.id LIMIT $2) x
JOIN cases c ON c.id = x.case_id JOIN season s ON s.id = x.season_id JOIN project_group g ON g.id = x.group_id
ORDER BY x.due_sort, x.id
"""
COUNT = """
SELECT count(*)::int AS n FROM (SELECT 1 FROM unnest($1::uuid[]) AS p(position_id) CROSS JOIN LATERAL (
    SELECT 1 FROM task t WHERE t.position_id = p.position_id AND t.state = 'open'{where} LIMIT {cap}) q LIMIT {cap}) r
"""


async def tasks_page(
    tx: Tx, reader: Reader, chosen: QueueFilter | None = None, *, after: Cursor | None = None, limit: int = 50
) -> TaskPage:
    """Return a page of the reader's open tasks by due date; undated ones last.

    Args:
        tx: the transaction.
        reader: whose positions.
        chosen: what to narrow to.
        after: the cursor of the page before, or None for the first page, which also brings the counts.
        limit: rows a page, 1 to 200.
    """
    chosen = chosen or QueueFilter()
    positions = sorted(reader.position_ids)
    limit = max(1, min(limit, MAX_PAGE))
    parameters: list[Any] = [positions, limit + 1]
    where = _conditions(chosen, reader, now=tx.now, parameters=parameters)
    if after is not None:
        parameters += [after.due_sort, after.task_id]
        where += f" AND (t.due_sort, t.id) > (${len(parameters) - 1}::timestamptz, ${len(parameters)}::uuid)"
    found = [TaskRow(**row) for row in await tx.rows(PAGE.format(where=where), parameters)]
    last = found[limit - 1] if len(found) > limit else None
    counts = await task_counts(tx, reader, chosen) if after is None else {}
    return TaskPage(tuple(found[:limit]), Cursor(last.due_sort, last.task_id) if last else None, counts)


async def task_counts(tx: Tx, reader: Reader, chosen: QueueFilter) -> dict[str, int]:
    """Return how many open tasks of each light the filter leaves, its own light apart; each at most COUNT_CAP."""
    parameters: list[Any] = [sorted(reader.position_ids)]
    parts = []
    for light in ("overdue", "near", "later"):
        narrowed = replace(chosen, light=light)
        text = COUNT.format(where=_conditions(narrowed, reader, now=tx.now, parameters=parameters), cap=COUNT_CAP)
        parts.append(f"'{light}', least(({text}), {COUNT_CAP})")
    rows = await tx.rows(f"SELECT json_build_object({', '.join(parts)})::text AS counts", parameters)
    counts: dict[str, int] = json.loads(rows[0]["counts"])
    return counts


async def next_task(tx: Tx, reader: Reader, chosen: QueueFilter, *, after: Cursor | None = None) -> TaskRow | None:
    """Return the task that the reading desk opens next: the first after `after`, else the first of all."""
    page = await tasks_page(tx, reader, chosen, after=after, limit=1) if after is not None else None
    if page is None or not page.rows:
        parameters: list[Any] = [sorted(reader.position_ids), 1]
        where = _conditions(chosen, reader, now=tx.now, parameters=parameters)
        rows = await tx.rows(PAGE.format(where=where), parameters)
        return TaskRow(**rows[0]) if rows else None
    return page.rows[0]
