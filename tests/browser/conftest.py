"""The machine's Chromium, an installation per test, and people who sit down at it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from services.store.transaction import Store
from tests.browser.house import House
from tests.browser.visitor import Visitor, new_visitor

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SitDown = Callable[..., Awaitable[Visitor]]


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of all tests. They are never skipped: a machine without one has to get one."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.fail(
            f"No {', '.join(NAMES)} is on the PATH. “make test” installs one where it may;"
            " by hand: sudo apt-get install chromium fonts-noto-cjk"
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def house(store: Store, database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """An installation whose bureau and processes the test brings in."""
    made = House(store, tmp_path, database_url)
    yield made
    made.stop()


@pytest.fixture
async def sit_down(chromium: Browser, house: House) -> AsyncIterator[SitDown]:
    """Give people browsers of their own; at the end nothing may have gone wrong in any of them."""
    visitors: list[Visitor] = []

    async def sit(login: str = "", **how) -> Visitor:
        visitor = await new_visitor(chromium, house, **how)
        visitors.append(visitor)
        if login:
            await visitor.sign_in(login)
        return visitor

    yield sit
    for visitor in visitors:
        await visitor.page.context.close()
    assert [(visitor.login, wrong) for visitor in visitors for wrong in visitor.wrong] == []
