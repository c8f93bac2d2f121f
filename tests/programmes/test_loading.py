"""Loading a pack: what it sets up, that it changes nothing twice, that nothing is left half-loaded."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, func, select
from typer.testing import CliRunner

from models.audit import AuditEvent
from models.people import Bureau, Position, ProjectGroup, Unit
from models.programme import Programme, ProgrammeVersion
from services.adapters.packs import read_pack
from services.cli import build
from services.errors import NotFoundError
from services.process.packs import Pack
from services.programmes.load import LoadReport, load_pack, load_pack_for
from services.store.audit import digest
from services.store.transaction import Store, Tx

pytestmark = pytest.mark.postgres

PACK_FOLDER = Path(__file__).resolve().parents[2] / "programmes" / "qingdao-qiangji"
PACK = read_pack(PACK_FOLDER)


async def add_bureau(store: Store, code: str = "qingdao") -> uuid.UUID:
    async with store.transaction() as tx:
        bureau = Bureau(
            id=tx.new_id(), code=code, name=code, zone="Asia/Shanghai", locale="zh", settings={}, created_at=tx.now
        )
        tx.session.add(bureau)
        return bureau.id


async def load(store: Store, bureau_id: uuid.UUID, pack: Pack = PACK) -> LoadReport:
    async with store.transaction() as tx:
        return await load_pack(tx, bureau_id, pack)


async def counts(store: Store, bureau_id: uuid.UUID) -> dict[str, int]:
    async with store.transaction() as tx:
        return {table.__tablename__: await _count(tx, table, bureau_id) for table in TABLES}


TABLES = (Unit, ProjectGroup, Position, Programme, ProgrammeVersion, AuditEvent)


async def _count(tx: Tx, table: type, bureau_id: uuid.UUID) -> int:
    found = await tx.session.exec(select(func.count()).select_from(table).where(col(table.bureau_id) == bureau_id))
    return found.one()


def changed(**updates: object) -> Pack:
    return Pack.model_validate({**PACK.resolved(), **updates})


async def test_a_load_sets_up_units_groups_and_every_position(store):
    bureau_id = await add_bureau(store)
    report = await load(store, bureau_id)
    assert await counts(store, bureau_id) == {
        "unit": 13,
        "project_group": 6,
        "position": len(list(PACK.places())),
        "programme": 1,
        "programme_version": 1,
        "audit_event": 1,
    }
    assert (report.digest, report.new_version) == (PACK.digest(), True)
    async with store.transaction() as tx:
        groups = {row.code: row for row in await tx.session.exec(select(ProjectGroup))}
        units = {row.id: row.code for row in await tx.session.exec(select(Unit))}
        codes = set(await tx.session.exec(select(Position.code)))
        version = (await tx.session.exec(select(ProgrammeVersion))).one()
        current = (await tx.session.exec(select(Programme.version_id))).one()
    assert units[groups["informatics"].guiding_unit_id] == "equipment-information-center"
    assert {"qingdao-qiangji:math:chief-coach", "basic-education-office/clerk", "bureau/administrator"} <= codes
    assert Pack.model_validate(version.resolved).digest() == version.digest
    # Whoever has the stored JSON can check it without this program, although jsonb keeps its own order of keys.
    assert digest(version.resolved) == version.digest
    assert current == version.id == report.version_id


async def test_every_actor_of_every_process_has_a_position_for_every_group(store):
    bureau_id = await add_bureau(store)
    await load(store, bureau_id)
    async with store.transaction() as tx:
        codes = set(await tx.session.exec(select(Position.code)))
    for actor in PACK.process("annual-filing").actors():
        unit, _, role = actor.rpartition("/")
        for group in PACK.groups:
            stands_for = {"guiding-unit": group.guiding_unit, "base-school": group.base_unit}.get(unit, unit)
            code = f"{stands_for}/{role}" if unit else f"qingdao-qiangji:{group.code}:{role}"
            assert code in codes, actor


async def test_the_same_pack_again_changes_nothing(store):
    bureau_id = await add_bureau(store)
    first = await load(store, bureau_id)
    before = await counts(store, bureau_id)
    again = await load(store, bureau_id)
    assert (again.new_version, again.changes, again.version_id) == (False, (), first.version_id)
    assert await counts(store, bureau_id) == before


async def test_a_changed_pack_is_a_new_version_and_says_what_changed(store):
    bureau_id = await add_bureau(store)
    first = await load(store, bureau_id)
    units = PACK.resolved()["units"]
    units[1]["title"] = {"zh": "基础教育处", "en": "Basic education office"}
    added = {"code": "new-school", "kind": "school", "parent": "bureau", "title": {"zh": "新校", "en": "New school"}}
    second = await load(store, bureau_id, changed(units=[*units, added]))
    assert {(change.kind, change.what, change.code) for change in second.changes} == {
        ("changed", "unit", "basic-education-office"),
        ("added", "unit", "new-school"),
        ("added", "position", "new-school/office"),
        ("added", "position", "new-school/unit-administrator"),
        ("changed", "programme", "qingdao-qiangji"),
    }
    assert second.version_id != first.version_id
    back = await load(store, bureau_id)
    assert (back.new_version, back.version_id) == (False, first.version_id)
    assert (await counts(store, bureau_id))["unit"] == 14


async def test_units_are_stored_whatever_their_order(store):
    bureau_id = await add_bureau(store)
    await load(store, bureau_id, changed(units=list(reversed(PACK.resolved()["units"]))))
    assert (await counts(store, bureau_id))["unit"] == 13


async def test_bureaus_do_not_share_anything(store):
    one, two = await add_bureau(store, "one"), await add_bureau(store, "two")
    await load(store, one)
    assert set((await counts(store, two)).values()) == {0}
    await load(store, two)
    assert await counts(store, one) == await counts(store, two)


async def test_nothing_is_left_of_a_load_that_fails(store):
    bureau_id = await add_bureau(store)
    groups = PACK.resolved()["groups"]
    groups[5]["title"] = {"zh": "长" * 300, "en": "long"}
    with pytest.raises(DBAPIError):
        await load(store, bureau_id, changed(groups=groups))
    assert set((await counts(store, bureau_id)).values()) == {0}


async def test_loads_at_once_make_one_version(store):
    bureau_id = await add_bureau(store)
    reports = await asyncio.gather(*(load(store, bureau_id) for _ in range(6)))
    assert sorted(report.new_version for report in reports) == [False] * 5 + [True]
    assert (await counts(store, bureau_id))["programme_version"] == 1


async def test_an_unknown_bureau_is_refused_by_name(store):
    async with store.transaction() as tx:
        with pytest.raises(NotFoundError, match="nowhere"):
            await load_pack_for(tx, "nowhere", PACK)
        with pytest.raises(NotFoundError):
            await load_pack(tx, uuid.uuid4(), PACK)


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("GUANTONG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GUANTONG_LOCALE", "en")
    runner, app = CliRunner(), build()

    def run(*arguments: object):
        return runner.invoke(app, ["programme", *map(str, arguments)])

    return run


def test_check_says_that_all_is_well(run):
    assert run("check", PACK_FOLDER).stdout == f"qingdao-qiangji: no mistakes (SHA-256 {PACK.digest()})\n"
    answer = json.loads(run("check", PACK_FOLDER, "--json").stdout)
    assert answer == {"ok": True, "programme": "qingdao-qiangji", "digest": PACK.digest(), "problems": []}


def test_check_prints_mistakes_with_file_and_line_and_fails(run, tmp_path):
    (tmp_path / "programme.yaml").write_text("programme: x\nsetings: {}\n", encoding="utf-8")
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{tmp_path}/programme.yaml:2: unknown key “setings”; did you mean settings?" in result.stderr
    result = run("check", tmp_path, "--json")
    problems = json.loads(result.stdout)["problems"]
    assert result.exit_code == 1
    assert {"file": f"{tmp_path}/programme.yaml", "line": 2} in [
        {key: each[key] for key in ("file", "line")} for each in problems
    ]


def test_mistakes_are_told_in_chinese(run, tmp_path, monkeypatch):
    monkeypatch.setenv("GUANTONG_LOCALE", "zh")
    assert "programme.yaml:1: 此处没有programme.yaml" in run("check", tmp_path).stderr


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_show_tells_units_groups_and_stages(run, monkeypatch, locale):
    monkeypatch.setenv("GUANTONG_LOCALE", locale)
    shown = run("show", PACK_FOLDER).stdout
    for group in PACK.groups:
        assert group.title.in_(locale) in shown
    for stage in PACK.process("annual-filing").stages:
        assert stage.title.in_(locale) in shown
    assert ("5 workdays" in shown) == (locale == "en")
    assert ("5个工作日" in shown) == (locale == "zh")


def test_show_as_json_is_the_resolved_pack(run):
    answer = json.loads(run("show", PACK_FOLDER, "--json").stdout)
    assert Pack.model_validate(answer["pack"]) == PACK


def test_load_stores_the_pack(run, database_url, monkeypatch):
    monkeypatch.setenv("GUANTONG_DATABASE_URL", database_url)

    async def begin() -> None:
        store = Store(database_url, pooled=False)
        await add_bureau(store)
        await store.close()

    asyncio.run(begin())
    answer = json.loads(run("load", PACK_FOLDER, "--bureau", "qingdao", "--json").stdout)
    assert (answer["ok"], answer["digest"], answer["new_version"]) == (True, PACK.digest(), True)
    assert "nothing changed" in run("load", PACK_FOLDER, "--bureau", "qingdao").stdout
    refused = run("load", PACK_FOLDER, "--bureau", "nowhere")
    assert isinstance(refused.exception, NotFoundError)
    assert "nowhere" in str(refused.exception)
