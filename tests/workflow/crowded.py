"""A crowd of open tasks for one clerk of three positions: much of one sort, and ten of every rare one, due last."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.store.transaction import Tx
from services.workflow.rows import NO_DUE
from tests.world import World

CLERK = "basic-clerk"
FEW = 10
HELD = ("basic-education-office/clerk", "planning-finance-office/clerk", "education-research-institute/reviewer")
GROUPS = """
INSERT INTO project_group SELECT n.* FROM project_group g, generate_series(1, $2::int) i,
    jsonb_populate_record(g, jsonb_build_object('id', gen_random_uuid(), 'code', 'crowd-' || i)) n WHERE g.id = $1
"""
SEASON = """
INSERT INTO season SELECT n.* FROM season s,
    jsonb_populate_record(s, jsonb_build_object('id', $2::uuid, 'process', 'rare-process')) n WHERE s.id = $1
"""
CASES = """
INSERT INTO cases SELECT n.* FROM cases c JOIN project_group g ON g.code LIKE 'crowd-%',
    jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'group_id', g.id)
        || CASE WHEN substr(g.code, 7)::int <= $2 THEN jsonb_build_object('season_id', $3::uuid, 'process', 'rare-process')
            ELSE '{}' END) n
WHERE c.id = $1
"""
TASKS = """
INSERT INTO task (id, bureau_id, case_id, season_id, visit_id, stage, process, kind, group_id, position_id, actor, state,
    opened_at, due_at, due_sort, holder_id)
SELECT gen_random_uuid(), c.bureau_id, c.id, c.season_id, c.id, CASE n.i / $2::int WHEN 1 THEN 'rare-stage' ELSE 'bureau' END,
    c.process, CASE n.i / $2 WHEN 2 THEN 'submit' ELSE 'approve' END, c.group_id, ($1::uuid[])[1 + n.i % 3], 'office',
    CASE WHEN n.i > 100 AND n.i % 10 = 0 THEN 'done' ELSE 'open' END, c.opened_at,
    CASE WHEN n.i >= 50 THEN d.at END, CASE WHEN n.i >= 50 THEN d.at ELSE $4 END,
    ($1::uuid[])[1 + n.i % 3]
FROM cases c JOIN project_group g ON g.id = c.group_id AND g.code LIKE 'crowd-%',
    LATERAL (SELECT substr(g.code, 7)::int - 1 AS i) n,
    LATERAL (SELECT $3::timestamptz + make_interval(hours => (n.i / 2 * 7919) % 400 - 100) AS at) d
"""


async def crowd(world: World, url: str, n: int) -> None:
    """Give the clerk three positions and `n` tasks, each of a group and case of its own.

    Ten are of a second season and process, ten of a rare stage, ten are to submit (and fifty undated): all of them due
    last. The others are due within 100 hours before now and 300 after, always two at the same time; one in ten is done.
    """
    async with world.store.transaction() as tx:
        held = await _held(tx, world)
        season, case_id = tx.new_id(), world.cases["math"]
        await tx.rows(GROUPS, (world.groups["math"].id, n))
        await tx.rows(SEASON, (world.season.id, season))
        await tx.rows(CASES, (case_id, FEW, season))
        await tx.rows(TASKS, (held, FEW, tx.now, NO_DUE))
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE task, cases, season, project_group")
    finally:
        await connection.close()


async def _held(tx: Tx, world: World) -> list[UUID]:
    rows = await tx.rows(
        "SELECT id FROM position WHERE bureau_id = $1 AND code = ANY($2)", (world.bureau_id, list(HELD))
    )
    held = [row["id"] for row in rows]
    assert len(held) == len(HELD)
    before: datetime = tx.now
    await tx.rows(
        "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)"
        " SELECT gen_random_uuid(), $1, p, $2, '2026-01-01', $3 FROM unnest($4::uuid[]) p"
        " WHERE NOT EXISTS (SELECT FROM appointment a WHERE a.position_id = p AND a.person_id = $2)",
        (world.bureau_id, world.people[CLERK], before, held),
    )
    return held
