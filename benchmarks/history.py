"""A case with a long history against one with a short one, through HTTP: its page, and the API's case with its timeline.

Both stand in one database and are asked for by turns; `ratio` is the time with 1,000 decisions over that with 10.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

import asyncpg

from benchmarks.database import database
from benchmarks.http import Request, drive, web_process
from benchmarks.measure import Figure, paired
from benchmarks.scene import REVIEWER, Scene, scene
from services.people.accounts import token_digest

SHORT, LONG = 10, 1_000
PAGES = 40
SESSION = "benchmark-session"

DECISIONS = """
INSERT INTO decision (id, bureau_id, case_id, visit_id, task_id, stage, kind, person_id, position_id, words, late, at)
SELECT gen_random_uuid(), d.bureau_id, d.case_id, d.visit_id, d.task_id, d.stage, 'return', d.person_id, d.position_id,
    'Please check the sums of part ' || i, false, d.at - make_interval(mins => i)
FROM decision d, generate_series(1, $2::int) i WHERE d.case_id = $1
"""
SUBMISSIONS = """
INSERT INTO submission (id, bureau_id, case_id, n, form, data, digest, attachments, person_id, late, at)
SELECT gen_random_uuid(), s.bureau_id, s.case_id, i + 1, s.form, s.data, s.digest, s.attachments, s.person_id, s.late, s.at
FROM submission s, generate_series(1, $2::int) i WHERE s.case_id = $1
"""
TASKS = """
INSERT INTO task (id, bureau_id, case_id, season_id, visit_id, stage, process, kind, group_id, position_id, actor, state,
    opened_at, due_at, due_sort, closed_at)
SELECT gen_random_uuid(), t.bureau_id, t.case_id, t.season_id, t.visit_id, t.stage, t.process, t.kind, t.group_id,
    t.position_id, t.actor, 'done', t.opened_at, t.due_at, t.due_sort, t.opened_at
FROM task t, generate_series(1, $2::int) i WHERE t.case_id = $1 AND t.state = 'open'
"""
EVENTS = """
INSERT INTO audit_event (id, bureau_id, stream, stream_id, seq, at, person_id, kind, data, prev, hash)
SELECT gen_random_uuid(), e.bureau_id, e.stream, e.stream_id, 1000000 + i, e.at, e.person_id, e.kind, e.data, e.prev, e.hash
FROM (SELECT * FROM audit_event WHERE stream_id = $1 ORDER BY seq DESC LIMIT 1) e, generate_series(1, $2::int) i
"""
REMARKS = """
INSERT INTO remark (id, bureau_id, case_id, submission_id, task_id, decision_id, path, text, person_id, at)
SELECT gen_random_uuid(), s.bureau_id, s.case_id, s.id, gen_random_uuid(), gen_random_uuid(), 'budget.total', 'Check', s.person_id, s.at
FROM submission s WHERE s.case_id = $1 AND $2::int > 0
"""
STATE = "UPDATE cases SET state_doc = jsonb_set(state_doc, '{submissions}', to_jsonb($2::int + 1)) WHERE id = $1"
SIGN_IN = """
INSERT INTO sign_in (id, bureau_id, person_id, token_hash, csrf, created_at, expires_at)
VALUES (gen_random_uuid(), $1, $2, $3, 'csrf', now(), now() + interval '1 hour')
"""


async def history(server: str) -> list[Figure]:
    async with database(server) as url, scene(url) as made:
        cases = {n: await _with_history(made, group, n) for group, n in (("math", LONG), ("physics", SHORT))}
        await _prepare(made)
        token = await made.token(REVIEWER)
        page = (["/cases/{case}"], {"Cookie": f"guantong={SESSION}"})
        api = (["/api/v1/cases/{case}", "/api/v1/cases/{case}/timeline"], {"Authorization": f"Bearer {token}"})
        environment = {"GUANTONG_DATABASE_URL": url, "GUANTONG_DATABASE_POOL": "10", "GUANTONG_CLOCK": "system"}
        figures = []
        async with web_process("services.web.app:create_app", environment, factory=True) as port:
            for name, (addresses, headers) in {"history": page, "history-api": api}.items():
                long, short = (
                    partial(_milliseconds, port, [each.format(case=cases[n]) for each in addresses], headers)
                    for n in (LONG, SHORT)
                )
                await long()
                await short()
                first, second = await paired(long, short)
                note = "ours with 1,000 decisions and audit events, ceiling with 10; by turns in one run"
                figures.append(Figure(name, "ms", first, second, target="at most 1.5", note=note))
    return figures


async def _milliseconds(port: int, addresses: list[str], headers: dict[str, str]) -> float:
    chains = [[Request("GET", address) for address in addresses]] * PAGES
    return await drive(port, chains, clients=1, headers=headers) / PAGES * 1000


async def _with_history(made: Scene, group: str, n: int) -> UUID:
    """Submit the group's plan and give its case a history of `n` decisions, a third of them submissions."""
    case_id = await made.submit(group)
    connection = await asyncpg.connect(made.url)
    try:
        for statement, many in (
            (DECISIONS, n), (SUBMISSIONS, n // 3), (STATE, n // 3), (REMARKS, n), (TASKS, n), (EVENTS, n),
        ):  # fmt: skip
            await connection.execute(statement, case_id, many)
    finally:
        await connection.close()
    return case_id


async def _prepare(made: Scene) -> None:
    connection = await asyncpg.connect(made.url)
    try:
        await connection.execute(SIGN_IN, made.bureau_id, made.people[REVIEWER], token_digest(SESSION))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
