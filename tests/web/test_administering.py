"""What the administrator does to a case: first exactly what will happen, then it happens."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from tests.web.conftest import Browser, Demo

pytestmark = pytest.mark.postgres


def text(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def kept(answer: httpx.Response) -> dict[str, str]:
    form = answer.text[answer.text.index('class="gt-card gt-reading"') :]
    return {
        name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    }


async def begin(demo: Demo, group: str, act: str) -> tuple[Browser, str]:
    admin = await demo.sign_in("administrator")
    path = f"/cases/{await demo.case(group)}/acts/{act}"
    assert (await admin.get(path)).status_code == 200
    return admin, path


async def state(demo: Demo, group: str) -> tuple[str, str | None, bool]:
    rows = await demo.rows("SELECT state, stage, suspended_at FROM cases WHERE id = $1", await demo.case(group))
    return rows[0]["state"], rows[0]["stage"], rows[0]["suspended_at"] is not None


async def test_suspending_says_who_is_told_and_is_undone_by_resuming(demo: Demo):
    admin, path = await begin(demo, "biology", "suspend")
    asked = await admin.post(path, {"words": "等待上级文件", "version": ""})
    assert "通知：" in text(asked)
    assert await state(demo, "biology") == ("open", "guidance", False)
    done = await admin.post(path, kept(asked))
    assert (done.status_code, await state(demo, "biology")) == (303, ("open", "guidance", True))
    case = await admin.get(path.partition("/acts")[0])
    assert "此件已暂停：管理员恢复之前任何人不能办理" in case.text
    assert "等待上级文件" in case.text
    assert (await admin.get(path)).status_code == 404
    resume = path.replace("suspend", "resume")
    asked = await admin.post(resume, {})
    assert (await admin.post(resume, kept(asked))).status_code == 303
    assert await state(demo, "biology") == ("open", "guidance", False)


async def test_a_jump_names_the_tasks_that_close_and_open(demo: Demo):
    admin, path = await begin(demo, "biology", "jump")
    page = await admin.get(path)
    assert "gt-flow" in page.text
    version = re.search(r'name="version" value="(\d+)"', page.text)[1]
    asked = await admin.post(path, {"to": "plan", "words": "材料有误", "version": version})
    said = text(asked)
    assert "以下待办关闭：" in said
    assert "以下待办开启：" in said
    assert "此件随后处于： 编制提报" in said
    assert await state(demo, "biology") == ("open", "guidance", False)
    assert (await admin.post(path, kept(asked))).status_code == 303
    assert await state(demo, "biology") == ("open", "plan", False)
    again = await admin.post(path, kept(asked) | {"key": "another"})
    assert again.status_code == 409
    wrong = await admin.post(path, {"to": "filing", "words": "x", "version": version})
    assert wrong.status_code == 409


async def test_an_ended_case_is_opened_again(demo: Demo):
    admin, path = await begin(demo, "biology", "end")
    nothing = await admin.post(path, {"words": " "})
    assert nothing.status_code == 422
    asked = await admin.post(path, {"words": "本年度暂停"})
    assert "所有未办待办关闭" in text(asked)
    assert (await admin.post(path, kept(asked))).status_code == 303
    assert (await state(demo, "biology"))[0] == "ended"
    reopen = path.replace("/end", "/reopen")
    asked = await admin.post(reopen, {"to": "guidance", "words": "恢复"})
    assert (await admin.post(reopen, kept(asked))).status_code == 303
    assert await state(demo, "biology") == ("open", "guidance", False)


async def test_one_persons_tasks_are_handed_over(demo: Demo):
    task = await demo.task("biology", "guiding-unit/reviewer")
    person = await demo.rows("SELECT person_id FROM account WHERE login = 'research-reviewer'")
    async with demo.store.transaction() as tx:
        from services.people.access import reader_for  # noqa: PLC0415
        from services.workflow.handing import claim  # noqa: PLC0415

        (row,) = await tx.rows("SELECT bureau_id FROM person WHERE id = $1", (person[0]["person_id"],))
        by = await reader_for(tx, bureau_id=row["bureau_id"], person_id=person[0]["person_id"])
        await claim(tx, by=by, task_id=task)
    admin, path = await begin(demo, "biology", "hand-over")
    asked = await admin.post(path, {"leaving": str(person[0]["person_id"]), "person": "sports-clerk"})
    assert asked.status_code == 200, text(asked)
    assert (await admin.post(path, kept(asked))).status_code == 303
    (row,) = await demo.rows(
        "SELECT a.login FROM task t JOIN account a ON a.person_id = t.person_id WHERE t.id = $1", task
    )
    assert row["login"] == "sports-clerk"


async def test_nobody_else_finds_these_pages(demo: Demo):
    case = await demo.case("biology")
    head = await demo.sign_in("basic-head")
    for act in ("suspend", "jump", "end", "hand-over", "remove-signer", "reopen", "no-such"):
        assert (await head.get(f"/cases/{case}/acts/{act}")).status_code == 404
