"""Small steps that the tests of acts beside a case's way share."""

from __future__ import annotations

from uuid import UUID

from services.store.chain import verify_chain
from services.store.transaction import Tx
from services.workflow.copies import send_copies
from services.workflow.questions import ask
from tests.world import World

REVIEWER, CLERK, FINANCE, OUTSIDER = "research-reviewer", "basic-clerk", "finance-clerk", "sports-clerk"


async def copy_to(world: World, login: str, *, by: str = REVIEWER, group: str = "math", words: str = "请阅") -> UUID:
    async with world.store.transaction() as tx:
        reader = await world.reader(tx, by)
        to = [world.people[login]]
        return (await send_copies(tx, by=reader, case_id=world.cases[group], to=to, words=words))[0]


async def ask_of(
    world: World, login: str, *, by: str = REVIEWER, group: str = "math", text: str = "经费够吗？"
) -> UUID:
    async with world.store.transaction() as tx:
        reader, task_id = await world.reader(tx, by), await world.open_task(tx, group)
        return await ask(tx, by=reader, task_id=task_id, to=world.people[login], text=text)


async def events(tx: Tx, case_id: UUID) -> list[str]:
    """Return the kinds of the case's events in order; the chain's head must be the last of them, and hold."""
    rows = await tx.rows("SELECT kind, seq, hash FROM audit_event WHERE stream_id = $1 ORDER BY seq", (case_id,))
    (case,) = await tx.rows("SELECT bureau_id, audit_seq, audit_hash FROM cases WHERE id = $1", (case_id,))
    assert (case["audit_seq"], case["audit_hash"]) == (rows[-1]["seq"], rows[-1]["hash"])
    assert [each for each in await verify_chain(tx, case["bureau_id"]) if each.stream_id == case_id] == []
    return [row["kind"] for row in rows]


async def facts(world: World, group: str = "math") -> tuple[object, ...]:
    """Return what must not change: the case's version and state, and the due dates of its tasks."""
    async with world.store.transaction() as tx:
        case = await tx.rows("SELECT version, stage, state_doc::text FROM cases WHERE id = $1", (world.cases[group],))
        tasks = await tx.rows(
            "SELECT id, state, due_at FROM task WHERE case_id = $1 ORDER BY id", (world.cases[group],)
        )
        alarms = await tx.rows("SELECT id, next_at FROM alarm WHERE case_id = $1 ORDER BY id", (world.cases[group],))
    return [tuple(row.values()) for row in (*case, *tasks, *alarms)]
