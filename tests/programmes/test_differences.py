"""Loading a new version says in words what differs, who stands where, and asks where running cases lose their stage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from services.adapters.packs import read_pack
from services.cli import build
from services.process.pack_diff import difference
from services.programmes.differing import difference_lines, tell_differences
from services.programmes.overlays import set_overlay
from services.store.clock import StoreClock
from services.store.transaction import Store
from tests.pack_copies import changed_pack
from tests.world import PACK, World, make_world, open_filing, qingdao

pytestmark = pytest.mark.postgres

GUIDANCE = PACK.joinpath("processes/annual-filing.yaml").read_text(encoding="utf-8").split("  - approve: guidance\n")[1]
GUIDANCE = "  - approve: guidance\n" + GUIDANCE.split("  - approve: bureau\n")[0]
WITHIN = "processes/annual-filing/stages/guidance/within"
NUMBERS = (("    within: 5wd\n", "    within: 8wd\n"), ("returned: {at_least: 3wd}", "returned: {at_least: 4wd}"))
WITHOUT_GUIDANCE = ((GUIDANCE, ""), ("return_to: [plan, guidance]", "return_to: [plan]"))
ACTORS = (
    ("{all_of: [basic-education-office/clerk, planning-finance-office/clerk]}", "basic-education-office/clerk"),
    ("- {after: 1wd, every: 1wd, until: done, tell: [guiding-unit/reviewer]}",
     "- {after: 2wd, every: 1wd, until: done, tell: [guiding-unit/reviewer]}"),
)  # fmt: skip


def lines(newer: Any, locale: str) -> list[str]:
    one, other = qingdao().resolved(), newer.resolved()
    return list(difference_lines(tell_differences(one, other, difference(one, other)), locale=locale))


def test_numbers_are_told_old_and_new_in_both_languages(tmp_path):
    newer = changed_pack(tmp_path / "pack", *NUMBERS)
    assert lines(newer, "en") == [
        "Process “Annual plan filing”",
        "  ~ stage “Plan”: time after a return, at least: 3 workdays → 4 workdays",
        "  ~ stage “Guidance”: time allowed: 5 workdays → 8 workdays",
    ]
    assert lines(newer, "zh") == [
        "流程“年度项目实施方案备案”",
        "  ~ 环节“编制提报”：退回后至少时长：3个工作日 → 4个工作日",
        "  ~ 环节“指导单位审核”：办理时限：5个工作日 → 8个工作日",
    ]


def test_actors_and_rungs_are_told_by_their_titles(tmp_path):
    newer = changed_pack(tmp_path / "pack", *ACTORS)
    rung = "overdue by {} workdays, then every 1 workdays until it is done: Guiding unit: Guiding reviewer"
    clerks = "Basic education office: Clerk, Planning and finance office: Clerk"
    assert lines(newer, "en")[1:] == [
        f"  ~ stage “Guidance”: overdue ladder: {rung.format(1)} → {rung.format(2)}",
        f"  ~ stage “Countersigning offices”: who acts: all of {clerks} → Basic education office: Clerk",
    ]


def test_stages_fields_positions_and_settings_are_told(tmp_path):
    newer = changed_pack(tmp_path / "a", *WITHOUT_GUIDANCE)
    assert "  - no longer: stage “Guidance”" in lines(newer, "en")
    assert "  - 取消：环节“指导单位审核”" in lines(newer, "zh")
    newer = changed_pack(
        tmp_path / "b", ("  near_days: 7\n", "  near_days: 9\n"), ("seats: {min: 2, max: 5}", "seats: {min: 2, max: 6}"),
        file="programme.yaml",
    )  # fmt: skip
    assert lines(newer, "en") == [
        "Settings",
        "  ~ days before the due date that count as near: 7 → 9",
        "Positions",
        "  ~ position “Coach”: seats at most: 5 → 6",
    ]
    newer = changed_pack(tmp_path / "c", ("        max: 50\n", "        max: 60\n"), file="forms/annual-plan.yaml")
    assert lines(newer, "zh") == [
        "表单“年度项目实施方案”",
        "  ~ 部分“学员条件及产生方式”、字段“学员人数”：最多：50 → 60",
    ]


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(database_url: str) -> World:
    """A bureau whose math group writes its plan and whose physics group waits for its guiding unit."""

    async def make() -> World:
        store = Store(database_url, clock=StoreClock(), pooled=False)
        made = await open_filing(await make_world(store), groups=("math", "physics"))
        async with store.transaction() as tx:
            await tx.rows("UPDATE visit SET stage = 'guidance' WHERE case_id = $1", (made.cases["physics"],))
            await tx.rows("UPDATE cases SET stage = 'guidance' WHERE id = $1", (made.cases["physics"],))
        await store.close()
        return made

    return asyncio.run(make())


@pytest.fixture
def run(monkeypatch, tmp_path, database_url: str) -> Callable[..., Any]:
    monkeypatch.setenv("GUANTONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GUANTONG_LOCALE", "en")
    monkeypatch.setenv("GUANTONG_DATABASE_URL", database_url)
    runner, app = CliRunner(), build()

    def run(command: str, *arguments: object):
        return runner.invoke(app, ["programme", command, *map(str, arguments)])

    return run


def facts(database_url: str, statement: str) -> list[Any]:
    async def ask() -> list[Any]:
        store = Store(database_url, pooled=False)
        async with store.transaction() as tx:
            found = await tx.rows(statement)
        await store.close()
        return list(found)

    return asyncio.run(ask())


def versions(database_url: str) -> int:
    return facts(database_url, "SELECT count(*) AS n FROM programme_version")[0]["n"]


def test_a_dry_run_says_everything_and_changes_nothing(world, run, tmp_path, database_url):
    folder = tmp_path / "pack"
    newer = changed_pack(folder, *NUMBERS)
    said = run("load", folder, "--bureau", "qd", "--dry-run")
    assert said.exit_code == 0
    assert "would be loaded; nothing was changed" in said.stdout
    assert "time allowed: 5 workdays → 8 workdays" in said.stdout
    assert f"1 in “Guidance” of “Annual plan filing” under version {qingdao().digest()[:12]}" in said.stdout
    answer = json.loads(run("load", folder, "--bureau", "qd", "--dry-run", "--json").stdout)
    assert (answer["before"], answer["digest"], answer["lost"]) == (qingdao().digest(), newer.digest(), [])
    assert answer["differences"][1] == {
        "place": WITHIN, "kind": "changed", "before": "5wd", "after": "8wd",
        "words": {"en": "stage “Guidance”: time allowed: 5 workdays → 8 workdays",
                  "zh": "环节“指导单位审核”：办理时限：5个工作日 → 8个工作日"},
    }  # fmt: skip
    assert answer["running"] == [
        {"version": qingdao().digest(), "process": "annual-filing", "stage": "guidance", "cases": 1},
        {"version": qingdao().digest(), "process": "annual-filing", "stage": "plan", "cases": 1},
    ]
    assert versions(database_url) == 1
    assert "is in force already" in run("load", PACK, "--bureau", "qd", "--dry-run").stdout


def test_a_load_tells_the_difference_and_who_stays_under_which_version(world, run, tmp_path, database_url):
    folder = tmp_path / "pack"
    changed_pack(folder, *NUMBERS)
    said = run("load", folder, "--bureau", "qd").stdout
    assert "Differences to the version in force until now" in said
    assert "Running cases stay under their version:" in said
    assert versions(database_url) == 2
    pinned = facts(database_url, "SELECT count(DISTINCT version_id) AS n FROM cases")
    assert pinned[0]["n"] == 1


def test_a_stage_that_cases_stand_in_is_not_lost_unseen(world, run, tmp_path, database_url):
    folder = tmp_path / "pack"
    changed_pack(folder, *WITHOUT_GUIDANCE)
    refused = run("load", folder, "--bureau", "qd")
    assert refused.exit_code == 1
    assert "ATTENTION: 1 running cases stand in “Guidance” of “Annual plan filing”" in refused.stderr
    assert "--yes" in refused.stderr
    answer = json.loads(run("load", folder, "--bureau", "qd", "--json").stdout)
    assert (answer["ok"], answer["code"]) == (False, "lost-stage")
    assert [(each["stage"], each["cases"]) for each in answer["lost"]] == [("guidance", 1)]
    assert versions(database_url) == 1
    done = run("load", folder, "--bureau", "qd", "--yes")
    assert done.exit_code == 0
    assert "ATTENTION" in done.stdout
    assert versions(database_url) == 2
    stages = facts(database_url, "SELECT stage FROM cases ORDER BY stage")
    assert [row["stage"] for row in stages] == ["guidance", "plan"]


def test_a_conflict_is_decided_on_the_command_line(world, run, tmp_path, database_url):
    async def set_it() -> None:
        store = Store(database_url, clock=StoreClock(), pooled=False)
        async with store.transaction() as tx:
            of = (await tx.rows("SELECT id FROM programme"))[0]["id"]
            by = await world.reader(tx, "administrator")
            await set_overlay(tx, by, of, {WITHIN: "9wd"}, reason="地市要求")
        await store.close()

    asyncio.run(set_it())
    folder = tmp_path / "pack"
    changed_pack(folder, *NUMBERS)
    refused = run("load", folder, "--bureau", "qd")
    assert refused.exit_code == 1
    assert "the pack says 8 workdays instead of 5 workdays; the bureau has set 9 workdays" in refused.stderr
    assert f"--keep-ours {WITHIN} | --take-theirs {WITHIN}" in refused.stderr
    answer = json.loads(run("load", folder, "--bureau", "qd", "--dry-run", "--json").stdout)
    assert answer["overlay"]["undecided"] == [WITHIN]
    (conflict,) = answer["overlay"]["conflicts"]
    assert (conflict["base"], conflict["value"], conflict["theirs"], conflict["why"]) == (
        "5wd",
        "9wd",
        "8wd",
        "changed",
    )
    answer = json.loads(run("load", folder, "--bureau", "qd", "--keep-ours", WITHIN, "--json").stdout)
    assert (answer["ok"], answer["overlay"]["undecided"]) == (True, [])
    assert answer["overlay"]["kept"] == [{"place": WITHIN, "base": "8wd", "value": "9wd"}]
    assert answer["digest"] != answer["pack"] == read_pack(folder).digest()


def test_a_proposed_version_waits(world, run, tmp_path, database_url):
    folder = tmp_path / "pack"
    newer = changed_pack(folder, *NUMBERS)
    answer = json.loads(run("load", folder, "--bureau", "qd", "--propose", "--json").stdout)
    assert answer == {"ok": True, "proposed": newer.digest()}
    in_force = facts(database_url, "SELECT v.digest FROM programme p JOIN programme_version v ON v.id = p.version_id")
    assert [row["digest"] for row in in_force] == [qingdao().digest()]
    kinds = facts(database_url, "SELECT kind FROM audit_event WHERE kind LIKE 'pack%' ORDER BY seq")
    assert [row["kind"] for row in kinds] == ["pack-loaded", "pack-proposed"]
