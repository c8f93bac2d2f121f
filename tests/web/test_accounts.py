"""Signing in, activation by slip, resets: through the pages, without a mailbox."""

import re

from services.adapters.demo import PASSWORD
from tests.web.conftest import Demo

NEW = "a-sentence-of-my-own"


async def test_wrong_password_is_counted_until_the_account_locks(demo: Demo):
    browser = demo.browser()
    await browser.get("/sign-in")
    statuses = [
        (await browser.post("/sign-in", {"login": "math-chief", "password": "wrong"})).status_code for _ in range(5)
    ]
    assert statuses == [401, 401, 401, 401, 429]
    answer = await browser.post("/sign-in", {"login": "math-chief", "password": PASSWORD})
    assert answer.status_code == 429
    assert "math-chief" in answer.text  # what was typed stays
    assert PASSWORD not in answer.text


async def test_unit_administrator_unlocks_and_resets_by_slip(demo: Demo):
    locked = demo.browser()
    await locked.get("/sign-in")
    for _ in range(5):
        await locked.post("/sign-in", {"login": "math-chief", "password": "wrong"})
    person = (await demo.rows("SELECT person_id FROM account WHERE login = 'math-chief'"))[0]["person_id"]
    admin = await demo.sign_in("school-1-admin")
    assert "锁定至" in (await admin.get("/people")).text
    slip = await admin.post(f"/people/{person}/slip", {"purpose": "reset"})
    code = re.search(r'gt-code">([^<]+)<', slip.text)[1]
    assert "<svg" in slip.text
    assert slip.headers["cache-control"] == "no-store"
    fresh = demo.browser()
    await fresh.get("/activate")
    form = {"login": "math-chief", "code": code, "password": NEW, "again": NEW}
    assert (await fresh.post("/activate", form)).status_code == 303
    assert (await fresh.post("/activate", form)).status_code == 422  # a code works once
    await fresh.sign_in("math-chief", NEW)
    assert (await fresh.get("/tasks")).status_code == 200


async def test_slip_refuses_two_passwords_that_differ_and_uses_nothing_up(demo: Demo):
    person = (await demo.rows("SELECT person_id FROM account WHERE login = 'math-chief'"))[0]["person_id"]
    admin = await demo.sign_in("school-1-admin")
    await admin.get("/people")
    slip = await admin.post(f"/people/{person}/slip", {"purpose": "reset"})
    code = re.search(r'gt-code">([^<]+)<', slip.text)[1]
    fresh = demo.browser()
    await fresh.get("/activate")
    form = {"login": "math-chief", "code": code, "password": NEW}
    assert (await fresh.post("/activate", {**form, "again": "another-sentence"})).status_code == 422
    assert (await fresh.post("/activate", {**form, "password": "short", "again": "short"})).status_code == 422
    assert (await fresh.post("/activate", {**form, "again": NEW})).status_code == 303


async def test_people_of_other_units_are_not_there(demo: Demo):
    stranger = (await demo.rows("SELECT person_id FROM account WHERE login = 'physics-chief'"))[0]["person_id"]
    admin = await demo.sign_in("school-1-admin")
    await admin.get("/people")
    assert (await admin.post(f"/people/{stranger}/slip", {"purpose": "reset"})).status_code == 404
    assert (await admin.post(f"/people/{stranger}/unlock")).status_code == 404
    unit = (await demo.rows("SELECT id FROM unit WHERE code = 'demo-school-2'"))[0]["id"]
    assert (await admin.get(f"/people?unit={unit}")).status_code == 404


async def test_sign_out_ends_the_session_in_the_store(demo: Demo):
    browser = await demo.sign_in("math-chief")
    cookie = browser.http.cookies["guantong"]
    assert (await browser.post("/sign-out")).status_code == 303
    browser.http.cookies.set("guantong", cookie)
    assert (await browser.get("/tasks")).status_code == 303


async def test_session_cookie_is_kept_from_scripts_and_other_sites(demo: Demo):
    browser = demo.browser()
    await browser.get("/sign-in")
    answer = await browser.post("/sign-in", {"login": "math-chief", "password": PASSWORD})
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("guantong="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_changing_the_password_ends_other_sessions(demo: Demo):
    here, there = await demo.sign_in("math-chief"), await demo.sign_in("math-chief")
    wrong = {"old": "wrong", "password": NEW, "again": NEW}
    assert (await here.post("/account/password", wrong)).status_code == 401
    assert (await here.post("/account/password", {**wrong, "old": PASSWORD})).status_code == 303
    assert (await here.get("/tasks")).status_code == 200
    assert (await there.get("/tasks")).status_code == 303


async def test_signing_in_again_ends_the_session_that_the_browser_had(demo: Demo):
    browser = await demo.sign_in("math-chief")
    await browser.get("/account")
    assert (await browser.post("/sign-in", {"login": "math-chief", "password": "wrong"})).status_code == 401
    assert (await browser.get("/tasks")).status_code == 200  # a refusal ends nothing
    assert (await browser.post("/sign-in", {"login": "physics-chief", "password": PASSWORD})).status_code == 303
    rows = await demo.rows(
        "SELECT a.login, s.ended_at IS NULL AS open FROM sign_in s JOIN account a USING (bureau_id, person_id) ORDER BY s.id"
    )
    assert [(row["login"], row["open"]) for row in rows][-2:] == [("math-chief", False), ("physics-chief", True)]
