"""What is done without moving a case, at 360 pixels: an opinion kept while it is typed, people found while one types."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import SitDown
from tests.browser.house import House, open_accounts
from tests.workflow.acting import submit
from tests.world import World, make_world, open_filing

pytestmark = [pytest.mark.browser, pytest.mark.postgres]


@pytest.fixture
async def world(house: House) -> World:
    house.world = await open_filing(await make_world(house.store))
    await open_accounts(house.world)
    await house.start_web()
    await submit(house.world)
    return house.world


async def test_an_opinion_is_kept_while_it_is_typed_and_there_again(world: World, sit_down: SitDown):
    async with world.store.transaction() as tx:
        task = await world.open_task(tx, "math")
    reviewer = await sit_down("research-reviewer", width=360)
    await reviewer.go(f"/tasks/{task}")
    await reviewer.press("r")
    await reviewer.page.fill("#return-words", "第2项偏高")
    await expect(reviewer.page.locator("#return [data-kept]")).to_have_text("已暂存，下次打开时恢复。")
    await reviewer.go(f"/tasks/{task}")
    await reviewer.press("r")
    await expect(reviewer.page.locator("#return-words")).to_have_value("第2项偏高")
    assert await reviewer.scrolls_sideways() == 0


async def test_people_are_found_while_one_types_and_every_page_fits(world: World, sit_down: SitDown):
    case = world.cases["math"]
    reviewer = await sit_down("research-reviewer", width=360)
    await reviewer.go(f"/cases/{case}/copies")
    async with world.store.transaction() as tx:
        (person,) = await tx.rows("SELECT name FROM person WHERE id = $1", (world.people["sports-clerk"],))
    await reviewer.page.fill("#f-words", "请阅")
    await reviewer.page.locator("#f-q").press_sequentially(person["name"])
    await reviewer.page.check(f"#found label:has-text('{person['name']}') input")
    await reviewer.page.fill("#f-q", "")
    await reviewer.page.locator("#f-q").press_sequentially("sun")
    await expect(reviewer.page.locator("#found input:checked")).to_have_count(1)
    assert await reviewer.scrolls_sideways() == 0
    async with reviewer.page.expect_navigation():
        await reviewer.click("button[value=send]")
    assert "请阅" in await reviewer.text()
    assert await reviewer.scrolls_sideways() == 0

    reader = await sit_down("sports-clerk", width=360)
    for path in ("/tasks", "/copies", f"/cases/{case}"):
        await reader.go(path)
        assert await reader.scrolls_sideways() == 0, path
    async with reader.page.expect_navigation():
        await reader.click("form[action^='/copies/'] button")

    clerk = await sit_down("basic-clerk", width=360)
    await clerk.go(f"/cases/{case}")
    await clerk.click("main .gt-menu > summary")
    await clerk.click("[data-open=priority]")
    await clerk.page.fill("#priority-words", "局长交办")
    async with clerk.page.expect_navigation():
        await clerk.click("#priority button.btn-primary")
    await expect(clerk.page.locator("h1 .gt-priority")).to_contain_text("特急")
    assert await clerk.scrolls_sideways() == 0
