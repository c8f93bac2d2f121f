"""The paper route by the pages: printed with its code, entered from a scan, shown from the history."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from tests.web.conftest import Browser, Demo

pytestmark = pytest.mark.postgres

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
ACTOR = "guiding-unit/reviewer"


async def code_of(browser: Browser, case: object) -> str:
    page = (await browser.get(f"/cases/{case}/paper")).text
    assert "<svg" in page
    return re.search(r"guantong:[0-9a-f-]{36}:\d+:[0-9a-f]{16}", page)[0]


async def enter(
    browser: Browser, path: str, *, content: bytes = PDF, name: str = "签批 表.pdf", **more: str
) -> httpx.Response:
    page = (await browser.get(path)).text
    person = re.search(r'<option value="([0-9a-f-]{36})"', page)[1]
    data = {"csrf": browser.token, "person": person, "decision": "approve", "words": "同意", **more}
    return await browser.http.post(path, data=data, files={"scan-1": (name, content, "application/pdf")})


async def test_what_was_signed_is_entered_and_its_scan_is_shown_to_who_sees_the_case(demo: Demo):
    case, task = await demo.case("biology"), await demo.task("biology", ACTOR)
    admin = await demo.sign_in("administrator")
    code = await code_of(admin, case)
    assert "意见与签字" in (await admin.get(f"/cases/{case}/paper")).text
    answer = await enter(admin, f"/tasks/{task}/paper", code=code)
    assert answer.status_code == 303, answer.text
    page = html.unescape((await admin.get(f"/cases/{case}")).text)
    assert re.search(r"沈致远在纸面上决定，[^<]+录入", page)
    scan = re.search(r'href="(/cases/[^"]+/scans/1)"', page)[1]
    chief = await demo.sign_in("biology-chief")
    given = await chief.get(scan)
    assert (given.status_code, given.content) == (200, PDF)
    assert given.headers["content-disposition"].startswith("inline")
    assert (await chief.get(scan[:-1] + "2")).status_code == 404
    stranger = await demo.sign_in("physics-chief")
    assert (await stranger.get(scan)).status_code == 404
    rows = await demo.rows("SELECT entered_by_id, paper FROM decision WHERE task_id = $1", task)
    assert rows[0]["entered_by_id"] is not None


async def test_an_older_form_is_refused_in_words_and_what_was_typed_stays(demo: Demo):
    case, reviewer = await demo.case("biology"), await demo.sign_in("research-reviewer")
    admin = await demo.sign_in("administrator")
    old = await code_of(admin, case)
    task = await demo.task("biology", ACTOR)
    assert (await reviewer.post(f"/tasks/{task}/return", {"to": "plan", "words": "请补充。"})).status_code == 303
    chief = await demo.sign_in("biology-chief")
    form = (await chief.get(f"/cases/{case}/form")).text
    from tests.web.test_filling import posted  # noqa: PLC0415

    assert (await chief.post(f"/cases/{case}/form", {**posted(form), "act": "submit"})).status_code == 303
    task = await demo.task("biology", ACTOR)
    answer = await enter(admin, f"/tasks/{task}/paper", code=old, words="纸上同意")
    assert answer.status_code == 409
    assert "请重新打印并重新签字" in answer.text
    assert "纸上同意" in answer.text
    assert "请重新选择扫描件" in answer.text


async def test_what_is_no_scan_or_no_code_is_refused(demo: Demo):
    case, task = await demo.case("biology"), await demo.task("biology", ACTOR)
    admin = await demo.sign_in("administrator")
    code, path = await code_of(admin, case), f"/tasks/{task}/paper"
    wrong = await enter(admin, path, code=code, content=b"hello", name="notes.txt")
    assert (wrong.status_code, "不是扫描件" in wrong.text) == (422, True)
    wrong = await enter(admin, path, code="https://example.test/")
    assert wrong.status_code == 422
    none = await admin.post(path, {"person": "x", "decision": "approve", "code": code})
    assert none.status_code == 422
    stale = await admin.http.post(
        path, data={"csrf": "wrong", "code": code}, files={"scan-1": ("a.pdf", PDF, "application/pdf")}
    )
    assert stale.status_code == 403
    assert await demo.rows("SELECT 1 FROM decision WHERE task_id = $1", task) == []


async def test_only_the_positions_office_and_the_administrator_find_the_page(demo: Demo):
    task = await demo.task("biology", ACTOR)
    for login, found in (("basic-clerk", 404), ("biology-chief", 404), ("administrator", 200)):
        assert (await (await demo.sign_in(login)).get(f"/tasks/{task}/paper")).status_code == found, login
