"""A teacher without a mailbox: let in by a printed slip, locked out, let in again by the school's office, files."""

from __future__ import annotations

import pytest

from tests.browser.conftest import SitDown
from tests.browser.desk_work import fill_form, open_from_list, submit_form
from tests.browser.house import House, open_accounts
from tests.browser.visitor import Visitor
from tests.world import World, make_world, open_filing, plan

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

TEACHER, SCHOOL = "biology-chief", "school-4-admin"


@pytest.fixture
async def world(house: House) -> World:
    house.world = await open_filing(await make_world(house.store))
    await open_accounts(house.world, without=(TEACHER,))
    await house.start_web()
    return house.world


async def print_slip(office: Visitor, person: str) -> dict[str, str]:
    """Issue a slip on the page of the school's people; return what stands on it, as its reader types it."""
    await office.go("/people")
    row = office.page.locator("tr", has_text=person)
    await row.locator("[data-open]").click()
    async with office.page.expect_navigation():
        await office.press("Enter")
    assert await office.page.locator(".gt-slip svg").count() == 1
    await office.page.evaluate("() => { window.print = () => { window.printed = true; }; }")
    await office.click("[data-print]")
    assert await office.page.evaluate("() => window.printed")
    cells = await office.page.locator(".gt-slip td").all_inner_texts()
    return dict(zip(("address", "bureau", "login", "code"), cells, strict=False))


async def redeem(teacher: Visitor, slip: dict[str, str], password: str) -> None:
    await teacher.go(slip["address"])
    await teacher.type("login", slip["login"])
    await teacher.type("code", slip["code"].lower())
    await teacher.type("password", password)
    await teacher.type("again", password)
    async with teacher.page.expect_navigation():
        await teacher.press("Enter")


async def signs_in(visitor: Visitor, password: str) -> bool:
    await visitor.sign_in(TEACHER, password)
    return "/sign-in" not in visitor.page.url


async def test_activated_locked_out_reset_and_filed(world: World, house: House, sit_down: SitDown) -> None:
    office, teacher = await sit_down(SCHOOL), await sit_down()
    first = await print_slip(office, "柳成荫")
    await redeem(teacher, first, "qiu-tian-de-shu-ye")
    assert await signs_in(teacher, "qiu-tian-de-shu-ye")
    await open_from_list(teacher, "/tasks", group="生物")
    await fill_form(teacher, plan())
    async with teacher.page.expect_navigation():
        await teacher.click(".gt-saved [name=act][value=save]")

    elsewhere = await sit_down()
    for _ in range(5):
        assert not await signs_in(elsewhere, "wrong-wrong-wrong")
    assert not await signs_in(elsewhere, "qiu-tian-de-shu-ye"), "the right one does not help while it is locked"
    assert "15" in await elsewhere.text(".alert-danger"), "it says until when: 09:15"

    second = await print_slip(office, "柳成荫")
    assert second["code"] != first["code"]
    await teacher.go("/tasks")
    assert "/sign-in" in teacher.page.url, "a reset signs out everywhere"
    await redeem(elsewhere, first, "another-password-1")
    assert await elsewhere.page.locator(".alert-danger").count(), "a slip works once"
    await redeem(elsewhere, second, "dong-tian-de-shu-ye")
    assert not await signs_in(elsewhere, "qiu-tian-de-shu-ye")
    assert await signs_in(elsewhere, "dong-tian-de-shu-ye")
    await open_from_list(elsewhere, "/tasks", group="生物")
    await submit_form(elsewhere)
    (case,) = await house.facts("SELECT stage FROM cases WHERE id = $1", world.cases["biology"])
    assert case["stage"] == "guidance"
    assert not await house.facts("SELECT 1 FROM message"), "nothing of it went by mail"
