"""The first page of 50 by due date through HTTP, with a filter and counts, for a clerk of three positions.

The same page with 1,000, 100,000 and 1,000,000 open tasks, each number in a database and with a web process of its own,
measured by turns; `ratio` is the time at 1,000,000 over that at 1,000. `rare_at`: with a filter that leaves ten, due last.
"""

from __future__ import annotations

import statistics
from contextlib import AsyncExitStack

import asyncpg

from benchmarks.database import database
from benchmarks.http import Request, drive, web_process
from benchmarks.measure import ROUNDS, Figure
from benchmarks.scene import CLERK, Scene, scene

SIZES = (1_000, 100_000, 1_000_000)
PAGES = 60
PATH = "/api/v1/tasks?kind=approve&stage=bureau&limit=50"
RARE = "/api/v1/tasks?kind=approve&stage=rare-stage&limit=50"

MORE_POSITIONS = """
INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)
SELECT gen_random_uuid(), p.bureau_id, p.id, $1, '2020-01-01', now() FROM position p
WHERE p.code IN ('planning-finance-office/clerk', 'basic-education-office/head')
"""
GROW = """
INSERT INTO task (id, bureau_id, case_id, season_id, visit_id, stage, process, kind, group_id, position_id, actor, state,
    opened_at, due_at, due_sort, holder_id)
SELECT gen_random_uuid(), t.bureau_id, t.case_id, t.season_id, t.visit_id, t.stage, t.process, t.kind, t.group_id,
    p.position_id, t.actor, 'open', t.opened_at, d.at, d.at, p.position_id
FROM task t, generate_series(1, $2::int) i,
    LATERAL (SELECT ($3::uuid[])[1 + i % 3] AS position_id) p,
    LATERAL (SELECT t.opened_at + make_interval(secs => (i::bigint * 7919) % 8640000 - 864000) AS at) d
WHERE t.id = $1
"""
LAST_TEN = """
UPDATE task SET stage = 'rare-stage'
WHERE id IN (SELECT id FROM task WHERE state = 'open' AND kind = 'approve' ORDER BY due_sort DESC LIMIT 10)
"""
Times = dict[int, list[float]]


async def queue(server: str) -> list[Figure]:
    async with AsyncExitStack() as stack:
        doors = {size: await _door(stack, server, size) for size in SIZES}
        times, rare = await _by_turns(doors, PATH), await _by_turns(doors, RARE)
    note = "ours at 1,000,000 open tasks, ceiling at 1,000"
    more = {"at": _medians(times), "rare_at": _medians(rare)}
    return [Figure("queue", "ms", times[SIZES[-1]], times[SIZES[0]], target="at most 1.5", note=note, more=more)]


async def _door(stack: AsyncExitStack, server: str, size: int) -> tuple[int, str]:
    """Return the port and the token of an installation with `size` open tasks."""
    url = await stack.enter_async_context(database(server))
    made = await stack.enter_async_context(scene(url))
    await _grow(url, made, await _a_waiting_task(made), size)
    environment = {"GUANTONG_DATABASE_URL": url, "GUANTONG_DATABASE_POOL": "10", "GUANTONG_CLOCK": "system"}
    web = web_process("services.web.app:create_app", environment, factory=True)
    return await stack.enter_async_context(web), await made.token(CLERK)


async def _by_turns(doors: dict[int, tuple[int, str]], path: str) -> Times:
    """Return milliseconds a page, by size. The first round warms up; who begins changes."""
    times: Times = {size: [] for size in doors}
    for number in range(ROUNDS + 1):
        for size in sorted(doors, reverse=number % 2 == 1):
            port, token = doors[size]
            times[size].append(await _page(port, token, path) * 1000)
    return {size: values[1:] for size, values in times.items()}


def _medians(times: Times) -> dict[str, float]:
    return {str(size): round(statistics.median(values), 2) for size, values in times.items()}


async def _page(port: int, token: str, path: str) -> float:
    chains = [[Request("GET", path)]] * PAGES
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
        await connection.execute(LAST_TEN)
        await connection.execute("VACUUM ANALYZE task")
    finally:
        await connection.close()
