"""CONTRIBUTING says how a process is added without Python: its commands and edits, followed to the letter in both languages."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from flows import workplace
from flows.any_season import any_season
from models.people import Appointment
from services.adapters import stepping
from services.adapters.stepping import SteppingWaiter
from services.people.access import Reader, reader_for
from services.people.set_up import set_up_bureau
from services.store.transaction import Store
from services.workflow.acts import approve, submit_plan
from services.workflow.carrying import begin_generation
from services.workflow.drafts import save_draft
from services.workflow.season_plan import plan_seasons, season_id_of

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|diff)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADINGS = {
    "CONTRIBUTING.md": "## Adding a process without Python\n",
    "CONTRIBUTING.zh.md": "## 不写 Python，添加一个流程\n",
}
DATA = {
    "goals": {"summary": "Read", "pupils": "30", "steps": [{"step": "Choose books", "by": "2027-03-01"}]},
    "budget": {"total": "100"},
}


def blocks(name: str) -> Iterator[tuple[str, str]]:
    text = (ROOT / name).read_text(encoding="utf-8").split(HEADINGS[name])[1]
    return ((found[1], found[2]) for found in BLOCK.finditer(re.split(r"^## ", text, flags=re.MULTILINE)[0]))


def edit(folder: Path, block: str) -> None:
    """Do what a diff shows: its lines without the added ones stand in the file once, and become those without the removed."""
    old, new, *lines = block.splitlines()
    assert old.removeprefix("--- ") == new.removeprefix("+++ ")
    before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
    after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
    path = folder / new.removeprefix("+++ ")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, after), encoding="utf-8")


class Follower:
    """Somebody who does what the text says, in a folder of their own."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.said = folder, ""
        (folder / ".venv").mkdir()
        (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        given = {"GUANTONG_DATABASE_URL": database_url, "GUANTONG_LOCALE": "en", "GUANTONG_HOME": str(folder / "home")}
        self.environment = {**os.environ, **given, "PYTHONPATH": str(ROOT)}

    def follow(self, kind: str, block: str) -> None:
        if kind == "diff":
            edit(self.folder, block)
            return
        for line in block.splitlines():
            done = subprocess.run(
                shlex.split(line), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), (line, done.stderr)
            self.said = done.stdout


@pytest.mark.parametrize("name", HEADINGS)
async def test_whoever_follows_the_text_has_a_process_that_runs(name, store, database_url, tmp_path):
    async with store.transaction() as tx:
        made = await set_up_bureau(tx, "qingdao", name="青岛市教育局", admin_name="王老师", admin_login="wang")
    follower = Follower(tmp_path, database_url)
    steps = list(blocks(name))
    assert [kind for kind, _ in steps] == ["sh", "diff", "diff", "sh", "sh", "diff", "sh"]
    for kind, block in steps[:-2]:
        follower.follow(kind, block)
    await runs(store, made.bureau.id)
    for kind, block in steps[-2:]:
        follower.follow(kind, block)
    assert "stage “Review”: time allowed: 5 workdays → 7 workdays" in follower.said


def test_both_languages_show_the_same_steps():
    english, chinese = (list(blocks(name)) for name in HEADINGS)
    assert english == chinese


async def runs(store: Store, bureau: UUID) -> None:
    """The season is planned, opened by the flow that carries any process, and its case goes through every stage."""
    names = {"programme": "reading-week", "process": "plan-filing"}
    async with store.transaction() as tx:
        await plan_seasons(tx, bureau)
        season = await season_id_of(tx, bureau, **names, key="2027")
        assert await begin_generation(tx, season, seen=0) == 1
    with workplace.at(store, SteppingWaiter()):
        waits = await stepping.step(any_season.fn, bureau="qingdao", **names, season="2027", generation=1)
    assert waits == "due-1"
    async with store.transaction() as tx:
        (case,) = await tx.rows("SELECT id FROM cases WHERE season_id = $1", (season,))
    leader = await appointed(store, bureau, "reading-week:first:chief-coach")
    clerk = await appointed(store, bureau, "basic-education-office/clerk")
    head = await appointed(store, bureau, "basic-education-office/head")
    async with store.transaction() as tx:
        await save_draft(tx, by=leader, case_id=case["id"], data=DATA)
        await submit_plan(tx, by=leader, task_id=await task(tx, case["id"]))
    for by, stage in ((clerk, "review"), (head, "signature")):
        async with store.transaction() as tx:
            rows = await tx.rows("SELECT stage FROM cases WHERE id = $1", (case["id"],))
            assert rows[0]["stage"] == stage
            done = await approve(tx, by=by, task_id=await task(tx, case["id"]), words="同意")
    assert done.number == "READING-WEEK-2027-001"


async def task(tx, case: UUID) -> UUID:
    (found,) = await tx.rows("SELECT id FROM task WHERE case_id = $1 AND state = 'open'", (case,))
    return found["id"]


async def appointed(store: Store, bureau: UUID, position: str) -> Reader:
    """Let a new person hold a position."""
    async with store.transaction() as tx:
        (held,) = await tx.rows("SELECT id FROM position WHERE bureau_id = $1 AND code = $2", (bureau, position))
        person = tx.new_id()
        await tx.rows(
            "INSERT INTO person (id, bureau_id, name, sort_key, locale, created_at) VALUES ($1, $2, $3, $3, 'zh', $4)",
            (person, bureau, position, tx.now),
        )
        tx.session.add(
            Appointment(
                id=tx.new_id(), bureau_id=bureau, position_id=held["id"], person_id=person, starts_on=date(2026, 1, 1),
                ends_on=None, created_at=tx.now,
            )
        )  # fmt: skip
    async with store.transaction() as tx:
        return await reader_for(tx, bureau_id=bureau, person_id=person)
