"""A case's whole way, from its start to its filing number, through HTTP; against as many bare INSERT requests.

Beside it the same way called in process, without HTTP.
"""

from __future__ import annotations

import time
from uuid import UUID, uuid4

from benchmarks.database import database
from benchmarks.decision import BARE_TABLE
from benchmarks.http import Request, drive, web_process
from benchmarks.measure import ROUNDS, Figure, paired
from benchmarks.scene import CLERK, FINANCE, GROUP, REVIEWER, Scene, scene
from models.people import ProjectGroup
from models.programme import Season
from services.workflow.acts import approve, submit_plan
from services.workflow.start import start_case

CASES = 30
WARM = 5
CLIENTS = 16
STEPS = 5
"""start, submit, approve, and two countersignatures."""

GROUPS = """
INSERT INTO project_group SELECT i, bureau_id, programme, 'more-' || i, title_zh, title_en, guiding_unit_id, base_unit_id
FROM project_group, unnest($1::uuid[]) i WHERE code = $2
"""
SEATS = """
WITH chiefs AS (
    INSERT INTO person (id, bureau_id, name, sort_key, locale, created_at)
    SELECT g, o.bureau_id, 'Chief', 'chief', 'zh', now() FROM project_group o, unnest($1::uuid[]) g WHERE o.code = $2
    RETURNING id),
made AS (
    INSERT INTO position (id, bureau_id, code, role, title_zh, title_en, group_id)
    SELECT gen_random_uuid(), p.bureau_id, 'more:' || g || ':' || p.role, p.role, p.title_zh, p.title_en, g
    FROM position p JOIN project_group o ON o.id = p.group_id, unnest($1::uuid[]) g WHERE o.code = $2
    RETURNING id, bureau_id, role, group_id)
INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)
SELECT gen_random_uuid(), m.bureau_id, m.id, coalesce(c.id, a.person_id), a.starts_on, now() FROM made m
LEFT JOIN chiefs c ON c.id = m.group_id AND m.role = 'chief-coach'
JOIN position p ON p.role = m.role JOIN project_group o ON o.id = p.group_id AND o.code = $2
JOIN appointment a ON a.position_id = p.id
"""
"""Every group has a chief of its own (with the group's id), as in life: one who holds hundreds of positions reads them all
with every request."""
DRAFTS = """
INSERT INTO draft (id, bureau_id, case_id, stage, form, data, version, person_id, saved_at)
SELECT gen_random_uuid(), d.bureau_id, c, d.stage, d.form, d.data, 1, d.person_id, now() FROM draft d, unnest($1::uuid[]) c
WHERE d.case_id = $2
"""


async def case(server: str) -> list[Figure]:
    async with database(server) as url, scene(url) as made:
        await made.execute([BARE_TABLE])
        made_groups = await _groups(made, (CASES * ROUNDS + WARM) * 2)
        groups = iter(made_groups)
        tokens = {login: await made.token(login) for login in (*map(str, made_groups), REVIEWER, CLERK, FINANCE)}
        environment = {"GUANTONG_DATABASE_URL": url, "GUANTONG_DATABASE_POOL": "10", "GUANTONG_CLOCK": "system"}
        async with (
            web_process("services.web.app:create_app", environment, factory=True) as ours_port,
            web_process("benchmarks.bare:app", environment, factory=False) as bare_port,
        ):

            async def ours(n: int = CASES) -> float:
                return n / await _through_http(made, ours_port, tokens, [next(groups) for _ in range(n)])

            async def bare(n: int = CASES) -> float:
                chains = [
                    [Request("POST", f"/bare/{uuid4()}", {"words": "Good."}) for _ in range(STEPS)] for _ in range(n)
                ]
                return n / await drive(bare_port, chains, clients=CLIENTS)

            await ours(WARM)
            await bare(WARM)
            first, second = await paired(ours, bare)
        await _in_process(made, [next(groups) for _ in range(WARM)])
        inside = [CASES / await _in_process(made, [next(groups) for _ in range(CASES)]) for _ in range(ROUNDS)]
    note = f"{STEPS} steps a case, {CLIENTS} clients, one web process"
    return [
        Figure("case", "1/s", first, second, note=note),
        Figure("case-in-process", "1/s", inside, second, note="the same without HTTP, one after the other"),
    ]


async def _groups(made: Scene, n: int) -> list[UUID]:
    """Add groups that have the same people in their positions as the scene's, but for their chiefs."""
    groups = [uuid4() for _ in range(n)]
    async with made.store.transaction() as tx:
        await tx.rows(GROUPS, (groups, GROUP))
        await tx.rows(SEATS, (groups, GROUP))
    made.people |= {str(group): group for group in groups}
    return groups


async def _start(made: Scene, groups: list[UUID]) -> list[UUID]:
    cases = []
    for group_id in groups:
        async with made.store.transaction() as tx:
            season = await tx.session.get(Season, made.season_id)
            group = await tx.session.get(ProjectGroup, group_id)
            assert season is not None
            assert group is not None
            case_id = await start_case(tx, season=season, group=group)
            assert case_id is not None
            cases.append(case_id)
    async with made.store.transaction() as tx:
        await tx.rows(DRAFTS, (cases, made.cases[GROUP]))
    return cases


async def _through_http(made: Scene, port: int, tokens: dict[str, str], groups: list[UUID]) -> float:
    """Return the seconds for these cases: the starts in process (a season starts them, no request does), then HTTP."""
    before = time.perf_counter()
    cases = await _start(made, groups)
    seconds = time.perf_counter() - before
    steps = (
        ("", "chief-coach", "submit"), (REVIEWER, "guiding-unit/reviewer", "approve"),
        (CLERK, "basic-education-office/clerk", "approve"), (FINANCE, "planning-finance-office/clerk", "approve"),
    )  # fmt: skip
    for login, actor, act in steps:
        tasks = await _open_tasks(made, cases, actor)
        chains = [
            [Request("POST", f"/api/v1/tasks/{task}/{act}", {}, token=tokens[login or str(group)])]
            for task, group in tasks
        ]
        seconds += await drive(port, chains, clients=CLIENTS)
    return seconds


async def _open_tasks(made: Scene, cases: list[UUID], actor: str) -> list[tuple[UUID, UUID]]:
    """Return each case's open task of the actor, with its group."""
    async with made.store.transaction() as tx:
        rows = await tx.rows(
            "SELECT id, group_id FROM task WHERE case_id = ANY($1::uuid[]) AND actor = $2 AND state = 'open'",
            (cases, actor),
        )
    assert len(rows) == len(cases)
    return [(row["id"], row["group_id"]) for row in rows]


async def _in_process(made: Scene, groups: list[UUID]) -> float:
    began = time.perf_counter()
    for group, case_id in zip(groups, await _start(made, groups), strict=True):
        async with made.store.transaction() as tx:
            await submit_plan(tx, by=await made.reader(tx, str(group)), task_id=await made.task(tx, case_id))
        for login, actor in ((REVIEWER, None), (CLERK, "basic-education-office/clerk"), (FINANCE, None)):
            async with made.store.transaction() as tx:
                by = await made.reader(tx, login)
                await approve(tx, by=by, task_id=await made.task(tx, case_id, actor))
    return time.perf_counter() - began
