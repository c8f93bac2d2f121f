"""Every page, for the roles that may open it and for those that may not; in both languages."""

import html
import io
import re

import pytest
from openpyxl import load_workbook

from tests.statements import counted
from tests.web.conftest import Browser, Demo

ROLES = ("math-chief", "research-reviewer", "basic-clerk", "basic-head", "school-1-admin", "administrator", "auditor")
EVERYBODY = frozenset(ROLES)
OFFICES = frozenset({"research-reviewer", "basic-clerk", "basic-head", "administrator"})
OPEN_TO = {
    "/tasks": EVERYBODY,
    "/tasks.xlsx": EVERYBODY,
    "/queue": EVERYBODY,
    "/queue.xlsx": EVERYBODY,
    "/cases": EVERYBODY,
    "/cases.xlsx": EVERYBODY,
    "/account": EVERYBODY,
    "/mail": EVERYBODY,
    "/mail.xlsx": EVERYBODY,
    "/seasons": OFFICES,
    "/seasons.xlsx": OFFICES,
    "/seasons/{season}": OFFICES,
    "/seasons/{season}.xlsx": OFFICES,
    "/people": frozenset({"school-1-admin", "administrator"}),
    "/people.xlsx": frozenset({"school-1-admin", "administrator"}),
    "/audit": frozenset({"auditor"}),
    "/audit?check=true": frozenset({"auditor"}),
    "/audit.xlsx": frozenset({"auditor"}),
    "/administration": frozenset({"administrator"}),
    "/cases/{math}": frozenset({"math-chief", "research-reviewer", "basic-clerk", "basic-head", "administrator"}),
    "/cases/{math}/form": frozenset({"math-chief"}),
    "/cases/{chemistry}": frozenset({"research-reviewer", "basic-clerk", "basic-head", "administrator"}),
    "/cases/{chemistry}/submissions/1": frozenset({"research-reviewer", "basic-clerk", "basic-head", "administrator"}),
    "/cases/{chemistry}/submissions/9": frozenset(),
    "/cases/{chemistry}/exception": frozenset(),
    "/cases/{math}/exception": frozenset({"basic-head"}),
    "/tasks/{biology_task}": frozenset({"research-reviewer", "basic-clerk", "basic-head", "administrator"}),
    "/mail/00000000-0000-7000-8000-000000000000": frozenset(),
    "/files/00000000-0000-7000-8000-000000000000": frozenset(),
    "/cases/not-an-id": frozenset(),
}


@pytest.fixture
async def addresses(demo: Demo) -> dict[str, object]:
    return {
        "season": (await demo.rows("SELECT id FROM season WHERE state = 'running'"))[0]["id"],
        "math": await demo.case("math"),
        "chemistry": await demo.case("chemistry"),
        "biology_task": await demo.task("biology", "guiding-unit/reviewer"),
    }


@pytest.mark.parametrize("login", ROLES)
async def test_pages_open_for_who_may_and_are_not_there_for_others(demo: Demo, addresses, login: str):
    browser = await demo.sign_in(login)
    found = {path: (await browser.get(path.format(**addresses))).status_code for path in OPEN_TO}
    expected = {path: 200 if login in allowed else 404 for path, allowed in OPEN_TO.items()}
    may_read_but_not_edit = (
        {"/cases/{math}/form"}
        if login in {"research-reviewer", "basic-clerk", "basic-head", "administrator"}
        else set()
    )
    assert {path: found[path] for path in found if found[path] != expected[path]} == dict.fromkeys(
        may_read_but_not_edit, 403
    )


async def test_nobody_sees_anything_without_signing_in(demo: Demo, addresses):
    browser = demo.browser()
    for path in OPEN_TO:
        answer = await browser.get(path.format(**addresses))
        assert (answer.status_code, answer.headers.get("location", "")[:8]) in {(303, "/sign-in"), (404, "")}, path


@pytest.mark.parametrize("login", ["math-chief", "basic-clerk", "administrator", "auditor", "school-1-admin"])
async def test_pages_are_whole_in_both_languages(demo: Demo, addresses, login: str):
    browser = await demo.sign_in(login)
    for chosen in ("zh", "en"):
        await browser.get("/account")
        await browser.post("/language", {"language": chosen, "next": "/account"})
        for path, allowed in OPEN_TO.items():
            if login in allowed and ".xlsx" not in path:
                text = (await browser.get(path.format(**addresses))).text
                assert f'lang="{"zh-CN" if chosen == "zh" else "en-GB"}"' in text
                assert " style=" not in text
                assert "%(" not in text
                assert not re.search(r"\{(n|group|stage|who|closed|units|names)\}", text), path


