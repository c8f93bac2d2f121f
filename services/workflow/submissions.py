"""What was submitted of a case: the last ones whole, the list of all a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from models.case import Submission
from services.process.forms import Change, FormDefinition, diff
from services.process.packs import Pack
from services.store.transaction import Tx

SHOWN = 10
"""Submissions of a page's list before “older”."""


@dataclass(frozen=True)
class SubmissionView:
    """A submission as it was submitted."""

    id: UUID
    n: int
    form: FormDefinition
    data: Mapping[str, Any]
    attachments: tuple[Mapping[str, Any], ...]
    digest: str
    person_id: UUID
    late: bool
    at: datetime


@dataclass(frozen=True)
class SubmissionLine:
    """A submission in a list, without what it holds."""

    n: int
    at: datetime
    late: bool


async def newest_submissions(
    tx: Tx, pack: Pack, case_id: UUID, *, up_to: int | None = None, limit: int = 2
) -> tuple[SubmissionView, ...]:
    """Return the case's last submissions (those up to the `up_to`th), oldest first, whole."""
    query = select(Submission).where(Submission.case_id == case_id)
    if up_to is not None:
        query = query.where(col(Submission.n) <= up_to)
    found = list(await tx.session.exec(query.order_by(col(Submission.n).desc()).limit(limit)))
    return tuple(
        SubmissionView(
            id=each.id, n=each.n, form=pack.form(each.form), data=each.data, attachments=tuple(each.attachments),
            digest=each.digest, person_id=each.person_id, late=each.late, at=each.at,
        )
        for each in reversed(found)
    )  # fmt: skip


PARENT = "SELECT parent_id FROM cases WHERE id = $1 AND parent_id IS NOT NULL"


async def submission_of_parent(tx: Tx, pack: Pack, case_id: UUID) -> SubmissionView | None:
    """Return what the case was started for: the last submission of the case whose process runs this one, or None.

    Whoever judges in the one judges that; the caller has checked that the reader may see the case.
    """
    for row in await tx.rows(PARENT, (case_id,)):
        found = await newest_submissions(tx, pack, row["parent_id"], limit=1)
        return found[0] if found else None
    return None


def changes_between(submissions: Sequence[SubmissionView]) -> list[Change]:
    """Return what changed in the last of these submissions against the one before it; [] for a case's first."""
    match submissions:
        case [*_, before, last] if before.n == last.n - 1:
            return diff(last.form, before.data, last.data)
    return []


LINES = "SELECT n, at, late FROM submission WHERE case_id = $1 AND ($2::int IS NULL OR n < $2) ORDER BY n DESC LIMIT $3"


async def submission_lines(
    tx: Tx, case_id: UUID, *, before: int | None = None, limit: int = SHOWN
) -> tuple[SubmissionLine, ...]:
    """Return the case's submissions before the `before`th, newest first. The caller has checked that the reader may see it."""
    return tuple(SubmissionLine(**row) for row in await tx.rows(LINES, (case_id, before, limit)))
