"""Leaving and handing over by the page: what is held, what will happen, and what then is."""

import re

from tests.web.conftest import Demo

LAST = "2027-01-31"


async def person(demo: Demo, login: str) -> dict:
    rows = await demo.rows(
        "SELECT p.id, p.name, p.left_at, a.disabled_at FROM account a JOIN person p ON p.id = a.person_id WHERE a.login = $1",
        login,
    )
    return dict(rows[0])


async def position(demo: Demo, code: str) -> str:
    return str((await demo.rows("SELECT id FROM position WHERE code = $1", code))[0]["id"])


async def holders(demo: Demo, position_id: str, day: str) -> list[str]:
    rows = await demo.rows(
        "SELECT a.login FROM appointment t JOIN account a ON a.person_id = t.person_id WHERE t.position_id = $1::uuid"
        " AND t.starts_on <= $2::text::date AND (t.ends_on IS NULL OR t.ends_on >= $2::text::date)",
        position_id,
        day,
    )
    return [row["login"] for row in rows]


async def test_who_leaves_is_followed_by_a_successor_after_a_look_at_what_will_happen(demo: Demo):
    admin, clerk, heir = (
        await demo.sign_in("administrator"),
        await person(demo, "basic-clerk"),
        await person(demo, "sports-clerk"),
    )
    place, path = await position(demo, "basic-education-office/clerk"), f"/people/{clerk['id']}/leaving"
    page = await admin.get(path)
    assert f'name="to-{place}"' in page.text
    typed = {"last_day": LAST, "what": "leave", f"to-{place}": heir["name"]}
    asked = await admin.post(path, typed)
    assert asked.status_code == 200
    text = re.sub(r"\s+", " ", asked.text)
    assert f"自2027年2月1日 周一起由{heir['name']}接任" in text
    assert f"此后{clerk['name']}不能登录" in text
    assert await holders(demo, place, "2027-02-01") == ["basic-clerk"]
    fields = dict(
        re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.text.partition(f'action="{path}"')[2])
    )
    done = await admin.post(path, fields)
    assert (done.status_code, done.headers["location"]) == (303, path)
    assert await holders(demo, place, "2027-01-31") == ["basic-clerk"]
    assert await holders(demo, place, "2027-02-01") == ["sports-clerk"]
    assert (await person(demo, "basic-clerk"))["left_at"] is not None
    after = await admin.get(path)
    assert f"{clerk['name']}即将离职，最后一日为" in after.text
    assert (await admin.post(f"/people/{clerk['id']}/back")).status_code == 303
    assert (await person(demo, "basic-clerk"))["left_at"] is None


async def test_without_a_successor_the_page_says_that_nobody_holds_it_then(demo: Demo):
    admin, clerk = await demo.sign_in("administrator"), await person(demo, "basic-clerk")
    asked = await admin.post(f"/people/{clerk['id']}/leaving", {"last_day": LAST, "what": "leave"})
    assert "终止；届时无人任职" in asked.text


async def test_only_handing_over_keeps_the_person(demo: Demo):
    admin, chief = await demo.sign_in("administrator"), await person(demo, "math-chief")
    place, path = await position(demo, "qingdao-qiangji:math:chief-coach"), f"/people/{chief['id']}/leaving"
    nothing = await admin.post(path, {"last_day": LAST, "what": "hand-over"})
    assert nothing.status_code == 422
    assert "请为要交接的岗位填写接任人" in nothing.text
    typed = {"last_day": LAST, "what": "hand-over", f"to-{place}": "sports-clerk", "sure": "yes"}
    assert (await admin.post(path, typed)).status_code == 303
    assert await holders(demo, place, "2027-02-01") == ["sports-clerk"]
    assert (await person(demo, "math-chief"))["left_at"] is None


async def test_a_successor_who_may_not_is_refused_before_anybody_confirms(demo: Demo):
    admin, chief = await demo.sign_in("administrator"), await person(demo, "math-chief")
    heir = await person(demo, "sports-clerk")
    place, path = await position(demo, "qingdao-qiangji:math:chief-coach"), f"/people/{chief['id']}/leaving"
    typed = {"last_day": LAST, "what": "leave", "begins": "same", f"to-{place}": "sports-clerk"}
    for more in ({}, {"sure": "yes"}):
        answer = await admin.post(path, {**typed, **more})
        assert answer.status_code == 409
        assert f"{heir['name']}不能接任“" in answer.text
        assert 'value="sports-clerk"' in answer.text
    assert await holders(demo, place, "2027-02-01") == ["math-chief"]
    assert (await person(demo, "math-chief"))["left_at"] is None
    unknown = await admin.post(path, {**typed, f"to-{place}": "no such person", "last_day": "2027-13-01"})
    assert unknown.status_code == 422


async def test_a_look_at_what_will_happen_changes_nothing(demo: Demo):
    admin, chief = await demo.sign_in("administrator"), await person(demo, "math-chief")
    before = await demo.rows("SELECT count(*) AS n FROM audit_event")
    asked = await admin.post(f"/people/{chief['id']}/leaving", {"last_day": "2027-01-20", "what": "leave"})
    assert asked.status_code == 200
    assert await demo.rows("SELECT count(*) AS n FROM audit_event") == before
    assert (await person(demo, "math-chief"))["disabled_at"] is None
    assert (await (await demo.sign_in("math-chief")).get("/tasks")).status_code == 200


async def test_an_account_is_disabled_and_enabled_by_the_units_administrator(demo: Demo):
    admin, chief, browser = (
        await demo.sign_in("school-1-admin"),
        await person(demo, "math-chief"),
        await demo.sign_in("math-chief"),
    )
    page = await admin.get(f"/people/{chief['id']}/leaving")
    assert "停用此账户…" in page.text
    assert 'name="last_day"' not in page.text
    assert (await admin.post(f"/people/{chief['id']}/leaving", {"last_day": LAST})).status_code == 403
    assert (await admin.post(f"/people/{chief['id']}/disable")).status_code == 303
    assert (await browser.get("/tasks")).status_code == 303
    assert "恢复" in (await admin.get(f"/people/{chief['id']}/leaving")).text
    assert (await admin.post(f"/people/{chief['id']}/enable")).status_code == 303
    assert (await (await demo.sign_in("math-chief")).get("/tasks")).status_code == 200


async def test_offices_that_are_kept_apart_are_shown_but_not_handed_over(demo: Demo):
    admin, auditor = await demo.sign_in("administrator"), await person(demo, "auditor")
    page = await admin.get(f"/people/{auditor['id']}/leaving")
    assert "须与您的职务分设" in page.text
    assert 'name="last_day"' not in page.text
    typed = {"last_day": LAST, "what": "leave", "sure": "yes"}
    assert (await admin.post(f"/people/{auditor['id']}/leaving", typed)).status_code == 403
    assert (await person(demo, "auditor"))["left_at"] is None