async def test_language_is_the_persons_and_survives_another_browser(demo: Demo):
    browser = await demo.sign_in("basic-clerk")
    assert "我的待办" in (await browser.get("/tasks")).text
    await browser.post("/language", {"language": "en", "next": "/tasks"})
    assert "My tasks" in (await browser.get("/tasks")).text
    other = await demo.sign_in("basic-clerk")
    assert "My tasks" in (await other.get("/tasks")).text


async def test_due_dates_show_weekday_distance_and_why(demo: Demo):
    browser = await demo.sign_in("math-chief")
    text = (await browser.get(f"/cases/{await demo.case('math')}")).text
    assert re.search(r"1月31日 周日 · 还有 9 天", text)
    assert '<details class="gt-why">' in text


async def test_menu_leads_only_where_one_may_go(demo: Demo):
    for login in ROLES:
        browser = await demo.sign_in(login)
        page = (await browser.get("/account")).text
        for path in re.findall(r'<a href="(/[a-z]+)"', page):
            assert (await browser.get(path)).status_code == 200, (login, path)


async def test_workbooks_hold_what_the_page_shows_and_no_formulas(demo: Demo):
    await demo.rows("UPDATE project_group SET title_zh = '=1+1' WHERE code = 'math'")
    browser = await demo.sign_in("basic-clerk")
    answer = await browser.get("/cases.xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    rows = list(sheet.iter_rows())
    assert len(rows) == 7
    cell = next(row[1] for row in rows if row[1].value == "=1+1")
    assert cell.data_type == "s"
    assert any(row[8].value and row[8].value.startswith("QJ-") for row in rows)


async def test_chat_text_names_units_and_no_people(demo: Demo, addresses):
    browser = await demo.sign_in("basic-clerk")
    text = (await browser.get(f"/seasons/{addresses['season']}")).text
    chat = re.search(r'<textarea[^>]*id="chat"[^>]*>([^<]*)<', text)[1]
    assert "示例第二中学（物理项目组）" in chat
    assert "秦海岚" not in chat


async def test_get_changes_nothing(demo: Demo, addresses):
    count = "SELECT (SELECT count(*) FROM audit_event) + (SELECT count(*) FROM draft) + (SELECT sum(version) FROM cases) AS n"
    browsers = [await demo.sign_in(login) for login in ROLES]
    before = (await demo.rows(count))[0]["n"]
    for browser in browsers:
        for path in OPEN_TO:
            await browser.get(path.format(**addresses))
    assert (await demo.rows(count))[0]["n"] == before


MORE_TASKS = """
INSERT INTO task SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid()))).*
FROM task t, generate_series(1, 60) WHERE t.id = $1
"""


async def test_lists_cost_the_same_number_of_statements_however_long_they_are(demo: Demo):
    task = await demo.task("humanities", "basic-education-office/clerk")
    browser = await demo.sign_in("basic-clerk")
    paths = ("/queue", "/tasks", "/queue.xlsx", "/cases")
    for path in paths:
        await browser.get(path)  # packs are read once per process
    short = {path: await _statements(demo, browser, path) for path in paths}
    await demo.rows(MORE_TASKS, task)
    assert "显示更多" in (await browser.get("/queue")).text
    assert {path: await _statements(demo, browser, path) for path in paths} == short


async def _statements(demo: Demo, browser: Browser, path: str) -> int:
    with counted(demo.store) as sent:
        assert (await browser.get(path)).status_code == 200
    return len(sent)


async def test_more_rows_come_as_a_part_and_none_is_lost_or_shown_twice(demo: Demo):
    task = await demo.task("humanities", "basic-education-office/clerk")
    await demo.rows(MORE_TASKS, task)
    browser = await demo.sign_in("basic-clerk")
    first = (await browser.get("/queue")).text
    more = html.unescape(re.search(r'hx-get="([^"]+)"', first)[1])
    rest = await browser.get(more, headers={"HX-Request": "true"})
    assert "<html" not in rest.text
    tasks = [re.findall(r'href="/tasks/([0-9a-f-]{36})', text) for text in (first, rest.text)]
    shown = set(tasks[0]) | set(tasks[1])
    assert len(shown) == 61
    assert not set(tasks[0]) & set(tasks[1])


async def test_error_is_a_page_with_the_menu_and_for_a_part_of_a_page_a_message(demo: Demo):
    browser = await demo.sign_in("basic-clerk")
    page = await browser.get("/cases/00000000-0000-7000-8000-000000000000")
    assert "这里没有内容" in page.text
    assert 'href="/queue"' in page.text
    part = await browser.get("/cases/00000000-0000-7000-8000-000000000000", headers={"HX-Request": "true"})
    assert part.headers["hx-retarget"] == "#messages"
    assert "<html" not in part.text


async def test_page_of_a_session_that_ended_leads_to_sign_in(demo: Demo):
    browser = await demo.sign_in("math-chief")
    await demo.rows("UPDATE sign_in SET ended_at = now()")
    answer = await browser.post(f"/cases/{await demo.case('math')}/draft", {"version": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
