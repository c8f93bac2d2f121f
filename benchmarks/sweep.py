"""100,000 alarms due at one moment for 20,000 people, until every notification and every next time is written.

By one clock (`sweep`) and by two (`sweep-two-clocks`), against a bare INSERT … SELECT of 100,000 rows of the same width
into a table with the same primary key. 300,000 later alarms stand beside them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from datetime import UTC, datetime

import asyncpg

from benchmarks.database import database
from benchmarks.measure import ROUNDS, Figure
from benchmarks.scene import GROUP, Scene, scene
from services.messages.sweep import SweepResult, sweep_all
from services.store.transaction import Store

DUE, LATER, PEOPLE = 100_000, 300_000, 20_000

CROWD = f"""
WITH made AS (
    INSERT INTO person (id, bureau_id, name, sort_key, locale, created_at)
    SELECT gen_random_uuid(), $1, 'Person ' || i, 'person', 'zh', now() FROM generate_series(1, {PEOPLE}) i
    RETURNING id, bureau_id),
places AS (
    INSERT INTO position (id, bureau_id, code, role, title_zh, title_en, group_id)
    SELECT m.id, m.bureau_id, 'crowd:' || m.id, 'crowd', 'crowd', 'crowd', g.id FROM made m, project_group g
    WHERE g.code = '{GROUP}' RETURNING id, bureau_id)
INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)
SELECT gen_random_uuid(), m.bureau_id, m.id, m.id, '2020-01-01', now() FROM made m
"""
DEADLINES = """
INSERT INTO deadline (id, bureau_id, subject, subject_id, case_id, due_at, close_at, explained, state)
SELECT gen_random_uuid(), l.bureau_id, 'task', gen_random_uuid(), l.case_id, l.due_at, l.close_at, l.explained, 'open'
FROM deadline l, generate_series(1, $2::int) i WHERE l.case_id = $1 AND l.state = 'open'
"""
ALARMS = """
INSERT INTO alarm (id, bureau_id, deadline_id, task_id, case_id, visit_n, kind, position_id, series, next_at)
SELECT gen_random_uuid(), l.bureau_id, l.id, l.subject_id, l.case_id, 1, 'remind', p.id, s.series,
    CASE WHEN l.n <= $3 THEN $2::timestamptz ELSE $2::timestamptz + interval '1 day' * (1 + l.n % 60) END
FROM (SELECT *, row_number() OVER () AS n FROM deadline WHERE case_id = $1) l
JOIN (SELECT id, row_number() OVER () - 1 AS n FROM position WHERE role = 'crowd') p ON p.n = l.n % $4
CROSS JOIN (SELECT series FROM alarm WHERE case_id = $1 AND kind = 'remind' LIMIT 1) s
"""
BARE = """
INSERT INTO bench_notification SELECT gen_random_uuid(), bureau_id, person_id, kind, gen_random_uuid(), task_id, case_id,
    season_id, visit_n, at, context, state, message_id, created_at
FROM notification LIMIT $1
"""


async def sweep(server: str) -> list[Figure]:
    async with database(server) as url, scene(url) as made:
        moment = await _furnish(url, made)
        one, two, bare, indexed, late = [], [], [], [], []
        for _ in range(ROUNDS):
            await _arm(url, made, moment)
            seconds, worst = await _by_clocks(url, 1)
            one.append(DUE / seconds)
            late.append(worst)
            bare.append(DUE / await _bare(url, "LIKE notification, PRIMARY KEY (id)"))
            indexed.append(DUE / await _bare(url, "LIKE notification INCLUDING INDEXES"))
            await _arm(url, made, moment)
            seconds, _ = await _by_clocks(url, 2)
            two.append(DUE / seconds)
    more = {"p99_lateness_s": round(max(late), 2), "bare_with_all_indexes": round(sorted(indexed)[ROUNDS // 2], 1)}
    target, note = "at least 0.3", f"{DUE} due, {LATER} later, {PEOPLE} people"
    return [
        Figure("sweep", "1/s", one, bare, target=target, note=note, more=more),
        Figure("sweep-two-clocks", "1/s", two, bare, note=note),
    ]


async def _furnish(url: str, made: Scene) -> datetime:
    """Add the people; return a moment at which all is due."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CROWD, made.bureau_id)
        await connection.execute(DEADLINES, made.cases[GROUP], DUE + LATER - 1)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CREATE TABLE kept_alarm AS SELECT * FROM alarm")
    finally:
        await connection.close()
    return datetime.now(UTC)


async def _arm(url: str, made: Scene, moment: datetime) -> None:
    connection = await asyncpg.connect(url, timeout=60)
    try:
        await connection.execute("TRUNCATE alarm, notification")
        await connection.execute("INSERT INTO alarm SELECT * FROM kept_alarm")
        await connection.execute(ALARMS, made.cases[GROUP], moment, DUE, PEOPLE)
        await connection.execute("DELETE FROM alarm a USING kept_alarm k WHERE k.id = a.id")
        await connection.execute("VACUUM ANALYZE alarm")
    finally:
        await connection.close()


async def _by_clocks(url: str, clocks: int) -> tuple[float, float]:
    """Return the seconds until nothing is due, and the p99 of how late an alarm was swept."""
    with multiprocessing.get_context("spawn").Pool(clocks) as pool:
        waiting = [pool.apply_async(_clock, (url,)) for _ in range(clocks)]
        spans = await asyncio.to_thread(lambda: [each.get(600) for each in waiting])
    began, ended = min(span[0] for span in spans), max(span[1] for span in spans)
    connection = await asyncpg.connect(url)
    try:
        swept = await connection.fetchval("SELECT count(*) FROM notification")
        p99 = await connection.fetchval(
            "SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY created_at) - to_timestamp($1) FROM notification",
            began,
        )
    finally:
        await connection.close()
    if swept != DUE:
        raise RuntimeError(f"{swept} notifications instead of {DUE}")
    return ended - began, p99.total_seconds()


def _clock(url: str) -> tuple[float, float]:
    return asyncio.run(_sweep_until_done(url))


async def _sweep_until_done(url: str) -> tuple[float, float]:
    store = Store(url, pool_size=2)
    try:
        async with store.transaction() as tx:
            await tx.rows("SELECT 1")
        began = time.time()
        result: SweepResult = await sweep_all(store)
        ended = time.time()
        assert result.broken == 0
        return began, ended
    finally:
        await store.close()


async def _bare(url: str, columns: str) -> float:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE IF EXISTS bench_notification")
        await connection.execute(f"CREATE TABLE bench_notification ({columns})")
        started = time.perf_counter()
        await connection.execute(BARE, DUE)
        return time.perf_counter() - started
    finally:
        await connection.close()
