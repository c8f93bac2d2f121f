"""The one writer: what an act changes goes to PostgreSQL as one statement, however many rows it has.

A `Rows` value holds new rows by table and the few changes that acts make to old ones. The statement is built from the
parts that are present (so there are few different texts, each prepared once per connection) and takes one JSON
document, which PostgreSQL spreads into rows itself with `jsonb_populate_recordset`. The document is named as the
parameter wherever it is read: a CTE of it would be one more scan and join for every table.
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
    left_visits: visits that end, each with its outcome. handed: tasks that are now with another person (None: with whoever holds
    the position); reminders go with them. moved_deadlines: {task, due_at, close_at, explained, override_by,
    override_reason}: the task's alarms are disarmed, the new ones come with it. ready: from when the clock lets an open visit
    go on. paused: tasks whose alarms are disarmed.
    used_exception: {id} of a late exception. now: business time.
    """

    now: datetime
    new: dict[str, list[Columns]] = field(default_factory=dict)
    case: Columns | None = None
    head: Columns | None = None
    closed_tasks: dict[UUID, str] = field(default_factory=dict)
    decision_id: UUID | None = None
    left_visits: Mapping[UUID, str] = field(default_factory=dict)
    handed: dict[UUID, UUID | None] = field(default_factory=dict)
    moved_deadlines: list[Columns] = field(default_factory=list)
    ready: dict[UUID, datetime] = field(default_factory=dict)
    paused: list[UUID] = field(default_factory=list)
    used_exception: Columns | None = None

    def add(self, table: str, **columns: Any) -> None:
        """Add a row of `table`, all columns named."""
        self.new.setdefault(table, []).append(columns)


CASE = """
moved AS (UPDATE cases c SET state = x.state, stage = x.stage, version = x.version, number = x.number, late = x.late,
    state_doc = x.state_doc, closed_at = x.closed_at, audit_seq = x.audit_seq, audit_hash = x.audit_hash,
    suspended_at = x.suspended_at FROM jsonb_populate_record(NULL::cases, $1::jsonb -> 'case') x WHERE c.id = x.id)
"""
HEAD = """
headed AS (UPDATE cases c SET audit_seq = x.audit_seq, audit_hash = x.audit_hash, priority = x.priority
    FROM jsonb_populate_record(NULL::cases, $1::jsonb -> 'head') x WHERE c.id = x.id)
"""
LEFT_VISITS = """
left_visits AS (UPDATE visit v SET closed_at = ($1::jsonb ->> 'now')::timestamptz,
    outcome = $1::jsonb -> 'left_visits' ->> v.id::text
    WHERE v.id IN ({left}) RETURNING v.id)
"""
HANDED = """
handed AS (UPDATE task t SET person_id = (h.value #>> '{{}}')::uuid,
        holder_id = coalesce((h.value #>> '{{}}')::uuid, t.position_id) FROM jsonb_each($1::jsonb -> 'handed') h
    WHERE t.id = h.key::uuid),
handed_alarms AS (UPDATE alarm a SET person_id = (h.value #>> '{{}}')::uuid,
        position_id = CASE WHEN h.value = 'null' THEN t.position_id END
    FROM jsonb_each($1::jsonb -> 'handed') h, task t
    WHERE a.task_id = h.key::uuid AND t.id = a.task_id AND a.kind IN ('remind', 'warn', 'close'))
"""
READY = """
ready AS (UPDATE visit v SET ready_at = (r.value)::timestamptz FROM jsonb_each_text($1::jsonb -> 'ready') r
    WHERE v.id = r.key::uuid)
"""
PAUSED = """
paused AS (UPDATE alarm a SET next_at = NULL FROM jsonb_array_elements_text($1::jsonb -> 'paused') p
    WHERE a.task_id = p::uuid AND a.next_at IS NOT NULL)
"""
CLOSED = """
ended_tasks AS (UPDATE task t SET state = ($2::text[])[array_position(ARRAY[{ids}]::uuid[], t.id)],
    closed_at = ($1::jsonb ->> 'now')::timestamptz, decision_id = ($1::jsonb ->> 'decision_id')::uuid
    WHERE t.id IN ({ids})),
ended_deadlines AS (UPDATE deadline l
    SET state = CASE ($2::text[])[array_position(ARRAY[{ids}]::uuid[], l.subject_id)] WHEN 'done' THEN 'met' ELSE 'void' END
    WHERE l.subject_id IN ({ids})),
ended_alarms AS (DELETE FROM alarm a WHERE a.task_id IN ({ids})),
ended_opinions AS (DELETE FROM opinion o WHERE o.task_id IN ({ids})),
ended_notifications AS (UPDATE notification n SET state = 'void' WHERE n.subject_id IN ({ids})
    AND (n.state = 'pending' OR (n.state = 'enclosed'
        AND EXISTS (SELECT FROM message m WHERE m.id = n.message_id AND m.state = 'waiting'))))
"""
"""Each ended task is a parameter of its own. Joined from the document they would be guessed at a hundred rows, for which
whole tables are read; as one array, at ten, and PostgreSQL would plan anew every time instead of keeping its plan."""
USED = """
used AS (UPDATE late_exception e SET used_at = ($1::jsonb ->> 'now')::timestamptz
    WHERE e.id = ($1::jsonb -> 'used_exception' ->> 'id')::uuid)
"""
MOVED = """
moved_deadlines AS (UPDATE deadline l SET due_at = x.due_at, close_at = x.close_at, explained = x.explained,
        override_by = x.override_by, override_reason = x.override_reason
    FROM jsonb_to_recordset($1::jsonb -> 'moved_deadlines') AS x(task uuid, due_at timestamptz,
        close_at timestamptz, explained jsonb, override_by uuid, override_reason text) WHERE l.subject_id = x.task),
moved_tasks AS (UPDATE task t SET due_at = x.due_at, due_sort = x.due_at
    FROM jsonb_to_recordset($1::jsonb -> 'moved_deadlines') AS x(task uuid, due_at timestamptz) WHERE t.id = x.task),
disarmed AS (UPDATE alarm a SET next_at = NULL
    FROM jsonb_to_recordset($1::jsonb -> 'moved_deadlines') AS x(task uuid)
    WHERE a.task_id = x.task AND a.next_at IS NOT NULL)
"""


