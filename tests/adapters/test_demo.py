"""The demonstration is made by the real use cases and leaves a season that can go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.adapters.demo import BEFORE_DUE, BUREAU_CODE, PACK, PASSWORD, SHOWN, DemoSignIn, play_demo
from services.adapters.packs import read_pack, read_roster
from services.people.accounts import sign_in
from services.store.chain import verify_chain
from services.store.transaction import Store

pytestmark = pytest.mark.postgres


async def demo(store: Store) -> list[DemoSignIn]:
    pack = read_pack(PACK)
    return await play_demo(store, pack, read_roster(PACK / "people" / "demo.yaml", pack))


async def test_the_demo_stands_some_days_before_the_due_date_with_groups_in_every_stage(store: Store) -> None:
    shown = await demo(store)
    async with store.transaction() as tx:
        rows = await tx.rows("SELECT g.code, c.stage, c.number FROM cases c JOIN project_group g ON g.id = c.group_id")
        (season,) = await tx.rows("SELECT id, key, due_at, bureau_id FROM season WHERE state = 'running'")
        broken = await verify_chain(tx, season["bureau_id"])
        now = tx.now
    stages = {row["code"]: row["stage"] for row in rows}
    assert stages == {
        "math": "plan", "physics": "plan", "informatics": "plan", "biology": "guidance", "humanities": "bureau",
        "chemistry": None,
    }  # fmt: skip
    assert [row["number"] for row in rows if row["number"]] == [f"QJ-{season['key']}-001"]
    assert season["due_at"] > datetime.now(UTC)
    assert BEFORE_DUE - timedelta(hours=1) < season["due_at"] - now <= BEFORE_DUE
    assert broken == []
    assert [entry.login for entry in shown] == list(SHOWN)


async def test_every_sign_in_of_the_demo_works(store: Store) -> None:
    for entry in await demo(store):
        async with store.transaction() as tx:
            attempt = await sign_in(tx, BUREAU_CODE, entry.login, PASSWORD)
        assert attempt.or_raise().token, entry.login
