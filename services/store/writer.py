"""The one writer: what an act changes goes to PostgreSQL as one statement, however many rows it has.

A `Rows` value holds new rows by table and the few changes that acts make to old ones. The statement is built from the
parts that are present (so there are few different texts, each prepared once per connection) and takes one JSON
document, which PostgreSQL spreads into rows itself with `jsonb_populate_recordset`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from services.store.transaction import Tx

Columns = Mapping[str, Any]

INSERTS = (
    "cases", "visit", "task", "decision", "submission", "deadline", "alarm", "notification", "filing", "late_exception",
    "command", "audit_event", "audit_salt", "case_copy", "question", "urge", "priority_change",
)  # fmt: skip
"""Tables that a Rows may hold new rows of. Every column must be given: a missing one would be written as NULL."""


@dataclass
class Rows:
    """Rows to write in one statement.

    new: rows by table. case: the changed columns of the locked case, with its id. head: {id, audit_seq, audit_hash, priority} of
    the locked case where nothing moves it. closed_tasks: tasks that end, each with its
    state `done` or `closed`, by `decision_id`; their deadlines, alarms and unsent notifications end with them.
    left_visit: {id, outcome} of the visit that ends. moved_deadline: {task, close_at, explained, override_by, override_reason}: its alarms are
    disarmed, the new ones come with it. used_exception: {id} of a late exception. now: business time.
    """

    now: datetime
    new: dict[str, list[Columns]] = field(default_factory=dict)
    case: Columns | None = None
    head: Columns | None = None
    closed_tasks: dict[UUID, str] = field(default_factory=dict)
    decision_id: UUID | None = None
    left_visit: Columns | None = None
    moved_deadline: Columns | None = None
    used_exception: Columns | None = None

    def add(self, table: str, **columns: Any) -> None:
        """Add a row of `table`, all columns named."""
        self.new.setdefault(table, []).append(columns)


CASE = """
moved AS (UPDATE cases c SET state = x.state, stage = x.stage, version = x.version, number = x.number, late = x.late,
    state_doc = x.state_doc, closed_at = x.closed_at, audit_seq = x.audit_seq, audit_hash = x.audit_hash
    FROM doc, jsonb_populate_record(NULL::cases, doc.d -> 'case') x WHERE c.id = x.id RETURNING c.id)
"""
HEAD = """
headed AS (UPDATE cases c SET audit_seq = x.audit_seq, audit_hash = x.audit_hash, priority = x.priority
    FROM doc, jsonb_populate_record(NULL::cases, doc.d -> 'head') x WHERE c.id = x.id RETURNING c.id)
"""
LEFT_VISIT = """
left_visit AS (UPDATE visit v SET closed_at = (doc.d ->> 'now')::timestamptz, outcome = doc.d -> 'left_visit' ->> 'outcome'
    FROM doc WHERE v.id = (doc.d -> 'left_visit' ->> 'id')::uuid RETURNING v.id)
"""
CLOSED = """
ended_tasks AS (UPDATE task t SET state = ($2::text[])[array_position(ARRAY[{ids}]::uuid[], t.id)],
    closed_at = (doc.d ->> 'now')::timestamptz, decision_id = (doc.d ->> 'decision_id')::uuid
    FROM doc WHERE t.id IN ({ids})),
ended_deadlines AS (UPDATE deadline l
    SET state = CASE ($2::text[])[array_position(ARRAY[{ids}]::uuid[], l.subject_id)] WHEN 'done' THEN 'met' ELSE 'void' END
    WHERE l.subject_id IN ({ids})),
ended_alarms AS (UPDATE alarm a SET next_at = NULL WHERE a.task_id IN ({ids}) AND a.next_at IS NOT NULL),
ended_opinions AS (DELETE FROM opinion o WHERE o.task_id IN ({ids})),
ended_notifications AS (UPDATE notification n SET state = 'void' WHERE n.subject_id IN ({ids})
    AND (n.state = 'pending' OR (n.state = 'enclosed'
        AND EXISTS (SELECT FROM message m WHERE m.id = n.message_id AND m.state = 'waiting'))))
"""
"""Each ended task is a parameter of its own. Joined from the document they would be guessed at a hundred rows, for which
whole tables are read; as one array, at ten, and PostgreSQL would plan anew every time instead of keeping its plan."""
USED = """
used AS (UPDATE late_exception e SET used_at = (doc.d ->> 'now')::timestamptz
    FROM doc WHERE e.id = (doc.d -> 'used_exception' ->> 'id')::uuid)
"""
MOVED = """
moved_deadline AS (UPDATE deadline l SET close_at = x.close_at, explained = x.explained, override_by = x.override_by,
    override_reason = x.override_reason
    FROM doc, jsonb_to_record(doc.d -> 'moved_deadline') AS x(task uuid, close_at timestamptz, explained jsonb,
        override_by uuid, override_reason text) WHERE l.subject_id = x.task),
disarmed AS (UPDATE alarm a SET next_at = NULL
    FROM doc WHERE a.task_id = (doc.d -> 'moved_deadline' ->> 'task')::uuid AND a.next_at IS NOT NULL)
"""


CHANGES = {
    "case": CASE,
    "head": HEAD,
    "left_visit": LEFT_VISIT,
    "closed_tasks": CLOSED,
    "moved_deadline": MOVED,
    "used_exception": USED,
}
"""What changes old rows, by the part of a Rows that asks for it, in the order of the statement."""


def _insert(table: str, *, after_left_visit: bool) -> str:
    """Return the CTE that inserts the document's rows of `table`.

    A new visit is inserted after the old one is closed (the count forces that order), because a case has one open visit.
    """
    source = f"doc, jsonb_populate_recordset(NULL::{table}, doc.d -> 'new' -> '{table}') r"
    if table == "visit" and after_left_visit:
        source += ", (SELECT count(*) FROM left_visit) AS closed_first"
    conflict = " ON CONFLICT ON CONSTRAINT uq_notification_once DO NOTHING" if table == "notification" else ""
    return f"new_{table} AS (INSERT INTO {table} SELECT r.* FROM {source}{conflict})"  # noqa: S608 - names of INSERTS


@lru_cache(maxsize=256)
def _statement(parts: frozenset[str], ended: int) -> str:
    ids = ", ".join(f"${place}" for place in range(3, ended + 3))
    pieces = ["doc AS (SELECT $1::jsonb AS d)"]
    pieces += [text.strip().replace("{ids}", ids) for part, text in CHANGES.items() if part in parts]
    pieces += [_insert(table, after_left_visit="left_visit" in parts) for table in INSERTS if table in parts]
    return "WITH " + ",\n".join(pieces) + "\nSELECT 1"


async def write(tx: Tx, rows: Rows) -> None:
    """Write everything in `rows` as one statement, in the caller's transaction."""
    document: dict[str, Any] = {"now": rows.now, "new": rows.new, "decision_id": rows.decision_id}
    parts = {table for table, values in rows.new.items() if values}
    unknown = parts - set(INSERTS)
    if unknown:
        raise ValueError(f"the writer does not insert into {', '.join(sorted(unknown))}")
    for part in CHANGES:
        if value := getattr(rows, part):
            document[part] = None if value is rows.closed_tasks else value
            parts.add(part)
    if "notification" in parts:
        tx.wake()
    text = orjson.dumps(document, default=str).decode()
    ended = (list(rows.closed_tasks.values()), *rows.closed_tasks) if rows.closed_tasks else ()
    await tx.rows(_statement(frozenset(parts), len(rows.closed_tasks)), (text, *ended))
