"""Question and answer on a task (沟通): the holder asks somebody, the task stays where it is, and so do its dates.

Whoever is asked and does not see the case is shown it as by a copy: without it nobody could answer. The thread is read by
who asked, who was asked, and those who decide on the case; the group that submits it reads only what concerns itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.errors import ConflictError, ForbiddenError, NotFoundError
from services.people.access import Reader, reader_for
from services.people.finding import refuse_strangers
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.beside import Told, lock_beside, sees, untell, worded, write_beside
from services.workflow.copies import add_copy

MOST_TEXT = 4000
MOST_SHOWN = 100


class NotWaitingError(ConflictError):
    code, default = "not-waiting", "This question was answered or withdrawn already."


@dataclass(frozen=True)
class QuestionView:
    """A question with its answer, if there is one. mine: the reader asked it; to_me: the reader was asked."""

    id: UUID
    case_id: UUID
    task_id: UUID
    from_id: UUID
    asker: str
    to_id: UUID
    asked: str
    text: str
    at: datetime
    answer: str | None
    answered_at: datetime | None
    withdrawn_at: datetime | None

    @property
    def waits(self) -> bool:
        """Whether it may still be answered."""
        return self.answered_at is None and self.withdrawn_at is None


@dataclass(frozen=True)
class AskedQuestion:
    """An open question in the list of whom it asks."""

    id: UUID
    case_id: UUID
    asker: str
    text: str
    at: datetime
    season_id: UUID
    season_key: str
    group_id: UUID
    group_code: str
    group_zh: str
    group_en: str

    def group_title(self, locale: str) -> str:
        """Return the group's title for `locale`."""
        return self.group_zh if locale.startswith("zh") else self.group_en


async def ask(tx: Tx, *, by: Reader, task_id: UUID, to: UUID, text: str) -> UUID:
    """Ask a person about an open task, without moving it.

    Args:
        tx: the transaction.
        by: holds the task's position, or is the administrator.
        task_id: the task.
        to: somebody who holds a position of the bureau today; who does not see the case is shown it.
        text: 1 to 4,000 characters.

    Raises:
        IllegalTransitionError: the task is not open.
        ForbiddenError: the reader does not hold it.
        InvalidInputError: the person is nobody of the bureau or oneself, or there is no text.
    """
    case = await lock_beside(tx, by, task_id=task_id)
    if not case.is_with(by, case.open_task(task_id, act="ask")) and not by.is_administrator:
        raise ForbiddenError
    await refuse_strangers(tx, by, [to], field="to")
    text, rows, question_id = worded(text, limit=MOST_TEXT, name="text"), Rows(now=tx.now), tx.new_id()
    rows.add(
        "question", id=question_id, bureau_id=case.bureau_id, case_id=case.id, task_id=task_id, from_id=by.person_id,
        to_id=to, text=text, at=tx.now, answer=None, answered_at=None, withdrawn_at=None,
    )  # fmt: skip
    asked = await reader_for(tx, bureau_id=by.bureau_id, person_id=to)
    if not await sees(tx, asked, case.id):
        add_copy(tx, case, rows, by=by, person=to, copy_id=tx.new_id(), question_id=question_id)
    data = {"question": str(question_id), "task": str(task_id), "person": str(to)}
    told = [Told("asked", (to,), question_id)]
    await write_beside(tx, case, rows, by=by, kind="asked", data=data, words=text, told=told)
    return question_id


async def answer(tx: Tx, *, by: Reader, question_id: UUID, text: str) -> None:
    """Answer what one was asked; the asker is told. Possible also when the task is done meanwhile.

    Raises:
        NotFoundError: there is no such question that the reader sees.
        ForbiddenError: somebody else was asked.
        NotWaitingError: it was answered or withdrawn.
    """
    found = await _find(tx, by, question_id)
    if found["to_id"] != by.person_id:
        raise ForbiddenError
    case = await lock_beside(tx, by, case_id=found["case_id"])
    text = worded(text, limit=MOST_TEXT, name="text")
    rows = await tx.rows(
        "UPDATE question SET answer = $2, answered_at = $3 WHERE id = $1 AND answered_at IS NULL"
        " AND withdrawn_at IS NULL RETURNING id",
        (question_id, text, tx.now),
    )
    if not rows:
        raise NotWaitingError
    await untell(tx, question_id)
    await tx.rows(
        "UPDATE case_copy SET read_at = $2, unread = false WHERE question_id = $1 AND read_at IS NULL",
        (question_id, tx.now),
    )
    data = {"question": str(question_id)}
    told = [Told("question-answered", (found["from_id"],), question_id)]
    await write_beside(tx, case, Rows(now=tx.now), by=by, kind="answered", data=data, words=text, told=told)


