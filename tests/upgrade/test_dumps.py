"""Every release's dump is brought to this release's schema, and everything that was in flight in it is finished."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from flows import workplace
from flows.annual_filing import annual_filing
from services.adapters import stepping
from services.adapters.smtp import SmtpMailer
from services.adapters.stepping import SteppingWaiter
from services.messages.dispatch import Dispatcher
from services.messages.keys import message_id_header
from services.messages.outbox import AGAIN
from services.messages.sweep import sweep_all
from services.people.access import Reader, reader_for
from services.store import migrate
from services.store.anchors import verify_anchors
from services.store.clock import StoreClock
from services.store.transaction import Store, Tx
from services.workflow.acts import approve, submit_plan
from services.workflow.carrying import begin_generation
from services.workflow.cases import case_view
from services.workflow.drafts import open_draft, save_draft
from tests.conftest import _run_in_thread, in_database, move_clock
from tests.crash.invariants import AT_REST, broken
from tests.flows.filing import facts
from tests.messages.factory import PUBLIC, settings
from tests.smtp_servers import smtp_server
from tests.upgrade.make_dump import DUMPS, MADE
from tests.world import local, plan

pytestmark = pytest.mark.postgres

RELEASES = sorted(path.name.removesuffix(".sql.gz") for path in DUMPS.glob("*.sql.gz"))


@dataclass
class Found:
    """A database as a release left it, brought to this one. said: what the dump's maker wrote down."""

    url: str
    store: Store
    said: dict[str, Any]

    @property
    async def bureau(self) -> UUID:
        bureau: UUID = (await facts(self.store, "SELECT id FROM bureau"))[0]["id"]
        return bureau


