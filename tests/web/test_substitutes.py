"""Naming a substitute on one's own page and for others, what the substitute then sees, and ending it."""

import re

import pytest
from openpyxl import load_workbook

from tests.web.conftest import Browser, Demo

DAYS = {"starts_on": "2027-01-22", "ends_on": "2027-01-29", "reason": "外出培训"}
FILING = "qingdao-qiangji/annual-filing"


async def names(demo: Demo) -> dict[str, str]:
    rows = await demo.rows("SELECT a.login, p.name FROM account a JOIN person p ON p.id = a.person_id")
    return {row["login"]: row["name"] for row in rows}


async def name(browser: Browser, substitute: str, **more: str):
    return await browser.post("/substitutes", {"substitute": substitute, **DAYS, "sure": "yes", **more})


async def test_a_substitute_is_named_after_one_has_seen_what_will_happen(demo: Demo):
    clerk, known = await demo.sign_in("basic-clerk"), await names(demo)
    page = await clerk.get("/substitutes/new")
    assert "由谁代理您？" in page.text
    assert f'value="{FILING}"' in page.text
    asked = await clerk.post("/substitutes", {"substitute": "sports-clerk", **DAYS, "process": FILING})
    assert asked.status_code == 200
    text = re.sub(r"\s+", " ", asked.text)
    assert f"由{known['sports-clerk']}代理{known['basic-clerk']}？" in text
    assert "自2027年1月22日 周五至2027年1月29日 周五，含首尾两日。" in text
    assert "仅限： 年度项目实施方案备案" in text
    assert await demo.rows("SELECT 1 FROM substitution") == []
    fields = dict(
        re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.text.partition('action="/substitutes"')[2])
    )
    done = await clerk.post("/substitutes", fields)
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    account = await clerk.get("/account")
    assert "代理中" in account.text
    assert known["sports-clerk"] in account.text


async def test_the_substitute_finds_the_tasks_marked_and_filtered_and_loses_them_at_the_end(demo: Demo):
    clerk, substitute, known = await demo.sign_in("basic-clerk"), await demo.sign_in("sports-clerk"), await names(demo)
    mark = f"代{known['basic-clerk']}办理"
    assert "gt-main" not in (await substitute.get("/queue")).text
    await name(clerk, "sports-clerk")
    queue = await substitute.get("/queue")
    assert mark in queue.text
    assert 'href="/queue?whose=on-behalf"' in queue.text
    assert mark in (await substitute.get("/queue?whose=on-behalf")).text
    assert mark not in (await substitute.get("/queue?whose=own")).text
    case = await demo.rows("SELECT c.id FROM cases c JOIN task t ON t.case_id = c.id WHERE t.actor LIKE 'basic%'")
    assert (await substitute.get(f"/cases/{case[0]['id']}")).status_code == 200
    account = (await substitute.get("/account")).text
    assert "我代理的人员" in account
    assert f"代理{known['basic-clerk']}" in account
    made = (await demo.rows("SELECT id FROM substitution"))[0]["id"]
    asked = await clerk.get(f"/substitutes/{made}/end")
    assert f"终止{known['sports-clerk']}对{known['basic-clerk']}的代理？" in asked.text
    assert (await clerk.post(f"/substitutes/{made}/end")).status_code == 303
    assert mark not in (await substitute.get("/queue")).text
    assert (await substitute.get(f"/cases/{case[0]['id']}")).status_code == 404
    again = await clerk.post(f"/substitutes/{made}/end")
    assert again.status_code == 303
    assert "此代理已经结束。" in (await clerk.get("/account")).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"substitute": "nobody-of-this-name"}, "没有名为“nobody-of-this-name”的人员"),
        ({"substitute": "basic-clerk"}, "不能由本人代理本人。"),
        ({"ends_on": "tomorrow"}, "“tomorrow”不是日期"),
        ({"starts_on": "2027-01-21"}, "代理须自今日或以后开始。"),
        ({"process": "qingdao-qiangji/party"}, "请选择本局项目计划中的流程"),
        ({"reason": ""}, "请填写理由"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(demo: Demo, typed: dict, said: str):
    clerk = await demo.sign_in("basic-clerk")
    answer = await clerk.post("/substitutes", {"substitute": "sports-clerk", **DAYS, **typed})
    assert answer.status_code == 422
    assert said in answer.text
    assert typed.get("substitute", "sports-clerk") in answer.text
    assert await demo.rows("SELECT 1 FROM substitution") == []


async def test_a_second_one_for_the_same_days_is_refused_by_name(demo: Demo):
    clerk, known = await demo.sign_in("basic-clerk"), await names(demo)
    await name(clerk, "sports-clerk")
    answer = await name(clerk, "finance-clerk", starts_on="2027-01-29", ends_on="2027-02-05")
    assert answer.status_code == 409
    assert f"{known['sports-clerk']}在2027-01-22至2027-01-29期间已是代理人" in answer.text


async def test_two_people_of_one_name_are_told_apart_by_the_sign_in_name(demo: Demo):
    await demo.rows(
        "UPDATE person SET name = '李同名' WHERE id IN"
        " (SELECT person_id FROM account WHERE login IN ('sports-clerk', 'finance-clerk'))"
    )
    clerk = await demo.sign_in("basic-clerk")
    answer = await name(clerk, "李同名")
    assert answer.status_code == 422
    assert "有多人名为“李同名”" in answer.text
    assert (await name(clerk, "finance-clerk")).status_code == 303


async def test_a_unit_administrator_names_one_for_their_people_and_sees_the_list(demo: Demo, tmp_path):
    admin, known = await demo.sign_in("school-1-admin"), await names(demo)
    ids = {row["login"]: row["person_id"] for row in await demo.rows("SELECT login, person_id FROM account")}
    assert "目前没有代理" in (await admin.get("/substitutes")).text
    assert f'href="/substitutes/new?person={ids["math-chief"]}"' in (await admin.get("/people")).text
    assert (await name(admin, "math-coach-1", person=str(ids["math-chief"]))).headers["location"] == "/substitutes"
    assert (await name(admin, "math-coach-1", person=str(ids["physics-chief"]))).status_code == 403
    page = await admin.get("/substitutes")
    assert known["math-chief"] in page.text
    assert f"由{known['school-1-admin']}指定" in page.text
    book = tmp_path / "substitutes.xlsx"
    book.write_bytes((await admin.get("/substitutes.xlsx")).content)
    rows = list(load_workbook(book).active.iter_rows(values_only=True))
    assert rows[1][:5] == (known["math-chief"], known["math-coach-1"], "2027-01-22", "2027-01-29", "全部")
    assert (await (await demo.sign_in("physics-chief")).get("/substitutes")).status_code == 404
