"""Whom to tell: whoever holds a position on this day of the bureau's zone, and the administrators where nobody does.

People change while a notification waits. So whoever assembles and whoever sends looks again: what was meant for the
holder of a position goes to those who hold it then, and a vacancy is told to the administrators.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.messages.kinds import TO_ASSIGNEE
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

SUCCESSORS = f"""
WITH gone AS (
    SELECT n.id, n.bureau_id, n.person_id, n.kind, n.task_id, t.position_id FROM notification n
    JOIN task t ON t.id = n.task_id WHERE n.id = ANY($2::uuid[])
), place AS (
    SELECT g.id, g.bureau_id, g.position_id, g.task_id AS vacancy FROM gone g WHERE g.kind = ANY($3::text[])
    UNION
    SELECT g.id, g.bureau_id, r.position_id, r.id FROM gone g JOIN alarm r ON r.task_id = g.task_id AND r.kind = g.kind
    WHERE g.kind <> ALL($3::text[]) AND EXISTS (
        SELECT FROM appointment x WHERE x.position_id = r.position_id AND x.person_id = g.person_id)
)
SELECT l.id, l.bureau_id, l.position_id, l.vacancy, h.person_id FROM place l LEFT JOIN LATERAL (
    SELECT DISTINCT a.person_id FROM appointment a JOIN bureau b ON b.id = a.bureau_id
    WHERE a.position_id = l.position_id AND {HOLDING}) h ON true
"""  # noqa: S608 - constant parts
"""Who holds today what the reader of a notification held when it was written; no person where nobody does."""

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
    """That nobody holds the position which something of this kind was to be told to."""

    position_id: UUID
    kind: str
    task_id: UUID

    def context(self, more: Mapping[str, Any] | None = None) -> str:
        """Return what the notification to the administrators says of it."""
        said = {"position_id": str(self.position_id), "kind": self.kind, "task_id": str(self.task_id)}
        return json.dumps({**said, **(more or {})})


async def administrators(tx: Tx, bureaus: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """Return each bureau's administrators; nothing is read where no bureau is asked for."""
    wanted, found = list(set(bureaus)), dict[UUID, list[UUID]]()
    if wanted:
        for row in await tx.rows(ADMINISTRATORS, (tx.now, wanted, ADMINISTRATOR)):
            found.setdefault(row["bureau_id"], []).append(row["person_id"])
    return found


async def retell(tx: Tx, former: Sequence[Mapping[str, Any]]) -> None:
    """Tell what notifications of former holders say to those who hold the position now, else to the administrators.

    Args:
        tx: the transaction.
        former: the notifications' id, kind and task_id. They stay as they are: the caller voids them.
    """
    if not former:
        return
    kinds = {row["id"]: row for row in former}
    successors = await tx.rows(SUCCESSORS, (tx.now, list(kinds), list(TO_ASSIGNEE)))
    instead = await administrators(tx, (row["bureau_id"] for row in successors if row["person_id"] is None))
    told: list[tuple[Any, ...]] = []
    for row in successors:
        if row["person_id"] is not None:
            told.append((tx.new_id(), row["id"], row["person_id"], None, None, None))
            continue
        vacancy = Vacancy(row["position_id"], kinds[row["id"]]["kind"], kinds[row["id"]]["task_id"])
        told += [
            (tx.new_id(), row["id"], person, "unheld", row["vacancy"], vacancy.context())
            for person in instead.get(row["bureau_id"], ())
        ]
    if told:
        await tx.rows(RETELL, [list(column) for column in zip(*told, strict=True)])


def gone(assignee: str, series: str) -> str:
    """Return whether the person whom notification n tells of task t in bureau b no longer holds what they are told as.

    Args:
        assignee: the statement's parameter that holds TO_ASSIGNEE; $1 is the business time.
        series: the one that holds FROM_SERIES.
    """
    theirs = (
        f"SELECT FROM appointment a WHERE a.position_id = {{}}.position_id AND a.person_id = n.person_id AND {HOLDING}"
    )
    return f"""
CASE WHEN n.kind = ANY({assignee}::text[]) THEN n.task_id IS NOT NULL AND NOT EXISTS ({theirs.format("t")})
    WHEN n.kind = ANY({series}::text[]) THEN NOT EXISTS (SELECT FROM alarm r WHERE r.task_id = n.task_id
        AND r.kind = n.kind AND (r.person_id = n.person_id OR EXISTS ({theirs.format("r")})))
    ELSE false END
"""
