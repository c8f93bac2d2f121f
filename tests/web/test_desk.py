"""The reading desk: deciding, what happened, the next plan, remarks, and somebody who was faster."""

import re
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from services.errors import SameSignerError
from services.i18n import translate
from tests.web.conftest import Browser, Demo
from tests.web.test_filling import posted

REVIEWER, CLERK, FINANCE = "research-reviewer", "basic-clerk", "finance-clerk"


def hidden(text: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', text)[1]


def act(page: str) -> dict[str, str]:
    return {name: hidden(page, name) for name in ("version", "key", "filter")}


@pytest.fixture
async def biology(demo: Demo) -> str:
    return f"/tasks/{await demo.task('biology', 'guiding-unit/reviewer')}"


async def flash(browser: Browser, answer) -> str:
    page = await browser.get(answer.headers["location"])
    return re.search(r'class="alert alert-\w+">([^<]*)<', page.text)[1]


async def test_desk_has_three_buttons_and_shows_the_whole_plan(demo: Demo, biology: str):
    browser = await demo.sign_in(REVIEWER)
    page = (await browser.get(biology)).text
    bar = page[page.index("data-acts") : page.index("<dialog")]
    assert re.findall(r'data-key="(\w)"', bar) == ["a", "r", "m"]
    assert bar.count("<button") + bar.count("<a ") == 3
    for part in ("项目目标", "学员条件及产生方式", "学员组织管理", "培训组织计划", "经费安排"):
        assert part in page


async def test_approving_goes_on_and_says_what_happened(demo: Demo, biology: str):
    browser = await demo.sign_in(REVIEWER)
    page = (await browser.get(biology)).text
    assert "方案将转到“处室会签”环节" in page
    answer = await browser.post(f"{biology}/approve", {**act(page), "words": "同意。"})
    assert answer.status_code == 303
    assert "已审核通过，现处于“处室会签”环节" in await flash(browser, answer)
    case = await demo.case("biology")
    assert (await demo.rows("SELECT stage FROM cases WHERE id = $1", case))[0]["stage"] == "bureau"


async def test_after_each_decision_the_next_waiting_plan_opens_under_the_same_filter(demo: Demo, biology: str):
    reviewer = await demo.sign_in(REVIEWER)
    page = (await reviewer.get(biology)).text
    await reviewer.post(f"{biology}/approve", act(page))
    clerk = await demo.sign_in(CLERK)
    queue = (await clerk.get("/queue?stage=bureau")).text
    first = re.search(r'href="(/tasks/[^"]+)"[^>]*data-key="o"', queue)[1]
    assert first.endswith("?stage=bureau")
    page = (await clerk.get(first)).text
    answer = await clerk.post(f"{urlsplit(first).path}/approve", act(page))
    following = answer.headers["location"]
    assert re.fullmatch(r"/tasks/[0-9a-f-]{36}\?stage=bureau", following)
    assert urlsplit(following).path != urlsplit(first).path
    page = (await clerk.get(following)).text
    answer = await clerk.post(f"{urlsplit(following).path}/approve", act(page))
    assert answer.headers["location"] == "/queue?stage=bureau"


async def test_return_needs_a_reason_and_keeps_what_was_typed(demo: Demo, biology: str):
    browser = await demo.sign_in(REVIEWER)
    page = (await browser.get(biology)).text
    answer = await browser.post(f"{biology}/return", {**act(page), "to": "plan", "words": "  "})
    assert answer.status_code == 422
    answer = await browser.post(f"{biology}/return", {**act(page), "to": "plan", "words": "请核对第2项。"})
    assert "已退回到“编制提报”" in await flash(browser, answer)


async def test_remark_is_pinned_to_a_cell_and_reaches_the_submitter_with_the_return(demo: Demo, biology: str):
    reviewer = await demo.sign_in(REVIEWER)
    page = (await reviewer.get(biology)).text
    path = "budget.lines.0.amount"
    form = {"path": path, "place": "budget.lines.0", "text": "金额请核对。", "filter": ""}
    part = await reviewer.post(f"{biology}/remarks", form, headers={"HX-Request": "true"})
    assert "金额请核对。" in part.text
    assert "data-remarks" in part.text
    assert "<html" not in part.text
    case = await demo.case("biology")
    chief = await demo.sign_in("biology-chief")
    assert "金额请核对。" not in (await chief.get(f"/cases/{case}/submissions/1")).text
    await reviewer.post(f"{biology}/return", {**act(page), "to": "plan", "words": "见批注。"})
    filling = (await chief.get(f"/cases/{case}/form")).text
    cell = filling[filling.index(f'name="{path}"') :][:900]
    assert "金额请核对。" in cell
    assert "见批注。" in filling


async def test_ones_own_remark_can_be_taken_back_and_nobody_elses(demo: Demo, biology: str):
    reviewer = await demo.sign_in(REVIEWER)
    await reviewer.get(biology)
    task = biology.rpartition("/")[2]
    await reviewer.post(f"{biology}/remarks", {"path": "trainees.number", "text": "多了"})
    remark = (await demo.rows("SELECT id FROM remark WHERE task_id = $1", UUID(task)))[0]["id"]
    clerk = await demo.sign_in(CLERK)
    await clerk.get("/queue")
    assert (await clerk.post(f"/remarks/{remark}/remove", {"task": task})).status_code == 404
    assert (await reviewer.post(f"/remarks/{remark}/remove", {"task": task})).status_code == 303
    assert await demo.rows("SELECT id FROM remark WHERE id = $1", remark) == []


async def test_who_was_slower_gets_409_with_what_happened_and_goes_on(demo: Demo, biology: str):
    browser = await demo.sign_in(REVIEWER)
    page = (await browser.get(biology)).text
    await browser.post(f"{biology}/approve", act(page))
    answer = await browser.post(f"{biology}/approve", {**act(page), "key": "another"})
    assert answer.status_code == 409
    assert "沈致远" in answer.text
    assert 'href="/queue"' in answer.text
    closed = await browser.get(biology)
    assert "此待办已办结" in closed.text
    assert "沈致远" in closed.text


async def test_the_same_decision_sent_twice_counts_once(demo: Demo, biology: str):
    browser = await demo.sign_in(REVIEWER)
    page = (await browser.get(biology)).text
    answers = [await browser.post(f"{biology}/approve", act(page)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    case = await demo.case("biology")
    found = await demo.rows("SELECT count(*) AS n FROM decision WHERE case_id = $1 AND kind = 'approve'", case)
    assert found[0]["n"] == 1


async def test_who_may_read_but_not_decide_sees_for_whom_it_waits(demo: Demo, biology: str):
    browser = await demo.sign_in(CLERK)
    page = (await browser.get(biology)).text
    assert "此件待" in page
    assert 'data-open="approve"' not in page
    answer = await browser.post(f"{biology}/approve", {"version": "1", "key": "x", "filter": ""})
    assert answer.status_code == 403


async def test_last_countersignature_files_the_plan_and_names_its_number(demo: Demo):
    for login, actor in ((CLERK, "basic-education-office/clerk"), (FINANCE, "planning-finance-office/clerk")):
        browser = await demo.sign_in(login)
        desk = f"/tasks/{await demo.task('humanities', actor)}"
        page = (await browser.get(desk)).text
        answer = await browser.post(f"{desk}/approve", act(page))
    assert re.search(r"已备案，编号 QJ-2027-002", await flash(browser, answer))
    case = await demo.case("humanities")
    assert "QJ-2027-002" in (await browser.get(f"/cases/{case}")).text


async def test_own_phrases_stand_in_the_dialogs(demo: Demo, biology: str):
    browser = await demo.sign_in(REVIEWER)
    await browser.post("/phrases", {"text": "请补充<依据>"})
    page = (await browser.get(biology)).text
    assert 'data-phrase="请补充&lt;依据&gt;"' in page


async def test_changes_since_the_last_submission_are_listed(demo: Demo):
    case = await demo.case("informatics")
    chief = await demo.sign_in("informatics-chief")
    page = (await chief.get(f"/cases/{case}/form")).text
    sent = {**posted(page), "trainees.number": "47", "act": "submit"}
    answer = await chief.post(f"/cases/{case}/form", sent)
    assert answer.status_code == 303, re.findall(r"gt-problem[^>]*>([^<]*)<", answer.text)
    reviewer = await demo.sign_in((await demo.rows(GUIDES, case))[0]["login"])
    task = await demo.task("informatics", "guiding-unit/reviewer")
    desk = (await reviewer.get(f"/tasks/{task}")).text
    changed = desk[desk.index("与上次提报相比的变化") :][:900]
    assert "学员人数" in changed
    assert "47" in changed


GUIDES = """
SELECT a.login FROM cases c JOIN project_group g ON g.id = c.group_id
JOIN position p ON p.unit_id = g.guiding_unit_id AND p.role = 'reviewer'
JOIN appointment t ON t.position_id = p.id JOIN account a ON a.person_id = t.person_id WHERE c.id = $1 LIMIT 1
"""


async def test_one_person_signs_for_one_office_only_and_is_told_so_at_the_desk(demo: Demo):
    await demo.rows(
        "INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)"
        " SELECT gen_random_uuid(), p.bureau_id, p.id, a.person_id, '2026-01-01', now() FROM position p, account a"
        " WHERE p.code = 'planning-finance-office/clerk' AND a.login = 'basic-clerk'"
    )
    browser = await demo.sign_in(CLERK)
    first, second = [
        f"/tasks/{await demo.task('humanities', actor)}"
        for actor in ("basic-education-office/clerk", "planning-finance-office/clerk")
    ]
    page = (await browser.get(first)).text
    assert (await browser.post(f"{first}/approve", act(page))).status_code == 303
    desk = (await browser.get(second)).text
    assert 'data-open="approve"' not in desk
    assert translate("zh", SameSignerError.default) in desk
    sent = {"version": hidden(page, "version"), "key": "second", "filter": ""}
    answer = await browser.post(f"{second}/approve", sent)
    assert (answer.status_code, "data-acts" in answer.text) == (403, True)
