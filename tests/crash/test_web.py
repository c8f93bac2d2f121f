"""The web process is killed around the commit of every act, started again, and asked the same under the same key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.people.tokens import create_token
from services.store.transaction import Store
from tests.crash.invariants import acknowledged, broken
from tests.crash.programs import Installation, Moment, Program
from tests.pack_copies import changed_pack
from tests.world import World, make_world, open_filing, plan

pytestmark = [pytest.mark.crash, pytest.mark.postgres]

ANY_OF = """\
  - approve: either
    title: {zh: 或签, en: One of two offices}
    by: {any_of: [basic-education-office/head, planning-finance-office/head]}
    within: 5wd
    return_to: [plan]
  - approve: bureau
"""
CLERKS = ("basic-education-office/clerk", "planning-finance-office/clerk")
HEADS = ("basic-education-office/head", "planning-finance-office/head")


@dataclass
class People:
    """Programs that act for people, through HTTP; each command is asked under a key of its own."""

    world: World
    installed: Installation
    web: Program
    tokens: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def token(self, login: str) -> str:
        if login not in self.tokens:
            async with self.world.store.transaction() as tx:
                reader = await self.world.reader(tx, login)
                _, self.tokens[login] = await create_token(tx, reader, "test", scopes=("read", "write"), expires=None)
        return self.tokens[login]

    async def post(self, login: str, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """Give a command; what is answered must be a success."""
        headers = {"Authorization": f"Bearer {await self.token(login)}", "Idempotency-Key": key}
        base = f"http://127.0.0.1:{self.installed.settings.port}/api/v1"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as http:
            answer = await http.post(path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        self.answers[key] = answer.json()
        return self.answers[key]

    async def killed(self, moment: Moment, login: str, path: str, **body: Any) -> dict[str, Any]:
        """Give a command whose commit kills the web process; start it again; give the same command twice more."""
        key = f"{moment}-{path}"
        before = await self.count()
        self.installed.crash.plan("new_decision AS (", moment)
        with pytest.raises(httpx.TransportError):
            await self.post(login, path, key, body)
        self.web.wait_killed()
        assert self.installed.crash.happened
        assert await self.count() == before + (moment == "after"), "the commit is where the plan says"
        self.installed.start_web(self.web)
        first = await self.post(login, path, key, body)
        assert await self.post(login, path, key, body) == first
        assert await self.count() == before + 1
        return first

    async def count(self) -> int:
        async with self.world.store.transaction() as tx:
            rows = await tx.rows("SELECT count(*) AS n FROM decision")
        n: int = rows[0]["n"]
        return n

    async def task(self, actor: str | None = None) -> str:
        async with self.world.store.transaction() as tx:
            return str(await self.world.open_task(tx, "math", actor))


@pytest.fixture
async def people(store: Store, installed: Installation, tmp_path: Path) -> People:
    """Mathematics with a plan ready to submit, under rules that have every way of approving; web answers."""
    pack = changed_pack(tmp_path / "pack", ("  - approve: bureau\n", ANY_OF))
    world = await open_filing(await make_world(store, pack=pack), groups=("math", "physics"))
    await world.fill_in("math", plan())
    web = installed.web()
    installed.start_web(web)
    return People(world, installed, web)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_no_act_is_lost_or_doubled_when_web_dies_at_its_commit(people: People, moment: Moment) -> None:
    world, case = people.world, people.world.cases["math"]
    submitted = await people.killed(moment, "math-chief", f"/tasks/{await people.task()}/submit")
    assert (submitted["version"], submitted["state"]) == (2, "guidance")
    withdrawn = await people.killed(moment, "math-chief", f"/cases/{case}/withdraw")
    assert withdrawn["state"] == "plan"
    await people.post("math-chief", f"/tasks/{await people.task()}/submit", "again", {})
    task = await people.task()
    returned = await people.killed(
        moment, "research-reviewer", f"/tasks/{task}/return", to="plan", words="The hours are missing."
    )
    assert returned["state"] == "plan"
    await people.post("math-chief", f"/tasks/{await people.task()}/submit", "corrected", {})
    one = await people.killed(moment, "research-reviewer", f"/tasks/{await people.task()}/approve", words="Good.")
    assert one["state"] == "either"
    either = await people.killed(moment, "basic-head", f"/tasks/{await people.task(HEADS[0])}/approve")
    assert either["state"] == "bureau"
    first = await people.killed(moment, "basic-clerk", f"/tasks/{await people.task(CLERKS[0])}/approve")
    assert (first["state"], first["number"]) == ("bureau", None)
    filed = await people.killed(moment, "finance-clerk", f"/tasks/{await people.task(CLERKS[1])}/approve")
    assert (filed["state"], filed["number"]) == ("filed", "QJ-2027-001")
    assert await broken(world.store) == []
    assert await acknowledged(world.store, people.answers) == []
    assert await people.count() == len(people.answers) == 9
