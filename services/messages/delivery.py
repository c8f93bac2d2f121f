"""The rows of messages under way: claiming with a lease, and what becomes of each, one commit per message.

`try_at` and leases follow the database's real clock: a moved business clock neither hurries nor holds up a retry, and
two machines need not agree on the time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ports import Delivery
from services.store.transaction import Tx

CLAIM = """
WITH due AS (
    SELECT m.id FROM message m WHERE m.state IN ('waiting', 'sending') AND m.try_at <= clock_timestamp()
    ORDER BY m.try_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE message m SET state = 'sending', attempts = m.attempts + 1, lease_until = l.until, try_at = l.until,
    address = CASE WHEN p.left_at <= $3 THEN NULL ELSE nullif(p.email, '') END, locale = p.locale
FROM due, person p, (SELECT clock_timestamp() + make_interval(secs => $2) AS until) l
WHERE m.id = due.id AND p.id = m.person_id
RETURNING m.id, m.bureau_id, m.person_id, m.address, m.locale, m.key, m.attempts, m.lease_until, p.name
"""
"""A message under way has its lease's end as `try_at`: one whose sender died becomes due by itself. The address is the
person's of today."""

FINISH = """
UPDATE message SET state = $3, answer = coalesce($4, answer), sent_at = $5, subject = coalesce($6, subject), text = coalesce($7, text),
    html = coalesce($8, html), enclosed = coalesce($9::jsonb, enclosed), lease_until = NULL,
    try_at = clock_timestamp() + make_interval(secs => $10), attempts = attempts + $11
WHERE id = $1 AND state = 'sending' AND lease_until = $2 RETURNING id
"""
"""Only the holder of the lease says what became of a message; a sender that was too slow changes nothing."""

VOID = """
UPDATE notification SET state = 'void' WHERE id IN (
    SELECT id FROM notification WHERE id = ANY($1::uuid[]) AND state = 'enclosed' FOR UPDATE SKIP LOCKED)
"""

HOLD = """
UPDATE notification SET state = 'pending', message_id = NULL WHERE id IN (
    SELECT id FROM notification WHERE id = ANY($1::uuid[]) AND state = 'enclosed' FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True)
class Backoff:
    """When a mail that was not taken is tried again: after `first` seconds, each time twice as long, at most `longest`.

    With the defaults the 20th try is three days after the first; then the mail is dead.
    """

    first: float = 60
    longest: float = 6 * 3600
    tries: int = 20

    def seconds(self, attempts: int) -> float:
        """Return how long to wait after the `attempts`th try, give or take a fifth so that not all come at once."""
        wait: float = min(self.first * 2.0 ** min(attempts - 1, 40), self.longest)
        return wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, hides nothing


@dataclass(frozen=True)
class Claimed:
    """A message under our lease."""

    id: UUID
    bureau_id: UUID
    person_id: UUID
    name: str
    address: str | None
    locale: str
    key: str
    attempts: int
    lease_until: datetime


@dataclass(frozen=True)
class Ending:
    """What became of a message, and the words that were handed over."""

    state: str
    answer: str | None = None
    sent_at: datetime | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    enclosed: str | None = None
    wait: float = 0
    uncounted: bool = False


async def claim(tx: Tx, *, limit: int, lease: float) -> list[Claimed]:
    """Claim up to `limit` messages that are due, for `lease` seconds; whoever claims next gets others."""
    rows = await tx.rows(CLAIM, (limit, lease, tx.now))
    return [Claimed(**row) for row in rows]


async def void(tx: Tx, notifications: Sequence[UUID]) -> None:
    """Void notifications that came to nothing while they waited."""
    if notifications:
        await tx.rows(VOID, (list(notifications),))


async def hold(tx: Tx, notifications: Sequence[UUID]) -> None:
    """Take notifications out of their messages until their cases go on; then they are assembled anew."""
    if notifications:
        await tx.rows(HOLD, (list(notifications),))


async def finish(engine: AsyncEngine, message: Claimed, ending: Ending) -> bool:
    """Record what became of the message, in a commit of its own; False where the lease was lost to somebody else."""
    values = (
        message.id, message.lease_until, ending.state, ending.answer, ending.sent_at, ending.subject, ending.text,
        ending.html, ending.enclosed, ending.wait, -1 if ending.uncounted else 0,
    )  # fmt: skip
    async with engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        result = await alone.exec_driver_sql(FINISH, values)
        return result.first() is not None


def outcome(delivery: Delivery, message: Claimed, backoff: Backoff, *, at: datetime) -> Mapping[str, Any]:
    """Return the state, answer and waiting time that follow from what the server said."""
    if delivery.outcome == "sent":
        return {"state": "sent", "answer": delivery.words, "sent_at": at}
    if delivery.outcome == "dead" or message.attempts >= backoff.tries:
        return {"state": "dead", "answer": delivery.words}
    return {"state": "waiting", "answer": delivery.words, "wait": backoff.seconds(message.attempts)}
