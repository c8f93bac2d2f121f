"""What arrives slowly, holds nobody up: no connection, no lock, no turn at the passwords; what is too slow is ended."""

import asyncio
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.errors import TooLargeError
from services.settings import Settings
from services.store.transaction import Store
from services.web.app import PATIENCE, _open_store, create_app
from services.web.errors import SlowRequestError
from services.web.security import FORM_LIMIT, Body
from tests.web.conftest import Browser, Demo

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


class Slow:
    """A body whose second half waits until it is let go."""

    def __init__(self, first: bytes, second: bytes) -> None:
        self.first, self.second = first, second
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def pieces(self):
        yield self.first
        self.begun.set()
        await self.go.wait()
        yield self.second


async def never():
    yield b"x"
    raise AssertionError("the body was read")


async def test_slow_form_holds_no_connection(store: Store, browser: Browser):
    await browser.get("/sign-in")
    for path in ("/sign-in", "/activate", "/language"):
        slow = Slow(b"csrf=" + browser.token.encode(), b"&language=en&next=/sign-in")
        sent = asyncio.create_task(browser.http.post(path, content=slow.pieces(), headers=FORM))
        await slow.begun.wait()
        assert store.engine.pool.checkedout() == 0, path
        slow.go.set()
        assert (await sent).status_code < 500


async def test_slow_file_holds_neither_a_connection_nor_the_cases_lock(demo: Demo):
    chief = await demo.sign_in("math-chief")
    where = f"/cases/{await demo.case('math')}"
    await chief.get(f"{where}/form")
    slow = Slow(PDF[:10], PDF[10:])
    headers = {"X-CSRF-Token": chief.token, "X-File-Name": "a.pdf"}
    to = f"{where}/attachments?field=attachments.files"
    sent = asyncio.create_task(chief.http.post(to, content=slow.pieces(), headers=headers))
    await slow.begun.wait()
    assert demo.store.engine.pool.checkedout() == 0
    await demo.rows("SELECT id FROM cases WHERE id = $1 FOR UPDATE NOWAIT", UUID(where[7:]))
    slow.go.set()
    assert (await sent).status_code == 200
    assert len(await demo.rows("SELECT id FROM attachment")) == 1


@pytest.mark.parametrize("path", ["/sign-in", "/activate", f"/cases/{UUID(int=1)}/attachments"])
async def test_nothing_is_read_without_a_cookie_or_from_another_site(browser: Browser, path: str):
    answer = await browser.http.post(path, content=never(), headers=FORM)
    assert answer.status_code == 403
    await browser.get("/sign-in")
    answer = await browser.http.post(path, content=never(), headers={**FORM, "Origin": "https://evil.example"})
    assert answer.status_code == 403


async def test_nobodys_files_are_not_read(browser: Browser):
    await browser.get("/sign-in")
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await browser.http.post("/sign-in", content=never(), headers=kind)).status_code == 400
    where = f"/cases/{UUID(int=1)}/attachments"
    assert (await browser.http.post(where, content=never(), headers=kind)).status_code == 303


async def test_form_has_a_forms_limit_at_every_address(store: Store, settings: Settings):
    browser = Browser(create_app(store, settings.model_copy(update={"attachment_limit_mb": 50})))
    await browser.get("/sign-in")
    headers = {**FORM, "Content-Length": str(FORM_LIMIT + 1)}
    answer = await browser.http.post(f"/cases/{UUID(int=1)}/attachments", content=never(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("origin", ["http://[", "null", "ftp://127.0.0.1:8080", "http://127.0.0.1:8081"])
async def test_another_origin_is_another_site(browser: Browser, origin: str):
    await browser.get("/sign-in")
    answer = await browser.post("/language", {"language": "en"}, headers={"Origin": origin})
    assert answer.status_code == 403


async def test_origin_without_tls_is_another_site_where_the_installation_has_tls(store: Store, settings: Settings):
    browser = Browser(create_app(store, settings.model_copy(update={"public_url": "https://127.0.0.1:8080"})))
    browser.http.base_url = "https://127.0.0.1:8080"
    await browser.get("/sign-in")
    for origin, status in (("http://127.0.0.1:8080", 403), ("https://127.0.0.1:8080", 303)):
        answer = await browser.post("/language", {"language": "en"}, headers={"Origin": origin})
        assert answer.status_code == status, origin


def drip(every: float):
    async def receive():
        await asyncio.sleep(every)
        return {"type": "http.request", "body": b"x", "more_body": True}

    return receive


async def _whole(body: Body) -> None:
    while (await body.receive())["more_body"]:
        pass


async def test_silence_and_dripping_end():
    with pytest.raises(SlowRequestError):
        await Body(drip(60), limit=9, total=60, idle=0.01).receive()
    dripping = Body(drip(0), limit=2**40, total=0.05, idle=60)
    with pytest.raises(SlowRequestError):
        await _whole(dripping)
    with pytest.raises(TooLargeError):
        await Body(drip(0), limit=0, total=60, idle=60).receive()


async def test_a_whole_body_is_not_hurried():
    messages = [{"type": "http.request", "body": b"x"}, {"type": "http.disconnect"}]

    async def receive():
        await asyncio.sleep(0 if len(messages) == 2 else 0.05)
        return messages.pop(0)

    body = Body(receive, limit=9, total=0.02, idle=0.02)
    await body.receive()
    assert (await body.receive())["type"] == "http.disconnect"


async def test_slow_body_is_answered_with_408(browser: Browser, monkeypatch):
    monkeypatch.setattr("services.web.security.FORM_TOTAL", 0.05)
    await browser.get("/sign-in")
    slow = Slow(b"csrf=", b"")
    answer = await browser.http.post("/sign-in", content=slow.pieces(), headers=FORM)
    assert answer.status_code == 408
    answer = await browser.http.post("/sign-in", content=slow.pieces(), headers=FORM)
    assert "没有及时" in answer.text


async def test_requests_wait_for_locks_only_so_long(settings: Settings, database_url: str):
    store = _open_store(settings.model_copy(update={"database_url": SecretStr(database_url)}))
    async with store.transaction() as tx:
        for name, value in PATIENCE.items():
            (row,) = await tx.rows("SELECT current_setting($1) AS value", (name,))
            assert row["value"].replace("1min", "60s") == value
    await store.close()
