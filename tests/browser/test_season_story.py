"""The season 2027 of the annual filing, as it happens: people at browsers, mail over SMTP, the clock, Prefect.

Every message is listed here by name, step by step; nothing else may arrive. The days are those of the bureau.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest

from services.adapters.prefect import PrefectOrchestrator, register_deployments
from services.store.transaction import Store
from tests.browser.conftest import SitDown
from tests.browser.desk_work import agree, fill_form, open_from_list, pin, send_back, submit_form
from tests.browser.house import House, open_accounts, until
from tests.browser.post import Letter, ics
from tests.browser.story import Story, filed, guided, submitted
from tests.flows.conftest import QUICK, Server
from tests.smtp_servers import RecordingServer, smtp_server
from tests.world import local, make_world, plan

pytestmark = [pytest.mark.browser, pytest.mark.prefect, pytest.mark.postgres]

OFFICES = ("basic-clerk", "finance-clerk", "basic-head")
"""Who is told of the season as a whole: the offices that decide, and the one that grants exceptions."""
OPENING = [ics(f"{group}-chief", "task-opened", f"{group} plan")
           for group in ("math", "physics", "chemistry", "informatics", "humanities")]  # fmt: skip
"""Biology's chief coach has no mailbox."""

REMINDED = {
    day: [ics("physics-chief", kind, "physics plan"), ics("humanities-chief", kind, "humanities plan")]
    for day, kind in {
        date(2027, 1, 1): "remind",  # 30 days
        date(2027, 1, 17): "remind",  # 14
        date(2027, 1, 24): "remind",  # 7
        date(2027, 1, 28): "remind",  # 3
        date(2027, 1, 29): "warn",  # Friday, the last workday before a due Sunday
        date(2027, 1, 30): "remind",  # 1
        date(2027, 1, 31): "remind",  # the day itself
    }.items()
}
MISSING = [Letter(login, "season-missing", "season") for login in OFFICES]
LADDER = {
    date(2027, 2, 1): [
        Letter("physics-chief", "overdue", "physics plan"),
        Letter("humanities-chief", "overdue", "humanities plan"),
        Letter("research-reviewer", "overdue + overdue", "humanities + physics"),  # one mail for what is due together
    ],
    date(2027, 2, 3): [
        Letter("physics-chief", "overdue", "physics plan"),
        Letter("research-reviewer", "overdue", "physics"),
        Letter("basic-clerk", "escalate", "physics"),
    ],
    date(2027, 2, 5): [
        Letter("physics-chief", "overdue", "physics plan"),
        Letter("research-reviewer", "overdue", "physics"),
        Letter("basic-clerk", "escalate", "physics"),
    ],
}
LADDER[date(2027, 2, 9)] = LADDER[date(2027, 2, 5)]
"""The exception has moved the close to the 12th, so the ladder goes on."""
CLOSE = [Letter("physics-chief", "close", "physics plan")]
SUMMARY = [Letter(login, "season-summary", "season") for login in OFFICES]


