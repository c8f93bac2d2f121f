"""Work lists: whatever they are narrowed to, the right tasks in the right order, and nothing read that is not shown."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import event

from services.store.transaction import Tx
from services.workflow.queue import COUNT_CAP, Cursor, QueueFilter, next_task, task_counts, tasks_page
from tests.workflow.crowded import CLERK, FEW, crowd
from tests.world import World

pytestmark = pytest.mark.postgres

FACTS = "SELECT id, stage, kind, process, season_id, group_id, due_sort FROM task WHERE state = 'open' AND position_id = ANY($1)"


async def open_tasks(tx: Tx, world: World) -> list[Any]:
    """Return every open task of the clerk, in order, found in the simplest way."""
    held = list((await world.reader(tx, CLERK)).position_ids)
    rows = [dict(row) for row in await tx.rows(FACTS, (held,))]
    for row in rows:
        late, near = row["due_sort"] <= tx.now, row["due_sort"] <= tx.now + timedelta(days=7)
        row["light"] = "overdue" if late else "near" if near else "later"
    return sorted(rows, key=lambda row: (row["due_sort"], row["id"]))


def left_by(chosen: QueueFilter, tasks: list[Any], *, light: bool = True) -> list[Any]:
    wanted = {name: value for name, value in vars(chosen).items() if value and (light or name != "light")}
    return [task for task in tasks if all(task[name] == value for name, value in wanted.items())]


async def test_every_filter_and_all_of_them_together_leave_the_right_tasks(world: World, database_url: str) -> None:
    await crowd(world, database_url, 400)
    async with world.store.transaction() as tx:
        tasks, reader = await open_tasks(tx, world), await world.reader(tx, CLERK)
        rare = left_by(QueueFilter(process="rare-process"), tasks)
        assert len(rare) == FEW
        for kind, process, stage, group_id, season_id, light in product(
            (None, "submit", "approve"), (None, "rare-process", "annual-filing"), (None, "rare-stage", "bureau"),
            (None, rare[0]["group_id"]), (None, rare[0]["season_id"]), (None, "overdue", "near", "later"),
        ):  # fmt: skip
            chosen = QueueFilter(kind, process, stage, group_id, season_id, light)
            page, wanted = await tasks_page(tx, reader, chosen, limit=200), left_by(chosen, tasks)
            assert [row.task_id for row in page.rows] == [task["id"] for task in wanted][:200], chosen
            lights = Counter(task["light"] for task in left_by(chosen, tasks, light=False))
            assert page.counts == {name: lights[name] for name in ("overdue", "near", "later")}, chosen


@pytest.mark.parametrize("of_a_group", [False, True])
async def test_pages_follow_each_other_without_a_gap_or_a_row_twice(
    world: World, database_url: str, *, of_a_group: bool
) -> None:
    await crowd(world, database_url, 300)
    async with world.store.transaction() as tx:
        tasks, reader = await open_tasks(tx, world), await world.reader(tx, CLERK)
        chosen = QueueFilter(group_id=tasks[5]["group_id"]) if of_a_group else QueueFilter(kind="approve")
        after, seen = None, []
        while True:
            page = await tasks_page(tx, reader, chosen, after=after, limit=1 if of_a_group else 7)
            seen += [row.task_id for row in page.rows]
            after = Cursor.decode(page.next.encode()) if page.next else None
            if after is None:
                break
        assert seen == [task["id"] for task in left_by(chosen, tasks)]


async def test_the_next_task_is_the_one_after_or_else_the_first(world: World, database_url: str) -> None:
    await crowd(world, database_url, 100)
    async with world.store.transaction() as tx:
        tasks, reader = await open_tasks(tx, world), await world.reader(tx, CLERK)
        first, second, last = tasks[0], tasks[1], tasks[-1]
        for here, wanted in ((None, first), (first, second), (last, first)):
            after = here and Cursor(here["due_sort"], here["id"])
            found = await next_task(tx, reader, QueueFilter(), after=after)
            assert found is not None
            assert found.task_id == wanted["id"]


async def test_counts_stop_at_the_cap(world: World, database_url: str) -> None:
    await crowd(world, database_url, 6000)
    async with world.store.transaction() as tx:
        lights = Counter(task["light"] for task in await open_tasks(tx, world))
        assert min(lights.values()) > COUNT_CAP
        found = await task_counts(tx, await world.reader(tx, CLERK), QueueFilter())
        assert found == {"overdue": COUNT_CAP, "near": COUNT_CAP, "later": COUNT_CAP}


async def test_what_a_filter_leaves_out_is_not_read(world: World, database_url: str) -> None:
    """Streams and steps to the next one are what else is read: a handful for each of the three positions."""
    await crowd(world, database_url, 6000)
    async with world.store.transaction() as tx:
        tasks, reader = await open_tasks(tx, world), await world.reader(tx, CLERK)
        (odd, *_) = left_by(QueueFilter(process="rare-process"), tasks)
        for chosen in (
            QueueFilter(),
            QueueFilter(kind="approve", stage="bureau"),
            QueueFilter(kind="approve", light="later"),
            QueueFilter(stage="rare-stage"),
            QueueFilter(kind="submit"),
            QueueFilter(process="rare-process"),
            QueueFilter(season_id=odd["season_id"]),
            QueueFilter(group_id=odd["group_id"]),
            QueueFilter(kind="approve", stage="bureau", process="rare-process", season_id=odd["season_id"]),
        ):
            shown = min(51, len(left_by(chosen, tasks)))
            for after in (None, Cursor(tasks[3000]["due_sort"], tasks[3000]["id"])):
                page, *counts = await sent(tx, tasks_page(tx, reader, chosen, after=after, limit=50))
                assert await read(tx, *page) <= 13 * shown + 60, chosen
                lights = Counter(task["light"] for task in left_by(chosen, tasks, light=False))
                counted = sum(min(COUNT_CAP, n) for n in lights.values())
                assert [await read(tx, *each) <= counted + 60 for each in counts] == [True] * (after is None), chosen


async def sent(tx: Tx, asked: Any) -> list[tuple[str, Any]]:
    """Return the statements that a use case sends, each with its parameters."""
    found: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        found.append((statement, parameters))

    sync = (await tx.connection()).sync_connection
    event.listen(sync, "before_cursor_execute", note)
    try:
        await asked
    finally:
        event.remove(sync, "before_cursor_execute", note)
    return found


async def read(tx: Tx, statement: str, parameters: Any) -> int:
    """Return how many tasks, or entries of their indexes, the statement reads under the plan that a connection keeps for it."""
    await tx.rows("SET LOCAL plan_cache_mode = force_generic_plan")
    connection = (await (await tx.connection()).get_raw_connection()).driver_connection
    await connection.execute(f"PREPARE asked AS {statement}")
    values = ", ".join(_literal(value) for value in parameters)
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) EXECUTE asked({values})")
    await connection.execute("DEALLOCATE asked")
    plan = json.loads(found) if isinstance(found, str) else found
    return round(_read(plan[0]["Plan"]))


def _literal(value: Any) -> str:
    return "'{" + ",".join(map(str, value)) + "}'" if isinstance(value, list) else f"'{value}'"


def _read(node: dict[str, Any]) -> float:
    below = sum(_read(child) for child in node.get("Plans", ()))
    if "task" not in (node.get("Relation Name"), node.get("Index Name", "").partition("_")[2].partition("_")[0]):
        return below
    passed = [node["Actual Rows"], node.get("Rows Removed by Filter", 0), node.get("Rows Removed by Index Recheck", 0)]
    return below + node["Actual Loops"] * sum(passed)
