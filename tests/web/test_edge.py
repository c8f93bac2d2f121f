"""The edge: the commit comes before the response, nothing changes for another site, nothing unreadable is a 5xx."""

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from services.settings import Settings
from services.store.migrate import NewerSchemaError
from services.store.transaction import Store
from services.web.app import create_app
from services.web.edge import TxDep
from tests.web.conftest import Browser

UNCOMMITTABLE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused at commit'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON heartbeat DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def test_response_waits_for_the_commit(app: FastAPI, store: Store, browser: Browser):
    async with store.engine.begin() as connection:
        for statement in UNCOMMITTABLE.strip().split(";\n"):
            if statement.strip(";\n "):
                await connection.execute(text(statement))

    @app.post("/api/write")
    async def write(tx: TxDep) -> dict[str, str]:
        await tx.rows("INSERT INTO heartbeat (name, kind, at, detail) VALUES ('x', 'test', now(), '{}')")
        return {"said": "written"}

    answer = await browser.http.post("/api/write")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Content-Security-Policy" in answer.headers


async def test_every_response_is_guarded(browser: Browser):
    for path in ("/sign-in", "/nothing-here", "/healthz", "/static/app.css", "/api/v1/nothing"):
        headers = (await browser.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


async def test_pages_hold_no_inline_script_or_style(browser: Browser):
    page = (await browser.get("/sign-in")).text
    assert " style=" not in page
    assert "<style" not in page
    assert "onclick" not in page
    assert page.count("<script") == page.count("<script src=")


async def test_form_without_token_is_refused(browser: Browser):
    await browser.get("/sign-in")
    answer = await browser.http.post("/sign-in", data={"login": "a", "password": "b"})
    assert answer.status_code == 403


async def test_form_with_another_visits_token_is_refused(browser: Browser):
    await browser.get("/sign-in")
    browser.token = "x" * 32
    assert (await browser.post("/sign-in", {"login": "a", "password": "b"})).status_code == 403


async def test_form_from_another_site_is_refused(browser: Browser):
    await browser.get("/sign-in")
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        answer = await browser.post("/sign-in", {"login": "a", "password": "b"}, headers=headers)
        assert answer.status_code == 403, headers


async def test_nobody_signed_in_is_sent_to_sign_in_and_back(browser: Browser):
    answer = await browser.get("/tasks?stage=plan")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Ftasks%3Fstage%3Dplan"


async def test_sign_in_leads_to_our_own_pages_only(browser: Browser):
    for where in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        page = (await browser.get("/sign-in", params={"next": where})).text
        assert 'name="next" value="/"' in page


async def test_unreadable_forms_are_a_4xx(browser: Browser):
    await browser.get("/sign-in")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"login=%00", b"login=%ff%fe", b"login=\xff", b"&".join(b"a=1" for _ in range(20_001))):
        answer = await browser.http.post(
            "/sign-in", content=b"csrf=" + browser.token.encode() + b"&" + body, headers=kind
        )
        assert answer.status_code == 400, body[:20]
    assert (await browser.get("/sign-in?next=%00")).status_code == 422


async def test_large_body_is_refused_before_it_is_read(browser: Browser):
    await browser.get("/sign-in")

    async def never():
        yield b"x"
        raise AssertionError("the body was read")

    answer = await browser.http.post("/sign-in", content=never(), headers={"Content-Length": str(200 * 2**20)})
    assert answer.status_code == 413


async def test_large_body_without_a_length_is_refused_while_it_is_read(browser: Browser):
    await browser.get("/sign-in")

    async def endless():
        while True:
            yield b"x" * 2**20

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser.http.post("/sign-in", content=endless(), headers=kind)
    assert answer.status_code == 413


async def test_language_follows_the_browser_then_the_cookie(browser: Browser):
    assert 'lang="zh-CN"' in (await browser.get("/sign-in")).text
    english = {"Accept-Language": "en-GB,en;q=0.9"}
    assert 'lang="en-GB"' in (await browser.get("/sign-in", headers=english)).text
    answer = await browser.post("/language", {"language": "zh", "next": "/sign-in"})
    assert answer.headers["location"] == "/sign-in"
    assert 'lang="zh-CN"' in (await browser.get("/sign-in", headers=english)).text


async def test_health(browser: Browser, store: Store):
    assert (await browser.get("/healthz")).json() == {"status": "ok"}
    assert (await browser.get("/readyz")).status_code == 200
    async with store.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'unknown'"))
    answer = await browser.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "newer-schema")
    assert (await browser.get("/healthz")).status_code == 200


async def test_problem_json_under_api(browser: Browser):
    answer = await browser.get("/api/v1/nothing", headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not-found"
    assert answer.json()["detail"] == "这里没有内容，或没有您可以查看的内容。"


async def test_value_that_the_database_cannot_hold_is_the_senders_mistake(app: FastAPI, browser: Browser):
    @app.get("/api/test/{kind}")
    async def look(kind: str, tx: TxDep) -> dict[str, int]:
        values = {"nul": "\x00", "surrogate": "\ud800", "number": 2**70}
        kinds = {"nul": "text", "surrogate": "text", "number": "bigint"}
        await tx.rows(f"SELECT $1::{kinds[kind]}", (values[kind],))
        return {}

    for kind in ("nul", "surrogate", "number"):
        answer = await browser.get(f"/api/test/{kind}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input"), kind


async def test_busy_database_is_said_and_nothing_is_changed(app: FastAPI, store: Store, browser: Browser):
    @app.get("/api/test")
    async def wait(tx: TxDep) -> dict[str, str]:
        await tx.rows("SET LOCAL lock_timeout = '50ms'")
        await tx.rows("LOCK TABLE heartbeat")
        return {}

    async with store.engine.begin() as holder:
        await holder.execute(text("LOCK TABLE heartbeat"))
        answer = await browser.get("/api/test")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


async def test_a_database_that_is_away_is_a_page_and_not_a_crash(app: FastAPI, store: Store, browser: Browser):
    await store.close()
    store.engine = create_async_engine("postgresql+asyncpg://postgres@127.0.0.1:1/none")
    answer = await browser.get("/sign-in")
    assert answer.status_code == 503
    assert "代码 503" in answer.text
    assert (await browser.get("/readyz")).json()["reason"] == "database"
    await store.engine.dispose()


async def test_schema_of_another_release_is_refused_at_start(store: Store, settings: Settings):
    async with store.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'unknown'"))
    made = create_app(store, settings)
    with pytest.raises(NewerSchemaError):
        async with made.router.lifespan_context(made):
            pass
