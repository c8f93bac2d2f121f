"""The main path by keyboard alone, at 360 pixels: sign in, list, form, submit; then the desk, approve."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import Route

from tests.browser.conftest import SitDown
from tests.browser.desk_work import fill_form, submit_form
from tests.browser.house import PASSWORD, House, open_accounts
from tests.browser.visitor import Visitor
from tests.world import PLAN, World, make_world, open_filing, plan

pytestmark = [pytest.mark.browser, pytest.mark.postgres]


@pytest.fixture
async def world(house: House) -> World:
    house.world = await open_filing(await make_world(house.store))
    await open_accounts(house.world)
    await house.start_web()
    return house.world


async def tab_to(person: Visitor, wanted: str, *, most: int = 120) -> None:
    """Press Tab until the focus is on the element of this name."""
    for _ in range(most):
        if await person.focused() == wanted:
            return
        await person.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached with the Tab key")


async def enter(person: Visitor) -> None:
    async with person.page.expect_navigation():
        await person.press("Enter")


async def sign_in_by_keys(person: Visitor, login: str) -> None:
    """Type name and password where the focus stands when the page opens."""
    await person.go("/sign-in")
    assert await person.focused() == "login"
    await person.page.keyboard.type(login)
    await tab_to(person, "password", most=2)
    await person.page.keyboard.type(PASSWORD)
    await enter(person)


def entries(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every entry of a plan by name, in the order of the form."""
    found: list[tuple[str, str]] = []
    for part, fields in data.items():
        for name, value in fields.items():
            rows = value if isinstance(value, list) else []
            found += [(f"{part}.{name}.{n}.{key}", text) for n, row in enumerate(rows) for key, text in row.items()]
            found += [] if rows else [(f"{part}.{name}", value)]
    return found


async def choose(person: Visitor, value: str) -> None:
    """Choose an option with the arrow keys."""
    for _ in range(6):
        if await person.page.evaluate("() => document.activeElement.value") == value:
            return
        await person.press("ArrowDown")
    raise AssertionError(f"{value} cannot be chosen with the arrow keys")


async def fill_by_keys(person: Visitor, data: Mapping[str, Any]) -> None:
    for name, value in entries(data):
        if name.endswith("lines.1.head"):
            await tab_to(person, "act")  # removing the first row; then adding one
            await person.press("Tab")
            await person.press("Enter")
        await tab_to(person, name)
        if await person.page.evaluate("() => document.activeElement.tagName") == "SELECT":
            await choose(person, value)
        else:
            await person.page.keyboard.type(value)


async def test_the_main_path_by_keyboard_on_a_narrow_screen(world: World, house: House, sit_down: SitDown) -> None:
    chief = await sit_down(width=360)
    await sign_in_by_keys(chief, "math-chief")
    await chief.press("j")
    await enter(chief)
    assert chief.page.url.endswith("/form")
    await fill_by_keys(chief, PLAN)
    assert await chief.scrolls_sideways() == 0
    await tab_to(chief, "submit")
    await chief.press("Enter")
    await enter(chief)
    assert chief.page.url.endswith(f"/cases/{world.cases['math']}"), await chief.text()
    (kept,) = await house.facts("SELECT data::text AS data FROM submission")
    for text in ("Number theory", "Three absences end the training.", "Books"):
        assert text in kept["data"]

    reviewer = await sit_down(width=360)
    await sign_in_by_keys(reviewer, "research-reviewer")
    await reviewer.press("o")
    await reviewer.page.wait_for_url("**/tasks/*")
    assert await reviewer.scrolls_sideways() == 0
    await reviewer.press("a")
    await reviewer.page.keyboard.type("同意。")  # typing begins the opinion, wherever the focus stands
    await tab_to(reviewer, "BUTTON", most=12)
    await enter(reviewer)
    (decision,) = await house.facts("SELECT kind, words FROM decision WHERE kind = 'approve'")
    assert (decision["kind"], decision["words"]) == ("approve", "同意。")


async def test_submitting_waits_for_a_save_under_way(world: World, sit_down: SitDown) -> None:
    """Who types and submits at once does not collide with the autosave of what they have just typed."""
    chief = await sit_down("math-chief")
    saving = asyncio.Event()

    async def slowly(route: Route) -> None:
        saving.set()
        answer = await route.fetch()
        await asyncio.sleep(0.3)  # a slow line: the draft is saved, and the page has not heard of it yet
        await route.fulfill(response=answer)

    await chief.go(f"/cases/{world.cases['math']}/form")
    await fill_form(chief, plan())
    await chief.page.route("**/draft", slowly)
    await chief.type("trainees.number", "30")
    await saving.wait()
    await submit_form(chief)
    assert chief.page.url.endswith(f"/cases/{world.cases['math']}"), await chief.text()


async def test_what_was_sent_with_the_form_is_not_taken_for_another_window(world: World, sit_down: SitDown) -> None:
    """Who types and presses “check” before the autosave sees what is wrong, and no version to compare."""
    chief = await sit_down("math-chief")
    await chief.go(f"/cases/{world.cases['math']}/form")
    await fill_form(chief, plan(budget__total="26000"))
    for act in ("save", "check"):
        await chief.type("trainees.number", "31")
        async with chief.page.expect_navigation():
            await chief.click(f".gt-saved [name=act][value={act}]")
        await chief.page.wait_for_load_state("networkidle")
        assert not await chief.page.locator("[data-merged]").count()
    assert "26,024" in await chief.text('.gt-field:has([name="budget.total"]) .gt-problem[id]')
    held = await chief.page.evaluate("() => Object.keys(sessionStorage).filter(key => key.startsWith('guantong:'))")
    assert held == []


async def test_what_was_typed_outlives_the_session(world: World, house: House, sit_down: SitDown) -> None:
    """Signed out while typing: after signing in again the form has what was typed."""
    chief = await sit_down("math-chief")
    form = f"/cases/{world.cases['math']}/form"
    await chief.go(form)
    await chief.page.context.clear_cookies()
    chief.refusals += ("403",)
    await chief.type("trainees.procedure", "学校推荐，专家面谈。")
    async with chief.page.expect_navigation():
        await chief.click(".gt-saved [name=act][value=save]")
    await chief.go(form)
    await chief.sign_in("math-chief")
    await chief.page.wait_for_load_state("networkidle")
    await chief.page.wait_for_function("() => document.querySelector('[name=\"trainees.procedure\"]').value")
    assert await chief.page.input_value('[name="trainees.procedure"]') == "学校推荐，专家面谈。"
    (draft,) = await house.facts("SELECT data::text AS data FROM draft")
    assert "专家面谈" in draft["data"]
