"""A person at a browser: what they press is counted, and what the page may never do is noted."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Page, Request

from tests.browser.house import PASSWORD, House

LOOPBACK = {"127.0.0.1", "localhost"}
REFUSALS = ("401", "409", "422", "423", "429")
"""What a page answers when it refuses what was typed; Chromium notes each on its console."""


@dataclass
class Visitor:
    """One browser context: own cookies, own window."""

    house: House
    page: Page
    login: str = ""
    actions: int = 0
    wrong: list[str] = field(default_factory=list)
    refusals: tuple[str, ...] = REFUSALS

    def watch(self) -> None:
        self.page.context.on("request", self._request)
        self.page.context.on("console", self._console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error in a script: {error}"))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob", "about"} and parts.hostname not in LOOPBACK:
            self.wrong.append(f"asked elsewhere: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        refused = any(f"status of {code}" in message.text for code in self.refusals)
        if message.type in {"error", "warning"} and not refused:
            self.wrong.append(f"console: {message.text}")

    async def go(self, path: str) -> None:
        await self.page.goto(path if path.startswith("http") else self.house.url + path)

    async def press(self, key: str) -> None:
        self.actions += 1
        await self.page.keyboard.press(key)

    async def click(self, selector: str) -> None:
        self.actions += 1
        await self.page.click(selector)

    async def type(self, name: str, value: str) -> None:
        """Fill in an entry by its name; a choice is chosen."""
        entry = self.page.locator(f'[name="{name}"]')
        if await entry.evaluate("element => element.tagName") == "SELECT":
            await entry.select_option(value)
        else:
            await entry.fill(value)

    async def sign_in(self, login: str, password: str = PASSWORD) -> None:
        if not self.page.url.startswith(f"{self.house.url}/sign-in"):
            await self.go("/sign-in")
        await self.type("login", login)
        await self.type("password", password)
        await self.page.press("[name=password]", "Enter")
        await self.page.wait_for_load_state()
        self.login = login

    async def sign_in_again(self) -> None:
        """Sign in anew, as after days in which the session has ended."""
        await self.page.context.clear_cookies()
        await self.sign_in(self.login)

    async def text(self, selector: str = "main") -> str:
        return await self.page.inner_text(selector)

    async def focused(self) -> str:
        """Return the name of the focused entry, or what its element is called."""
        name: str = await self.page.evaluate(
            "() => { const it = document.activeElement;"
            " return it.name || it.id || it.dataset.open || it.getAttribute('href') || it.tagName; }"
        )
        return name

    async def scrolls_sideways(self) -> int:
        """Return how many pixels the page is wider than its window."""
        wider: int = await self.page.evaluate("() => document.scrollingElement.scrollWidth - window.innerWidth")
        return max(0, wider)

    async def looks_whole(self, name: str) -> None:
        """Hold that nothing is wider than its window, at 1280 and at 360 pixels.

        Where GUANTONG_TEST_PICTURES names a folder, pictures of both are put there, to be looked at.
        """
        folder = os.environ.get("GUANTONG_TEST_PICTURES")
        for width in (1280, 360):
            await self.page.set_viewport_size({"width": width, "height": 740})
            assert await self.scrolls_sideways() == 0, f"{name} at {width} pixels"
            if folder:
                await self.page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
        await self.page.set_viewport_size({"width": 1280, "height": 740})


async def new_visitor(
    browser: Browser, house: House, *, width: int = 1280, language: Literal["zh-CN", "en-GB"] = "zh-CN"
) -> Visitor:
    context = await browser.new_context(viewport={"width": width, "height": 740}, locale=language)
    context.set_default_timeout(15_000)
    visitor = Visitor(house, await context.new_page())
    visitor.watch()
    return visitor
