"""Moving running cases by the page: what would become of each, then what did, and the way back; the process in words."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.store.transaction import Store
from tests.conftest import move_clock
from tests.web.test_objecting import sit
from tests.workflow.office import Office, make_office
from tests.workflow.test_migrating import load_changed, pinned
from tests.world import local

pytestmark = pytest.mark.postgres


@pytest.fixture
async def office(store: Store) -> Office:
    """Two simple cases: one is being written, one waits for guidance."""
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    for group in ("astronomy", "robotics"):
        await made.open("simple", group)
    await made.submit()
    return made


def text(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def page_of(office: Office) -> str:
    async with office.store.transaction() as tx:
        (row,) = await tx.rows("SELECT id FROM programme WHERE bureau_id = $1", (office.bureau_id,))
    return f"/administration/programmes/{row['id']}"


def going(answer: httpx.Response) -> dict[str, object]:
    form = answer.text[answer.text.index('name="sure"') :]
    renames = dict(re.findall(r'name="(r:[^"]+)" value="([^"]*)"', form))
    return {"sure": "yes", "case": re.findall(r'name="case" value="([^"]+)"', form), **renames}


async def test_a_dry_run_then_each_case_then_back(app: FastAPI, office: Office, tmp_path: Path):
    old = await pinned(office)
    new = await load_changed(office, tmp_path / "pack", ("within: 5wd", "within: 9wd"))
    admin, path = await sit(app, office, "administrator"), f"{await page_of(office)}/migrate"
    assert (await admin.get(path)).status_code == 200
    chosen = {"process": "simple", "to": str(new)}
    shown = await admin.post(path, data=chosen)
    assert "可迁移 2 件" in text(shown)
    assert await pinned(office) == old
    done = await admin.post(path, data={**chosen, **going(shown)})
    assert "已迁移 2 件" in text(done)
    assert await pinned(office) == {new}
    chosen["to"] = "back"
    back = await admin.post(path, data=chosen)
    assert "已迁移 2 件" in text(await admin.post(path, data={**chosen, **going(back)}))
    assert await pinned(office) == old


async def test_a_stage_that_is_called_otherwise_is_asked_for(app: FastAPI, office: Office, tmp_path: Path):
    new = await load_changed(office, tmp_path / "pack", ("approve: guidance", "approve: review"))
    admin, path = await sit(app, office, "administrator"), f"{await page_of(office)}/migrate"
    chosen = {"process": "simple", "to": str(new)}
    shown = await admin.post(path, data=chosen)
    assert "可迁移 1 件；1 件保持不变" in text(shown)
    assert shown.text.count("gt-light-red") == 1
    assert 'name="r:guidance"' in shown.text
    shown = await admin.post(path, data={**chosen, "r:guidance": "review"})
    assert "可迁移 2 件" in text(shown)
    assert "已迁移 2 件" in text(await admin.post(path, data={**chosen, **going(shown)}))


async def test_a_wrong_choice_is_said_and_nobody_else_finds_the_page(app: FastAPI, office: Office):
    path = f"{await page_of(office)}/migrate"
    admin, clerk = await sit(app, office, "administrator"), await sit(app, office, "education-clerk")
    assert (await admin.post(path, data={"process": "no-such", "to": "x"})).status_code == 422
    assert (await clerk.get(path)).status_code == 404
    assert (await clerk.post(path, data={})).status_code == 404


async def test_the_process_is_told_in_words_at_case_and_version(app: FastAPI, office: Office):
    chief, admin = await sit(app, office, "robotics-chief"), await sit(app, office, "administrator")
    told = await chief.get(f"/cases/{office.case_id}/process")
    assert "1. 提报 (plan)" in text(told)
    assert "gt-flow-is-open" in told.text
    (version,) = await pinned(office)
    every = text(await admin.get(f"{await page_of(office)}/versions/{version}/process"))
    assert "重大项目备案 (rich)" in every
    assert "2a.1. 处室会签 (countersign)" in every
