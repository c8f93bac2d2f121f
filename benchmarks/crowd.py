"""Many cases from one real case: its rows copied with new ids, so a measurement does not wait for thousands of acts."""

from __future__ import annotations

import json
import re
from uuid import UUID, uuid4

import asyncpg

TABLES = (
    "cases",
    "visit",
    "task",
    "decision",
    "submission",
    "deadline",
    "alarm",
    "notification",
    "audit_event",
    "draft",
)
KEPT = ("bureau_id", "season_id", "version_id", "position_id", "person_id")
"""Columns whose ids all copies share."""
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


async def copies(connection: asyncpg.Connection, case_id: UUID, n: int, *, batch: int = 500) -> list[UUID]:
    """Add `n` copies of the case, each for a new project group; return the ids of their open tasks."""
    rows = {}
    for table in TABLES:
        column = "id" if table == "cases" else ("stream_id" if table == "audit_event" else "case_id")
        statement = f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text FROM {table} t WHERE {column} = $1"
        rows[table] = json.loads(await connection.fetchval(statement, case_id))
    own = await _own_ids(connection, rows)
    group_id = rows["cases"][0]["group_id"]
    (task,) = [row["id"] for row in rows["task"] if row["state"] == "open"]
    text = json.dumps(rows, ensure_ascii=False)
    tasks: list[UUID] = []
    for start in range(0, n, batch):
        tasks += await _batch(connection, text, own, group_id, task, min(batch, n - start))
    return tasks


async def _own_ids(connection: asyncpg.Connection, rows: dict[str, list[dict[str, object]]]) -> set[str]:
    """Return the ids that belong to the case alone, with its group's."""
    shared = {str(row[column]) for table in rows.values() for row in table for column in KEPT if row.get(column)}
    shared |= {str(value) for value in json.loads(json.dumps(rows["cases"][0]["actors"])).values()}
    everything = set(UUID_TEXT.findall(json.dumps(rows)))
    people = {str(row["id"]) for row in await connection.fetch("SELECT id FROM person")}
    return everything - shared - people


async def _batch(  # noqa: PLR0917
    connection: asyncpg.Connection, text: str, own: set[str], group_id: str, task: str, n: int
) -> list[UUID]:
    merged: dict[str, list[object]] = {table: [] for table in TABLES}
    groups, tasks = [], []
    for _ in range(n):
        fresh = {old: str(uuid4()) for old in own}
        copy = json.loads(UUID_TEXT.sub(lambda match, ids=fresh: ids.get(match[0], match[0]), text))
        for table in TABLES:
            merged[table] += copy[table]
        groups.append(UUID(fresh[group_id]))
        tasks.append(UUID(fresh[task]))
    await connection.execute(
        "INSERT INTO project_group SELECT i, bureau_id, programme, 'copy-' || i, title_zh, title_en, guiding_unit_id,"
        " base_unit_id FROM project_group, unnest($1::uuid[]) i WHERE id = $2",
        groups,
        UUID(group_id),
    )
    for table in TABLES:
        statement = f"INSERT INTO {table} SELECT r.* FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb) r"
        await connection.execute(statement, json.dumps(merged[table], ensure_ascii=False))
    return tasks
