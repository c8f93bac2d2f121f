"""Makes the dump of a release with everything in flight, which every later release upgrades and finishes.

    python -m tests.upgrade.make_dump            # from the repository's root: writes dumps/<version>.sql.gz and .json

Run it once for each release, on the release's own code and schema, and never again for an old one. It works on the embedded
PostgreSQL (another server may add settings of its own) and writes plain SQL that any PostgreSQL from 15 on takes through one
connection, with nothing in it about owners, rights or a server's version.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import subprocess
import tempfile
import uuid
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flows import workplace
from flows.annual_filing import annual_filing
from services.adapters import stepping
from services.adapters.postgres import EmbeddedPostgres
from services.adapters.postgres_programs import program
from services.adapters.smtp import SmtpMailer
from services.adapters.stepping import SteppingWaiter
from services.messages.assemble import assemble_all
from services.messages.dispatch import Dispatcher
from services.messages.sweep import sweep_all
from services.people.tokens import create_token
from services.settings import load_settings
from services.store import migrate
from services.store.anchors import make_anchor
from services.store.clock import StoreClock
from services.store.transaction import Store
from services.workflow.acts import approve, return_case, submit_plan, withdraw
from services.workflow.carrying import begin_generation, hold_lease, note_run
from services.workflow.drafts import attach
from services.workflow.extending import grant_exception
from services.workflow.remarks import add_phrase, pin_remark
from tests.conftest import move_clock
from tests.flows.filing import facts, file, know_cases, plan_2027
from tests.homes import passable_folder
from tests.smtp_servers import RecordingServer, smtp_server
from tests.world import World, local, make_world, plan

DUMPS = Path(__file__).parent / "dumps"
OPENED, LATER, MADE = local(2026, 12, 1), local(2027, 1, 1), local(2027, 1, 28)
FOREIGN = re.compile(r"^(\\(un)?restrict \w+|SET transaction_timeout = 0;)\n", re.MULTILINE)
"""Lines of a dump that only psql or a newer server understands."""


async def act(world: World, login: str, group: str, use_case: Any, *, actor: str | None = None, **more: Any) -> None:
    """Have somebody act on the open task of a group."""
    async with world.store.transaction() as tx:
        by = await world.reader(tx, login)
        await use_case(tx, by=by, task_id=await world.open_task(tx, group, actor), **more)


async def submitted(world: World, group: str, **changes: Any) -> None:
    await world.fill_in(group, plan(**changes))
    await act(world, f"{group}-chief", group, submit_plan, key=str(uuid.uuid4()))


async def open_the_season(world: World) -> None:
    """Carry the season to its first wait as Prefect would, and note the run that carries it."""
    season = await plan_2027(world)
    async with world.store.transaction() as tx:
        generation = await begin_generation(tx, season, seen=0)
        assert generation is not None
        await note_run(tx, season, generation=generation, run_id=str(uuid.UUID(int=2027)))
    with workplace.at(world.store, SteppingWaiter()):
        await stepping.step(
            annual_filing.fn, bureau="qd", programme="qingdao-qiangji", season="2027", generation=generation
        )
    await know_cases(world, season)


async def send(world: World, server: RecordingServer) -> None:
    """Sweep and send; the server refuses one mail for good."""
    settings = load_settings(
        {}, public_url="https://plans.example.edu.cn", home=Path("/nowhere"), key_folder=Path("/nowhere-else"), smtp_host="127.0.0.1", smtp_port=server.port,
        smtp_tls="none", smtp_sender="plans@example.edu.cn", smtp_timeout=10.0,
    )  # fmt: skip
    mailer = SmtpMailer("127.0.0.1", server.port, timeout=10)
    await sweep_all(world.store)
    await Dispatcher(world.store, mailer, settings).tick()
    await mailer.close()


async def fill(store: Store, server: RecordingServer) -> dict[str, Any]:
    """Bring six cases to six different places; return what a test compares with."""
    await move_clock(store, OPENED)
    world = await make_world(store)
    await open_the_season(world)
    async with store.transaction() as tx:
        by = await world.reader(tx, "biology-chief")
        await attach(
            tx, by=by, case_id=world.cases["biology"], field="attachments.files", name="方案.pdf",
            media_type="application/pdf", size=6, sha256="0" * 64,
        )  # fmt: skip
        await create_token(tx, await world.reader(tx, "basic-clerk"), "script", scopes=("read", "write"), expires=None)
        await add_phrase(tx, by=await world.reader(tx, "basic-clerk"), text="同意。")
    await send(world, server)
    await move_clock(store, LATER)
    await file(world, "informatics")
    await submitted(world, "chemistry")
    server.mode, server.times = "550", 1
    await send(world, server)
    await in_flight(world)
    await move_clock(store, MADE)
    await send(world, server)
    key = Ed25519PrivateKey.generate()
    async with store.transaction() as tx:
        await make_anchor(tx, world.bureau_id, day=date(2027, 1, 27), key=key)
    await left_undone(world)
    rows = await facts(
        store, "SELECT g.code, c.state, c.stage, c.number FROM cases c JOIN project_group g ON g.id = c.group_id"
    )
    return {
        "version": version("guantong"),
        "schema": migrate.head(),
        "made": datetime.now(UTC).date().isoformat(),
        "anchor_key": key.public_key().public_bytes_raw().hex(),
        "cases": {row["code"]: {name: row[name] for name in ("state", "stage", "number")} for row in rows},
    }


async def in_flight(world: World) -> None:
    """Chemistry is returned with a remark, biology signed by one of two, mathematics a draft, physics taken back."""
    async with world.store.transaction() as tx:
        by = await world.reader(tx, "research-reviewer")
        task = await world.open_task(tx, "chemistry")
        await pin_remark(tx, by=by, task_id=task, path="budget.total", text="合计与明细不符。")
        await return_case(tx, by=by, task_id=task, to="plan", words="经费请核对。", key="return-chemistry")
    await world.fill_in("math", plan(budget__total="1"))
    await submitted(world, "physics")
    async with world.store.transaction() as tx:
        await withdraw(tx, by=await world.reader(tx, "physics-chief"), case_id=world.cases["physics"], key="back")
    await submitted(world, "biology")
    await act(world, "research-reviewer", "biology", approve, words="同意。")
    await act(world, "basic-clerk", "biology", approve, actor="basic-education-office/clerk", key="sign-biology")
    async with world.store.transaction() as tx:
        await grant_exception(
            tx, by=await world.reader(tx, "basic-head"), case_id=world.cases["physics"], until=local(2027, 3, 1, 18),
            words="教练住院。",
        )  # fmt: skip


async def left_undone(world: World) -> None:
    """Leave a message that waits, and a notification that is in none yet; a run works at this moment."""
    await submitted(world, "humanities")
    await assemble_all(world.store)
    async with world.store.transaction() as tx:
        (season,) = await tx.rows("SELECT id FROM season WHERE state = 'running'")
        await hold_lease(tx, season["id"], generation=1)
    await submitted(world, "physics")


async def _make(url: str) -> dict[str, Any]:
    await migrate.upgrade(url)
    store = Store(url, clock=StoreClock())
    with smtp_server() as mails:
        made = await fill(store, mails)
    await store.close()
    return made


def dump(url: str) -> str:
    """Return the database as plain SQL."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [str(program("pg_dump", Path(scratch), None)), f"--dbname={url}", "--no-owner", "--no-privileges"]
        command += ["--inserts", "--rows-per-insert=100", "--no-comments", "--no-security-labels", "--encoding=UTF8"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return FOREIGN.sub("", text)


def main() -> None:
    with passable_folder() as home, EmbeddedPostgres(home) as server:
        made = asyncio.run(_make(server.url))
        text = dump(server.url)
    DUMPS.mkdir(exist_ok=True)
    (DUMPS / f"{made['version']}.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    (DUMPS / f"{made['version']}.json").write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
