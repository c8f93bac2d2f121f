"""Work lists: a reader's open tasks, and those of whom they stand in for, by due date, a page at a time.

An index holds the open tasks in streams: those of one holder (a position, or the person whom a
task is with), season, process, stage and kind, by due date. A holder has few
of them, found by stepping through the index from one to the next. The filter chooses streams whole, so what it leaves out is
never read, however rare the rest is; a page is merged from the heads of the chosen ones, and counts stop at COUNT_CAP. The
first page costs the same with a thousand and with a million open tasks. A group's tasks lie scattered in the streams, but
are few: they are found by its cases, one a season.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID

from services.errors import InvalidInputError
from services.people.access import Reader
from services.store.transaction import Tx
from services.workflow import snoozing
from services.workflow.beside import Priority
from services.workflow.represented import Whose, holders_of, limits, represented

COUNT_CAP = 1000
NEAR_DAYS = 7
MAX_PAGE = 200
Span = Literal["overdue", "near", "later"]


@dataclass(frozen=True)
class QueueFilter:
    """What a work list is narrowed to. light: overdue, near (within NEAR_DAYS) or later. whose: one's own tasks, or others'.

    snoozed: only what the reader has put off; otherwise that is left out.
    """

    kind: Literal["submit", "approve", "sign", "assess"] | None = None
    process: str | None = None
    stage: str | None = None
    group_id: UUID | None = None
    season_id: UUID | None = None
    light: Span | None = None
    whose: Whose | None = None
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
    position_id: UUID | None
    due_at: datetime | None
    due_sort: datetime
    opened_at: datetime
    returned: bool
    late: bool
    priority: Priority
    person_id: UUID | None = None
    on_behalf_of: tuple[str, ...] = ()

    def group_title(self, locale: str) -> str:
        """Return the group's title for `locale`."""
        return self.group_zh if locale.startswith("zh") else self.group_en


@dataclass(frozen=True)
class TaskPage:
    """A page of a work list. counts: open tasks by light, each at most COUNT_CAP. next: where the next page begins."""

    rows: tuple[TaskRow, ...]
    next: Cursor | None
    counts: dict[str, int] = field(default_factory=dict)


def _source(reader: Reader, chosen: QueueFilter, parameters: list[Any]) -> tuple[str, str]:
    """Return the WITH clause of `chosen` (what the filter chooses) and which tasks t belong to its row s.

    The holders are $1; the filter's values are added to `parameters`.
    """
    if chosen.group_id is None:
        where = _equal(chosen, "s", ("season_id", "process", "stage", "kind"), parameters)
        return STREAMS.format(where=where + limits(reader, parameters, chosen.whose, alias="s")), STREAM
    parameters.append(chosen.group_id)
    cases = GROUP_CASES.format(group=len(parameters), where=_equal(chosen, "c", ("season_id", "process"), parameters))
    which = GROUP_CASE + _equal(chosen, "t", ("stage", "kind"), parameters)
    return cases, which + limits(reader, parameters, chosen.whose, alias="t")


def _equal(chosen: QueueFilter, alias: str, columns: tuple[str, ...], parameters: list[Any]) -> str:
    text = ""
    for column in columns:
        value = getattr(chosen, column)
        if value is not None:
            parameters.append(value)
            text += f" AND {alias}.{column} = ${len(parameters)}"
    return text


PRIORITY = (
    " AND t.case_id = ANY(ARRAY(SELECT k.id FROM cases k WHERE k.state = 'open' AND k.priority = {priority}))",
    " AND NOT t.case_id = ANY(ARRAY(SELECT k.id FROM cases k WHERE k.state = 'open' AND k.priority <> {priority}))",
)
"""Read once for each statement, from the few open cases that have a priority: one or another, and none."""


def _left(reader: Reader, chosen: QueueFilter, now: datetime, parameters: list[Any]) -> str:
    """Return the light, the priority and what is put off, as SQL over task t."""
    text = snoozing.condition(reader, snoozed=chosen.snoozed, now=now, parameters=parameters)
    if chosen.priority is not None:
        parameters.append(chosen.priority)
        text += PRIORITY[chosen.priority == "normal"].format(priority=f"${len(parameters)}::text")
    low, high = _bounds(chosen.light, now)
    for sign, bound in ((">", low), ("<=", high)):
        if bound is not None:
            parameters.append(bound)
            text += f" AND t.due_sort {sign} ${len(parameters)}::timestamptz"
    return text


