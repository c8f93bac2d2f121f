"""Approving several from the queue: shown first with what would be refused, then decided item by item."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Browser, Demo

pytestmark = pytest.mark.postgres

CLERK, FINANCE = "basic-clerk", "finance-clerk"
ACTOR = "basic-education-office/clerk"


async def clerk_with_three(demo: Demo) -> tuple[Browser, list[str]]:
    """Sign in as the clerk; return their queue's tasks, of which the guiding unit has let three through."""
    for group in ("biology", "physics", "math"):
        for row in await demo.rows(
            "SELECT t.id FROM task t JOIN project_group g ON g.id = t.group_id WHERE g.code = $1 AND t.state = 'open'"
            " AND t.actor = 'guiding-unit/reviewer'",
            group,
        ):
            reviewer = await demo.sign_in("research-reviewer")
            await reviewer.post(f"/tasks/{row['id']}/approve", {"words": ""})
    clerk = await demo.sign_in(CLERK)
    queue = (await clerk.get("/queue")).text
    return clerk, re.findall(r'name="task" value="([^"]+)" form="bulk"', queue)


def confirmed(text: str) -> dict[str, object]:
    """Return what the page's form sends."""
    form = text[text.index('action="/queue/bulk/confirm"') :]
    single = {name: re.search(rf'name="{name}" value="([^"]*)"', form)[1] for name in ("shown", "key", "filter")}
    return single | {"item": re.findall(r'name="item" value="([^"]+)"', form)}


async def decided(demo: Demo) -> int:
    return (await demo.rows("SELECT count(*)::int AS n FROM decision WHERE kind = 'approve'"))[0]["n"]


async def test_what_was_chosen_is_shown_then_decided(demo: Demo):
    clerk, tasks = await clerk_with_three(demo)
    assert len(tasks) >= 2
    before = await decided(demo)
    shown = await clerk.post("/queue/bulk", {"task": tasks, "filter": ""})
    assert shown.status_code == 200
    assert f"所选待办中有 {len(tasks)} 项将审核通过" in shown.text
    assert await decided(demo) == before
    done = await clerk.post("/queue/bulk/confirm", {**confirmed(shown.text), "words": "同意备案。"})
    assert done.status_code == 200
    assert f"已通过 {len(tasks)} 项" in done.text
    assert await decided(demo) == before + len(tasks)
    words = await demo.rows("SELECT DISTINCT words FROM decision WHERE task_id = ANY($1::text[]::uuid[])", tasks)
    assert [row["words"] for row in words] == ["同意备案。"]


async def test_what_changed_since_is_refused_by_itself_and_says_why(demo: Demo):
    clerk, tasks = await clerk_with_three(demo)
    shown = await clerk.post("/queue/bulk", {"task": tasks})
    finance = await demo.sign_in(FINANCE)
    rows = await demo.rows(
        "SELECT o.id FROM task t JOIN task o ON o.case_id = t.case_id AND o.actor = 'planning-finance-office/clerk' AND"
        " o.state = 'open' WHERE t.id = $1::text::uuid",
        tasks[0],
    )
    await finance.get("/account")
    answer = await finance.post(f"/tasks/{rows[0]['id']}/return", {"to": "plan", "words": "请补充。"})
    assert answer.status_code == 303
    done = await clerk.post("/queue/bulk/confirm", confirmed(shown.text))
    assert f"已通过 {len(tasks) - 1} 项；1 项被拒绝" in done.text
    assert "被拒绝：" in done.text


async def test_a_list_that_is_not_the_shown_one_decides_nothing(demo: Demo):
    clerk, tasks = await clerk_with_three(demo)
    before = await decided(demo)
    fields = confirmed((await clerk.post("/queue/bulk", {"task": tasks})).text)
    answer = await clerk.post("/queue/bulk/confirm", {**fields, "item": fields["item"][:1]})
    assert answer.status_code == 409
    assert "尚未作出任何决定" in answer.text
    assert await decided(demo) == before


async def test_nothing_chosen_leads_back_with_a_word(demo: Demo):
    clerk, _ = await clerk_with_three(demo)
    answer = await clerk.post("/queue/bulk", {"filter": "stage=bureau"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue?stage=bureau")


async def test_tasks_of_others_are_shown_with_why_they_are_not_decided(demo: Demo):
    finance = await demo.sign_in(FINANCE)
    _, tasks = await clerk_with_three(demo)
    shown = await finance.post("/queue/bulk", {"task": tasks})
    assert "您不能审核此件。" in shown.text
    assert 'action="/queue/bulk/confirm"' not in shown.text
