"""Lists of cases and seasons, and single tasks, each within what the reader may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel import col, select

from models.programme import Season
from services.errors import NotFoundError
from services.people.access import Reader, case_scope_sql, may_see_seasons, require
from services.store.transaction import Tx
from services.workflow.standing import ENTERED_BY, UNSUBMITTED, among

CaseState = Literal["open", "filed", "ended"]


@dataclass(frozen=True)
class CaseFilter:
    """What a list of cases is narrowed to."""

    season_id: UUID | None = None
    group_id: UUID | None = None
    state: CaseState | None = None
    stage: str | None = None


@dataclass(frozen=True)
class CaseRow:
    """A case as a list shows it. due_at: of the open task that is due first. missing: nothing stands submitted."""

    id: UUID
    version: int
    state: str
    stage: str | None
    number: str | None
    late: bool
    process: str
    season_id: UUID
    season_key: str
    group_id: UUID
    group_code: str
    group_zh: str
    group_en: str
    opened_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    submitted_at: datetime | None
    missing: bool


@dataclass(frozen=True)
class CasePage:
    """A page of cases, newest first; `next` is the id that the following page begins after."""

    rows: tuple[CaseRow, ...]
    next: UUID | None


CASES = f"""
SELECT c.id, c.version, c.state, c.stage, c.number, c.late, c.process, c.season_id, s.key AS season_key, c.group_id,
    g.code AS group_code, g.title_zh AS group_zh, g.title_en AS group_en, c.opened_at, c.closed_at,
    (SELECT min(t.due_at) FROM task t WHERE t.case_id = c.id AND t.state = 'open') AS due_at,
    (SELECT max(x.at) FROM submission x WHERE x.case_id = c.id) AS submitted_at,
    c.state = 'open' AND coalesce({ENTERED_BY} IN {among(UNSUBMITTED)}, false) AS missing
FROM cases c JOIN season s ON s.id = c.season_id JOIN project_group g ON g.id = c.group_id
WHERE {{scope}}{{where}} ORDER BY c.id DESC LIMIT $1
"""  # noqa: S608 - constant parts


async def cases_page(
    tx: Tx, reader: Reader, chosen: CaseFilter, *, after: UUID | None = None, limit: int = 50
) -> CasePage:
    """Return a page of the cases that the reader may see, the newest first, in one statement.

    Args:
        tx: the transaction.
        reader: who looks.
        chosen: what to narrow to.
        after: the previous page's `next`, or None.
        limit: rows of a page.
    """
    scope = case_scope_sql(reader, alias="c", first=2)
    values: list[Any] = [limit + 1, *scope.parameters]
    where = ""
    for column in ("season_id", "group_id", "state", "stage"):
        value = getattr(chosen, column)
        if value is not None:
            values.append(value)
            where += f" AND c.{column} = ${len(values)}"
    if after is not None:
        values.append(after)
        where += f" AND c.id < ${len(values)}"
    rows = [CaseRow(**row) for row in await tx.rows(CASES.format(scope=scope.text, where=where), values)]
    return CasePage(tuple(rows[:limit]), rows[limit - 1].id if len(rows) > limit else None)


TASK = """
SELECT t.id, t.case_id, c.version, t.stage, t.kind, t.state, t.actor, t.position_id, t.person_id, t.opened_at, t.due_at,
    t.closed_at, d.kind AS outcome, d.at AS decided_at, w.name AS decided_by
FROM task t JOIN cases c ON c.id = t.case_id LEFT JOIN decision d ON d.id = t.decision_id
LEFT JOIN person w ON w.id = d.person_id
WHERE t.id = $1 AND {scope}
"""


async def task_facts(tx: Tx, reader: Reader, task_id: UUID) -> Mapping[str, Any]:
    """Return a task, open or not, with what closed it.

    Raises:
        NotFoundError: there is none, or the reader may not see its case.
    """
    scope = case_scope_sql(reader, alias="c", first=2)
    rows = await tx.rows(TASK.format(scope=scope.text), (task_id, *scope.parameters))
    if not rows:
        raise NotFoundError
    return rows[0]


async def seasons_of(tx: Tx, reader: Reader, *, after: UUID | None = None, limit: int = 50) -> list[Season]:
    """Return the bureau's seasons, the newest first.

    Raises:
        ForbiddenError: the reader has no part in seasons as a whole.
    """
    require(may_see_seasons(reader))
    query = select(Season).where(col(Season.bureau_id) == reader.bureau_id)
    if after is not None:
        query = query.where(col(Season.id) < after)
    return list(await tx.session.exec(query.order_by(col(Season.id).desc()).limit(limit)))


async def season_of(tx: Tx, reader: Reader, season_id: UUID) -> Season:
    """Return one season of the reader's bureau.

    Raises:
        NotFoundError: the bureau has no such season.
        ForbiddenError: the reader has no part in seasons as a whole.
    """
    query = select(Season).where(col(Season.bureau_id) == reader.bureau_id, col(Season.id) == season_id)
    season = (await tx.session.exec(query)).first()
    if season is None:
        raise NotFoundError
    require(may_see_seasons(reader))
    return season
