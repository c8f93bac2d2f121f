"""QD-02: a group has one chief coach and two to five coaches, also when people are appointed one after the other."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import UUID

import pytest

from models.people import Appointment
from services.errors import InvalidInputError
from services.people.directory import SeparationError, appoint, create_person, end_appointment
from services.people.seats import SeatsTakenError
from services.store.transaction import Store
from tests.world import World, make_world

pytestmark = pytest.mark.postgres

DAY = date(2027, 3, 1)
CHIEF, COACH = "qingdao-qiangji:math:chief-coach", "qingdao-qiangji:math:coach"


@pytest.fixture
async def world(store: Store) -> World:
    return await make_world(store)


async def position_of(world: World, code: str) -> UUID:
    async with world.store.transaction() as tx:
        return (await tx.rows("SELECT id FROM position WHERE code = $1", (code,)))[0]["id"]


async def give(
    world: World, code: str, starts_on: date = DAY, ends_on: date | None = None, *, login: str | None = None
) -> Appointment:
    """Appoint somebody new, or who signs in as `login`, as the bureau's administrator does."""
    position_id = await position_of(world, code)
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "administrator")
        known = world.people.get(login or "")
        person = known or (await create_person(tx, by, bureau_id=world.bureau_id, name="新人", unit_id=None)).id
        return await appoint(
            tx, by, bureau_id=world.bureau_id, position_id=position_id, person_id=person, starts_on=starts_on,
            ends_on=ends_on,
        )  # fmt: skip


async def end(world: World, appointment_id: UUID, last_day: date) -> None:
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "administrator")
        await end_appointment(tx, by, bureau_id=world.bureau_id, appointment_id=appointment_id, last_day=last_day)


async def held_by(world: World, login: str) -> UUID:
    async with world.store.transaction() as tx:
        return (await tx.rows("SELECT id FROM appointment WHERE person_id = $1", (world.people[login],)))[0]["id"]


async def test_qd02_second_chief_refused(world: World) -> None:
    with pytest.raises(SeatsTakenError) as refused:
        await give(world, CHIEF)
    assert (refused.value.details["max"], refused.value.details["day"]) == (1, "2027-03-01")
    assert refused.value.details["position"].zh == "首席教练员"


async def test_qd02_next_chief_follows_the_one_before(world: World) -> None:
    await end(world, await held_by(world, "math-chief"), date(2027, 2, 28))
    with pytest.raises(SeatsTakenError):
        await give(world, CHIEF, date(2027, 2, 28))
    await give(world, CHIEF, DAY, date(2027, 5, 31))
    with pytest.raises(SeatsTakenError) as refused:
        await give(world, CHIEF, date(2027, 5, 31))
    assert refused.value.details["day"] == "2027-05-31"
    await give(world, CHIEF, date(2027, 6, 1))


async def test_qd02_sixth_coach_refused(world: World) -> None:
    for _ in range(3):
        await give(world, COACH)
    with pytest.raises(SeatsTakenError):
        await give(world, COACH)


async def test_qd02_coaches_that_follow_each_other_take_one_seat(world: World) -> None:
    for _ in range(2):
        await give(world, COACH)
    await give(world, COACH, date(2027, 3, 1), date(2027, 3, 31))
    await give(world, COACH, date(2027, 4, 1), date(2027, 4, 30))
    await give(world, COACH, date(2027, 5, 1))
    with pytest.raises(SeatsTakenError) as refused:
        await give(world, COACH, date(2027, 2, 1))
    assert refused.value.details["day"] == "2027-03-01"
    await give(world, COACH, date(2027, 2, 1), date(2027, 2, 28))


async def test_qd02_a_head_is_one_and_clerks_are_many(world: World) -> None:
    with pytest.raises(SeatsTakenError):
        await give(world, "basic-education-office/head")
    for _ in range(3):
        await give(world, "basic-education-office/clerk")


async def test_qd02_whoever_has_left_takes_no_seat(world: World) -> None:
    async with world.store.transaction() as tx:
        left = "UPDATE person SET left_at = '2027-02-28 16:00+00' WHERE id = $1"  # 1 March 00:00 in Shanghai
        await tx.rows(left, (world.people["math-chief"],))
    with pytest.raises(SeatsTakenError):
        await give(world, CHIEF, date(2027, 2, 28))
    await give(world, CHIEF, DAY)


async def test_qd02_the_last_seat_is_taken_once(world: World) -> None:
    for _ in range(2):
        await give(world, COACH)
    found = await asyncio.gather(*(give(world, COACH) for _ in range(6)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == ["Appointment", *["SeatsTakenError"] * 5]


async def test_an_appointment_is_ended_earlier_never_made_longer(world: World) -> None:
    first = await give(world, "bureau/administrator", date(2026, 1, 1), date(2026, 12, 31), login="basic-admin")
    await give(world, "bureau/audit-administrator", date(2027, 1, 1), login="basic-admin")
    with pytest.raises(InvalidInputError) as refused:
        await end(world, first.id, date(2027, 12, 31))
    assert refused.value.problems[0]["message"].startswith("It ends on 2026-12-31 already")
    await end(world, first.id, date(2026, 12, 31))
    await end(world, first.id, date(2026, 6, 30))
    with pytest.raises(SeparationError):
        await give(world, "bureau/administrator", date(2027, 6, 1), login="basic-admin")
