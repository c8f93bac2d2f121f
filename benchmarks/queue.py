"""The first page of 50 by due date through HTTP, with a filter and counts, for a clerk of three positions.

The same page with 1,000, 100,000 and 1,000,000 open tasks; `ratio` is the time at 1,000,000 over that at 1,000.
"""

from __future__ import annotations

import statistics

import asyncpg

from benchmarks.database import database
from benchmarks.http import Request, drive, web_process
from benchmarks.measure import ROUNDS, Figure
from benchmarks.scene import CLERK, Scene, scene

SIZES = (1_000, 100_000, 1_000_000)
PAGES = 60
PATH = "/api/v1/tasks?kind=approve&stage=bureau&limit=50"

MORE_POSITIONS = """
INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)
SELECT gen_random_uuid(), p.bureau_id, p.id, $1, '2020-01-01', now() FROM position p
WHERE p.code IN ('planning-finance-office/clerk', 'basic-education-office/head')
"""
GROW = """
INSERT INTO task (id, bureau_id, case_id, season_id, visit_id, stage, process, kind, group_id, position_id, actor, state,
    opened_at, due_at, due_sort)
SELECT gen_random_uuid(), t.bureau_id, t.case_id, t.season_id, t.visit_id, t.stage, t.process, t.kind, t.group_id,
    p.position_id, t.actor, 'open', t.opened_at, d.at, d.at
FROM task t, generate_series(1, $2::int) i,
    LATERAL (SELECT ($3::uuid[])[1 + i % 3] AS position_id) p,
    LATERAL (SELECT t.opened_at + make_interval(secs => (i::bigint * 7919) % 8640000 - 864000) AS at) d
WHERE t.id = $1
"""


async def queue(server: str) -> list[Figure]:
    async with database(server) as url, scene(url) as made:
        task = await _a_waiting_task(made)
        token = await made.token(CLERK)
        environment = {"GUANTONG_DATABASE_URL": url, "GUANTONG_DATABASE_POOL": "10", "GUANTONG_CLOCK": "system"}
        seconds: dict[int, list[float]] = {}
        async with web_process("services.web.app:create_app", environment, factory=True) as port:
            exist = 0
            for size in SIZES:
                await _grow(url, made, task, size - exist)
                exist = size
                seconds[size] = [await _page(port, token) for _ in range(ROUNDS + 1)][1:]
    milliseconds = {size: [value * 1000 for value in values] for size, values in seconds.items()}
    more = {"at": {str(size): round(statistics.median(values), 2) for size, values in milliseconds.items()}}
    last, first = milliseconds[SIZES[-1]], milliseconds[SIZES[0]]
    note = "ours at 1,000,000 open tasks, ceiling at 1,000"
    return [Figure("queue", "ms", last, first, target="at most 1.5", note=note, more=more)]


async def _page(port: int, token: str) -> float:
    chains = [[Request("GET", PATH)]] * PAGES
    return await drive(port, chains, clients=1, headers={"Authorization": f"Bearer {token}"}) / PAGES


async def _a_waiting_task(made: Scene) -> object:
    await made.submit()
    case_id = await made.guide()
    async with made.store.transaction() as tx:
        await tx.rows(MORE_POSITIONS, (made.people[CLERK],))
        return await made.task(tx, case_id, "basic-education-office/clerk")


async def _grow(url: str, made: Scene, task: object, n: int) -> None:
    async with made.store.transaction() as tx:
        positions = sorted((await made.reader(tx, CLERK)).position_ids)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(GROW, task, n, positions)
        await connection.execute("VACUUM ANALYZE task")
    finally:
        await connection.close()
