"""What the pages offer without moving a case: each from its menu through its confirmation to what it says afterwards."""

import re
from urllib.parse import urlsplit

import pytest

from tests.web.conftest import Demo
from tests.web.test_desk import act, flash

REVIEWER, CLERK, OUTSIDER = "research-reviewer", "basic-clerk", "sports-clerk"
PART = {"HX-Request": "true"}


@pytest.fixture
async def biology(demo: Demo) -> str:
    return f"/tasks/{await demo.task('biology', 'guiding-unit/reviewer')}"


async def person(demo: Demo, login: str):
    rows = await demo.rows(
        "SELECT p.id, p.name FROM person p JOIN account a ON a.person_id = p.id WHERE a.login = $1", login
    )
    return rows[0]


async def test_a_copy_is_found_by_name_sent_read_and_revoked(demo: Demo):
    case, outsider = await demo.case("biology"), await person(demo, OUTSIDER)
    reviewer = await demo.sign_in(REVIEWER)
    menu = (await reviewer.get(f"/cases/{case}")).text
    assert f'href="/cases/{case}/copies"' in menu
    await reviewer.get(f"/cases/{case}/copies")
    found = await reviewer.post(f"/cases/{case}/copies", {"act": "find", "q": outsider["name"], "words": "请阅"})
    assert found.status_code == 200
    assert f'value="{outsider["id"]}"' in found.text
    assert "请阅" in found.text
    refused = await reviewer.post(f"/cases/{case}/copies", {"act": "send", "words": "请阅"})
    assert (refused.status_code, "请选择1至20人" in refused.text, "请阅</textarea>" in refused.text) == (
        422,
        True,
        True,
    )
    sent = await reviewer.post(f"/cases/{case}/copies", {"act": "send", "to": str(outsider["id"]), "words": "请阅"})
    assert "已抄送1人" in await flash(reviewer, sent)

    reader = await demo.sign_in(OUTSIDER)
    assert "1件未阅" in (await reader.get("/tasks")).text
    listed = (await reader.get("/copies")).text
    assert "请阅" in listed
    page = (await reader.get(f"/cases/{case}")).text
    assert "抄送给您" in page
    (address,) = re.findall(r'action="(/copies/[^"]+/read)"', page)
    rows = await demo.rows("SELECT read_at FROM case_copy")
    assert rows[0]["read_at"] is None  # looking says nothing
    await reader.post(address)
    assert "抄送给您" not in (await reader.get(f"/cases/{case}")).text

    mine = (await reviewer.get(f"/cases/{case}/copies")).text
    (revoke,) = re.findall(r'action="(/copies/[^"]+/revoke)"', mine)
    await reviewer.post(revoke, {"case": str(case)})
    assert (await reader.get(f"/cases/{case}")).status_code == 404
    assert "撤销" in (await reviewer.get(f"/cases/{case}/copies")).text


async def test_a_question_is_asked_on_the_desk_and_answered_from_the_first_page(demo: Demo, biology: str):
    outsider = await person(demo, OUTSIDER)
    reviewer = await demo.sign_in(REVIEWER)
    assert f'href="{biology}/ask"' in (await reviewer.get(biology)).text
    assert "期限不变" in (await reviewer.get(f"{biology}/ask")).text
    nobody = await reviewer.post(f"{biology}/ask", {"act": "ask", "text": "够吗？"})
    assert (nobody.status_code, "够吗？</textarea>" in nobody.text) == (422, True)
    await reviewer.post(f"{biology}/ask", {"act": "ask", "to": str(outsider["id"]), "text": "够吗？"})
    assert "待答复" in (await reviewer.get(biology)).text

    asked = await demo.sign_in(OUTSIDER)
    first = (await asked.get("/tasks")).text
    (where,) = re.findall(r'href="(/cases/[^"#]+)#q-', first)
    page = (await asked.get(where)).text
    (address,) = re.findall(r'action="(/questions/[^"]+/answer)"', page)
    case = where.rpartition("/")[2]
    empty = await asked.post(address, {"case": case, "text": " "})
    assert empty.status_code == 422
    assert "已答复" in await flash(asked, await asked.post(address, {"case": case, "text": "够，<b>足够</b>。"}))
    assert "&lt;b&gt;足够" in (await reviewer.get(biology)).text
    assert "够吗？" not in (await asked.get("/questions")).text


async def test_urging_says_before_what_it_does_and_afterwards_when_it_can_be_repeated(demo: Demo, biology: str):
    case = await demo.case("biology")
    chief = await demo.sign_in("biology-chief")
    page = (await chief.get(f"/cases/{case}")).text
    assert "24小时内任何人不能再次催办" in page
    done = await chief.post(f"{biology}/urge", {"words": "下周开班"})
    assert "已通知" in await flash(chief, done)
    page = (await chief.get(f"/cases/{case}")).text
    assert "上次催办" in page
    assert "起可再次催办" in page
    refused = await chief.post(f"{biology}/urge", {"words": "再催"})
    assert (refused.status_code, "起可再次催办" in refused.text) == (409, True)


