"""Whom to tell: the person whom a task is with, else whoever holds its position on this day of the bureau's zone, and the
administrators where that is nobody.

People change while a notification waits, and tasks change hands. So whoever assembles and whoever sends looks again: what
was meant for somebody else goes to whoever the task is with then, and a vacancy is told to the administrators.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.messages.kinds import FROM_SERIES, HANDED, REMINDERS, TO_ASSIGNEE, TO_POSITION, UNTIL_RESUMED
from services.people.holding import holds
from services.people.positions import ADMINISTRATOR
from services.store.transaction import Tx

HOLDING = holds("($1::timestamptz AT TIME ZONE b.zone)::date", "$1::timestamptz")
"""The condition that appointment a in bureau b counts at $1."""

TASK = "coalesce(n.task_id, CASE WHEN n.kind = 'unheld' THEN (n.context ->> 'task_id')::uuid END)"
"""The task that notification n is about. A vacancy's key is its alarm, so that each is told; its context has the task."""

ADMINISTRATORS = f"""
SELECT DISTINCT o.bureau_id, a.person_id FROM position o
JOIN unit u ON u.bureau_id = o.bureau_id AND u.id = o.unit_id AND u.kind = 'bureau'
JOIN bureau b ON b.id = o.bureau_id JOIN appointment a ON a.position_id = o.id
WHERE o.role = $3 AND o.bureau_id = ANY($2::uuid[]) AND {HOLDING}
"""  # noqa: S608 - constant parts

NAMED = "(n.context ->> 'position_id')::uuid"
"""The position that notification n was told to by its name, or that it says is vacant."""

SUCCESSORS = f"""
WITH gone AS (
    SELECT n.id, n.bureau_id, n.person_id, n.kind, n.subject_id, n.task_id, n.created_at, t.position_id, t.person_id AS with_id,
        {NAMED} AS named_id FROM notification n LEFT JOIN task t ON t.id = n.task_id WHERE n.id = ANY($2::uuid[])
), place AS (
    SELECT g.id, g.position_id, g.with_id, g.task_id AS vacancy FROM gone g WHERE g.kind = ANY($3::text[])
    UNION ALL
    SELECT g.id, g.named_id, NULL, g.subject_id FROM gone g WHERE g.kind = ANY($4::text[])
    UNION
    SELECT g.id, r.position_id, r.person_id, r.id FROM gone g JOIN alarm r ON r.task_id = g.task_id AND r.kind = g.kind
    WHERE g.kind <> ALL($3::text[]) AND g.kind <> ALL($4::text[]) AND (r.person_id = g.person_id OR EXISTS (
        SELECT FROM appointment x WHERE x.position_id = r.position_id AND x.person_id = g.person_id))
)
SELECT g.id, g.bureau_id, l.position_id, l.with_id, l.vacancy, h.person_id
FROM place l JOIN gone g ON g.id = l.id LEFT JOIN LATERAL (
    SELECT p.id AS person_id FROM person p WHERE p.id = l.with_id AND (p.left_at IS NULL OR p.left_at > $1)
    UNION
    SELECT a.person_id FROM appointment a JOIN bureau b ON b.id = a.bureau_id
    WHERE l.with_id IS NULL AND a.position_id = l.position_id AND {HOLDING}) h ON true
WHERE CASE WHEN g.kind = ANY($5::text[]) THEN h.person_id IS NULL AND l.with_id IS NOT NULL
    ELSE NOT EXISTS (SELECT FROM notification x WHERE x.subject_id = g.subject_id AND x.person_id = h.person_id
        AND x.kind = ANY($5::text[]) AND x.created_at >= g.created_at) END
"""  # noqa: S608 - constant parts
"""Whom what a notification says is for today, one row each; no person where that is nobody. A person whom the task was given
to since knows of it; and that a task was given to somebody is news for nobody else, unless they have left with it."""

RETELL = """
INSERT INTO notification (id, bureau_id, person_id, kind, subject_id, task_id, case_id, season_id, visit_n, at, context,
    state, created_at)
SELECT u.id, n.bureau_id, u.person_id, coalesce(u.kind, n.kind), coalesce(u.subject_id, n.subject_id),
    CASE WHEN u.kind IS NULL THEN n.task_id END, n.case_id, n.season_id, n.visit_n, n.at,
    CASE WHEN u.kind IS NULL THEN n.context ELSE n.context || u.context::jsonb END, 'pending', n.created_at
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::uuid[], $6::text[])
    AS u(id, instead_of, person_id, kind, subject_id, context) JOIN notification n ON n.id = u.instead_of
ORDER BY 5, n.visit_n, 4, n.at, u.person_id
ON CONFLICT ON CONSTRAINT uq_notification_once DO NOTHING
"""
"""Who has been told already is not told again: the unique key knows."""