def _bounds(light: Span | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    near = now + timedelta(days=NEAR_DAYS)
    return {"overdue": (None, now), "near": (now, near), "later": (near, None), None: (None, None)}[light]


STREAMS = """
WITH RECURSIVE stream AS (
    SELECT n.* FROM unnest((SELECT $1::uuid[])) AS p(holder_id) CROSS JOIN LATERAL (
        SELECT t.holder_id, t.season_id, t.process, t.stage, t.kind FROM task t
        WHERE t.holder_id = p.holder_id AND t.state = 'open'
        ORDER BY t.season_id, t.process, t.stage, t.kind LIMIT 1) n
    UNION ALL
    SELECT n.* FROM stream s CROSS JOIN LATERAL (
        SELECT t.holder_id, t.season_id, t.process, t.stage, t.kind FROM task t
        WHERE t.holder_id = s.holder_id AND t.state = 'open'
            AND (t.season_id, t.process, t.stage, t.kind) > (s.season_id, s.process, s.stage, s.kind)
        ORDER BY t.season_id, t.process, t.stage, t.kind LIMIT 1) n),
chosen AS MATERIALIZED (SELECT s.* FROM stream s WHERE true{where})
"""
"""The positions stand behind a SELECT, so that PostgreSQL guesses the same number whether it knows them or not, and
keeps its plan instead of planning anew every time."""
STREAM = (
    "t.holder_id = s.holder_id AND t.season_id = s.season_id AND t.process = s.process AND t.stage = s.stage"
    " AND t.kind = s.kind"
)
GROUP_CASES = """
WITH chosen AS MATERIALIZED (SELECT c.id FROM cases c WHERE c.group_id = ${group}{where})
"""
GROUP_CASE = "t.case_id = s.id AND t.holder_id = ANY($1::uuid[])"
PAGE = """
{source}
SELECT t.* FROM (SELECT q.due_sort, q.id FROM chosen s CROSS JOIN LATERAL (
        SELECT t.due_sort, t.id FROM task t WHERE {which} AND t.state = 'open'{where}
        ORDER BY t.due_sort, t.id LIMIT {rows}) q
    ORDER BY q.due_sort, q.id LIMIT {rows}) x
CROSS JOIN LATERAL (
    SELECT t.id AS task_id, t.case_id, c.version, t.stage, t.kind, t.process, t.season_id, s.key AS season_key, c.version_id,
        t.group_id, g.code AS group_code, g.title_zh AS group_zh, g.title_en AS group_en, t.position_id, t.due_at,
        t.due_sort, t.opened_at, v.entered_by IN ('return', 'decline', 'oppose', 'fail', 'settle') AS returned, c.late,
        t.person_id, coalesce(c.priority, 'normal') AS priority
    FROM task t JOIN cases c ON c.id = t.case_id LEFT JOIN visit v ON v.id = t.visit_id JOIN season s ON s.id = t.season_id
    JOIN project_group g ON g.id = t.group_id WHERE t.id = x.id LIMIT 1) t
ORDER BY t.due_sort, t.task_id
"""
"""A page is chosen in the index alone; then its rows are looked up by their ids. The limit of one has PostgreSQL do that
whatever it guesses, instead of reading tables whole. `rows` stands in the text for the same reason as the SELECT above."""
COUNT = """
SELECT count(*)::int FROM (SELECT FROM chosen s CROSS JOIN LATERAL (
    SELECT FROM task t WHERE {which} AND t.state = 'open'{where}
    ORDER BY t.due_sort, t.id LIMIT {cap}) q LIMIT {cap}) r
"""


def _page(
    reader: Reader, chosen: QueueFilter, now: datetime, *, rows: int, parameters: list[Any], after: Cursor | None = None
) -> str:
    """Return the statement of a page of `rows`; $1 are the holders, `parameters` gets what follows."""
    source, which = _source(reader, chosen, parameters)
    where = _left(reader, chosen, now, parameters)
    if after is not None:
        parameters += [after.due_sort, after.task_id]
        where += f" AND (t.due_sort, t.id) > (${len(parameters) - 1}::timestamptz, ${len(parameters)}::uuid)"
    return PAGE.format(source=source, which=which, where=where, rows=rows)


async def tasks_page(
    tx: Tx, reader: Reader, chosen: QueueFilter | None = None, *, after: Cursor | None = None, limit: int = 50
) -> TaskPage:
    """Return a page of the reader's open tasks by due date; undated ones last.

    Args:
        tx: the transaction.
        reader: whose tasks.
        chosen: what to narrow to.
        after: the cursor of the page before, or None for the first page, which also brings the counts.
        limit: rows a page, 1 to 200.
    """
    chosen = chosen or QueueFilter()
    limit = max(1, min(limit, MAX_PAGE))
    parameters: list[Any] = [holders_of(reader, chosen.whose)]
    statement = _page(reader, chosen, tx.now, rows=limit + 1, parameters=parameters, after=after)
    found = [_row(reader, row) for row in await tx.rows(statement, parameters)]
    last = found[limit - 1] if len(found) > limit else None
    counts = await task_counts(tx, reader, chosen) if after is None else {}
    return TaskPage(tuple(found[:limit]), Cursor(last.due_sort, last.task_id) if last else None, counts)


def _row(reader: Reader, row: Mapping[str, Any]) -> TaskRow:
    holder = row["person_id"] or row["position_id"]
    return TaskRow(**row, on_behalf_of=represented(reader, holder, row["process"]))


async def task_counts(tx: Tx, reader: Reader, chosen: QueueFilter) -> dict[str, int]:
    """Return how many open tasks of each light the filter leaves, its own light apart; each at most COUNT_CAP."""
    parameters: list[Any] = [holders_of(reader, chosen.whose)]
    source, which = _source(reader, chosen, parameters)
    parts = []
    for light in get_args(Span):
        where = _left(reader, replace(chosen, light=light), tx.now, parameters)
        parts.append(f"({COUNT.format(which=which, where=where, cap=COUNT_CAP)}) AS {light}")
    (row,) = await tx.rows(f"{source}SELECT {', '.join(parts)}", parameters)
    return dict(row)


async def next_task(tx: Tx, reader: Reader, chosen: QueueFilter, *, after: Cursor | None = None) -> TaskRow | None:
    """Return the task that the reading desk opens next: the first after `after`, else the first of all."""
    page = await tasks_page(tx, reader, chosen, after=after, limit=1) if after is not None else None
    if page is None or not page.rows:
        parameters: list[Any] = [holders_of(reader, chosen.whose)]
        rows = await tx.rows(_page(reader, chosen, tx.now, rows=1, parameters=parameters), parameters)
        return _row(reader, rows[0]) if rows else None
    return page.rows[0]
