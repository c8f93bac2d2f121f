"""Messages a second to a local SMTP server, against bare aiosmtplib over the same number of kept-open connections.

Ours claims, reads the facts, renders text, HTML and calendar file, sends and commits each message. The ceiling sends a
mail of the same content that was made beforehand.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY

import aiosmtplib
import asyncpg

from benchmarks.database import database
from benchmarks.http import free_port
from benchmarks.measure import Figure, paired
from benchmarks.scene import GROUP, Scene, scene
from services.adapters.smtp import SmtpMailer
from services.messages.assemble import assemble_all
from services.messages.dispatch import Dispatcher
from services.settings import load_settings

MESSAGES = 600
WARM = 50
CONNECTIONS = 4

CROWD = """
WITH made AS (
    INSERT INTO person (id, bureau_id, name, sort_key, email, locale, created_at)
    SELECT gen_random_uuid(), $1, '周' || i, 'zhou', 'person' || i || '@example.test', 'zh', now() FROM generate_series(1, $2::int) i
    RETURNING id, bureau_id)
INSERT INTO appointment (id, bureau_id, position_id, person_id, starts_on, created_at)
SELECT gen_random_uuid(), m.bureau_id, t.position_id, m.id, '2020-01-01', now() FROM made m, task t WHERE t.id = $3
"""
NOTIFY = """
INSERT INTO notification (id, bureau_id, person_id, kind, subject_id, task_id, case_id, season_id, visit_n, at, context,
    state, created_at)
SELECT gen_random_uuid(), t.bureau_id, p.id, 'task-opened', t.id, t.id, t.case_id, t.season_id, $3::int, now(), '{}', 'pending', now()
FROM (SELECT id FROM person WHERE email LIKE 'person%' ORDER BY id LIMIT $2) p, task t WHERE t.id = $1
"""


class Keeping(SmtpMailer):
    """Keeps the last mail, so that the ceiling sends the same."""

    last: EmailMessage | None = None

    async def send(self, mail, *, sender, recipients):  # noqa: ANN001, ANN201 - as its base says
        Keeping.last = mail
        return await super().send(mail, sender=sender, recipients=recipients)


async def mail(server: str) -> list[Figure]:
    port = free_port()
    sink = subprocess.Popen([sys.executable, "-m", "benchmarks.sink", str(port)])  # noqa: ASYNC220 - before measuring
    try:
        async with database(server) as url, scene(url) as made:
            return [await _measure(url, made, port)]
    finally:
        sink.terminate()
        sink.wait(5)


async def _measure(url: str, made: Scene, port: int) -> Figure:
    settings = load_settings(
        database_url=url, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_connections=CONNECTIONS,
        smtp_sender="office@example.test",
    )  # fmt: skip
    mailer = Keeping.from_settings(settings)
    dispatcher = Dispatcher(made.store, mailer, settings)
    connection = await asyncpg.connect(url)
    await connection.execute("DELETE FROM notification")
    async with made.store.transaction() as tx:
        task = await made.task(tx, made.cases[GROUP])
    await connection.execute(CROWD, made.bureau_id, MESSAGES, task)
    visits = iter(range(1, 1000))

    async def ours(n: int = MESSAGES) -> float:
        await connection.execute(NOTIFY, task, n, next(visits))
        await assemble_all(made.store)
        started = time.perf_counter()
        sent = 0
        while done := await dispatcher.send_due():
            sent += done
        seconds = time.perf_counter() - started
        if sent != n:
            raise RuntimeError(f"{sent} messages instead of {n}")
        return n / seconds

    async def bare(n: int = MESSAGES) -> float:
        assert Keeping.last is not None
        content = Keeping.last.as_bytes()
        waiting = iter(range(n))

        async def client() -> None:
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as smtp:
                for _ in waiting:
                    await smtp.send_message(message_from_bytes(content, policy=SMTP_POLICY))

        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
        return n / (time.perf_counter() - started)

    try:
        await ours(WARM)
        await bare(WARM)
        first, second = await paired(ours, bare)
    finally:
        await connection.close()
        if mailer is not None:
            await mailer.close()
    return Figure("mail", "1/s", first, second, target="at least 0.7", note=f"{CONNECTIONS} connections")
