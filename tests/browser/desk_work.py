"""What people do at the browser in a season, step by step as they see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.browser.visitor import Visitor

ROW_FORM = '[data-remarks]:has(input[name="place"][value="{place}"])'


async def fill_form(chief: Visitor, plan: Mapping[str, Any]) -> None:
    """Type a whole plan into the form that is open; rows that are missing are added."""
    for part, fields in plan.items():
        for name, value in fields.items():
            path = f"{part}.{name}"
            if isinstance(value, list):
                await _fill_rows(chief, path, value)
            else:
                await chief.type(path, value)


async def _fill_rows(chief: Visitor, path: str, rows: list[Mapping[str, str]]) -> None:
    for index, row in enumerate(rows):
        first = f"{path}.{index}.{next(iter(row))}"
        if not await chief.page.locator(f'[name="{first}"]').count():
            await chief.click(f'[name=act][value="add:{path}"]')
        for column, value in row.items():
            await chief.type(f"{path}.{index}.{column}", value)


async def submit_form(chief: Visitor) -> None:
    """Press “submit”, read what will happen, and confirm."""
    await chief.click("button[data-open=submit]")
    async with chief.page.expect_navigation():
        await chief.press("Enter")


async def pin(reviewer: Visitor, place: str, text: str) -> None:
    """Pin a remark to an entry of the plan that is on the desk."""
    here = reviewer.page.locator(ROW_FORM.format(place=place))
    await here.locator("summary").click()
    await here.locator("textarea").fill(text)
    await here.locator("form[hx-post$='/remarks'] button").click()
    await here.locator(".gt-remark", has_text=text).wait_for()


async def send_back(reviewer: Visitor, reason: str) -> None:
    await reviewer.press("r")
    await reviewer.page.fill("#return-words", reason)
    async with reviewer.page.expect_navigation():
        await reviewer.click("#return [data-confirm]")


async def agree(reader: Visitor) -> None:
    """Approve what is on the desk: one key, and Enter for what the dialog says."""
    await reader.press("a")
    async with reader.page.expect_navigation():
        await reader.press("Enter")


async def open_from_list(reader: Visitor, path: str, *, group: str) -> None:
    """Open a group's line of a work list."""
    await reader.go(path)
    async with reader.page.expect_navigation():
        await reader.page.locator("a[data-row]", has_text=group).click()
