"""The bureau's own values by keyboard at 360 pixels, in both languages: list, edit, confirmation, set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.conftest import SitDown
from tests.browser.house import House
from tests.browser.test_keyboard import enter, sign_in_by_keys, tab_to, world
from tests.browser.visitor import Visitor
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.postgres]
__all__ = ["world"]

WITHIN = "v:processes/annual-filing/stages/guidance/within"
PICTURES = os.environ.get("GUANTONG_TEST_PICTURES")


async def looked_at(person: Visitor, name: str) -> None:
    """Hold that the page is whole on a narrow screen, with everything that unfolds unfolded."""
    await person.page.evaluate("() => document.querySelectorAll('main details').forEach(it => { it.open = true; })")
    if PICTURES:
        await person.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
    assert await person.scrolls_sideways() == 0, name


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_value_is_set_by_keyboard_on_a_narrow_screen(
    world: World, house: House, sit_down: SitDown, language: str
) -> None:
    await house.facts("UPDATE person SET locale = $1 WHERE id = $2", language, world.people["administrator"])
    person = await sit_down(width=360)
    await sign_in_by_keys(person, "administrator")
    (row,) = await house.facts("SELECT id FROM programme")
    at = f"/administration/programmes/{row['id']}"
    await person.go("/administration")
    await tab_to(person, at)
    await enter(person)
    await looked_at(person, f"programme-{language}")
    await tab_to(person, f"{at}/values")
    await enter(person)
    await looked_at(person, f"values-{language}")
    await tab_to(person, f"{at}/values?of=processes/annual-filing/stages/guidance")
    await enter(person)
    await looked_at(person, f"edit-{language}")
    await tab_to(person, WITHIN)
    await person.page.keyboard.press("Control+A")
    await person.page.keyboard.type("soon")
    await enter(person)
    await looked_at(person, f"wrong-{language}")
    assert "soon" in await person.text(".gt-problem")
    await tab_to(person, WITHIN)
    await person.page.keyboard.press("Control+A")
    await person.page.keyboard.type("8wd")
    await enter(person)
    assert await person.focused() == "reason"
    await person.page.keyboard.type("地市要求")
    await looked_at(person, f"confirm-{language}")
    await tab_to(person, "BUTTON")
    await enter(person)
    assert person.page.url.endswith(at)
    await looked_at(person, f"set-{language}")
    (kept,) = await house.facts("SELECT changes::text AS changes, reason FROM programme_overlay")
    assert ('"8wd"' in kept["changes"], kept["reason"]) == (True, "地市要求")
    assert person.wrong == []
