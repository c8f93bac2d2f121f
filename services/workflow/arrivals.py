"""What the clock brings to cases: waits that are over, other cases that have ended, members who could not be asked before.

Level-triggered: each look finds what may go on now by the facts, so that a clock that was down catches up, and several
clocks do it once (the case is locked and looked at again).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.errors import ConflictError
from services.people.holding import holds
from services.process.events import Context, End, Event, Fail, Fill, Pass
from services.process.transitions import advance
from services.store.transaction import Store, Tx
from services.store.writer import write
from services.workflow.children import start_children
from services.workflow.locking import lock_for_clock
from services.workflow.values import submitted_values
from services.workflow.writing import Happened, rows_of

log = logging.getLogger(__name__)
BATCH = 200

READY = """
SELECT v.id AS visit_id, v.case_id, c.bureau_id, b.zone, 'pass' AS what
FROM visit v JOIN cases c ON c.id = v.case_id JOIN bureau b ON b.id = c.bureau_id
WHERE v.closed_at IS NULL AND v.waits_for = 'time' AND v.ready_at <= $1 AND c.suspended_at IS NULL AND c.state = 'open'
    AND NOT EXISTS (SELECT FROM jsonb_array_elements(c.state_doc -> 'open') o
        WHERE o ->> 'id' = v.id::text AND jsonb_array_length(o -> 'objections') > 0)
ORDER BY v.ready_at LIMIT $2
"""
CHILDREN = """
SELECT v.id AS visit_id, v.case_id, c.bureau_id, b.zone,
    CASE WHEN k.state IN ('filed', 'completed') THEN 'pass' ELSE 'fail' END AS what
FROM visit v JOIN cases c ON c.id = v.case_id JOIN bureau b ON b.id = c.bureau_id
JOIN cases k ON k.parent_visit_id = v.id AND k.state <> 'open'
WHERE v.closed_at IS NULL AND v.waits_for = 'process' AND c.suspended_at IS NULL AND c.state = 'open' LIMIT $1
"""
OTHERS = """
SELECT v.id AS visit_id, v.case_id, c.bureau_id, b.zone, 'pass' AS what
FROM visit v JOIN cases c ON c.id = v.case_id JOIN bureau b ON b.id = c.bureau_id
JOIN programme_version p ON p.id = c.version_id
WHERE v.closed_at IS NULL AND v.waits_for = 'case' AND c.suspended_at IS NULL AND c.state = 'open'
    AND EXISTS (SELECT FROM cases o WHERE o.group_id = c.group_id AND o.state IN ('filed', 'completed')
        AND o.process = jsonb_path_query_first(p.resolved,
            '$.processes[*] ? (@.process == $process).** ? (@.kind == "wait" && @.code == $stage).until.case',
            jsonb_build_object('process', c.process, 'stage', v.stage)) #>> '{}')
LIMIT $1
"""
MEMBERS = f"""
SELECT DISTINCT v.id AS visit_id, v.case_id, c.bureau_id, b.zone, 'fill' AS what
FROM notification n JOIN visit v ON v.id = n.subject_id AND v.closed_at IS NULL
JOIN cases c ON c.id = v.case_id AND c.state = 'open' AND c.suspended_at IS NULL JOIN bureau b ON b.id = c.bureau_id
CROSS JOIN LATERAL (SELECT coalesce(array_agg(s ->> 'person') || array_agg(s ->> 'on_behalf'), '{{}}') AS people,
        count(*) FILTER (WHERE s -> 'added' = 'null') AS named
    FROM jsonb_array_elements(c.state_doc -> 'open') o,
        jsonb_array_elements((o -> 'tasks') || (o -> 'waiting') || (o -> 'opinions')) s WHERE o ->> 'id' = v.id::text) there
WHERE n.kind = 'unheld' AND there.named < coalesce((n.context ->> 'needed')::int, 1)
    AND EXISTS (SELECT FROM appointment a WHERE a.position_id = (n.context ->> 'position_id')::uuid
        AND a.person_id::text <> ALL(array_remove(there.people, NULL))
        AND {holds("($2::timestamptz AT TIME ZONE b.zone)::date", "$2")})
LIMIT $1
"""  # noqa: S608 - constant parts
"""Members who could not be asked, because too few held the position; whoever signs or has signed is no new one."""
ORPHANS = """
SELECT k.id AS case_id, k.bureau_id, b.zone, 'end' AS what, k.parent_visit_id AS visit_id
FROM cases k JOIN visit v ON v.id = k.parent_visit_id AND v.closed_at IS NOT NULL JOIN bureau b ON b.id = k.bureau_id
WHERE k.state = 'open' LIMIT $1
"""


async def let_go_on(store: Store) -> int:
    """Let every case go on whose wait is over; return how many did. Each is its own transaction."""
    done = 0
    async with store.transaction() as tx:
        found = [
            *await tx.rows(READY, (tx.now, BATCH)),
            *await tx.rows(CHILDREN, (BATCH,)),
            *await tx.rows(OTHERS, (BATCH,)),
            *await tx.rows(MEMBERS, (BATCH, tx.now)),
            *await tx.rows(ORPHANS, (BATCH,)),
        ]
    for row in found:
        async with store.transaction() as tx:
            done += await _arrive(tx, row)
    return done


async def _arrive(tx: Tx, row: Mapping[str, Any]) -> bool:
    """Carry out what has come for one case, if it is still so under its lock."""
    case = await lock_for_clock(tx, row["bureau_id"], row["case_id"], zone=row["zone"])
    if case is None:
        return False
    event = _event(row["what"], row["visit_id"])
    context = Context(
        person=None, held=frozenset(), now=tx.now, new_id=tx.new_id, positions=case.actors, holders=case.holders,
        values=await submitted_values(tx, case), system=True,
    )  # fmt: skip
    try:
        transition = advance(case.definition, case.state, event, context)
    except ConflictError as error:
        log.info("case %s does not go on: %s", case.id, error)
        return False
    happened = Happened(kind=transition.act, zone=row["zone"])
    rows, _ = await rows_of(tx, case, happened, transition)
    await write(tx, rows)
    await start_children(tx, case, transition)
    return True


def _event(what: str, visit_id: UUID) -> Event:
    match what:
        case "pass":
            return Pass(visit_id)
        case "fail":
            return Fail(visit_id)
        case "fill":
            return Fill(visit_id)
        case _:
            return End("The case that started this one no longer waits for it.")
