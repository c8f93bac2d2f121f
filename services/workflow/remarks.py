"""Remarks pinned to a field of a submission, and a person's own stock phrases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from models.case import Remark
from models.people import Phrase
from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from services.people.access import Reader
from services.process.definitions import JudgingStage
from services.store.transaction import Tx
from services.workflow.locking import lock_case
from services.workflow.whose import is_with

MAX_TEXT = 4000
MAX_PHRASE = 500
MAX_PHRASES = 30
MOST_SHOWN = 200


@dataclass(frozen=True)
class RemarkView:
    """A remark with who made it. sent: it went out with a return; before that only its author's office sees it."""

    id: UUID
    task_id: UUID
    submission_id: UUID
    path: str
    text: str
    person_id: UUID
    person: str
    at: datetime
    sent: bool


async def pin_remark(tx: Tx, *, by: Reader, task_id: UUID, path: str, text: str) -> UUID:
    """Pin a remark to a field of the submission that the task is about. It leaves with the task's return.

    Args:
        tx: the transaction.
        by: holds the task's position.
        task_id: an open approve task.
        path: the field, for example `budget.lines.2.amount`.
        text: 1 to 4,000 characters.

    Raises:
        IllegalTransitionError: the task is not open for an opinion.
        InvalidInputError: the text is empty or too long.
    """
    case = await lock_case(tx, by, task_id=task_id)
    visit = case.state.visit_of(task_id)
    task = visit.task(task_id) if visit is not None else None
    if visit is None or task is None or not isinstance(case.definition.stage(visit.stage), JudgingStage):
        raise IllegalTransitionError(state=case.state.name, act="remark")
    if not is_with(by, case, task) or case.state.submission is None:
        raise ForbiddenError
    remark = Remark(
        id=tx.new_id(), bureau_id=case.bureau_id, case_id=case.id, submission_id=case.state.submission, task_id=task_id,
        path=path[:300], text=_worded(text, MAX_TEXT), person_id=by.person_id, at=tx.now,
    )  # fmt: skip
    tx.session.add(remark)
    await tx.session.flush()
    return remark.id


async def unpin_remark(tx: Tx, *, by: Reader, remark_id: UUID) -> None:
    """Take back one's own remark before it went out.

    Raises:
        NotFoundError: there is none of the reader's that has not gone out.
    """
    rows = await tx.rows(
        "DELETE FROM remark WHERE id = $1 AND bureau_id = $2 AND person_id = $3 AND decision_id IS NULL RETURNING id",
        (remark_id, by.bureau_id, by.person_id),
    )
    if not rows:
        raise NotFoundError


async def remarks_of(
    tx: Tx, *, by: Reader, case_id: UUID, submissions: Sequence[UUID] | None = None
) -> tuple[RemarkView, ...]:
    """Return the case's remarks that the reader may see: those that went out, and the reader's own, oldest first.

    The caller has checked that the reader may see the case.

    Args:
        tx: the transaction.
        by: who looks.
        case_id: the case.
        submissions: those whose remarks are wanted; None for all, of which the newest 200 are given.
    """
    narrowed = " AND r.submission_id = ANY($4::uuid[])" if submissions is not None else ""
    rows = await tx.rows(
        "SELECT r.id, r.task_id, r.submission_id, r.path, r.text, r.person_id, p.name AS person, r.at,"  # noqa: S608 - constant parts
        " r.decision_id IS NOT NULL AS sent FROM remark r JOIN person p ON p.id = r.person_id"
        " WHERE r.case_id = $1 AND r.bureau_id = $2 AND (r.decision_id IS NOT NULL OR r.person_id = $3)"
        f"{narrowed} ORDER BY r.at DESC, r.id DESC LIMIT {MOST_SHOWN}",
        (case_id, by.bureau_id, by.person_id, *([list(submissions)] if submissions is not None else [])),
    )
    return tuple(RemarkView(**row) for row in reversed(rows))


async def phrases(tx: Tx, *, by: Reader) -> list[Phrase]:
    """Return the reader's own stock phrases, oldest first."""
    found = await tx.session.exec(
        select(Phrase).where(col(Phrase.person_id) == by.person_id).order_by(col(Phrase.created_at), col(Phrase.id))
    )
    return list(found.all())


async def add_phrase(tx: Tx, *, by: Reader, text: str) -> UUID:
    """Keep a stock phrase.

    Raises:
        InvalidInputError: it is empty or too long, or there are 30 already.
    """
    if len(await phrases(tx, by=by)) >= MAX_PHRASES:
        raise InvalidInputError([{"field": "text", "message": "You have 30 phrases; remove one first."}])
    phrase = Phrase(
        id=tx.new_id(),
        bureau_id=by.bureau_id,
        person_id=by.person_id,
        text=_worded(text, MAX_PHRASE),
        created_at=tx.now,
    )
    tx.session.add(phrase)
    await tx.session.flush()
    return phrase.id


async def remove_phrase(tx: Tx, *, by: Reader, phrase_id: UUID) -> None:
    """Remove one's own stock phrase.

    Raises:
        NotFoundError: the reader has no such phrase.
    """
    rows = await tx.rows("DELETE FROM phrase WHERE id = $1 AND person_id = $2 RETURNING id", (phrase_id, by.person_id))
    if not rows:
        raise NotFoundError


def _worded(text: str, limit: int) -> str:
    text = text.replace("\x00", "").strip()
    if not text:
        raise InvalidInputError([{"field": "text", "message": "Write something first."}])
    if len(text) > limit:
        raise InvalidInputError([{"field": "text", "message": "This is too long; at most 4,000 characters are kept."}])
    return text
