"""The sweep: from due alarms to notifications and next times, in bounded batches, each one transaction.

Whatever is due and not yet done is done, however late; nothing is done early. Any number of clocks may sweep at once:
each claims rows that no other has locked. One statement reads a batch and one writes it, however many alarms it
holds. Series and terms repeat, so PostgreSQL groups the alarms by (series, term, time), the times of each group are
worked out here once, and PostgreSQL spreads them out again.
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

from services.messages.recipients import HOLDING, Vacancy, administrators
from services.process.alarms import load_series, missed, next_time
from services.process.deadlines import Term
from services.programmes.pinned import CALENDAR, calendar_of, pinned_pack
from services.store.transaction import Store, Tx

log = logging.getLogger(__name__)

ASK_AGAIN = timedelta(hours=1)
"""When an alarm is looked at again that can tell nobody (not even an administrator) or cannot be worked out."""

LANES = 2
BATCH = 5000

PLANNING = """
SELECT set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '1.1', true),
    set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_sort', 'off', true)
"""
"""For this transaction: with its usual prices the planner reads a table of 100,000 alarms whole to change 2,000 of them,
so that a sweep would follow what exists instead of what is due; a plan that does not know how long the arrays are
joins them row by row; and where it guesses few rows it sorts them by their series to group them, instead of hashing.""" ""

CLAIM = f"""
WITH claimed AS MATERIALIZED (
    SELECT r.ctid AS place, r.bureau_id, r.deadline_id, r.position_id, r.person_id, r.series, r.next_at FROM alarm r
    WHERE r.next_at <= $1 ORDER BY r.next_at LIMIT $2 FOR UPDATE OF r SKIP LOCKED
)
SELECT g.bureau_id, g.version_id, g.series::text AS series, g.next_at, g.due_at, g.close_at, g.places, g.people,
    ({CALENDAR.format(bureau="g.bureau_id")}) AS calendar_digest
FROM (
    SELECT r.bureau_id, c.version_id, r.series, r.next_at, d.due_at, d.close_at, array_agg(r.place) AS places,
        array_agg(coalesce(r.person_id, a.person_id)) AS people
    FROM claimed r JOIN bureau b ON b.id = r.bureau_id
    LEFT JOIN deadline d ON d.id = r.deadline_id LEFT JOIN cases c ON c.id = d.case_id
    LEFT JOIN appointment a ON a.position_id = r.position_id AND {HOLDING}
    GROUP BY r.bureau_id, c.version_id, r.series, r.next_at, d.due_at, d.close_at) g
"""  # noqa: S608 - constant parts
"""`places` are those of the claimed rows, one for each person to tell; the person is null where nobody holds the position.
A deadline cannot be older than its alarm here: whoever moves a deadline disarms its alarms in one transaction, and an
alarm changed meanwhile is looked at again when it is locked, and left out."""

WRITE = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::tid[], $2::int[], $3::uuid[], $4::uuid[]) AS u(place, g, person_id, id)
), moved AS (
    UPDATE alarm a SET next_at = ($5::timestamptz[])[u.g] FROM given u WHERE a.ctid = u.place
    RETURNING u.place, a.bureau_id, a.kind, a.task_id, a.case_id, a.visit_n
), told AS (
    INSERT INTO notification (id, bureau_id, person_id, kind, subject_id, task_id, case_id, visit_n, at, context, state,
        created_at)
    SELECT n.id, m.bureau_id, n.person_id, m.kind, m.task_id, m.task_id, m.case_id, m.visit_n,
        ($7::timestamptz[])[n.g], ($8::text[])[n.g]::jsonb, 'pending', $6::timestamptz
    FROM given n JOIN moved m ON m.place = n.place WHERE n.person_id IS NOT NULL
    ORDER BY m.task_id, m.visit_n, m.kind, 9, n.person_id
    ON CONFLICT ON CONSTRAINT uq_notification_once DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM told) AS told
"""
"""The order of insertion is that of the unique key, so two sweeps that meet on a key wait for each other in one order
only and cannot deadlock. A row's place does not change while it is locked."""

VACANT = "SELECT ctid AS place, id, bureau_id, position_id, task_id, kind FROM alarm WHERE ctid = ANY($1::tid[])"
UNHELD = """
WITH told AS (
    INSERT INTO notification (id, bureau_id, person_id, kind, subject_id, case_id, visit_n, at, context, state, created_at)
    SELECT n.id, a.bureau_id, n.person_id, 'unheld', a.id, a.case_id, a.visit_n, n.at, n.context::jsonb, 'pending', $1
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[])
        AS n(id, task_id, alarm, person_id, at, context)
    JOIN alarm a ON a.task_id = n.task_id AND a.id = n.alarm ORDER BY a.id, n.at, n.person_id
    ON CONFLICT ON CONSTRAINT uq_notification_once DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM told
"""
"""A vacancy's subject is its alarm and not its task, so that vacancies of several positions at one instant, or of one
position at two rungs, are each told."""


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


class Firing(NamedTuple):
    """What an alarm comes to now: the instant told of, what is said with it, and when it is due again."""

    at: datetime
    context: str
    next_at: datetime | None


Place = tuple[int, int]


