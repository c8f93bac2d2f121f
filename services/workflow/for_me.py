"""What waits for a person besides their tasks: questions, copies, and tasks that they have put off."""

from __future__ import annotations

from dataclasses import dataclass

from services.people.access import Reader
from services.store.transaction import Tx
from services.workflow.asked import AskedOfMe, asked_of
from services.workflow.copies import COUNT_CAP
from services.workflow.questions import AskedQuestion, questions_to

SHOWN = 5


@dataclass(frozen=True)
class ForMe:
    """questions: the oldest open ones, `more` whether there are others; unread copies and tasks put off, counted to 1,000.

    asked: more time that the reader gives or refuses.
    """

    questions: tuple[AskedQuestion, ...]
    more: bool
    unread: int
    put_off: int
    asked: tuple[AskedOfMe, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.questions or self.unread or self.put_off or self.asked)


COUNTS = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM case_copy q WHERE q.person_id = $1 AND q.unread AND q.revoked_at IS NULL
        AND q.question_id IS NULL LIMIT $3) x)::int AS unread,
    (SELECT count(*) FROM (SELECT 1 FROM snooze z JOIN task t ON t.id = z.task_id AND t.state = 'open'
        AND t.due_sort > $2 AND t.position_id = ANY($4::uuid[]) WHERE z.person_id = $1 AND z.until > $2) y)::int AS put_off
"""


async def for_me(tx: Tx, reader: Reader) -> ForMe:
    """Return what waits for the reader besides their tasks, in at most four statements."""
    questions, following = await questions_to(tx, by=reader, limit=SHOWN)
    parameters = (reader.person_id, tx.now, COUNT_CAP, sorted(reader.position_ids))
    counts = (await tx.rows(COUNTS, parameters))[0]
    return ForMe(questions, following is not None, counts["unread"], counts["put_off"], await asked_of(tx, reader))
