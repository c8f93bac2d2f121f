"""From pending notifications to messages: one envelope per person, made when it is time to send.

A person's row is locked first and their notifications are read by a later statement, whose snapshot holds whatever the
lock's last owner committed. So a digest is one mail however many processes assemble.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.messages.keys import message_key
from services.messages.kinds import ALARM_KINDS, BEFORE_DUE, FROM_SERIES, NEEDS_OPEN_TASK, STANDS_FOR, TO_ASSIGNEE
from services.messages.recipients import HELD, OVER, TASK, gone, retell
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

READY = f"""
n.state = 'pending' AND (n.kind <> ALL($2::text[]) OR n.created_at <= $1::timestamptz - interval '60 seconds'
    OR n.bureau_id NOT IN (SELECT bureau_id FROM behind)) AND NOT {HELD}
"""  # noqa: S608 - constant parts
"""What an act tells goes at once. What alarms tell waits until the bureau's sweep is through, but not over a minute. What asks
for an act in a suspended case waits until that is resumed."""

LOCK = f"""
{BEHIND}
SELECT p.id FROM person p WHERE p.id IN (SELECT n.person_id FROM notification n WHERE {READY})
LIMIT $3 FOR NO KEY UPDATE OF p SKIP LOCKED
"""  # noqa: S608 - constant parts
READ = f"""
{BEHIND}
SELECT n.id, n.bureau_id, n.person_id, n.kind, {TASK} AS task_id, n.context -> 'missed' AS missed, p.locale,
    CASE WHEN p.left_at <= $1 THEN NULL ELSE p.email END AS email, l.due_at <= $1 AS passed,
    (n.kind = ANY($4::text[]) AND t.state IS DISTINCT FROM 'open' AND {TASK} IS NOT NULL) OR ({OVER}) AS stale,
    {gone("$5", "$6")} AS gone
FROM notification n JOIN person p ON p.id = n.person_id JOIN bureau b ON b.id = n.bureau_id
LEFT JOIN task t ON t.id = {TASK} LEFT JOIN deadline l ON l.subject_id = t.id LEFT JOIN cases c ON c.id = n.case_id
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
    UPDATE notification n SET state = 'enclosed', message_id = u.message_id,
        context = CASE WHEN u.missed > 1 THEN n.context || jsonb_build_object('missed', u.missed) ELSE n.context END
    FROM unnest($8::uuid[], $9::uuid[], $10::int[]) AS u(id, message_id, missed) WHERE n.id = u.id
)
UPDATE notification SET state = 'void' WHERE id = ANY($11::uuid[])
"""


@dataclass
class _Pass:
    """What one transaction of assembling looked at and made."""

    messages: list[tuple[UUID, UUID, UUID, str | None, str, str]] = field(default_factory=list)
    enclosed: list[tuple[UUID, UUID, int]] = field(default_factory=list)
    void: list[UUID] = field(default_factory=list)
    gone: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.messages or self.void)


async def assemble(tx: Tx, *, limit: int = 500) -> int:
    """Make the messages of up to `limit` people from what is pending for them; return how many were made.

    Whoever has no mail address gets a message in the state `no-address`: their own pages show it. A notification whose
    task was closed meanwhile is voided; so is one of a person who holds the position no more, for whoever holds it now.
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
    kinds = (list(NEEDS_OPEN_TASK), list(TO_ASSIGNEE), list(FROM_SERIES))
    rows = await tx.rows(READ, (tx.now, list(ALARM_KINDS), people, *kinds))
    done = _enclose(tx, rows)
    if done.changed:
        await _write(tx, done)
        await retell(tx, done.gone)
    return done


def _enclose(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> _Pass:
    """Give each person one message for all that is said to them."""
    done = _Pass()
    done.void = [row["id"] for row in rows if row["stale"] or row["gone"]]
    done.gone = [row for row in rows if row["gone"] and not row["stale"]]
    said = [row for row in rows if not (row["stale"] or row["gone"])]
    heir = _superseded(said)
    missed = _missed(said, heir)
    envelopes: dict[UUID, UUID] = {}
    for row in said:
        if row["id"] in heir:
            done.void.append(row["id"])
            continue
        person = row["person_id"]
        if person not in envelopes:
            message = envelopes[person] = tx.new_id()
            envelope = (message, row["bureau_id"], person, row["email"] or None, row["locale"], message_key(message))
            done.messages.append(envelope)
        done.enclosed.append((row["id"], envelopes[person], missed[row["id"]]))
    return done


def _superseded(rows: Sequence[Mapping[str, Any]]) -> dict[UUID, UUID]:
    """Return which reminders another notification of the pass stands for: reminder -> that other one.

    After an outage a reminder may come when its due date has passed. Where the same person is told that the same task
    is overdue or closed, that says all of it; where not, the reminder speaks for the warning. An escalation takes the
    place of nothing, for it asks for something else. How many were missed is added to what stands for them.
    """
    standing: dict[tuple[UUID, UUID], Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: STANDS_FOR.index(row["kind"]) if row["kind"] in STANDS_FOR else -1):
        if row["kind"] in STANDS_FOR:
            standing[row["person_id"], row["task_id"]] = row
    heirs = {}
    for row in rows:
        heir = standing.get((row["person_id"], row["task_id"]))
        if row["kind"] in BEFORE_DUE and row["passed"] and heir is not None and heir["id"] != row["id"]:
            heirs[row["id"]] = heir["id"]
    return heirs


def _missed(rows: Sequence[Mapping[str, Any]], heirs: Mapping[UUID, UUID]) -> Counter[UUID]:
    """Return for how many times of its series, and of those that it supersedes, each notification stands."""
    missed: Counter[UUID] = Counter()
    for row in rows:
        missed[heirs.get(row["id"], row["id"])] += int(row["missed"] or 1)
    return missed


async def _write(tx: Tx, done: _Pass) -> None:
    messages = [list(column) for column in zip(*done.messages, strict=True)] or [[] for _ in range(6)]
    enclosed = [list(column) for column in zip(*done.enclosed, strict=True)] or [[], [], []]
    await tx.rows(WRITE, (tx.now, *messages, *enclosed, done.void))
