"""Substitutions as lists show them: one's own, and those of the people whom one looks after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.errors import NotFoundError
from services.people.access import Reader
from services.people.directory import local_day
from services.store.transaction import Tx

PAGE = 50
Standing = Literal["to-come", "now", "over", "ended"]


@dataclass(frozen=True)
class SubstitutionRow:
    """Who stands in for whom. processes: (programme, process) codes; None for all. ended_at: where it was ended early."""

    id: UUID
    person_id: UUID
    person: str
    substitute_id: UUID
    substitute: str
    starts_on: date
    ends_on: date
    processes: tuple[tuple[str, str], ...] | None
    reason: str
    named_by: str | None
    created_at: datetime
    ended_at: datetime | None
    standing: Standing


@dataclass(frozen=True)
class SubstitutionPage:
    """A page of substitutions, the newest first; `next` is the id after which the following one begins."""

    rows: tuple[SubstitutionRow, ...]
    next: UUID | None


@dataclass(frozen=True)
class Chosen:
    """What a list is narrowed to. person_id: in whose place; substitute_id: who stands in. running: to come or in force."""

    person_id: UUID | None = None
    substitute_id: UUID | None = None
    running: bool = False
    id: UUID | None = None


_LIST = """
SELECT s.id, s.person_id, p.name AS person, s.substitute_id, q.name AS substitute, s.starts_on, s.ends_on, s.processes,
    s.reason, n.name AS named_by, s.created_at, s.ended_at,
    CASE WHEN s.ended_at IS NOT NULL THEN 'ended' WHEN s.ends_on < $2 THEN 'over' WHEN s.starts_on > $2 THEN 'to-come'
        ELSE 'now' END AS standing
FROM substitution s JOIN person p ON p.id = s.person_id JOIN person q ON q.id = s.substitute_id
LEFT JOIN person n ON n.id = s.named_by
WHERE s.bureau_id = $1 AND ($3 OR s.person_id = $4 OR s.substitute_id = $4 OR p.unit_id = ANY($5::uuid[]))
    AND ($6::uuid IS NULL OR s.person_id = $6) AND (NOT $7 OR (s.ended_at IS NULL AND s.ends_on >= $2))
    AND ($8::uuid IS NULL OR s.id < $8) AND ($9::uuid IS NULL OR s.substitute_id = $9)
    AND ($10::uuid IS NULL OR s.id = $10)
ORDER BY s.id DESC LIMIT $11
"""


async def list_substitutions(
    tx: Tx, by: Reader, chosen: Chosen | None = None, *, after: UUID | None = None, limit: int = PAGE
) -> SubstitutionPage:
    """Return a page of the substitutions that the reader may see, in one statement.

    Everybody sees those in which they are the person or the substitute; a unit's administrator those of the people of
    their units; the bureau's administrator all.

    Args:
        tx: the transaction.
        by: who looks.
        chosen: what to narrow to.
        after: the previous page's `next`.
        limit: rows of a page.
    """
    chosen = chosen or Chosen()
    seen = (by.is_administrator, by.person_id, sorted(by.administered))
    narrowed = (chosen.person_id, chosen.running, after, chosen.substitute_id, chosen.id, limit + 1)
    found = await tx.rows(_LIST, (by.bureau_id, local_day(tx.now, by.zone), *seen, *narrowed))
    rows = tuple(_row(row) for row in found[:limit])
    return SubstitutionPage(rows, rows[-1].id if len(found) > limit else None)


def _row(row: Any) -> SubstitutionRow:
    pairs = row["processes"]
    processes = None if pairs is None else tuple((programme, process) for programme, process in pairs)
    return SubstitutionRow(**{**row, "processes": processes})


async def substitutions_of(tx: Tx, by: Reader, person_id: UUID) -> tuple[SubstitutionRow, ...]:
    """Return who stands in for a person and who did, the newest first, as far as the reader may see it."""
    return (await list_substitutions(tx, by, Chosen(person_id=person_id))).rows


async def one_substitution(tx: Tx, by: Reader, substitution_id: UUID) -> SubstitutionRow:
    """Return one substitution.

    Raises:
        NotFoundError: there is none, or the reader may not see it.
    """
    rows = (await list_substitutions(tx, by, Chosen(id=substitution_id))).rows
    if not rows:
        raise NotFoundError
    return rows[0]
