"""An opinion that is not given yet (暂存): what a person has typed for a task, kept for their next visit.

Nobody else sees it, so it is no event of the case. It goes with the task's end, in the statement that ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from services.errors import ForbiddenError, IllegalTransitionError, NotFoundError
from services.people.access import Reader
from services.store.transaction import Tx
from services.workflow.beside import sees, worded
from services.workflow.represented import has

MOST_WORDS = 4000

TASK = """
SELECT t.case_id, t.holder_id, t.state, t.stage, t.kind, t.process, s.programme FROM task t JOIN season s ON s.id = t.season_id
WHERE t.bureau_id = $1 AND t.id = $2
"""
SAVE = """
INSERT INTO opinion (id, bureau_id, task_id, person_id, words, saved_at)
SELECT $1, t.bureau_id, t.id, $3, $4, $5 FROM task t WHERE t.id = $2 AND t.state = 'open'
ON CONFLICT (task_id, person_id) DO UPDATE SET words = excluded.words, saved_at = excluded.saved_at
"""
ORPHANS = "DELETE FROM opinion o USING task t WHERE t.id = o.task_id AND t.state <> 'open' RETURNING 1"
OVER = "DELETE FROM snooze WHERE until < $1 RETURNING 1"


async def keep_opinion(tx: Tx, *, by: Reader, task_id: UUID, words: str) -> None:
    """Keep what the reader has typed for an open task; nothing typed keeps nothing.

    Raises:
        NotFoundError: there is no such task in a case that the reader may see.
        ForbiddenError: they do not hold it.
        IllegalTransitionError: it is not open, or asks for no opinion.
        InvalidInputError: it is too long.
    """
    task = await _held(tx, by, task_id)
    if task["state"] != "open" or task["kind"] == "submit":
        raise IllegalTransitionError(state=task["stage"], act="keep")
    if not words.strip():
        await drop_opinion(tx, by=by, task_id=task_id)
        return
    words = worded(words, limit=MOST_WORDS)
    await tx.rows(SAVE, (tx.new_id(), task_id, by.person_id, words, tx.now))


async def _held(tx: Tx, by: Reader, task_id: UUID) -> Mapping[str, Any]:
    rows = await tx.rows(TASK, (by.bureau_id, task_id))
    if not rows or not await sees(tx, by, rows[0]["case_id"]):
        raise NotFoundError
    if not has(by, rows[0]["holder_id"], programme=rows[0]["programme"], process=rows[0]["process"]):
        raise ForbiddenError
    return rows[0]


async def read_opinion(tx: Tx, *, by: Reader, task_id: UUID) -> str:
    """Return what the reader has typed for a task that they hold; empty where there is nothing.

    Raises:
        NotFoundError: there is no such task in a case that they may see.
        ForbiddenError: they do not hold it.
    """
    await _held(tx, by, task_id)
    return await opinion_of(tx, by=by, task_id=task_id)


async def opinion_of(tx: Tx, *, by: Reader, task_id: UUID) -> str:
    """Return what the reader has typed for the task and not decided yet. The caller has checked that they see it."""
    rows = await tx.rows("SELECT words FROM opinion WHERE task_id = $1 AND person_id = $2", (task_id, by.person_id))
    return str(rows[0]["words"]) if rows else ""


async def drop_opinion(tx: Tx, *, by: Reader, task_id: UUID) -> None:
    """Forget what the reader has typed for the task."""
    await tx.rows("DELETE FROM opinion WHERE task_id = $1 AND person_id = $2", (task_id, by.person_id))


async def clear_orphans(tx: Tx) -> int:
    """Delete opinions that were kept while their task ended, and what is put off no longer; return how many."""
    return len(await tx.rows(ORPHANS)) + len(await tx.rows(OVER, (tx.now,)))
