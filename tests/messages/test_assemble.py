"""One envelope per person, made when it is time to send."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.messages.assemble import assemble, assemble_all
from services.messages.sweep import sweep, sweep_all
from services.store.clock import StoreClock
from services.store.transaction import Store
from tests.conftest import START, move_clock
from tests.messages.factory import COACH, World, crowd
from tests.statements import counted

pytestmark = pytest.mark.postgres


async def test_all_that_is_due_to_a_person_is_one_message(world: World):
    await world.person("Coach", COACH)
    case = await world.start()
    await assemble_all(world.store)
    await crowd(world, case, people=3, each=4, next_at=START)
    await sweep_all(world.store)
    assert await assemble_all(world.store) == 3
    rows = await world.rows("SELECT count(*) AS n FROM notification WHERE kind = 'overdue' GROUP BY message_id")
    assert [row["n"] for row in rows] == [4, 4, 4]


async def test_an_act_does_not_wait_for_the_sweep_and_a_digest_does(world: World):
    coach = await world.person("Coach", COACH)
    case = await world.start()
    await crowd(world, case, people=2, each=3, next_at=START)
    async with world.store.transaction() as tx:
        assert (await sweep(tx, limit=4)).claimed == 4
    assert await assemble_all(world.store) == 1
    assert [row["person_id"] for row in await world.messages()] == [coach]
    await sweep_all(world.store)
    assert await assemble_all(world.store) == 2


async def test_after_a_minute_a_half_swept_digest_goes_anyway(world: World):
    await world.start()
    await crowd(world, (await world.rows("SELECT id FROM cases"))[0]["id"], people=2, each=3, next_at=START)
    async with world.store.transaction() as tx:
        await sweep(tx, limit=4)
    assert await assemble_all(world.store) == 0
    await move_clock(world.store, START + timedelta(seconds=61))
    assert await assemble_all(world.store) > 0


async def test_an_alarm_that_another_clock_is_sweeping_holds_the_digest_back(world: World):
    await world.start()
    case = (await world.rows("SELECT id FROM cases"))[0]["id"]
    await world.rows("UPDATE notification SET state = 'void'")
    await crowd(world, case, people=1, each=4, next_at=START)
    async with world.store.transaction() as first:
        await sweep(first, limit=2)
        async with world.store.transaction() as second:
            await sweep(second, limit=2)
        assert await assemble_all(world.store) == 0
    assert await assemble_all(world.store) == 1


async def test_a_clock_a_little_behind_does_not_split_a_digest(world: World):
    await world.start()
    case = (await world.rows("SELECT id FROM cases"))[0]["id"]
    await crowd(world, case, people=1, each=4, next_at=START)
    async with world.store.transaction() as tx:
        await sweep(tx, limit=2)
    await move_clock(world.store, START - timedelta(seconds=1))
    assert await assemble_all(world.store) == 0


async def test_somebody_without_a_mailbox_loses_nothing(world: World):
    await world.person("Coach", COACH, email=None)
    await world.start()
    assert await assemble_all(world.store) == 1
    [message] = await world.messages()
    assert (message["state"], message["address"]) == ("no-address", None)


async def test_what_an_act_voided_is_not_put_into_an_envelope(world: World):
    await world.person("Coach", COACH)
    await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    assert await assemble_all(world.store) == 0


async def test_a_reminder_swept_while_its_task_was_being_closed_is_voided(world: World):
    await world.person("Coach", COACH)
    await world.start()
    await move_clock(world.store, datetime(2027, 1, 24, 1, tzinfo=UTC))
    await sweep_all(world.store)
    await world.rows("UPDATE task SET state = 'done'")
    assert await assemble_all(world.store) == 0
    assert {row["state"] for row in await world.rows("SELECT state FROM notification")} == {"void"}


def nine(day: int, month: int = 1) -> datetime:
    return datetime(2027, month, day, 1, tzinfo=UTC)


async def said(world: World, person: UUID) -> dict[str, dict[str, int]]:
    """Return what goes to the person, by kind, with its context."""
    rows = await world.rows(
        "SELECT kind, context::text AS context FROM notification WHERE person_id = $1 AND state = 'enclosed'", person
    )
    return {str(row["kind"]): json.loads(str(row["context"])) for row in rows}


async def test_after_an_outage_the_overdue_speaks_for_reminder_and_warning_of_the_same_task(world: World):
    coach = await world.person("Coach", COACH)
    clerk = await world.person("Clerk", "basic-education-office/clerk", COACH.replace("math", "physics"))
    await world.start()
    await assemble_all(world.store)
    await world.start("physics")
    await assemble_all(world.store)
    await world.rows("UPDATE notification SET state = 'void'")
    await move_clock(world.store, nine(5, 2))
    await sweep_all(world.store)
    await assemble_all(world.store)
    told = await said(world, coach)
    assert set(told) == {"overdue"}
    assert told["overdue"] == {"missed": 3 + 4 + 1}
    assert set(await said(world, clerk)) == {"overdue", "escalate"}, "an escalation stands for nothing, and stays"


async def test_after_an_outage_without_an_overdue_the_reminder_speaks_for_the_warning(world: World):
    coach = await world.person("Coach", COACH)
    await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    await move_clock(world.store, nine(1, 2) - timedelta(minutes=1))
    await sweep_all(world.store)
    await assemble_all(world.store)
    assert await said(world, coach) == {"remind": {"missed": 5}}


async def test_a_warning_and_a_reminder_before_the_due_date_are_both_said(world: World):
    coach = await world.person("Coach", COACH)
    await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    await move_clock(world.store, nine(31))
    await sweep_all(world.store)
    await assemble_all(world.store)
    assert set(await said(world, coach)) == {"remind", "warn"}


async def leave(world: World, person: UUID) -> None:
    """End the person's appointments the day before the test's."""
    await world.rows(
        "UPDATE appointment SET ends_on = $2 WHERE person_id = $1", person, START.date() - timedelta(days=1)
    )


async def test_what_a_former_holder_was_to_be_told_goes_to_whoever_holds_the_position_now(world: World):
    before, stays = await world.person("Before", COACH), await world.person("Stays", COACH)
    await world.start()
    await leave(world, before)
    after = await world.person("After", COACH)
    await assemble_all(world.store)
    rows = await world.rows("SELECT person_id, state FROM notification WHERE kind = 'task-opened'")
    assert {row["person_id"]: row["state"] for row in rows} == {before: "void", stays: "enclosed", after: "enclosed"}
    assert {row["person_id"] for row in await world.messages()} == {stays, after}


@pytest.mark.parametrize("kind", ["task-opened", "overdue", "escalate"])
async def test_what_nobody_holds_any_more_is_told_to_the_administrators(world: World, kind: str):
    only = await world.person("Only", COACH, "basic-education-office/clerk")
    await world.person("Reviewer", "education-research-institute/reviewer")
    await world.start()
    if kind != "task-opened":
        await world.rows("UPDATE notification SET state = 'void'")
        await world.rows("UPDATE alarm SET next_at = NULL WHERE kind <> $1", kind)
        await move_clock(world.store, nine(5, 2))
        await sweep_all(world.store)
    await leave(world, only)
    await assemble_all(world.store)
    assert await said(world, only) == {}
    told = (await said(world, world.administrator))["unheld"]
    place = "basic-education-office/clerk" if kind == "escalate" else COACH
    [task] = await world.rows("SELECT id FROM task")
    assert told == {"position_id": str(world.positions[place]), "kind": kind, "task_id": str(task["id"])} | (
        {"stage": "plan"} if kind == "task-opened" else {"missed": told.get("missed")} if "missed" in told else {}
    )


async def test_two_who_assemble_at_once_make_one_message(world: World, database_url: str):
    await world.person("Coach", COACH)
    await world.start()
    stores = [Store(database_url, clock=StoreClock(), pool_size=1) for _ in range(6)]
    made = await asyncio.gather(*(assemble_all(store) for store in stores))
    for store in stores:
        await store.close()
    assert sum(made) == 1
    assert len(await world.messages()) == 1


async def test_the_number_of_statements_does_not_follow_the_people(world: World):
    case = await world.start()
    await crowd(world, case, people=40, each=1, next_at=START)
    await sweep_all(world.store)
    with counted(world.store) as few:
        async with world.store.transaction() as tx:
            assert await assemble(tx, limit=1) == 1
    with counted(world.store) as many:
        async with world.store.transaction() as tx:
            assert await assemble(tx, limit=30) == 30
    assert len(many) == len(few) == 3