async def test_a_priority_is_a_colour_a_shape_and_a_word_and_narrows_the_queue(demo: Demo, biology: str):
    case = await demo.case("biology")
    clerk = await demo.sign_in(CLERK)
    await clerk.get(f"/cases/{case}")
    refused = await clerk.post(f"/cases/{case}/priority", {"priority": "urgent", "words": ""})
    assert refused.status_code == 422
    await clerk.post(f"/cases/{case}/priority", {"priority": "urgent", "words": "局长交办"})
    reviewer = await demo.sign_in(REVIEWER)
    queue = (await reviewer.get("/queue?priority=urgent")).text
    badge = re.search(r'gt-light-red gt-priority">(<svg class="icon-square.*?</svg>)<span>([^<]+)<', queue, re.DOTALL)
    assert badge[2] == "特急"
    assert re.findall(r"data-row><strong>([^<]+)<", queue).__len__() == 1
    assert biology in queue
    assert urlsplit(re.search(r'href="(/tasks/[^"]+)" data-row', queue)[1]).query == "priority=urgent"
    assert biology not in (await reviewer.get("/queue?priority=normal")).text
    assert "局长交办" in (await reviewer.get(f"/cases/{case}")).text


async def test_a_task_is_put_off_counted_and_taken_back(demo: Demo):
    case, task = await demo.case("math"), f"/tasks/{await demo.task('math', 'chief-coach')}"
    chief = await demo.sign_in("math-chief")
    page = (await chief.get(f"/cases/{case}")).text
    least, most = re.search(r'min="([^"]+)" max="([^"]+)"', page).groups()
    assert (least, most) == ("2027-01-23", "2027-01-31")
    wrong = await chief.post(f"{task}/snooze", {"until": "gestern"})
    assert (wrong.status_code, "gestern" in wrong.text) == (422, True)
    beyond = await chief.post(f"{task}/snooze", {"until": "2027-02-01"})
    assert (beyond.status_code, "不能超过期限" in beyond.text) == (422, True)
    assert "已暂缓" in await flash(chief, await chief.post(f"{task}/snooze", {"until": most}))
    listed = (await chief.get("/tasks")).text
    assert f"/cases/{case}/form" not in listed
    assert 'href="/tasks?snoozed=1">暂缓 <span class="badge">1</span>' in listed
    assert f"/cases/{case}/form" in (await chief.get("/tasks?snoozed=1")).text
    assert f'action="{task}/wake"' in (await chief.get(f"/cases/{case}")).text
    await chief.post(f"{task}/wake")
    assert f"/cases/{case}/form" in (await chief.get("/tasks")).text


async def test_a_task_that_is_due_today_is_not_offered_to_be_put_off(demo: Demo, biology: str):
    reviewer = await demo.sign_in(REVIEWER)
    assert "snooze-" not in (await reviewer.get(biology)).text


async def test_an_opinion_is_kept_while_typed_and_restored_until_it_is_given(demo: Demo, biology: str):
    reviewer = await demo.sign_in(REVIEWER)
    page = (await reviewer.get(biology)).text
    assert page.count(f'data-opinion="{biology}/opinion"') == 2
    saved = await reviewer.post(f"{biology}/opinion", {"words": "第2项偏高"}, headers={"X-Autosave": "1"})
    assert saved.status_code == 204
    page = (await reviewer.get(biology)).text
    assert page.count("第2项偏高</textarea>") == 2
    assert "这是您上次填写的内容" in page
    assert "第2项偏高" not in (await (await demo.sign_in(CLERK)).get(biology)).text
    by_button = await reviewer.post(f"{biology}/opinion", {"words": "第3项"})
    assert "已暂存" in await flash(reviewer, by_button)
    await reviewer.get(biology)
    await reviewer.post(f"{biology}/approve", {**act(page), "words": "同意"})
    assert await demo.rows("SELECT 1 FROM opinion") == []


async def test_history_comes_newest_first_and_the_older_part_by_part(demo: Demo):
    case = await demo.case("biology")
    async with demo.store.transaction() as tx:
        await tx.rows(
            "INSERT INTO decision (id, bureau_id, case_id, stage, kind, person_id, words, late, at)"
            " SELECT ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, d.bureau_id, d.case_id, d.stage, 'approve',"
            " d.person_id, 'no. ' || i || '.', false, d.at - make_interval(hours => i) FROM decision d, generate_series(1, 45) i"
            " WHERE d.case_id = $1 AND d.kind = 'submit'",
            (case,),
        )
    reviewer = await demo.sign_in(REVIEWER)
    page = (await reviewer.get(f"/cases/{case}")).text
    assert page.index("no. 1.") < page.index("no. 2.")
    seen, where = re.findall(r"no\. (\d+)\.", page), re.search(r'hx-get="(/cases/[^"]+/history[^"]+)"', page)
    while where:
        part = (await reviewer.get(where[1].replace("&amp;", "&"), headers=PART)).text
        assert "<html" not in part
        seen += re.findall(r"no\. (\d+)\.", part)
        where = re.search(r'hx-get="(/cases/[^"]+/history[^"]+)"', part)
    assert seen == [str(n) for n in range(1, 46)]
    assert "<html" in (await reviewer.get(f"/cases/{case}/history")).text
    assert (await reviewer.get(f"/cases/{case}/history?after=x")).status_code == 422