@dataclass(frozen=True)
class Vacancy:
    """That nobody holds the position which something of this kind was to be told to, or that the task's person has left."""

    position_id: UUID | None
    kind: str
    task_id: UUID | None
    person_id: UUID | None = None

    def context(self, more: Mapping[str, Any] | None = None) -> str:
        """Return what the notification to the administrators says of it."""
        where = {"position_id": self.position_id, "task_id": self.task_id, "person_id": self.person_id}
        said = {name: str(value) for name, value in where.items() if value is not None}
        return json.dumps({**said, "kind": self.kind, **(more or {})})


async def administrators(tx: Tx, bureaus: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Return each bureau's administrators; nothing is read where no bureau is asked for."""
    wanted, found = list(set(bureaus)), dict[UUID, list[UUID]]()
    if wanted:
        for row in await tx.rows(ADMINISTRATORS, (tx.now, wanted, ADMINISTRATOR)):
            found.setdefault(row["bureau_id"], []).append(row["person_id"])
    return found


async def retell(tx: Tx, former: Sequence[Mapping[str, Any]]) -> None:
    """Tell what notifications of former holders say to whoever the task is with now, else to the administrators.

    Args:
        tx: the transaction.
        former: the notifications' id, kind and task_id. They stay as they are: the caller voids them.
    """
    if not former:
        return
    kinds = {row["id"]: row for row in former}
    successors = await tx.rows(SUCCESSORS, (tx.now, list(kinds), list(TO_ASSIGNEE), list(TO_POSITION), list(HANDED)))
    instead = await administrators(tx, (row["bureau_id"] for row in successors if row["person_id"] is None))
    told: list[tuple[Any, ...]] = []
    for row in successors:
        if row["person_id"] is not None:
            told.append((tx.new_id(), row["id"], row["person_id"], None, None, None))
            continue
        former_row = kinds[row["id"]]
        vacancy = Vacancy(row["position_id"], former_row["kind"], former_row["task_id"], row["with_id"])
        told += [
            (tx.new_id(), row["id"], person, "unheld", row["vacancy"], vacancy.context())
            for person in instead.get(row["bureau_id"], ())
        ]
    if told:
        await tx.rows(RETELL, [list(column) for column in zip(*told, strict=True)])


def one_of(kinds: Iterable[str]) -> str:
    """Return the kinds as a list of SQL; they are our own words."""
    return "(" + ", ".join(f"'{kind}'" for kind in kinds) + ")"


def _holder(position: str) -> str:
    return f"SELECT FROM appointment a WHERE a.position_id = {position} AND a.person_id = n.person_id AND {HOLDING}"


YOURS = f"""
CASE WHEN t.person_id IS NULL THEN EXISTS ({_holder("t.position_id")}) ELSE t.person_id = n.person_id
    AND NOT EXISTS (SELECT FROM person gone WHERE gone.id = n.person_id AND gone.left_at <= $1::timestamptz) END
"""
"""Whether task t is with the person whom notification n tells, in bureau b, at $1: theirs by name, or their position's."""


def gone(assignee: str, series: str) -> str:
    """Return whether the person whom notification n tells of task t in bureau b is no longer whom it is for.

    Args:
        assignee: the statement's parameter that holds TO_ASSIGNEE; $1 is the business time.
        series: the one that holds FROM_SERIES.
    """
    return f"""
CASE WHEN n.kind = ANY({assignee}::text[]) THEN n.task_id IS NOT NULL AND NOT ({YOURS})
    WHEN n.kind = ANY({series}::text[]) THEN NOT EXISTS (SELECT FROM alarm r WHERE r.task_id = n.task_id
        AND r.kind = n.kind AND (r.person_id = n.person_id OR EXISTS ({_holder("r.position_id")})))
    WHEN n.kind IN {one_of(TO_POSITION)} THEN {NAMED} IS NOT NULL AND NOT EXISTS ({_holder(NAMED)})
    ELSE false END
"""


OVER = f"""
CASE WHEN n.kind IN {one_of((*REMINDERS, *FROM_SERIES, "resumed"))} THEN c.suspended_at IS NOT NULL
    WHEN n.kind = 'suspended' THEN c.suspended_at IS NULL
    WHEN n.kind = 'extension-asked' THEN NOT EXISTS (SELECT FROM jsonb_array_elements(c.state_doc -> 'open') o
        WHERE o -> 'asked' ->> 'task' = n.task_id::text)
    WHEN n.kind = 'unheld' AND {TASK} IS NULL THEN EXISTS (SELECT FROM visit v WHERE v.id = n.subject_id
        AND (v.closed_at IS NOT NULL OR EXISTS (SELECT FROM task x WHERE x.case_id = v.case_id AND x.visit_id = v.id)))
    ELSE false END
"""  # noqa: S608 - constant parts
"""Whether what notification n says of case c is past: what was asked is decided, who was missing was found, the case stands
still or goes on again."""

HELD = f"""
(n.kind IN {one_of(UNTIL_RESUMED)} AND EXISTS (SELECT FROM cases s WHERE s.id = n.case_id AND s.suspended_at IS NOT NULL))
"""
"""Whether notification n asks for an act in a case that is suspended: it is kept until the case is resumed."""
