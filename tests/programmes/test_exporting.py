"""`guantong process export`: from a pack's folder without any service, and from the version in force."""

from __future__ import annotations

import asyncio
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from models.people import Bureau
from services.adapters.packs import read_pack
from services.cli import build
from services.errors import ConflictError, NotFoundError
from services.process.bpmn import BPMN, bpmn
from services.programmes.in_force import pack_in_force
from services.programmes.load import load_pack
from services.store.transaction import Store
from tests.world import PACK as FOLDER

PACK = read_pack(FOLDER)
FILING = "annual-filing"


def export(*arguments: str, **env: str):
    return CliRunner().invoke(
        build(["process"]), ["process", "export", *arguments], env={"GUANTONG_LOCALE": "zh", **env}
    )


async def loaded(store: Store, code: str) -> None:
    """Make a bureau whose programme is the shipped one."""
    async with store.transaction() as tx:
        row = Bureau(
            id=tx.new_id(), code=code, name=code, zone="Asia/Shanghai", locale="zh", settings={}, created_at=tx.now
        )  # fmt: skip
        tx.session.add(row)
        await tx.session.flush()
        await load_pack(tx, row.id, PACK)


def test_a_folder_needs_no_service():
    done = export(str(FOLDER), FILING, GUANTONG_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert done.exit_code == 0, done.output
    assert ET.fromstring(done.stdout).find(f"{{{BPMN}}}process").get("id") == FILING


def test_it_is_a_drawing_or_words_where_that_is_asked_for():
    drawn, told = export(str(FOLDER), FILING, "--svg").stdout, export(str(FOLDER), FILING, "--words").stdout
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "基教处：经办人" in drawn
    assert told.splitlines()[0] == "年度项目实施方案备案 (annual-filing)"
    assert export(str(FOLDER), FILING, "--bpmn").stdout == export(str(FOLDER), FILING).stdout


def test_two_kinds_at_once_are_refused():
    assert export(str(FOLDER), FILING, "--bpmn", "--svg").exit_code == 2


def test_a_process_that_is_not_there_is_named():
    done = export(str(FOLDER), "nothing")
    assert isinstance(done.exception, NotFoundError)
    assert done.exception.details == {"process": "nothing", "known": FILING}


def test_a_folder_with_mistakes_says_them(tmp_path):
    done = export(str(tmp_path), FILING)
    assert done.exit_code == 1
    assert "programme.yaml:1:" in done.stderr


async def test_the_version_in_force_is_read_from_the_store(store: Store):
    await loaded(store, "haizhou")
    async with store.transaction() as tx:
        found = await pack_in_force(tx, PACK.programme)
    assert bpmn(found, found.process(FILING), locale="zh") == bpmn(PACK, PACK.process(FILING), locale="zh")


async def test_the_command_reads_it_by_its_code(store: Store, database_url: str):
    await loaded(store, "haizhou")
    done = await asyncio.to_thread(export, PACK.programme, FILING, "--words", GUANTONG_DATABASE_URL=database_url)
    assert done.exit_code == 0, done.output
    assert done.stdout == export(str(FOLDER), FILING, "--words").stdout


async def test_of_two_bureaus_one_is_named(store: Store):
    await loaded(store, "haizhou")
    await loaded(store, "linzhou")
    async with store.transaction() as tx:
        with pytest.raises(ConflictError):
            await pack_in_force(tx, PACK.programme)
        assert (await pack_in_force(tx, PACK.programme, bureau="linzhou")).digest() == PACK.digest()
        for where in ({"bureau": "elsewhere"}, {}):
            with pytest.raises(NotFoundError):
                await pack_in_force(tx, "nothing" if not where else PACK.programme, **where)
