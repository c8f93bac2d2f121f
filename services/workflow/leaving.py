"""离职交接: whatever is a leaving person's own is handed over, each case in a savepoint of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.errors import GuantongError, InvalidInputError
from services.people.access import Reader, require
from services.process.events import HandOver
from services.store.transaction import Tx
from services.workflow.carry_out import Asked, Outcome, act
from services.workflow.handing import require_person


@dataclass(frozen=True)
class OwnTask:
    """An open task that is a person's own: claimed, transferred, delegated to them, or theirs as one of several signers."""

    task_id: UUID
    case_id: UUID
    stage: str
    group_zh: str
    group_en: str


@dataclass(frozen=True)
class HandedOver:
    """What became of the tasks of one case."""

    case_id: UUID
    outcome: Outcome | None = None
    refusal: GuantongError | None = None


OWN = """
SELECT t.id AS task_id, t.case_id, t.stage, g.title_zh AS group_zh, g.title_en AS group_en
FROM task t JOIN project_group g ON g.id = t.group_id
WHERE t.bureau_id = $1 AND t.person_id = $2 AND t.state = 'open' ORDER BY t.case_id, t.id
"""
WAITING = """
SELECT c.id AS case_id FROM cases c, jsonb_array_elements(c.state_doc -> 'open') v,
    jsonb_array_elements((v -> 'tasks') || (v -> 'waiting')) s
WHERE c.bureau_id = $1 AND c.state = 'open' AND (s ->> 'person' = $2 OR s ->> 'helper' = $2)
GROUP BY c.id ORDER BY c.id
"""


async def own_tasks(tx: Tx, *, by: Reader, person_id: UUID) -> list[OwnTask]:
    """Return the open tasks that are a person's own; only for the administrator."""
    require(by.is_administrator)
    return [OwnTask(**row) for row in await tx.rows(OWN, (by.bureau_id, person_id))]


async def hand_over_tasks(
    tx: Tx, *, by: Reader, leaving: UUID, to: UUID, words: str = "", cases: Sequence[UUID] | None = None
) -> list[HandedOver]:
    """Give every task that is the leaving person's own to another person; where that may not be, it says why.

    What belongs to a position stays with the position: whoever is appointed to it has it.

    Args:
        tx: the transaction.
        by: the bureau's administrator.
        leaving: whose tasks.
        to: who gets them; of the bureau, not left.
        words: why; may be empty.
        cases: only these cases; None for all.

    Returns:
        What became of the tasks, by case.

    Raises:
        ForbiddenError: the person is not the administrator.
        InvalidInputError: the successor is not there, or is who leaves.
    """
    require(by.is_administrator)
    if leaving == to:
        raise InvalidInputError([{"field": "to", "message": "Name somebody else."}])
    await require_person(tx, by, to)
    rows = await tx.rows(WAITING, (by.bureau_id, str(leaving)))
    wanted = [row["case_id"] for row in rows if cases is None or row["case_id"] in set(cases)]
    return [await _one(tx, by, case_id, leaving=leaving, to=to, words=words) for case_id in wanted]


async def _one(tx: Tx, by: Reader, case_id: UUID, *, leaving: UUID, to: UUID, words: str) -> HandedOver:
    asked = Asked(by, "hand-over", case_id=case_id, to_person=to, words=words, more=str(leaving))
    try:
        async with tx.savepoint():
            return HandedOver(case_id, await act(tx, asked, HandOver(leaving, to, words)))
    except GuantongError as error:
        return HandedOver(case_id, refusal=error)
