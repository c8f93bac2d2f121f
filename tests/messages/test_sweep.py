"""From due alarms to notifications: on time, caught up, never early, to whoever holds the position that day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from services.messages.sweep import sweep, sweep_all
from services.people.positions import ADMINISTRATOR
from tests.conftest import START, move_clock
from tests.messages.factory import COACH, World, crowd
from tests.statements import counted

pytestmark = pytest.mark.postgres

NINE = timedelta(hours=1)  # 09:00 in Shanghai is 01:00 UTC


def nine(day: int, month: int = 1) -> datetime:
    return datetime(2027, month, day, tzinfo=UTC) + NINE


async def test_a_reminder_comes_at_its_time_and_never_early(world: World):
    coach = await world.person("Coach", COACH)
    await world.start()
    await move_clock(world.store, nine(24) - timedelta(seconds=1))
    assert (await sweep_all(world.store)).claimed == 0
    await move_clock(world.store, nine(24))
    result = await sweep_all(world.store)
    assert (result.claimed, result.notified) == (1, 1)
    assert dict(result.lateness) == {0.0: 1}
    [told] = await world.told()
    assert (told["person_id"], told["kind"], told["at"], told["context"]) == (coach, "remind", nine(24), "{}")
    assert (await sweep_all(world.store)).claimed == 0
    [alarm] = await world.rows("SELECT next_at FROM alarm WHERE kind = 'remind'")
    assert alarm["next_at"] == nine(28)


async def test_what_a_clock_missed_becomes_one_and_an_escalation_stands_beside_it(world: World):
    """The clock is down from 22 January to 8 February: five reminders are one; warning and both rungs still come."""
    coach = await world.person("Coach", COACH)
    clerk = await world.person("Clerk", "basic-education-office/clerk")
    await world.start()
    await move_clock(world.store, nine(8, 2))
    result = await sweep_all(world.store)
    told = {(row["person_id"], row["kind"]): row for row in await world.told()}
    reminder = told[coach, "remind"]
    assert reminder["at"] == nine(31)
    assert json.loads(str(reminder["context"])) == {
        "missed": 4
    }  # 7, 3, 1 and 0 days before; the warning took none of them
    assert told[coach, "warn"]["at"] == nine(29)
    assert told[coach, "overdue"]["at"] == nine(5, 2)
    assert told[clerk, "escalate"]["at"] == nine(5, 2)
    assert max(result.lateness) == (nine(8, 2) - nine(24)).total_seconds()


async def test_whoever_holds_the_position_on_that_day_is_told(world: World):
    before = await world.person("Before", COACH, ends_on=date(2027, 1, 23))
    first, second = await world.person("First", COACH), await world.person("Second", COACH)
    await world.start()
    await move_clock(world.store, nine(24))
    await sweep_all(world.store)
    assert {row["person_id"] for row in await world.told()} == {first, second}
    assert before not in {row["person_id"] for row in await world.told()}


async def test_the_day_is_the_bureaus_and_not_utc(world: World):
    """At 09:00 in Shanghai it is still the 23rd in New York, and in UTC the 24th: the appointment ends with the 23rd."""
    await world.rows("UPDATE bureau SET zone = 'America/New_York'")
    until = await world.person("Until", COACH, ends_on=date(2027, 1, 23))
    await world.start()
    await move_clock(world.store, nine(24))
    await sweep_all(world.store)
    assert [row["person_id"] for row in await world.told()] == [until]


async def test_a_position_that_nobody_holds_goes_to_the_administrator(world: World):
    await world.start()
    await move_clock(world.store, nine(24))
    result = await sweep_all(world.store)
    assert (result.unheld, result.notified) == (1, 1)
    [told] = [row for row in await world.told() if row["at"] == nine(24)]
    assert (told["person_id"], told["kind"]) == (world.administrator, "unheld")
    context = json.loads(str(told["context"]))
    [task] = await world.rows("SELECT id FROM task")
    assert context == {"position_id": str(world.positions[COACH]), "kind": "remind", "task_id": str(task["id"])}


async def test_without_an_administrator_the_alarm_asks_again_until_somebody_can_be_told(world: World):
    await world.start()
    await world.rows(
        "DELETE FROM appointment a USING position p WHERE p.id = a.position_id AND p.role = $1", ADMINISTRATOR
    )
    await move_clock(world.store, nine(24))
    result = await sweep_all(world.store)
    assert (result.unheld, result.notified) == (1, 0)
    coach = await world.person("Coach", COACH)
    await move_clock(world.store, nine(24) + timedelta(hours=1))
    await sweep_all(world.store)
    assert [row["person_id"] for row in await world.told("remind")] == [coach]


async def test_an_alarm_that_cannot_be_read_holds_up_no_other(world: World):
    await world.person("Coach", COACH)
    await world.start()
    await world.start("physics")
    await world.person("Other", "qingdao-qiangji:physics:chief-coach")
    await world.rows(
        "UPDATE alarm SET series = '{\"series\": \"unknown\"}' WHERE kind = 'remind' AND position_id = $1",
        world.positions[COACH],
    )
    await move_clock(world.store, nine(24))
    result = await sweep_all(world.store)
    assert (result.claimed, result.broken, result.notified) == (2, 1, 1)
    assert (await sweep_all(world.store)).claimed == 0


async def test_one_person_in_two_positions_is_told_once(world: World):
    await world.person("Both", COACH, "education-research-institute/reviewer")
    await world.start()
    await move_clock(world.store, nine(1, 2))
    await sweep_all(world.store)
    assert len(await world.told("overdue")) == 1


async def test_vacancies_at_one_instant_are_each_told_and_none_hides_another(world: World):
    """Chief coach and reviewer are vacant when the first rung comes, the clerk when the second does."""
    await world.start()
    await world.rows("UPDATE notification SET state = 'void'")
    await world.rows(
        "UPDATE alarm SET next_at = CASE WHEN kind IN ('overdue', 'escalate') THEN $1::timestamptz END", nine(5, 2)
    )
    await move_clock(world.store, nine(5, 2))
    result = await sweep_all(world.store)
    assert (result.unheld, result.notified) == (3, 3)
    told = [json.loads(str(row["context"])) for row in await world.told("unheld") if row["state"] == "pending"]
    vacant = {(row["position_id"], row["kind"]) for row in told}
    places = (
        (COACH, "overdue"),
        ("education-research-institute/reviewer", "overdue"),
        ("basic-education-office/clerk", "escalate"),
    )
    assert vacant == {(str(world.positions[code]), kind) for code, kind in places}
    assert (await sweep_all(world.store)).claimed == 0


async def test_two_rungs_to_one_person_at_one_instant_are_one_escalation_beside_the_overdue(world: World):
    """Both say the same of the same task, so nothing is lost; what the first rung says has a kind of its own."""
    clerk = await world.person("Clerk", COACH, "basic-education-office/clerk")
    await world.start()
    await world.rows(
        "INSERT INTO alarm SELECT gen_random_uuid(), bureau_id, deadline_id, task_id, case_id, visit_n, kind, position_id,"
        " person_id, jsonb_set(series, '{rung}', '3'), next_at FROM alarm WHERE kind = 'escalate'"
    )
    await move_clock(world.store, nine(5, 2))
    await sweep_all(world.store)
    told = [
        (row["person_id"], row["kind"])
        for row in await world.told()
        if row["person_id"] == clerk and row["at"] == nine(5, 2)
    ]
    assert sorted(told) == sorted([(clerk, "escalate"), (clerk, "overdue")])


async def test_batches_are_bounded_and_statements_few(world: World):
    await world.person("Coach", COACH)
    case = await world.start()
    await crowd(world, case, people=30, each=2, next_at=START)
    async with world.store.transaction() as tx:
        result = await sweep(tx, limit=25)
    assert result.claimed == 25
    with counted(world.store) as few:
        async with world.store.transaction() as tx:
            await sweep(tx, limit=1)
    with counted(world.store) as many:
        async with world.store.transaction() as tx:
            await sweep(tx, limit=30)
    assert len(many) == len(few)
    assert (await sweep_all(world.store, limit=10)).claimed == 4
