"""What happened to a case, newest first, a page at a time: as fast after a thousand decisions as after ten.

Decisions, questions, urgings and priorities lie in tables of their own. Each is read in the order of its index and no
further than the page needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.errors import NotFoundError
from services.people.access import Reader, case_scope_sql
from services.programmes.pinned import pinned_pack
from services.store.transaction import Tx
from services.workflow.beside import actors_of, deliberates
from services.workflow.queue import MAX_PAGE, Cursor

SHOWN = 20
"""Entries of a page's history before “older”."""


@dataclass(frozen=True)
class TimelineEntry:
    """One entry of the case's history, with the words that this reader may see.

    kind: a decision's act, or question, urge or priority. addressee and answer: of a question. priority: the one given.
    on_behalf: for whom a substitute decided; entered_by: who entered what was decided on paper; to_person: who got the task.
    """

    id: UUID
    at: datetime
    kind: str
    stage: str | None
    to_stage: str | None
    person: str
    position_zh: str | None
    position_en: str | None
    words: str
    late: bool
    submission_id: UUID | None
    addressee: str | None
    answer: str | None
    answered_at: datetime | None
    withdrawn_at: datetime | None
    priority: str | None
    on_behalf: str | None = None
    entered_by: str | None = None
    to_person: str | None = None


@dataclass(frozen=True)
class TimelinePage:
    """A page of a history, newest first; `next` is where the older ones begin, None where there are none."""

    entries: tuple[TimelineEntry, ...]
    next: Cursor | None


COLUMNS = """{x}.id, {x}.at, {kind} AS kind, {stage} AS stage, {to_stage} AS to_stage, {person} AS person_id,
    {position}::uuid AS position_id, {words} AS words, {late} AS late, {submission}::uuid AS submission_id,
    {addressee}::uuid AS addressee_id, {answer}::text AS answer, {answered}::timestamptz AS answered_at,
    {withdrawn}::timestamptz AS withdrawn_at, {priority}::text AS priority, {on_behalf}::uuid AS on_behalf_id,
    {entered_by}::uuid AS entered_by_id, {to_person}::uuid AS to_person_id"""
NOTHING = dict.fromkeys(
    (
        "stage",
        "to_stage",
        "position",
        "submission",
        "addressee",
        "answer",
        "answered",
        "withdrawn",
        "priority",
        "on_behalf",
        "entered_by",
        "to_person",
    ),
    "NULL",
) | {"late": "false"}
TABLES: Mapping[str, Mapping[str, str]] = {
    "decision": {
        "kind": "d.kind", "stage": "d.stage", "to_stage": "d.to_stage", "person": "d.person_id",
        "position": "d.position_id", "words": "d.words", "late": "d.late", "submission": "d.submission_id",
        "on_behalf": "d.on_behalf_id", "entered_by": "d.entered_by_id", "to_person": "d.to_person_id",
    },
    "question": {
        "kind": "'question'", "person": "d.from_id", "words": "d.text", "addressee": "d.to_id", "answer": "d.answer",
        "answered": "d.answered_at", "withdrawn": "d.withdrawn_at",
    },
    "urge": {"kind": "'urge'", "person": "d.person_id", "words": "d.words"},
    "priority_change": {
        "kind": "'priority'", "person": "d.person_id", "words": "d.words", "priority": "d.priority",
    },
}  # fmt: skip
READABLE = " AND ($3::bool OR d.from_id = $4 OR d.to_id = $4)"
"""Who reads a question: all who decide on the case, who asked it, and who was asked."""


def _branch(table: str, *, after: bool) -> str:
    columns = COLUMNS.format(x="d", **{**NOTHING, **TABLES[table]})
    where = READABLE if table == "question" else ""
    where += " AND (d.at, d.id) < ($5::timestamptz, $6::uuid)" if after else ""
    return f"(SELECT {columns} FROM {table} d WHERE d.case_id = $1{where} ORDER BY d.at DESC, d.id DESC LIMIT $2)"  # noqa: S608 - names of TABLES