@pytest.fixture
def mail() -> Iterator[RecordingServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture
async def house(store: Store, database_url: str, tmp_path: Path, mail: RecordingServer) -> AsyncIterator[House]:
    """The whole installation: web, clock, Prefect server and worker, and a mail server beside it."""
    prefect = Server(tmp_path)
    more = {
        "GUANTONG_PREFECT_PORT": str(prefect.port), "GUANTONG_SMTP_HOST": "127.0.0.1", "GUANTONG_SMTP_TLS": "none",
        "GUANTONG_SMTP_PORT": str(mail.port), "GUANTONG_SMTP_SENDER": "guantong@example.test",
    }  # fmt: skip
    made = House(store, tmp_path, database_url, more)
    try:
        started = asyncio.create_task(asyncio.to_thread(prefect.start))
        await made.move(local(2026, 11, 14, 10))
        made.world = await make_world(store)
        await open_accounts(made.world)
        await made.start_web()
        await started
        await register_deployments(made.settings)
        made.start("worker", "prefect", "worker", "start", "--pool", "guantong", "--type", "process", **QUICK)
        made.start("clock", "schedules.runner")
        yield made
    finally:
        made.stop()
        prefect.stop()


async def opens(story: Story) -> None:
    """15 November: Prefect's flow opens the season; each chief coach is told."""
    await story.at(local(2026, 11, 15, 0))

    async def opened() -> list[dict]:
        return await story.house.facts("SELECT g.code, c.id FROM cases c JOIN project_group g ON g.id = c.group_id")

    story.world.cases = {row["code"]: row["id"] for row in await until(opened, what="the opening")}
    assert len(story.world.cases) == 6
    await story.hears(*OPENING)
    kept = await story.house.facts("SELECT p.name FROM message m JOIN person p ON p.id = m.person_id"
                                   " WHERE m.state = 'no-address'")  # fmt: skip
    assert [row["name"] for row in kept] == ["柳成荫"]


async def mathematics_files(story: Story) -> None:
    """Refused where the budget does not add up, returned with a remark, corrected, approved, countersigned, numbered."""
    await story.at(local(2026, 12, 1, 10))
    chief = await story.sit_down()
    await chief.go(story.post.link_for("math-chief"))
    await chief.sign_in("math-chief")
    assert chief.page.url.endswith("/form")
    await fill_form(chief, plan(budget__total="26000"))
    await submit_form(chief)
    beside = await chief.page.inner_text('.gt-field:has([name="budget.total"]) .gt-problem[id]')
    assert "26,024" in beside
    assert await chief.page.get_attribute('[name="budget.total"]', "aria-invalid") == "true"
    await story.hears()
    await chief.type("budget.total", "26024")
    await submit_form(chief)
    await story.hears(*submitted("math"))

    await story.at(local(2026, 12, 2, 10))
    reviewer = await story.sit_down("research-reviewer")
    await open_from_list(reviewer, "/queue", group="数学")
    await pin(reviewer, "trainees.number", "请与基地的容量对照。")
    await send_back(reviewer, "学员人数偏多，请调整。")
    await story.hears(ics("math-chief", "returned", "math plan 2"))

    await story.at(local(2026, 12, 3, 10))
    await open_from_list(chief, "/tasks", group="数学")
    assert "学员人数偏多，请调整。" in await chief.text()
    remark = await chief.page.inner_text('.gt-field:has([name="trainees.number"]) .gt-remark')
    assert "请与基地的容量对照。" in remark
    assert "沈致远" in remark
    await chief.type("trainees.number", "40")
    await submit_form(chief)
    await story.hears(*submitted("math", " 2"))

    await story.at(local(2026, 12, 4, 10))
    await open_from_list(reviewer, "/queue", group="数学")
    assert (await reviewer.text(".gt-before"), await reviewer.text(".gt-after")) == ("48", "40")
    await agree(reviewer)
    await story.hears(*guided("math"))

    for login in ("basic-clerk", "finance-clerk"):
        clerk = await story.sit_down(login)
        await open_from_list(clerk, "/queue", group="数学")
        await story.hears()
        await agree(clerk)
    assert "QJ-2027-001" in await clerk.text("#messages")
    await story.hears(*filed("math", 1))
    await chief.go(f"/cases/{story.world.cases['math']}")
    assert "QJ-2027-001" in await chief.text()


async def others_file_or_end(story: Story) -> None:
    await story.at(local(2026, 12, 7, 10))
    await story.files("chemistry", 3)
    await story.hears(*filed("chemistry", 3))
    await story.files("biology", 4, mailbox=False)
    await story.hears(*filed("biology", 4, mailbox=False))
    administrator = await story.sit_down("administrator")
    await administrator.go(f"/cases/{story.world.cases['informatics']}")
    await administrator.click(".gt-head .gt-menu summary")
    async with administrator.page.expect_navigation():
        await administrator.click("a[href$='/acts/end']")
    await administrator.page.fill("#f-words", "该项目组本年度暂停。")
    for button in ("primary", "danger"):  # what will happen is read, then confirmed
        async with administrator.page.expect_navigation():
            await administrator.click(f"form[action$='/acts/end'] .btn-{button}")
    await story.hears(Letter("informatics-chief", "ended", "informatics"))


async def physics_is_late(story: Story) -> None:
    """Reminders, the warning, the list of who is missing, the ladder, the close. Humanities submits late."""
    await story.every_morning(date(2026, 12, 31), date(2027, 1, 31), REMINDED)
    await story.at(local(2027, 2, 1, 0))
    await story.hears(*MISSING)
    await story.every_morning(date(2027, 2, 1), date(2027, 2, 1), LADDER)
    await story.at(local(2027, 2, 2, 8))
    await story.files("humanities", 6)
    await story.hears(*filed("humanities", 6))
    await story.every_morning(date(2027, 2, 2), date(2027, 2, 5), LADDER)
    await story.at(local(2027, 2, 5, 23, 59))
    await story.hears()
    await story.at(local(2027, 2, 6, 0))
    await story.hears(*CLOSE)


async def an_exception_is_granted_and_used(story: Story) -> None:
    await story.at(local(2027, 2, 8, 10))
    case = story.world.cases["physics"]
    chief = await story.sit_down("physics-chief")
    await chief.go(f"/cases/{case}/form")
    assert "基教处" in await chief.text(".alert-danger"), "the form says who may open it again"
    assert not await chief.page.locator("button[data-open=submit]").count()
    await fill_form(chief, plan())
    head = await story.sit_down("basic-head")
    await head.go(f"/cases/{case}")
    await head.click(".gt-head .gt-menu summary")
    await head.click(f'a[href="/cases/{case}/exception"]')
    await head.page.fill("[name=until]", "2027-02-12")
    await head.page.fill("[name=words]", "首席教练员住院。")
    async with head.page.expect_navigation():
        await head.click("main form .btn-primary")
    timeline = await head.text(".gt-timeline")
    assert "何为正" in timeline
    assert "首席教练员住院。" in timeline
    await story.hears(ics("physics-chief", "exception-granted", "physics plan"))

    await story.every_morning(date(2027, 2, 9), date(2027, 2, 9), LADDER)
    await story.at(local(2027, 2, 9, 10))
    await chief.go(f"/cases/{case}/form")
    await submit_form(chief)
    assert await chief.page.locator(".gt-tag-bad").count(), "the submission is marked as late"
    await story.hears(*submitted("physics"))
    await story.is_decided("physics", 2)


async def ends(story: Story) -> None:
    """The last number is given: the flow ends the season with its summary."""
    await story.hears(*filed("physics", 2), *SUMMARY)
    (season,) = await story.house.facts("SELECT id, state, generation, flow_run_id FROM season WHERE key = '2027'")
    assert (season["state"], season["generation"]) == ("completed", 1)
    orchestrator = PrefectOrchestrator(story.house.settings)

    async def completed() -> bool:
        return await orchestrator.run_state(season["flow_run_id"]) == "completed"

    await until(completed, what="Prefect's run")
    await orchestrator.close()
    head = await story.sit_down("basic-head")
    await head.go(f"/seasons/{season['id']}")
    summary = await head.text("main section:first-of-type")
    figures = [int(word) for word in "".join(c if c.isdigit() else " " for c in summary).split()]
    assert figures == [6, 5, 2, 1], "cases, filed, late, ended"
    numbers = await story.house.facts("SELECT number FROM cases WHERE state = 'filed' ORDER BY number")
    assert [row["number"] for row in numbers] == [f"QJ-2027-00{n}" for n in range(1, 6)]


async def test_the_season_2027(house: House, sit_down: SitDown, mail: RecordingServer) -> None:
    story = Story(house, sit_down, mail)
    for chapter in (
        opens, mathematics_files, others_file_or_end, physics_is_late, an_exception_is_granted_and_used, ends
    ):  # fmt: skip
        await chapter(story)
    await until(story.is_anchored, what="the auditor's mail of every anchor")
    assert story.post.letters == story.told, "every letter of the story, and no other"
    assert {letter.to for letter in story.post.anchors} == {"auditor"}
    assert len(mail.received) == sum(story.told.values()) + len(story.post.anchors)
