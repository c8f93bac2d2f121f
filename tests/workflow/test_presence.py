"""Whoever has left holds nothing any more, although their appointments still run: nowhere is anybody waited for in vain."""

from __future__ import annotations

from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.errors import InvalidInputError
from services.people.lists import holders
from services.store.transaction import Store
from services.workflow.acts import submit_plan
from services.workflow.anchoring import anchor_today
from services.workflow.cases import case_view
from services.workflow.locking import lock_case
from services.workflow.season_events import lock_season, tell_offices
from services.workflow.season_view import season_overview
from tests.conftest import move_clock
from tests.flows.filing import submit
from tests.world import World, local, make_world, open_filing, told

pytestmark = pytest.mark.postgres

REVIEWER = "education-research-institute/reviewer"


@pytest.fixture
async def world(store: Store) -> World:
    await move_clock(store, local(2026, 12, 1))
    return await open_filing(await make_world(store), groups=("math", "physics"))


async def gone(world: World, *logins: str) -> None:
    """Let people have left an hour ago, with appointments that nobody has ended."""
    async with world.store.transaction() as tx:
        people = [world.people[login] for login in logins]
        await tx.rows(
            "UPDATE person SET left_at = $2::timestamptz - interval '1 hour' WHERE id = ANY($1)", (people, tx.now)
        )


async def test_a_task_that_only_they_hold_is_shown_to_be_vacant(world: World) -> None:
    await submit(world, "math")
    async with world.store.transaction() as tx:
        assert [task.unheld for task in (await view(tx, world)).tasks] == [False]
    await gone(world, "research-reviewer")
    async with world.store.transaction() as tx:
        assert [task.unheld for task in (await view(tx, world)).tasks] == [True]
        page = await season_overview(tx, await world.reader(tx, "administrator"), world.season.id)
        assert REVIEWER in [vacancy.code for vacancy in page.vacancies]
        position = (await tx.rows("SELECT id FROM position WHERE code = $1", (REVIEWER,)))[0]["id"]
        assert await holders(tx, world.bureau_id, position_id=position, on=date(2026, 12, 1)) == []


async def view(tx, world: World):
    return await case_view(tx, await world.reader(tx, "math-chief"), world.cases["math"])


async def test_an_act_tells_and_counts_only_who_is_there(world: World) -> None:
    await gone(world, "math-coach-1")
    async with world.store.transaction() as tx:
        case = await lock_case(tx, await world.reader(tx, "math-chief"), case_id=world.cases["math"])
        everybody = {person for people in case.holders.values() for person in people}
    assert world.people["math-chief"] in everybody
    assert world.people["research-reviewer"] in everybody
    await gone(world, "research-reviewer")
    async with world.store.transaction() as tx:
        case = await lock_case(tx, await world.reader(tx, "math-chief"), case_id=world.cases["math"])
    assert world.people["research-reviewer"] not in {person for people in case.holders.values() for person in people}


async def test_qd02_coaches_who_have_left_do_not_make_a_group_complete(world: World) -> None:
    await gone(world, "math-coach-1")
    await world.fill_in("math")
    async with world.store.transaction() as tx:
        by, task_id = await world.reader(tx, "math-chief"), await world.open_task(tx, "math")
        with pytest.raises(InvalidInputError) as refused:
            await submit_plan(tx, by=by, task_id=task_id)
    assert [problem["code"] for problem in refused.value.problems] == ["too-few-holders"]


async def test_a_case_that_opens_tells_only_who_is_there(store: Store) -> None:
    await move_clock(store, local(2026, 12, 1))
    world = await make_world(store)
    await gone(world, "math-chief")
    await open_filing(world, groups=("math", "physics"))
    opened = {person for kind, person in await told(store, kind="task-opened")}
    assert world.people["physics-chief"] in opened
    assert world.people["math-chief"] not in opened


async def test_the_season_and_the_anchor_tell_only_who_is_there(world: World) -> None:
    async with world.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT a.person_id FROM appointment a JOIN position p ON p.id = a.position_id"
            " WHERE p.code = 'bureau/audit-administrator'"
        )
    [auditor] = {row["person_id"] for row in rows}
    await gone(world, "basic-clerk", *[login for login, person in world.people.items() if person == auditor])
    async with world.store.transaction() as tx:
        season = await lock_season(tx, world.season.id)
        offices = ("basic-education-office/clerk", "planning-finance-office/clerk")
        assert await tell_offices(tx, season, "season-missing", positions=offices, context={}) == 1
    assert await anchor_today(world.store, Ed25519PrivateKey.generate) == 1
    assert [person for _, person in await told(world.store, kind="season-missing")] == [world.people["finance-clerk"]]
    assert await told(world.store, kind="audit-anchor") == []