def _statement(*, after: bool) -> str:
    every = " UNION ALL ".join(_branch(table, after=after) for table in TABLES)
    return f"""
SELECT e.id, e.at, e.kind, e.stage, e.to_stage, w.name AS person, p.title_zh AS position_zh, p.title_en AS position_en,
    e.words, e.late, e.submission_id, a.name AS addressee, e.answer, e.answered_at, e.withdrawn_at, e.priority,
    (SELECT n.name FROM person n WHERE n.id = e.on_behalf_id) AS on_behalf,
    (SELECT n.name FROM person n WHERE n.id = e.entered_by_id) AS entered_by,
    (SELECT n.name FROM person n WHERE n.id = e.to_person_id) AS to_person
FROM (SELECT * FROM ({every}) every ORDER BY at DESC, id DESC LIMIT $2) e
JOIN person w ON w.id = e.person_id LEFT JOIN position p ON p.id = e.position_id LEFT JOIN person a ON a.id = e.addressee_id
ORDER BY e.at DESC, e.id DESC
"""  # noqa: S608 - constant parts


FIRST, FOLLOWING = _statement(after=False), _statement(after=True)


async def read_timeline(
    tx: Tx, reader: Reader, case_id: UUID, *, every: bool, after: Cursor | None = None, limit: int = SHOWN
) -> TimelinePage:
    """Return a page of the case's history, in one statement. The caller has checked that the reader may see the case.

    Args:
        tx: the transaction.
        reader: who looks.
        case_id: the case.
        every: whether they read the questions of others (`deliberates`).
        after: the page before's `next`, or None for the newest.
        limit: entries of a page, 1 to 200.
    """
    limit = max(1, min(limit, MAX_PAGE))
    place = (after.due_sort, after.task_id) if after else ()
    parameters: tuple[Any, ...] = (case_id, limit + 1, every, reader.person_id, *place)
    found = [TimelineEntry(**row) for row in await tx.rows(FOLLOWING if after else FIRST, parameters)]
    last = found[limit - 1] if len(found) > limit else None
    return TimelinePage(tuple(found[:limit]), Cursor(last.at, last.id) if last else None)


CASE = "SELECT c.version_id, c.process, c.group_id, c.actors::text AS actors FROM cases c WHERE c.id = $1 AND {scope}"


async def timeline_page(
    tx: Tx, reader: Reader, case_id: UUID, *, after: Cursor | None = None, limit: int = SHOWN
) -> TimelinePage:
    """Return a page of the history of a case that the reader may see.

    Raises:
        NotFoundError: there is no such case, or they may not see it.
    """
    scope = case_scope_sql(reader, alias="c", first=2)
    rows = await tx.rows(CASE.format(scope=scope.text), (case_id, *scope.parameters))
    if not rows:
        raise NotFoundError
    row = rows[0]
    definition = (await pinned_pack(tx, row["version_id"])).process(row["process"])
    every = deliberates(reader, definition, actors_of(row["actors"]), group_id=row["group_id"])
    return await read_timeline(tx, reader, case_id, every=every, after=after, limit=limit)


RETURNED = """
SELECT d.kind, d.words, d.at, w.name AS person, p.title_zh AS position_zh, p.title_en AS position_en
FROM decision d JOIN person w ON w.id = d.person_id LEFT JOIN position p ON p.id = d.position_id
WHERE d.case_id = $1 AND d.kind IN ('submit', 'return') ORDER BY d.at DESC, d.id DESC LIMIT 1
"""


async def return_of(tx: Tx, case_id: UUID) -> Mapping[str, Any] | None:
    """Return words, time, person and position of the return that a case has come back by; None where it has not.

    The caller has checked that the reader may see the case.
    """
    rows = await tx.rows(RETURNED, (case_id,))
    return rows[0] if rows and rows[0]["kind"] == "return" else None