@dataclass
class _Batch:
    """Claimed alarms by their places, and what is to be written of them, group by group (numbers from 1).

    places, groups, people: for each person to tell; nobody where an alarm tells none. vacant: where in these lists the
    alarms stand whose position nobody holds, with what they come to.
    """

    next_at: list[datetime | None] = field(default_factory=list)
    at: list[datetime | None] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    people: list[UUID | None] = field(default_factory=list)
    vacant: dict[int, Firing] = field(default_factory=dict)
    broken: int = 0
    lateness: Counter[float] = field(default_factory=Counter)

    def add_group(self, firing: Firing | None, *, again: datetime) -> int:
        """Add what a group comes to, or that it is asked again; return the group's number."""
        self.next_at.append(firing.next_at if firing else again)
        self.at.append(firing.at if firing else None)
        self.context.append(firing.context if firing else "{}")
        return len(self.next_at)


async def sweep(tx: Tx, *, limit: int = BATCH) -> SweepResult:
    """Claim up to `limit` due alarms and write whom they tell and when they are due again.

    A position is resolved now, to all who hold it on this day of the bureau's zone. What nobody holds is told to the
    bureau's administrators as `unheld`; where there are none, the alarm asks again in an hour, so nothing is lost.
    Missed times of an alarm become one notification at the latest of them, with their number.
    """
    await tx.rows(PLANNING)
    groups = await tx.rows(CLAIM, (tx.now, limit))
    if not groups:
        return SweepResult()
    batch = _Batch()
    for row in groups:
        _add(batch, row, await _firing(tx, row), now=tx.now)
    unheld = await _unheld(tx, batch) if batch.vacant else []
    tx.wake()
    notified = await _write(tx, batch) + await _write_unheld(tx, unheld)
    return SweepResult(batch.lateness.total(), notified, len(batch.vacant), batch.broken, batch.lateness)


async def sweep_all(store: Store, *, limit: int = BATCH) -> SweepResult:
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


async def _firing(tx: Tx, row: Mapping[str, Any]) -> Firing | None:
    """Return what a group of alarms of one series and term comes to; None where that cannot be worked out."""
    if row["version_id"] is None:
        log.error("alarms of bureau %s have no deadline of a case; they are asked again in an hour", row["bureau_id"])
        return None
    pack = await pinned_pack(tx, row["version_id"])
    calendar = await calendar_of(tx, row["bureau_id"], pack, known_digest=row["calendar_digest"])
    due = Term.ending(row["due_at"], row["close_at"], calendar)
    try:
        series = load_series(row["series"])
        times = (row["next_at"], *missed(series, due, calendar, row["next_at"], tx.now))
        following = next_time(series, due, calendar, tx.now)
    except (ValueError, OverflowError):
        # Alarms that cannot be read must not hold up all others.
        log.exception("alarms of bureau %s cannot be worked out; they are asked again in an hour", row["bureau_id"])
        return None
    return Firing(times[-1], json.dumps({"missed": len(times)}) if len(times) > 1 else "{}", following)


def _add(batch: _Batch, row: Mapping[str, Any], firing: Firing | None, *, now: datetime) -> None:
    """Add a group: the next time of its alarms, and whom they tell."""
    places: list[Place] = row["places"]
    people: list[UUID | None] = row["people"]
    group = batch.add_group(firing, again=now + ASK_AGAIN)
    alarms = len(set(places))
    batch.lateness[max(0.0, (now - row["next_at"]).total_seconds())] += alarms
    if firing is None:
        batch.broken += alarms
        people = [None] * len(places)
    elif None in people:
        start = len(batch.places)
        batch.vacant |= {start + n: firing for n, person in enumerate(people) if person is None}
    batch.places += places
    batch.groups += [group] * len(places)
    batch.people += people


async def _unheld(tx: Tx, batch: _Batch) -> list[tuple[Any, ...]]:
    """Return what to tell the administrators; where there are none, the alarm is asked again."""
    where = {batch.places[n]: n for n in batch.vacant}
    alarms = await tx.rows(VACANT, (list(where),))
    instead = await administrators(tx, (alarm["bureau_id"] for alarm in alarms))
    again = batch.add_group(None, again=tx.now + ASK_AGAIN)
    told: list[tuple[Any, ...]] = []
    for alarm in alarms:
        n = where[alarm["place"]]
        firing = batch.vacant[n]
        if alarm["bureau_id"] not in instead:
            log.error("nobody holds position %s, and its bureau has no administrator", alarm["position_id"])
            batch.groups[n] = again
            continue
        vacancy = Vacancy(alarm["position_id"], alarm["kind"], alarm["task_id"])
        context = vacancy.context(json.loads(firing.context))
        told += [
            (tx.new_id(), alarm["task_id"], alarm["id"], person, firing.at, context)
            for person in instead[alarm["bureau_id"]]
        ]
    return told


async def _write(tx: Tx, batch: _Batch) -> int:
    ids = tx.new_ids(len(batch.places))
    given = (batch.places, batch.groups, batch.people, ids)
    row = (await tx.rows(WRITE, (*given, batch.next_at, tx.now, batch.at, batch.context)))[0]
    if row["moved"] != batch.lateness.total():
        raise RuntimeError(f"{row['moved']} alarms were moved, {batch.lateness.total()} were claimed")
    told: int = row["told"]
    return told


async def _write_unheld(tx: Tx, told: Sequence[tuple[Any, ...]]) -> int:
    if not told:
        return 0
    count: int = (await tx.rows(UNHELD, (tx.now, *map(list, zip(*told, strict=True)))))[0]["n"]
    return count