CHANGES = {
    "case": CASE,
    "head": HEAD,
    "left_visits": LEFT_VISITS,
    "closed_tasks": CLOSED,
    "handed": HANDED,
    "paused": PAUSED,
    "ready": READY,
    "moved_deadlines": MOVED,
    "used_exception": USED,
}
"""What changes old rows, by the part of a Rows that asks for it, in the order of the statement."""


def _insert(table: str, *, after_left: bool) -> str:
    """Return the CTE that inserts the document's rows of `table`.

    A new visit is inserted after the old one is closed (the count forces that order), because a case has one open visit.
    """
    source = f"jsonb_populate_recordset(NULL::{table}, $1::jsonb -> 'new' -> '{table}') r"
    if table == "visit" and after_left:
        source += ", (SELECT count(*) FROM left_visits) AS closed_first"
    conflict = " ON CONFLICT ON CONSTRAINT uq_notification_once DO NOTHING" if table == "notification" else ""
    return f"new_{table} AS (INSERT INTO {table} SELECT r.* FROM {source}{conflict})"  # noqa: S608 - names of INSERTS


@lru_cache(maxsize=256)
def _statement(parts: frozenset[str], ended: int, left: int) -> str:
    first = ended + 3 if ended else 2
    ids = ", ".join(f"${place}" for place in range(3, ended + 3))
    gone = ", ".join(f"${place}" for place in range(first, first + left))
    pieces = [
        text.strip().replace("{ids}", ids).replace("{left}", gone).replace("{{}}", "{}")
        for part, text in CHANGES.items()
        if part in parts
    ]
    pieces += [_insert(table, after_left="left_visits" in parts) for table in INSERTS if table in parts]
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
    text = orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    ended = (list(rows.closed_tasks.values()), *rows.closed_tasks) if rows.closed_tasks else ()
    statement = _statement(frozenset(parts), len(rows.closed_tasks), len(rows.left_visits))
    await tx.rows(statement, (text, *ended, *rows.left_visits))