async def withdraw_question(tx: Tx, *, by: Reader, question_id: UUID) -> None:
    """Take back a question that nobody has answered; what it showed is seen no more. Who was told of it is told of this.

    Raises:
        NotFoundError: there is no such question that the reader sees.
        ForbiddenError: somebody else asked it.
        NotWaitingError: it was answered or withdrawn.
    """
    found = await _find(tx, by, question_id)
    if found["from_id"] != by.person_id:
        raise ForbiddenError
    case = await lock_beside(tx, by, case_id=found["case_id"])
    rows = await tx.rows(
        "UPDATE question SET withdrawn_at = $2 WHERE id = $1 AND answered_at IS NULL AND withdrawn_at IS NULL RETURNING id",
        (question_id, tx.now),
    )
    if not rows:
        raise NotWaitingError
    await tx.rows(
        "UPDATE case_copy SET revoked_at = $2 WHERE question_id = $1 AND revoked_at IS NULL", (question_id, tx.now)
    )
    told = [] if await untell(tx, question_id) else [Told("question-withdrawn", (found["to_id"],), question_id)]
    data = {"question": str(question_id), "person": str(found["to_id"])}
    await write_beside(tx, case, Rows(now=tx.now), by=by, kind="question-withdrawn", data=data, told=told)


async def _find(tx: Tx, by: Reader, question_id: UUID) -> Mapping[str, Any]:
    """Return a question of a case that the reader may see, if it concerns them or they may read all."""
    statement = "SELECT case_id, from_id, to_id FROM question WHERE bureau_id = $1 AND id = $2"
    rows = await tx.rows(statement, (by.bureau_id, question_id))
    if not rows or not await sees(tx, by, rows[0]["case_id"]):
        raise NotFoundError
    return rows[0]


# --- lists ------------------------------------------------------------------------------------------------------------

THREAD = f"""
SELECT q.id, q.case_id, q.task_id, q.from_id, f.name AS asker, q.to_id, t.name AS asked, q.text, q.at, q.answer,
    q.answered_at, q.withdrawn_at
FROM question q JOIN person f ON f.id = q.from_id JOIN person t ON t.id = q.to_id
WHERE q.bureau_id = $1 AND q.case_id = $2 AND ($3::bool OR q.from_id = $4 OR q.to_id = $4)
ORDER BY q.at DESC, q.id DESC LIMIT {MOST_SHOWN}
"""  # noqa: S608 - constant parts


async def questions_of(tx: Tx, *, by: Reader, case_id: UUID, every: bool) -> tuple[QuestionView, ...]:
    """Return the newest questions of a case that the reader may read, newest first.

    The caller has checked that the reader may see the case, and whether they read `every` question (`deliberates`).
    """
    rows = await tx.rows(THREAD, (by.bureau_id, case_id, every, by.person_id))
    return tuple(QuestionView(**row) for row in rows)


TO_ME = """
SELECT q.id, q.case_id, f.name AS asker, q.text, q.at, c.season_id, n.key AS season_key, c.group_id, g.code AS group_code,
    g.title_zh AS group_zh, g.title_en AS group_en
FROM (SELECT * FROM question o WHERE o.to_id = $1 AND o.answered_at IS NULL AND o.withdrawn_at IS NULL{after}
    ORDER BY o.id LIMIT $2) q
JOIN cases c ON c.id = q.case_id JOIN season n ON n.id = c.season_id JOIN project_group g ON g.id = c.group_id
JOIN person f ON f.id = q.from_id ORDER BY q.id
"""


async def questions_to(
    tx: Tx, *, by: Reader, after: UUID | None = None, limit: int = 50
) -> tuple[tuple[AskedQuestion, ...], UUID | None]:
    """Return a page of the open questions that the reader was asked, the oldest first, and where the next one begins."""
    statement = TO_ME.format(after=" AND o.id > $3" if after else "")
    parameters = (by.person_id, limit + 1, *((after,) if after else ()))
    found = [AskedQuestion(**row) for row in await tx.rows(statement, parameters)]
    return tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None