async def load(url: str, release: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(gzip.decompress((DUMPS / f"{release}.sql.gz").read_bytes()).decode())
    await connection.close()


@pytest.fixture(params=RELEASES)
async def found(request: pytest.FixtureRequest, database_server: str) -> AsyncIterator[Found]:
    """A release's dump, loaded and migrated."""
    name = f"guantong_test_{uuid.uuid4().hex[:12]}"
    await asyncio.to_thread(_run_in_thread, database_server, f"CREATE DATABASE {name}")
    url = in_database(database_server, name)
    await load(url, request.param)
    said = json.loads((DUMPS / f"{request.param}.json").read_text())
    assert await migrate.current(url) == said["schema"]
    await migrate.upgrade(url)
    store = Store(url, clock=StoreClock(), pool_size=4)
    yield Found(url, store, said)
    await store.close()
    await asyncio.to_thread(_run_in_thread, database_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def holder(tx: Tx, bureau: UUID, position: UUID) -> Reader:
    (row, *_) = await tx.rows("SELECT person_id FROM appointment WHERE position_id = $1", (position,))
    return await reader_for(tx, bureau_id=bureau, person_id=row["person_id"])


async def finish(found: Found, *, but: str) -> list[str]:
    """Do what is to be done, as those whose tasks they are, until every case is filed; return what was done."""
    done, bureau = [], await found.bureau
    query = """
        SELECT t.id, t.kind, t.position_id, t.case_id, g.code FROM task t JOIN project_group g ON g.id = t.group_id
        WHERE t.state = 'open' AND g.code <> $1 ORDER BY g.code, t.id LIMIT 1"""
    while tasks := await facts(found.store, query, but):
        (task,) = tasks
        async with found.store.transaction() as tx:
            by = await holder(tx, bureau, task["position_id"])
            if task["kind"] == "submit":
                held = (await open_draft(tx, by=by, case_id=task["case_id"])).data
                data = plan() if held.get("attachments") is None else {**plan(), "attachments": held["attachments"]}
                await save_draft(tx, by=by, case_id=task["case_id"], data=data)
                await submit_plan(tx, by=by, task_id=task["id"], key=str(task["id"]))
            else:
                await approve(tx, by=by, task_id=task["id"], words="同意。", key=str(task["id"]))
        done.append(f"{task['kind']} {task['code']}")
    return done


async def carried(found: Found, generation: int) -> str | None:
    names = {"bureau": "qd", "programme": "qingdao-qiangji", "season": "2027"}
    with workplace.at(found.store, SteppingWaiter()):
        return await stepping.step(annual_filing.fn, **names, generation=generation)


async def test_there_is_a_dump_of_the_first_release() -> None:
    assert "0.1.0" in RELEASES
    assert all((DUMPS / f"{release}.sql.gz").stat().st_size < 200_000 for release in RELEASES)


async def test_an_old_database_comes_to_this_release_s_schema(found: Found) -> None:
    await migrate.require_head(found.store.engine)
    async with found.store.engine.connect() as connection:
        different = await connection.run_sync(migrate.differences)
    assert different == [], "a released migration was changed; before its release, make the dump again (make_dump.py)"
    assert await broken(found.store) == []
    rows = await facts(
        found.store, "SELECT g.code, c.state, c.stage, c.number FROM cases c JOIN project_group g ON g.id = c.group_id"
    )
    assert {row.pop("code"): row for row in rows} == found.said["cases"]


async def test_everything_in_flight_is_finished(found: Found, tmp_path: Path) -> None:
    store, old = found.store, await facts(found.store, "SELECT count(*) AS n FROM message WHERE state = 'sent'")
    assert old[0]["n"] > 0
    assert await facts(store, "SELECT 1 FROM message WHERE state = 'waiting'")
    assert await facts(store, "SELECT 1 FROM notification WHERE state = 'pending'")
    assert await finish(found, but="math") == [
        "approve biology", "submit chemistry", "approve chemistry", "approve chemistry", "approve chemistry",
        "approve humanities", "approve humanities", "approve humanities", "approve physics", "approve physics",
        "approve physics",
    ]  # fmt: skip
    with smtp_server() as server:
        mailer = SmtpMailer("127.0.0.1", server.port, timeout=5)
        dispatcher = Dispatcher(store, mailer, settings(tmp_path))
        for now in (local(2027, 1, 31), local(2027, 2, 1), local(2027, 2, 3)):
            await move_clock(store, now)
            await sweep_all(store)
            await dispatcher.tick()
        kinds = await facts(store, "SELECT kind FROM notification WHERE at >= $1 AND kind <> 'task-opened'", MADE)
        assert {"remind", "overdue", "escalate", "filed"} <= {row["kind"] for row in kinds}
        assert await finish(found, but="") == ["submit math", "approve math", "approve math", "approve math"]
        await carry_to_the_end(found)
        await dispatcher.tick()
        await send_again(found)
        await dispatcher.tick()
        await mailer.close()
    sent = await facts(store, "SELECT key FROM message WHERE state = 'sent'")
    assert len(sent) - old[0]["n"] == len(server.received)
    came = Counter(mail.message_id for mail in server.received)
    assert set(came.values()) == {1}
    assert set(came) <= {message_id_header(row["key"], PUBLIC) for row in sent}
    await nothing_left(found)


async def carry_to_the_end(found: Found) -> None:
    """The run that worked when the dump was made is gone: when its lease is over, the next generation goes on."""
    await facts(found.store, "UPDATE season SET lease_until = clock_timestamp() WHERE state = 'running'")
    (season,) = await facts(found.store, "SELECT id, generation FROM season WHERE state = 'running'")
    async with found.store.transaction() as tx:
        assert await begin_generation(tx, season["id"], seen=season["generation"]) == season["generation"] + 1
    assert await carried(found, season["generation"] + 1) is None
    steps = await facts(found.store, "SELECT name, generation FROM season_step ORDER BY finished_at, name")
    assert [(step["name"], step["generation"]) for step in steps] == [
        ("open-season", 1), ("publish-summary", 2), ("report-missing", 2),
    ]  # fmt: skip


async def send_again(found: Found) -> None:
    """Send the dead mail again, as its page does."""
    (dead,) = await facts(found.store, "SELECT bureau_id, id FROM message WHERE state = 'dead'")
    assert await facts(found.store, AGAIN, dead["bureau_id"], dead["id"])


async def nothing_left(found: Found) -> None:
    """Every case is filed under a number of its own, the old one's too; everything is told, and the chains hold."""
    store, bureau = found.store, await found.bureau
    assert await broken(store) == []
    async with store.transaction() as tx:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(found.said["anchor_key"]))
        assert await verify_anchors(tx, bureau, keys=[key]) == []
        assert [what for what, rows in AT_REST.items() if await tx.rows(rows, (tx.now,))] == []
    cases = await facts(
        store, "SELECT g.code, c.id, c.number FROM cases c JOIN project_group g ON g.id = c.group_id ORDER BY c.number"
    )
    assert [case["number"] for case in cases] == [f"QJ-2027-{n:03d}" for n in range(1, 7)]
    assert cases[0]["code"] == "informatics"
    async with store.transaction() as tx:
        (clerk,) = await tx.rows("SELECT id FROM position WHERE code = 'basic-education-office/clerk'")
        by = await holder(tx, bureau, clerk["id"])
        views = {case["code"]: await case_view(tx, by, case["id"]) for case in cases}
    assert [remark.text for remark in views["chemistry"].remarks] == ["合计与明细不符。"]
    assert [len(views[code].submissions) for code in ("math", "chemistry", "physics")] == [1, 2, 2]
