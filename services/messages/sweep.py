"""The sweep: from due alarms to notifications and next times, in bounded batches, each one transaction.

Whatever is due and not yet done is done, however late; nothing is done early. Any number of clocks may sweep at once:
each claims rows that no other has locked. Three statements read a batch and one writes it, however many alarms it
holds; series and terms repeat, so their times are worked out once per (series, term, time).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from services.people.access import ADMINISTRATOR, PRESENT
from services.process.alarms import load_series, missed, next_time
from services.process.calendar import WorkCalendar
from services.process.deadlines import Term
from services.programmes.pinned import CALENDAR, calendar_of, pinned_pack
from services.store.transaction import Store, Tx

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(hours=1)
"""When an alarm is looked at again that can tell nobody (not even an administrator) or cannot be worked out."""

LANES = 2
NOBODY = UUID(int=0)

BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '1.1', true)"
"""For this transaction: with its usual prices the planner reads a table of 100,000 alarms whole to change 2,000 of them,
so that a sweep would follow what exists instead of what is due."""

CLAIM = """
SELECT a.id, a.bureau_id, a.deadline_id, a.position_id, a.person_id, a.kind, a.series::text AS series, a.next_at
FROM alarm a WHERE a.next_at <= $1 ORDER BY a.next_at LIMIT $2 FOR UPDATE OF a SKIP LOCKED
"""
TERMS = f"""
SELECT d.id, d.due_at, d.close_at, c.version_id, ({CALENDAR.format(bureau="c.bureau_id")}) AS calendar_digest
FROM deadline d JOIN cases c ON c.id = d.case_id WHERE d.id = ANY($1::uuid[])
"""  # noqa: S608 - constant parts
TODAY = "($1::timestamptz AT TIME ZONE b.zone)::date"
HOLDERS = f"""
SELECT DISTINCT a.position_id, a.person_id FROM appointment a
JOIN bureau b ON b.id = a.bureau_id JOIN person p ON p.id = a.person_id
WHERE a.position_id = ANY($2::uuid[]) AND a.starts_on <= {TODAY} AND (a.ends_on IS NULL OR a.ends_on >= {TODAY})
    AND {PRESENT}
"""  # noqa: S608
ADMINISTRATORS = f"""
SELECT DISTINCT o.bureau_id, a.person_id FROM position o
JOIN unit u ON u.bureau_id = o.bureau_id AND u.id = o.unit_id AND u.kind = 'bureau'
JOIN bureau b ON b.id = o.bureau_id JOIN appointment a ON a.position_id = o.id JOIN person p ON p.id = a.person_id
WHERE o.role = $3 AND o.bureau_id = ANY($2::uuid[]) AND a.starts_on <= {TODAY}
    AND (a.ends_on IS NULL OR a.ends_on >= {TODAY}) AND {PRESENT}
