"""The drawn process on a page: nothing of it is cut off, and on a phone it scrolls in its own box."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from services.process.drawing import draw
from services.process.position import Position
from services.web.drawn import drawn
from services.web.templating import STATIC
from tests.process_samples import SAMPLES, pack

pytestmark = pytest.mark.browser

STYLE = "body { margin: 8px } .box { overflow-x: auto }"
LOOK = """() => {
    const box = document.querySelector(".box"), svg = document.querySelector("svg");
    const whole = svg.getBoundingClientRect();
    const outside = [...svg.querySelectorAll("text, rect, path")].filter(each => {
        const at = each.getBoundingClientRect();
        return at.left < whole.left - 1 || at.right > whole.right + 1 || at.top < whole.top - 1 || at.bottom > whole.bottom + 1;
    });
    const wide = [...svg.querySelectorAll("g")].filter(group => {
        const shape = group.querySelector("path").getBoundingClientRect();
        return [...group.querySelectorAll("text")].some(each => {
            const at = each.getBoundingClientRect();
            return at.left < shape.left || at.right > shape.right || at.top < shape.top || at.bottom > shape.bottom;
        });
    });
    return {
        page: document.documentElement.scrollWidth <= document.documentElement.clientWidth,
        scrolls: box.scrollWidth > box.clientWidth,
        wider: whole.width > box.clientWidth,
        outside: outside.length,
        wide: wide.map(each => each.dataset.stage),
        names: [...svg.querySelectorAll("[id]")].map(each => each.textContent).length,
    };
}"""


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("locale", ["zh", "en"])
async def test_a_drawing_is_whole_on_a_phone(chromium: Browser, name, direction, locale):
    page = await chromium.new_page(viewport={"width": 360, "height": 740})
    try:
        drawn = draw(SAMPLES[name], locale, direction=direction)
        await page.set_content(f"<!doctype html><style>{STYLE}</style><div class=box>{drawn}</div>")
        found = await page.evaluate(LOOK)
    finally:
        await page.close()
    assert found["page"]
    assert found["outside"] == 0
    assert found["wide"] == []
    assert found["names"] == 2
    assert found["scrolls"] is found["wider"]
    assert found["wider"] or direction == "down"


@pytest.mark.parametrize(
    ("width", "media", "shown"),
    [(1280, "screen", "gt-flow-wide"), (360, "screen", "gt-flow-narrow"), (1280, "print", "gt-flow-narrow")],
)
async def test_a_page_shows_the_drawing_that_fits(chromium: Browser, width, media, shown):
    page = await chromium.new_page(viewport={"width": width, "height": 740})
    try:
        both = drawn(pack(), SAMPLES["rich"], Position(open=frozenset({"plan"})), locale="zh")
        await page.set_content(f"<!doctype html><style>body {{ margin: 8px }}</style>{both}")
        await page.add_style_tag(path=f"{STATIC}/flow.css")
        await page.emulate_media(media=media)
        visible = await page.evaluate(
            "() => [...document.querySelectorAll('.gt-flow')].filter(each => each.offsetParent).map(each => each.className)"
        )
        fits = await page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    finally:
        await page.close()
    assert visible == [f"gt-flow {shown}"]
    assert fits
