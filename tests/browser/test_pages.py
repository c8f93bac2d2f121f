"""Every page of every role: whole at 360 pixels, in both languages, nothing from elsewhere, nothing on the console."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from services.adapters.demo import PACK, play_demo
from services.adapters.packs import read_pack, read_roster
from tests.browser.conftest import SitDown
from tests.browser.house import House
from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.postgres]

ROLES = (
    "math-chief", "math-coach-1", "school-1-office", "school-1-admin", "research-reviewer", "basic-clerk", "basic-head",
    "administrator", "auditor", "security",
)  # fmt: skip
ENGLISH = ("math-coach-1", "basic-clerk", "administrator")
"""Longer words on the same pages."""
IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
NOT_PAGES = re.compile(r"\.xlsx|^/files/|^/static/|#|^/sign-in")
WIDEST = """() => Array.from(document.querySelectorAll('main *, header *'))
    .filter(it => it.getBoundingClientRect().right > window.innerWidth + 1 && !it.closest('.gt-scroll'))
    .slice(0, 4).map(it => `<${it.tagName.toLowerCase()} class="${it.className}">` + it.textContent.trim().slice(0, 40))"""

CUT = """() => Array.from(document.querySelectorAll('.gt-menu[open] > div'))
    .filter(it => it.getBoundingClientRect().left < 0 || it.getBoundingClientRect().right > window.innerWidth).length"""
"""Menus that open beyond the edge, where nothing scrolls."""


@pytest.fixture
async def demo(house: House) -> House:
    """The demonstration's bureau: plans in every stage."""
    pack = read_pack(PACK)
    await play_demo(house.store, pack, read_roster(PACK / "people" / "demo.yaml", pack))
    await house.start_web()
    return house


@dataclass
class Walk:
    """One person's walk over all pages that are one click from another; of pages alike one is looked at."""

    person: Visitor
    seen: set[str] = field(default_factory=set)
    wide: list[str] = field(default_factory=list)

    async def walk(self) -> None:
        todo = ["/", "/account"]
        while todo:
            path = todo.pop(0)
            kind = IDENTITY.sub("…", path.partition("?")[0])
            if kind not in self.seen:
                self.seen.add(kind)
                await self.look(path)
                todo += await self.links()

    async def look(self, path: str) -> None:
        await self.person.go(path)
        # What unfolds is unfolded: it has to fit, too.
        await self.person.page.evaluate("() => document.querySelectorAll('details').forEach(it => { it.open = true; })")
        wider = await self.person.scrolls_sideways()
        cut = await self.person.page.evaluate(CUT)
        if wider or cut:
            self.wide.append(
                f"{self.person.login} {path}: {wider} px, {cut} cut, {await self.person.page.evaluate(WIDEST)}"
            )

    async def links(self) -> list[str]:
        found = await self.person.page.eval_on_selector_all("a[href]", "all => all.map(it => it.getAttribute('href'))")
        return [path for path in found if path.startswith("/") and not NOT_PAGES.search(path)]


async def test_no_page_of_any_role_is_wider_than_360_pixels(demo: House, sit_down: SitDown) -> None:
    wide: list[str] = []
    chosen = "SELECT person_id FROM account WHERE login = ANY($1)"
    await demo.facts(f"UPDATE person SET locale = 'en' WHERE id IN ({chosen})", list(ENGLISH))
    for login in ROLES:
        walk = Walk(await sit_down(login, width=360))
        await walk.walk()
        assert str(await walk.person.page.get_attribute("html", "lang")).startswith("en" if login in ENGLISH else "zh")
        assert len(walk.seen) > 3, f"{login} has more pages than {walk.seen}"
        wide += walk.wide
    (opened,) = await demo.facts("SELECT due_at FROM season WHERE state = 'running'")
    await demo.move(opened["due_at"] + timedelta(days=20))  # after the close: red lights, the exception's page
    for login in ("basic-head", "math-chief"):
        walk = Walk(await sit_down(login, width=360))
        await walk.walk()
        wide += walk.wide
    assert wide == []


async def test_a_person_switches_the_language_for_good(demo: House, sit_down: SitDown) -> None:
    person = await sit_down("math-chief", width=360)
    assert "我的待办" in await person.text(".gt-nav")
    async with person.page.expect_navigation():
        await person.click('[name=language][value="en"]')
    assert "My tasks" in await person.text(".gt-nav")
    again = await sit_down("math-chief", language="zh-CN")
    assert "My tasks" in await again.text(".gt-nav"), "it is the person's choice, not the browser's"