"""  # noqa: S608
WRITE = """
WITH moved AS (
    UPDATE alarm a SET next_at = u.next_at FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS u(id, next_at, n)
    WHERE a.id = u.id RETURNING u.n, a.bureau_id, a.kind, a.task_id, a.case_id, a.visit_n
), told AS (
    INSERT INTO notification (id, bureau_id, person_id, kind, subject_id, task_id, case_id, visit_n, at, context, state,
        created_at)
    SELECT n.id, m.bureau_id, n.person_id, coalesce(n.kind, m.kind), m.task_id, m.task_id, m.case_id, m.visit_n, n.at,
        n.context::jsonb, 'pending', $3::timestamptz
    FROM unnest($4::uuid[], $5::int[], $6::uuid[], $7::text[], $8::timestamptz[], $9::text[])
        AS n(id, alarm, person_id, kind, at, context)
    JOIN moved m ON m.n = n.alarm
    ORDER BY m.task_id, m.visit_n, 4, n.at, n.person_id
    ON CONFLICT ON CONSTRAINT uq_notification_once DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM told
"""
"""The order of insertion is that of the unique key, so two sweeps that meet on a key wait for each other in one order
only and cannot deadlock."""


@dataclass(frozen=True)
class SweepResult:
    """What a sweep did.

    unheld: alarms whose position nobody held. broken: alarms that could not be worked out and are asked again in an
    hour. lateness: seconds between when an alarm was due and when it was swept -> how many.
    """

    claimed: int = 0
    notified: int = 0
    unheld: int = 0
    broken: int = 0
    lateness: Counter[float] = field(default_factory=Counter)

    def __add__(self, other: SweepResult) -> SweepResult:
        """Return both together."""
        return SweepResult(
            self.claimed + other.claimed,
            self.notified + other.notified,
            self.unheld + other.unheld,
            self.broken + other.broken,
            self.lateness + other.lateness,
        )


class Claimed(NamedTuple):
    """A due alarm under our lock."""

    id: UUID
    bureau_id: UUID
    deadline_id: UUID
    position_id: UUID | None
    person_id: UUID | None
    kind: str
    series: str
    next_at: datetime


class Firing(NamedTuple):
    """What an alarm comes to now: the instant told of, what is said with it, and when it is due again."""

    at: datetime
    context: str
    next_at: datetime | None


@dataclass
class _Batch:
    """The rows that one statement writes."""

    moved: list[tuple[UUID, datetime | None]] = field(default_factory=list)
    told: list[tuple[Any, ...]] = field(default_factory=list)
    unheld: int = 0
    broken: int = 0


async def sweep(tx: Tx, *, limit: int = 2000) -> SweepResult:
    """Claim up to `limit` due alarms and write whom they tell and when they are due again.

    A position is resolved now, to all who hold it on this day of the bureau's zone. What nobody holds is told to the
    bureau's administrators as `unheld`; where there are none, the alarm asks again in an hour, so nothing is lost.
    Missed times of an alarm become one notification at the latest of them, with their number.
    """
    await tx.rows(BY_INDEX)
    alarms = await _claim(tx, limit)
    if not alarms:
        return SweepResult()
    batch = _Batch()
    terms = await _terms(tx, alarms)
    holders = await _holders(tx, alarms)
    administrators = await _administrators(tx, alarms, holders)
    fired: dict[tuple[Any, ...], Firing | None] = {}
    for alarm in alarms:
        firing = _fire(alarm, terms.get(alarm.deadline_id), now=tx.now, fired=fired)
        told = (alarm.person_id,) if alarm.person_id else holders.get(alarm.position_id or NOBODY, ())
        _add(batch, tx, alarm, firing, told=told, instead=administrators.get(alarm.bureau_id, ()))
    notified = await _write(tx, batch)
    lateness = Counter(max(0.0, (tx.now - alarm.next_at).total_seconds()) for alarm in alarms)
    return SweepResult(len(alarms), notified, batch.unheld, batch.broken, lateness)


async def sweep_all(store: Store, *, limit: int = 2000) -> SweepResult:
    """Sweep until nothing due is left that no other clock has claimed; each batch is its own transaction.

    Where one batch is not all, two are under way at once: the one is worked out while the other is written.
    """
    async with store.transaction() as tx:
        first = await sweep(tx, limit=limit)
    if first.claimed < limit:
        return first
    async with asyncio.TaskGroup() as lanes:
        rest = [lanes.create_task(_sweep_on(store, limit)) for _ in range(LANES)]
    return sum((lane.result() for lane in rest), first)


async def _sweep_on(store: Store, limit: int) -> SweepResult:
    total = SweepResult()
    while True:
        async with store.transaction() as tx:
            result = await sweep(tx, limit=limit)
        total += result
        if result.claimed < limit:
            return total


async def _claim(tx: Tx, limit: int) -> list[Claimed]:
    """Lock due alarms; as plain tuples, because a sweep handles so many."""
    connection = await tx.connection()
    return [Claimed._make(row) for row in await connection.exec_driver_sql(CLAIM, (tx.now, limit))]


async def _terms(tx: Tx, alarms: Sequence[Claimed]) -> dict[UUID, tuple[Term, WorkCalendar]]:
    """Read the deadlines, after the alarms are locked: whoever moves a deadline moves its alarms in one transaction."""
    rows = await tx.rows(TERMS, (list({alarm.deadline_id for alarm in alarms}),))
    bureaus = {alarm.deadline_id: alarm.bureau_id for alarm in alarms}
    calendars: dict[tuple[UUID, UUID], WorkCalendar] = {}
    known: dict[tuple[Any, ...], tuple[Term, WorkCalendar]] = {}
    terms = {}
    for row in rows:
        place = (bureaus[row["id"]], row["version_id"])
        if place not in calendars:
            pack = await pinned_pack(tx, row["version_id"])
            calendars[place] = await calendar_of(tx, place[0], pack, known_digest=row["calendar_digest"])
        key = (*place, row["due_at"], row["close_at"])
        if key not in known:
            calendar = calendars[place]
            known[key] = (Term.ending(row["due_at"], row["close_at"], calendar), calendar)
        terms[row["id"]] = known[key]
    return terms


async def _holders(tx: Tx, alarms: Sequence[Claimed]) -> dict[UUID, list[UUID]]:
    positions = {alarm.position_id for alarm in alarms if alarm.position_id}
    holders: dict[UUID, list[UUID]] = {}
    for row in await tx.rows(HOLDERS, (tx.now, list(positions))):
        holders.setdefault(row["position_id"], []).append(row["person_id"])
    return holders


async def _administrators(tx: Tx, alarms: Sequence[Claimed], holders: Mapping[UUID, object]) -> dict[UUID, list[UUID]]:
    """Read whom to tell of positions that nobody holds; nothing is read where all are held."""
    bureaus = {a.bureau_id for a in alarms if a.position_id and a.position_id not in holders}
    found: dict[UUID, list[UUID]] = {}
    if bureaus:
        for row in await tx.rows(ADMINISTRATORS, (tx.now, list(bureaus), ADMINISTRATOR)):
            found.setdefault(row["bureau_id"], []).append(row["person_id"])
    return found


def _fire(
    alarm: Claimed,
    term: tuple[Term, WorkCalendar] | None,
    *,
    now: datetime,
    fired: dict[tuple[Any, ...], Firing | None],
) -> Firing | None:
    """Return what the alarm comes to at `now`, worked out once for all alarms of the same series and term."""
    key = (alarm.series, id(term), alarm.next_at)
    if key not in fired:
        fired[key] = _work_out(alarm, term, now)
    return fired[key]


def _work_out(alarm: Claimed, term: tuple[Term, WorkCalendar] | None, now: datetime) -> Firing | None:
    if term is None:
        log.error("alarm %s has no deadline of a case; it is asked again in an hour", alarm.id)
        return None
    due, calendar = term
    try:
        series = load_series(alarm.series)
        times = (alarm.next_at, *missed(series, due, calendar, alarm.next_at, now))
        following = next_time(series, due, calendar, now)
    except (ValueError, OverflowError):
        # One alarm that cannot be read must not hold up all others.
        log.exception("alarm %s cannot be worked out; it is asked again in an hour", alarm.id)
        return None
    return Firing(times[-1], json.dumps({"missed": len(times)}) if len(times) > 1 else "{}", following)


def _add(
    batch: _Batch,
    tx: Tx,
    alarm: Claimed,
    firing: Firing | None,
    *,
    told: Sequence[UUID],
    instead: Sequence[UUID],
) -> None:
    """Add what the alarm writes: its next time, and a notification for each person."""
    identity = alarm.id
    if firing is None:
        batch.broken += 1
        batch.moved.append((identity, tx.now + ASK_AGAIN))
        return
    kind, context = None, firing.context
    if not told:
        batch.unheld += 1
        kind, told = "unheld", instead
        context = json.dumps({"position_id": str(alarm.position_id), "kind": alarm.kind, **json.loads(context)})
    if not told:
        log.error("nobody holds position %s, and its bureau has no administrator", alarm.position_id)
        batch.moved.append((identity, tx.now + ASK_AGAIN))
        return
    batch.moved.append((identity, firing.next_at))
    place = len(batch.moved)
    batch.told.extend((tx.ids.new(), place, person, kind, firing.at, context) for person in told)


async def _write(tx: Tx, batch: _Batch) -> int:
    ids, times = zip(*batch.moved, strict=True)
    told = [list(column) for column in zip(*batch.told, strict=True)] or [[] for _ in range(6)]
    rows = await tx.rows(WRITE, (list(ids), list(times), tx.now, *told))
    count: int = rows[0]["n"]
    return count
