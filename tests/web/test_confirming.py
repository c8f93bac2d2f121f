"""Approving from a mail: following the link, however often, changes nothing; the page's button decides."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Demo

pytestmark = pytest.mark.postgres

EVENTS = "SELECT count(*)::int AS n FROM audit_event"


async def link(demo: Demo) -> str:
    return f"/tasks/{await demo.task('biology', 'guiding-unit/reviewer')}/confirm?act=approve"


async def decisions(demo: Demo) -> int:
    return (await demo.rows("SELECT count(*)::int AS n FROM decision"))[0]["n"]


def fields(text: str) -> dict[str, str]:
    form = text[text.index("/confirm") :]
    return {name: re.search(rf'name="{name}" value="([^"]*)"', form)[1] for name in ("version", "key")}


async def test_a_scanner_that_follows_the_link_changes_nothing(demo: Demo):
    path = await link(demo)
    before = (await decisions(demo), await demo.rows(EVENTS))
    scanner = demo.browser()
    for method in ("HEAD", "GET", "OPTIONS"):
        answer = await scanner.http.request(method, path)
        assert answer.status_code in (303, 405)
    answer = await scanner.http.get(path)
    assert answer.headers["location"].startswith("/sign-in?next=%2Ftasks%2F")
    assert "act%3Dapprove" in answer.headers["location"]
    assert (await scanner.http.post(path.partition("?")[0])).status_code in (303, 403)
    reviewer = await demo.sign_in("research-reviewer")
    signed_in = await demo.rows(EVENTS)
    for _ in range(3):
        assert (await reviewer.get(path)).status_code == 200
    assert (await decisions(demo), await demo.rows(EVENTS)) == (before[0], signed_in)


async def test_the_button_approves_with_the_words(demo: Demo):
    path, reviewer = await link(demo), await demo.sign_in("research-reviewer")
    page = (await reviewer.get(path)).text
    assert "按下按钮之前不会作出任何决定" in page
    before = await decisions(demo)
    answer = await reviewer.post(path.partition("?")[0], {**fields(page), "words": "同意。"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    assert await decisions(demo) == before + 1
    late = await reviewer.post(path.partition("?")[0], {**fields(page), "key": "another"})
    assert (late.status_code, late.headers["location"]) == (303, path.partition("/confirm")[0])
    assert await decisions(demo) == before + 1
    closed = await reviewer.get(path)
    assert (closed.status_code, closed.headers["location"]) == (303, path.partition("/confirm")[0])


async def test_another_act_or_another_person_is_led_to_the_task(demo: Demo):
    path = await link(demo)
    reviewer = await demo.sign_in("research-reviewer")
    assert (await reviewer.get(path.replace("approve", "return"))).status_code == 303
    clerk = await demo.sign_in("basic-clerk")
    assert (await clerk.get(path)).status_code == 303
    assert (await clerk.post(path.partition("?")[0], {})).status_code == 403
