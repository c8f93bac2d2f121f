"""Objections against what is posted: entered by an office, settled by the position that the stage names."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.store.chain import verify_chain
from services.store.transaction import Store
from services.workflow import administering
from tests.api.rights import sign_in
from tests.conftest import move_clock
from tests.web.conftest import ADDRESS
from tests.workflow.office import Office, make_office
from tests.world import local

pytestmark = pytest.mark.postgres


@pytest.fixture
async def office(store: Store, app: FastAPI) -> AsyncIterator[Office]:
    """A case that stands in its posting."""
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    await made.open("rich", "robotics")
    await made.submit()
    more = {"case_id": made.case_id, "to": "posting", "words": "Set there", "version": (await made.state()).version}
    await made.do(administering.jump, "administrator", **more)
    return made


async def sit(app: FastAPI, office: Office, login: str) -> httpx.AsyncClient:
    async with office.store.transaction() as tx:
        known = await tx.rows("SELECT 1 FROM sign_in WHERE person_id = $1", (office.people[login],))
    token, csrf = f"session-{office.bureau_id}-{login}", f"csrf-{login}"
    if not known:
        token, csrf = await sign_in(office, login)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"X-CSRF-Token": csrf}
    return httpx.AsyncClient(transport=transport, base_url=ADDRESS, cookies={"guantong": token}, headers=headers)


async def register(app: FastAPI, office: Office, login: str = "education-clerk", **more: str) -> httpx.Response:
    visit = (await office.visit("posting")).id
    data = {"visit": str(visit), "name": "张三", "contact": "13800000000", "words": "名单有误", **more}
    return await (await sit(app, office, login)).post(f"/cases/{office.case_id}/objections", data=data)


async def settle(app: FastAPI, office: Office, login: str, **data: str) -> httpx.Response:
    (objection,) = (await office.visit("posting")).objections
    path = f"/cases/{office.case_id}/objections/{objection.id}"
    return await (await sit(app, office, login)).post(path, data=data)


def text(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def test_an_objection_is_entered_and_only_the_offices_read_who_objects(app: FastAPI, office: Office):
    assert (await register(app, office)).status_code == 303
    path = f"/cases/{office.case_id}/objections"
    clerk = text(await (await sit(app, office, "education-clerk")).get(path))
    assert "张三 · 13800000000" in clerk
    assert "名单有误" in clerk
    chief = text(await (await sit(app, office, "robotics-chief")).get(path))
    assert "名单有误" in chief
    assert "张三" not in chief
    assert "13800000000" not in chief
    case = text(await (await sit(app, office, "robotics-chief")).get(f"/cases/{office.case_id}"))
    assert "待处理异议 1 件" in case
    assert "张三" not in case
    async with office.store.transaction() as tx:
        events = await tx.rows("SELECT data::text AS data FROM audit_event WHERE kind = 'object'")
        assert await verify_chain(tx, office.bureau_id) == []
    assert "张三" not in events[0]["data"]
    assert '"name"' in events[0]["data"]


async def test_who_has_no_office_in_the_case_enters_none(app: FastAPI, office: Office):
    assert (await register(app, office, "robotics-chief")).status_code == 403
    assert (await register(app, office, name=" ")).status_code == 422
    assert (await register(app, office, words=" ")).status_code == 422
    assert (await office.visit("posting")).objections == ()


async def test_not_upheld_the_posting_goes_on_and_ends_after_its_period(app: FastAPI, office: Office):
    await register(app, office)
    assert (await settle(app, office, "finance-clerk", upheld="no", words="x")).status_code == 403
    assert (await settle(app, office, "education-clerk", upheld="no", words=" ")).status_code == 422
    assert (await settle(app, office, "education-clerk", words="x")).status_code == 422
    await move_clock(office.store, local(2027, 1, 20))
    await office.pass_time()
    assert "posting" in (await office.state()).name
    assert (await settle(app, office, "education-clerk", upheld="no", words="经核查属实")).status_code == 303
    await office.pass_time()
    assert "posting" not in (await office.state()).name


async def test_upheld_the_case_goes_back(app: FastAPI, office: Office):
    await register(app, office)
    (objection,) = (await office.visit("posting")).objections
    assert (await settle(app, office, "education-clerk", upheld="yes", words="异议属实")).status_code == 303
    assert (await office.state()).name == "plan"
    page = text(await (await sit(app, office, "education-clerk")).get(f"/cases/{office.case_id}/objections"))
    assert "成立" in page
    assert "目前没有公示" in page
    again = await (await sit(app, office, "education-clerk")).post(
        f"/cases/{office.case_id}/objections/{objection.id}", data={"upheld": "no", "words": "x"}
    )
    assert again.status_code == 409


async def test_after_the_period_nothing_is_entered(app: FastAPI, office: Office):
    await move_clock(office.store, local(2027, 1, 20))
    assert (await register(app, office)).status_code == 409
