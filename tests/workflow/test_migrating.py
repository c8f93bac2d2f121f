"""Running cases move to another version of their pack, in bulk, with a dry run, an outcome each and a way back."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import pytest

from services.adapters.packs import read_pack
from services.programmes.load import load_pack
from services.programmes.planning import Orders
from services.store.chain import verify_chain
from services.store.transaction import Store
from services.workflow.acts import approve
from services.workflow.migrating import CaseMove, Migration, find_version, migrate_cases
from tests.conftest import move_clock
from tests.workflow.office import EVERYTHING, Office, make_office
from tests.world import local

pytestmark = pytest.mark.postgres


@pytest.fixture
async def office(store: Store) -> Office:
    await move_clock(store, local(2027, 1, 4))
    made = await make_office(store)
    for group in ("astronomy", "robotics"):
        await made.open("simple", group)
    await made.submit()
    return made


async def load_changed(office: Office, folder: Path, *changes: tuple[str, str]) -> UUID:
    """Load the pack with its simple process changed; return the new version."""
    shutil.copytree(EVERYTHING, folder)
    path = folder / "processes" / "simple.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    async with office.store.transaction() as tx:
        await load_pack(tx, office.bureau_id, read_pack(folder), orders=Orders(sure=True))
    async with office.store.transaction() as tx:
        return await find_version(tx, office.bureau_id, office.pack.programme, None)


async def migrate(office: Office, to: UUID | None, *, dry_run: bool = False, **renames: str) -> list[CaseMove]:
    wanted = Migration(office.bureau_id, office.pack.programme, "simple", to, renames)
    async with office.store.transaction() as tx:
        return await migrate_cases(tx, wanted, dry_run=dry_run)


async def pinned(office: Office) -> set[UUID]:
    async with office.store.transaction() as tx:
        return {row["version_id"] for row in await tx.rows("SELECT version_id FROM cases WHERE process = 'simple'")}


async def test_a_dry_run_says_what_would_move_and_changes_nothing(office: Office, tmp_path: Path) -> None:
    before = await pinned(office)
    new = await load_changed(office, tmp_path / "pack", ("within: 5wd", "within: 9wd"))
    assert [move.moves for move in await migrate(office, new, dry_run=True)] == [True, True]
    assert await pinned(office) == before


async def test_a_moved_case_goes_on_under_the_new_rules_and_back_again(office: Office, tmp_path: Path) -> None:
    (old,) = await pinned(office)
    new = await load_changed(office, tmp_path / "pack", ("- approve: guidance", "- approve: review"))
    refused = await migrate(office, new)
    assert [(move.group, move.moves) for move in refused] == [("astronomy", True), ("robotics", False)]
    assert "guidance" in str(refused[1].obstacles[0])
    moved = await migrate(office, new, guidance="review")
    assert [(move.group, move.moves) for move in moved] == [("robotics", True)]
    assert (await office.visit("review")).n == 1
    back = await migrate(office, None)
    assert sorted(move.group for move in back if move.moves) == ["astronomy", "robotics"]
    assert await pinned(office) == {old}
    await office.do(approve, "reviewer", task_id=(await office.task("guidance")).id)
    assert (await office.state()).status == "filed"
    async with office.store.transaction() as tx:
        assert await verify_chain(tx, office.bureau_id) == []


async def test_a_case_whose_signer_is_not_asked_any_more_stays(office: Office, tmp_path: Path) -> None:
    new = await load_changed(office, tmp_path / "pack", ("by: guiding-unit/reviewer", "by: guiding-unit/head"))
    moves = {move.group: move for move in await migrate(office, new)}
    assert moves["astronomy"].moves
    assert [why.values["actor"] for why in moves["robotics"].obstacles] == ["guiding-unit/reviewer"]
