"""From pending notifications to messages: one envelope per person, made when it is time to send.

A person's row is locked first and their notifications are read by a later statement, whose snapshot holds whatever the
lock's last owner committed. So a digest is one mail however many processes assemble.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.messages.keys import message_key
from services.messages.kinds import ALARM_KINDS, NEEDS_OPEN_TASK
from services.store.transaction import Store, Tx

BEHIND = """
WITH behind AS MATERIALIZED (
    SELECT DISTINCT a.bureau_id FROM alarm a WHERE a.next_at <= (
        SELECT greatest($1::timestamptz, max(n.at)) FROM notification n
        WHERE n.state = 'pending' AND n.kind = ANY($2::text[]))
)
"""
"""Bureaus with due alarms that no sweep has finished. The latest alarm that another clock has already swept counts as
due, too: that clock may be a little ahead of ours."""

READY = """
n.state = 'pending' AND (n.kind <> ALL($2::text[]) OR n.created_at <= $1::timestamptz - interval '60 seconds'
    OR n.bureau_id NOT IN (SELECT bureau_id FROM behind))
"""
"""What an act tells goes at once. What alarms tell waits until the bureau's sweep is through, but not over a minute."""

LOCK = f"""
{BEHIND}
SELECT p.id FROM person p WHERE p.id IN (SELECT n.person_id FROM notification n WHERE {READY})
LIMIT $3 FOR NO KEY UPDATE OF p SKIP LOCKED
"""  # noqa: S608 - constant parts
READ = f"""
{BEHIND}
SELECT n.id, n.bureau_id, n.person_id, p.locale, CASE WHEN p.left_at <= $1 THEN NULL ELSE p.email END AS email,
    n.kind = ANY($4::text[]) AND t.state IS DISTINCT FROM 'open' AND n.task_id IS NOT NULL AS stale
FROM notification n JOIN person p ON p.id = n.person_id LEFT JOIN task t ON t.id = n.task_id
WHERE n.person_id = ANY($3::uuid[]) AND {READY}
FOR UPDATE OF n SKIP LOCKED
"""  # noqa: S608
"""A notification that an act is voiding is skipped, not waited for: so assembling never deadlocks with a decision."""

WRITE = """
WITH made AS (
    INSERT INTO message (id, bureau_id, person_id, address, locale, key, state, created_at, try_at, attempts)
    SELECT u.id, u.bureau_id, u.person_id, u.address, u.locale, u.key,
        CASE WHEN u.address IS NULL THEN 'no-address' ELSE 'waiting' END, $1::timestamptz, clock_timestamp(), 0
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[])
        AS u(id, bureau_id, person_id, address, locale, key)
), enclosed AS (
    UPDATE notification n SET state = 'enclosed', message_id = u.message_id
    FROM unnest($8::uuid[], $9::uuid[]) AS u(id, message_id) WHERE n.id = u.id
)
UPDATE notification SET state = 'void' WHERE id = ANY($10::uuid[])
"""


@dataclass
class _Pass:
    """What one transaction of assembling looked at and made."""

    people: int = 0
    messages: list[tuple[UUID, UUID, UUID, str | None, str, str]] = field(default_factory=list)
    enclosed: list[tuple[UUID, UUID]] = field(default_factory=list)
    void: list[UUID] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.messages or self.void)


async def assemble(tx: Tx, *, limit: int = 500) -> int:
    """Make the messages of up to `limit` people from what is pending for them; return how many were made.

    Whoever has no mail address gets a message in the state `no-address`: their own pages show it. A notification whose
    task was closed meanwhile is voided.
    """
    return len((await _assemble(tx, limit)).messages)


async def assemble_all(store: Store, *, limit: int = 500) -> int:
    """Assemble until nothing is left that is ready and that nobody else is assembling; return how many were made."""
    made = 0
    while True:
        async with store.transaction() as tx:
            done = await _assemble(tx, limit)
        made += len(done.messages)
        if not done.changed:
            return made


async def _assemble(tx: Tx, limit: int) -> _Pass:
    people = [row["id"] for row in await tx.rows(LOCK, (tx.now, list(ALARM_KINDS), limit))]
    if not people:
        return _Pass()
    rows = await tx.rows(READ, (tx.now, list(ALARM_KINDS), people, list(NEEDS_OPEN_TASK)))
    done = _enclose(tx, rows)
    done.people = len(people)
    if done.changed:
        await _write(tx, done)
    return done


def _enclose(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> _Pass:
    """Give each person one message for all that is said to them."""
    done = _Pass()
    envelopes: dict[UUID, UUID] = {}
    for row in rows:
        if row["stale"]:
            done.void.append(row["id"])
            continue
        person = row["person_id"]
        if person not in envelopes:
            message = envelopes[person] = tx.new_id()
            envelope = (message, row["bureau_id"], person, row["email"] or None, row["locale"], message_key(message))
            done.messages.append(envelope)
        done.enclosed.append((row["id"], envelopes[person]))
    return done


async def _write(tx: Tx, done: _Pass) -> None:
    messages = [list(column) for column in zip(*done.messages, strict=True)] or [[] for _ in range(6)]
    enclosed = [list(column) for column in zip(*done.enclosed, strict=True)] or [[], []]
    await tx.rows(WRITE, (tx.now, *messages, *enclosed, done.void))
