"""A clerk's day: forty waiting plans, decided in the reading desk with at most three actions each."""

from __future__ import annotations

from datetime import date

import pytest

from models.people import Appointment
from services.process.packs import GroupEntry, Pack
from services.store.transaction import Tx
from services.workflow.acts import approve, submit_plan
from services.workflow.drafts import save_draft
from services.workflow.remarks import add_phrase
from tests.browser.conftest import SitDown
from tests.browser.house import House, open_accounts
from tests.browser.visitor import Visitor
from tests.world import World, make_world, open_filing, plan, qingdao

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

CODES = tuple(f"group-{n:02d}" for n in range(1, 41))
PHRASES = ("同意。", "预算明细与合计不符，请核对后重新提报。")
COACHES = {"chief-coach": ("math-chief",), "coach": ("math-coach-1", "math-coach-2")}
CLERK, OFFICE = "basic-clerk", "basic-education-office/clerk"


def with_forty_groups() -> Pack:
    """Return the Qingdao pack with forty groups more."""
    pack = qingdao()
    model = pack.groups[0].model_dump()
    more = [
        GroupEntry.model_validate({**model, "code": code, "title": {"zh": f"第{n}项目组", "en": f"Group {n}"}})
        for n, code in enumerate(CODES, start=1)
    ]
    return pack.model_copy(update={"groups": (*pack.groups, *more)})


async def staff(tx: Tx, world: World) -> None:
    """Let mathematics' coaches coach the forty groups, too."""
    rows = await tx.rows("SELECT id, role FROM position WHERE group_id IS NOT NULL AND code LIKE '%:group-%'")
    for row in rows:
        for login in COACHES[row["role"]]:
            held = Appointment(id=tx.new_id(), bureau_id=world.bureau_id, position_id=row["id"], created_at=tx.now,
                               person_id=world.people[login], starts_on=date(2026, 1, 1), ends_on=None)  # fmt: skip
            tx.session.add(held)


async def bring_to_the_clerk(world: World, group: str) -> None:
    async with world.store.transaction() as tx:
        chief, reviewer = await world.reader(tx, "math-chief"), await world.reader(tx, "research-reviewer")
        await save_draft(tx, by=chief, case_id=world.cases[group], data=plan())
        await submit_plan(tx, by=chief, task_id=await world.open_task(tx, group))
        await approve(tx, by=reviewer, task_id=await world.open_task(tx, group))


@pytest.fixture
async def waiting(house: House) -> World:
    """Forty plans that wait for the clerk of the basic education office, who keeps two stock phrases."""
    house.world = await make_world(house.store, pack=with_forty_groups())
    async with house.store.transaction() as tx:
        await staff(tx, house.world)
    await open_filing(house.world, groups=CODES)
    for group in CODES:
        await bring_to_the_clerk(house.world, group)
    await open_accounts(house.world)
    async with house.store.transaction() as tx:
        by = await house.world.reader(tx, CLERK)
        for phrase in PHRASES:
            await add_phrase(tx, by=by, text=phrase)
    await house.start_web()
    return house.world


async def decide(clerk: Visitor, *keys: str) -> int:
    """Press the keys of one decision; return how many it took until the page after it stood there."""
    before, page = clerk.actions, clerk.page.url
    for key in keys[:-1]:
        await clerk.press(key)
    async with clerk.page.expect_navigation(url=lambda url: url != page):
        await clerk.press(keys[-1])
    return clerk.actions - before


async def test_forty_plans_are_decided_with_three_actions_each(waiting: World, house: House, sit_down: SitDown) -> None:
    clerk = await sit_down(CLERK)
    await clerk.press("o")
    await clerk.page.wait_for_url("**/tasks/*")
    seen, took = [], []
    for n in range(len(CODES)):
        assert "/tasks/" in clerk.page.url, f"after {n} decisions the next plan had not opened"
        seen.append(clerk.page.url)
        took.append(await decide(clerk, "r", "2", "Enter") if n % 2 else await decide(clerk, "a", "Enter"))
    assert len(set(seen)) == len(CODES)
    assert max(took) <= 3
    assert "/queue" in clerk.page.url
    decisions = await house.facts(
        "SELECT kind, words, count(*) AS n FROM decision WHERE person_id = $1 GROUP BY kind, words ORDER BY kind",
        waiting.people[CLERK],
    )
    assert [(row["kind"], row["words"], row["n"]) for row in decisions] == [
        ("approve", "", 20), ("return", PHRASES[1], 20)
    ]  # fmt: skip
    async with house.store.transaction() as tx:
        left = await tx.rows("SELECT 1 FROM task WHERE state = 'open' AND actor = $1", (OFFICE,))
    assert left == []
