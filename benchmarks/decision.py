"""Approving through HTTP, against a bare endpoint that does one INSERT: 16 clients, one web process each."""

from __future__ import annotations

from uuid import uuid4

from benchmarks.database import database
from benchmarks.http import Request, drive, web_process
from benchmarks.measure import ROUNDS, Figure, paired
from benchmarks.scene import REVIEWER, scene

BARE_TABLE = "CREATE TABLE bench_opinion (id uuid PRIMARY KEY, task_id uuid NOT NULL, words text NOT NULL, at timestamptz NOT NULL)"
CLIENTS = 16
DECISIONS = 1000
WARM = 200


async def decision(server: str) -> list[Figure]:
    async with database(server) as url, scene(url) as made:
        await made.execute([BARE_TABLE])
        case_id = await made.submit()
        tasks = iter(await made.copies(case_id, DECISIONS * ROUNDS + WARM))
        # As autovacuum leaves tables that have grown with the years: known to the planner, their rows seen by all.
        await made.execute(["VACUUM ANALYZE"])
        token = await made.token(REVIEWER)
        environment = {"GUANTONG_DATABASE_URL": url, "GUANTONG_DATABASE_POOL": "10", "GUANTONG_CLOCK": "system"}
        async with (
            web_process("services.web.app:create_app", environment, factory=True) as ours_port,
            web_process("benchmarks.bare:app", environment, factory=False) as bare_port,
        ):
            headers = {"Authorization": f"Bearer {token}"}

            async def ours(n: int = DECISIONS) -> float:
                chains = [
                    [Request("POST", f"/api/v1/tasks/{next(tasks)}/approve", {"words": "Good."})] for _ in range(n)
                ]
                return n / await drive(ours_port, chains, clients=CLIENTS, headers=headers)

            async def bare(n: int = DECISIONS) -> float:
                chains = [[Request("POST", f"/bare/{uuid4()}", {"words": "Good."})] for _ in range(n)]
                return n / await drive(bare_port, chains, clients=CLIENTS)

            await ours(WARM)
            await bare(WARM)
            first, second = await paired(ours, bare)
    return [Figure("decision", "1/s", first, second, target="at least 0.6", note=f"{CLIENTS} clients, one web process")]
