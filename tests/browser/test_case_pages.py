"""Long ways over several pages: a clerk leaves with sixty tasks, a substitute's week, approvals in bulk, back and straight back."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from playwright.async_api import expect

from services.people.passwords import hash_password
from services.workflow.acts import return_case
from services.workflow.administering import jump, suspend
from services.workflow.handing import claim
from tests.browser.conftest import SitDown
from tests.browser.desk_work import agree, send_back, submit_form
from tests.browser.house import PASSWORD, House, open_accounts
from tests.browser.test_forty_filings import CODES, staff, with_forty_groups
from tests.browser.visitor import Visitor
from tests.workflow.acting import guide, submit
from tests.workflow.office import Office, make_office
from tests.world import World, local, make_world, open_filing

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

CLERK, HEIR, ADMINISTRATOR = "basic-clerk", "sports-clerk", "administrator"
OFFICE = "basic-education-office/clerk"
SEASONS = ("2027", "2028")
EACH = 30


# --- (a) a clerk leaves with sixty tasks of their own ------------------------------------------------------------------


async def claimed(world: World, case_id: UUID) -> None:
    """Let a case stand at the offices, its task claimed by the clerk."""
    async with world.store.transaction() as tx:
        (row,) = await tx.rows("SELECT version FROM cases WHERE id = $1", (case_id,))
        by = await world.reader(tx, ADMINISTRATOR)
        await jump(tx, by=by, case_id=case_id, to="bureau", words="As it stood on paper", version=row["version"])
    async with world.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT id FROM task WHERE case_id = $1 AND state = 'open' AND actor = $2", (case_id, OFFICE)
        )
        await claim(tx, by=await world.reader(tx, CLERK), task_id=rows[0]["id"])


@pytest.fixture
async def leaving(house: House) -> World:
    house.world = world = await make_world(house.store, pack=with_forty_groups())
    async with house.store.transaction() as tx:
        await staff(tx, world)
    for key in SEASONS:
        await open_filing(world, key=key, groups=CODES[:EACH])
    cases = [row["id"] for row in await house.facts("SELECT id FROM cases ORDER BY id")]
    for case_id in cases:
        await claimed(world, case_id)
    async with house.store.transaction() as tx:
        await suspend(tx, by=await world.reader(tx, ADMINISTRATOR), case_id=cases[0], words="Waits for a document")
    await open_accounts(world)
    await house.start_web()
    return world


async def open_of(house: House, person: UUID) -> int:
    rows = await house.facts("SELECT count(*)::int AS n FROM task WHERE state = 'open' AND person_id = $1", person)
    return int(rows[0]["n"])


async def test_sixty_tasks_of_a_leaving_clerk_go_to_another(leaving: World, house: House, sit_down: SitDown) -> None:
    clerk, heir = leaving.people[CLERK], leaving.people[HEIR]
    assert await open_of(house, clerk) == len(SEASONS) * EACH
    admin = await sit_down(ADMINISTRATOR)
    await admin.go(f"/people/{clerk}/leaving")
    assert "个人名下有 60 项待办" in await admin.text()
    await admin.looks_whole("a1-leaving")
    await admin.type("heir", HEIR)
    await admin.page.locator('[name^="to-"]').first.fill(HEIR)
    await admin.type("last_day", "2027-01-31")
    async with admin.page.expect_navigation():
        await admin.click("form[action$='/leaving'] button.btn-primary")
    said = await admin.text()
    assert "59 件的待办立即移交给" in said
    assert said.count("不移交的原因") == 1
    assert await open_of(house, heir) == 0, "a look changes nothing"
    await admin.looks_whole("a2-what-will-happen")
    async with admin.page.expect_navigation():
        await admin.click("form[action$='/leaving'] button.btn-primary")
    assert "59 件的待办已移交给" in await admin.text()
    await admin.looks_whole("a3-handed-over")
    assert (await open_of(house, heir), await open_of(house, clerk)) == (59, 1)
    successor = await sit_down(HEIR)
    await successor.go("/queue")
    assert await successor.page.locator("a[data-row]").count() == 50
    async with successor.page.expect_response(lambda answer: "after=" in answer.url):
        await successor.page.click("a[hx-get]")
    await expect(successor.page.locator("a[data-row]")).to_have_count(59)
    await successor.looks_whole("a4-queue")


# --- (b) a substitute's week --------------------------------------------------------------------------------------------


@pytest.fixture
async def filing(house: House) -> World:
    house.world = await open_filing(await make_world(house.store))
    await open_accounts(house.world)
    await house.start_web()
    return house.world


async def test_a_substitutes_week_begins_and_ends(filing: World, house: House, sit_down: SitDown) -> None:
    for group in ("math", "biology"):
        await submit(filing, group)
    reviewer = await sit_down("research-reviewer")
    await reviewer.go("/substitutes/new")
    for name, value in {
        "substitute": HEIR,
        "starts_on": "2027-02-01",
        "ends_on": "2027-02-05",
        "reason": "出差",
    }.items():
        await reviewer.type(name, value)
    async with reviewer.page.expect_navigation():
        await reviewer.click("form[action='/substitutes'] button.btn-primary")
    await reviewer.looks_whole("b1-confirmation")
    async with reviewer.page.expect_navigation():
        await reviewer.click("form[action='/substitutes'] button.btn-primary")
    substitute = await sit_down(HEIR)
    substitute.refusals += ("404",)
    await substitute.go("/queue")
    assert await substitute.page.locator("a[data-row]").count() == 0

    await house.move(local(2027, 2, 1))
    await substitute.sign_in_again()
    await substitute.go("/queue")
    assert await substitute.page.locator("a[data-row]").count() == 2
    (person,) = await house.facts("SELECT name FROM person WHERE id = $1", filing.people["research-reviewer"])
    assert f"代{person['name']}" in (await substitute.text()).replace(" ", "")
    await substitute.looks_whole("b2-on-behalf")
    async with substitute.page.expect_navigation():
        await substitute.page.locator("a[data-row]").first.click()
    await agree(substitute)
    (row,) = await house.facts("SELECT d.case_id, d.on_behalf_id FROM decision d WHERE d.kind = 'approve'")
    assert row["on_behalf_id"] == filing.people["research-reviewer"]
    await reviewer.sign_in_again()
    await reviewer.go(f"/cases/{row['case_id']}")
    (heir,) = await house.facts("SELECT name FROM person WHERE id = $1", filing.people[HEIR])
    assert f"{heir['name']}代{person['name']}" in await reviewer.text()
    await reviewer.looks_whole("b3-history")

    await house.move(local(2027, 2, 6))
    await substitute.sign_in_again()
    await substitute.go("/queue")
    assert await substitute.page.locator("a[data-row]").count() == 0
    answer = await substitute.page.goto(f"{house.url}/cases/{row['case_id']}")
    assert answer is not None
    assert answer.status == 404


# --- (c) approvals in bulk ----------------------------------------------------------------------------------------------


async def test_five_are_approved_in_bulk_and_two_refused(filing: World, house: House, sit_down: SitDown) -> None:
    groups = ("math", "physics", "chemistry", "biology", "informatics")
    for group in groups:
        await submit(filing, group)
        await guide(filing, group)
    clerk = await sit_down(CLERK)
    await clerk.go("/queue")
    for _ in groups:
        await clerk.press("j")
        await clerk.press("x")
    assert await clerk.page.locator("input[name=task]:checked").count() == len(groups)
    await clerk.looks_whole("c1-chosen")
    async with clerk.page.expect_navigation():
        await clerk.press("b")
    assert "所选待办中有 5 项将审核通过" in await clerk.text()
    await clerk.looks_whole("c2-preview")
    await clerk.type("words", "同意备案")
    for group in groups[:2]:
        async with filing.store.transaction() as tx:
            by = await filing.reader(tx, "finance-clerk")
            task = await filing.open_task(tx, group, "planning-finance-office/clerk")
            await return_case(tx, by=by, task_id=task, to="plan", words="经费有误")
    async with clerk.page.expect_navigation():
        await clerk.click("form[action='/queue/bulk/confirm'] button.btn-success")
    said = await clerk.text()
    assert "已通过 3 项；2 项被拒绝" in said
    assert said.count("被拒绝：") == 2
    await clerk.looks_whole("c3-results")
    rows = await house.facts("SELECT count(*)::int AS n FROM decision WHERE kind = 'approve' AND words = '同意备案'")
    assert rows[0]["n"] == 3


# --- (d) returned, and straight back --------------------------------------------------------------------------------------


@pytest.fixture
async def office(house: House) -> Office:
    await house.move(local(2027, 1, 4))
    made = await make_office(house.store)
    await made.open("rich", "robotics")
    await made.submit()
    house.world = World(house.store, made.bureau_id, made.pack, people=dict(made.people))
    await house.facts("UPDATE account SET password_hash = $1", await hash_password(PASSWORD))
    await house.start_web()
    return made


async def stands_in(office: Office) -> set[str]:
    return {visit.stage for visit in (await office.state()).open}


async def marks(visitor: Visitor) -> dict[str, str]:
    """Return the words of each drawn stage on the page that is open."""
    found: dict[str, str] = await visitor.page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('.gt-flow-wide g[data-stage]')]"
        ".map(it => [it.dataset.stage, it.textContent]))"
    )
    return found


async def test_a_returned_case_comes_straight_back(office: Office, sit_down: SitDown) -> None:
    task = await office.task("countersign", "finance-office/clerk")
    finance = await sit_down("finance-clerk")
    await finance.go(f"/tasks/{task.id}")
    await finance.looks_whole("d1-desk")
    await send_back(finance, "经费总额有误")
    assert await stands_in(office) == {"plan"}

    chief = await sit_down("robotics-chief")
    await chief.go(f"/cases/{office.case_id}")
    drawn = await marks(chief)
    assert re.search("退回", drawn["plan"]), drawn["plan"]
    await chief.looks_whole("d2-returned")
    await chief.go(f"/cases/{office.case_id}/form")
    assert "经费总额有误" in await chief.text()
    await chief.type("budget.total", "21000")
    await submit_form(chief)
    assert "countersign" in await stands_in(office)

    again = await office.task("countersign", "finance-office/clerk")
    await finance.go(f"/tasks/{again.id}/confirm?act=approve")
    await finance.looks_whole("d3-confirm")
    async with finance.page.expect_navigation():
        await finance.click("form[action$='/confirm'] button.btn-success")
    assert [task.actor for task in (await office.visit("countersign")).tasks] == ["teachers-office/clerk"]
    await chief.go(f"/cases/{office.case_id}")
    await chief.looks_whole("d3-back")
    await chief.go(f"/cases/{office.case_id}/process")
    assert "处室会签" in await chief.text()
    await chief.looks_whole("d4-in-words")
