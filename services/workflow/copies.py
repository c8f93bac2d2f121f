"""Copies of a case (抄送): somebody is shown it, reads it, and says so (已阅); the sender may take the sight back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.errors import ForbiddenError, IllegalTransitionError, InvalidInputError, NotFoundError
from services.i18n import Message
from services.people.access import Reader
from services.people.finding import refuse_strangers
from services.store.transaction import Tx
from services.store.writer import Rows
from services.workflow.beside import Beside, Told, lock_beside, sees, untell, worded, write_beside

MOST_TO = 20
MOST_SHOWN = 100
COUNT_CAP = 1000


@dataclass(frozen=True)
class CopyView:
    """A copy as its sender sees it. revoked_at: since when the person sees the case no more by it."""

    id: UUID
    case_id: UUID
    from_id: UUID
    sender: str
    person_id: UUID
    person: str
    question_id: UUID | None
    words: str
    at: datetime
    read_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class CopiedCase:
    """A copy as whom it was sent to sees it in their list."""

    id: UUID
    case_id: UUID
    sender: str
    words: str
    at: datetime
    unread: bool
    read_at: datetime | None
    process: str
    version_id: UUID
    season_id: UUID
    season_key: str
    group_id: UUID
    group_code: str
    group_zh: str
    group_en: str

    def group_title(self, locale: str) -> str:
        """Return the group's title for `locale`."""
        return self.group_zh if locale.startswith("zh") else self.group_en


@dataclass(frozen=True)
class CopiesPage:
    """A page of what was sent to one, unread first. next: (unread, id) of its last row. unread: at most COUNT_CAP."""

    rows: tuple[CopiedCase, ...]
    next: tuple[bool, UUID] | None
    unread: int


async def send_copies(tx: Tx, *, by: Reader, case_id: UUID, to: Sequence[UUID], words: str = "") -> tuple[UUID, ...]:
    """Show the case to named people of the bureau, who may read it from now on, and tell them.

    Args:
        tx: the transaction.
        by: may see the case, and holds an open task of it or has acted on it.
        case_id: the case, open or not.
        to: 1 to 20 people who hold a position of the bureau today.
        words: what for; may be empty.

    Returns:
        The ids of the copies, in the order of `to`.

    Raises:
        ForbiddenError: the reader has neither acted on the case nor a task of it.
        InvalidInputError: a person is nobody of the bureau, is oneself, or has a copy from the reader already.
    """
    case = await lock_beside(tx, by, case_id=case_id)
    if not case.held_by(by) and not await has_acted(tx, by, case_id):
        raise ForbiddenError
    people = list(dict.fromkeys(to))
    await _refuse_wrong_people(tx, by, case_id, people)
    words, rows, made = worded(words, required=False), Rows(now=tx.now), {person: tx.new_id() for person in people}
    for person, copy in made.items():
        add_copy(tx, case, rows, by=by, person=person, copy_id=copy, words=words)
    data: dict[str, Any] = {"to": [str(person) for person in people], "copies": [str(copy) for copy in made.values()]}
    data |= {"person": str(people[0])} if len(people) == 1 else {}
    # Each copy is a subject of its own, so that revoking one takes back its notification only.
    told = [Told("copied", (person,), copy) for person, copy in made.items()]
    await write_beside(tx, case, rows, by=by, kind="copied", data=data, words=words, told=told)
    return tuple(made.values())


def add_copy(
    tx: Tx, case: Beside, rows: Rows, *, by: Reader, person: UUID, copy_id: UUID, words: str = "",
    question_id: UUID | None = None,
) -> None:  # fmt: skip
    """Add the row that lets the person read the case."""
    rows.add(
        "case_copy", id=copy_id, bureau_id=case.bureau_id, case_id=case.id, from_id=by.person_id, person_id=person,
        question_id=question_id, words=words, at=tx.now, unread=True, read_at=None, revoked_at=None,
    )  # fmt: skip


async def has_acted(tx: Tx, by: Reader, case_id: UUID) -> bool:
    """Tell whether the reader has decided anything about the case."""
    statement = "SELECT 1 FROM decision WHERE case_id = $1 AND person_id = $2 LIMIT 1"
    return bool(await tx.rows(statement, (case_id, by.person_id)))


STANDING = """
SELECT 1 FROM case_copy WHERE case_id = $1 AND from_id = $2 AND person_id = ANY($3::uuid[]) AND question_id IS NULL
    AND revoked_at IS NULL LIMIT 1
"""


async def _refuse_wrong_people(tx: Tx, by: Reader, case_id: UUID, people: list[UUID]) -> None:
    if not 0 < len(people) <= MOST_TO:
        message = Message("Name one person or more, at most {most}.", {"most": MOST_TO})
        raise InvalidInputError([{"field": "to", "message": message}])
    await refuse_strangers(tx, by, people, field="to")
    if await tx.rows(STANDING, (case_id, by.person_id, people)):
        message = Message("One of them has a copy from you already; revoke that one first.")
        raise InvalidInputError([{"field": "to", "message": message}])


async def _find(tx: Tx, by: Reader, copy_id: UUID) -> dict[str, Any]:
    """Return a copy whose case the reader may see."""
    statement = "SELECT case_id, from_id, person_id, question_id, read_at, revoked_at FROM case_copy WHERE bureau_id = $1 AND id = $2"
    rows = await tx.rows(statement, (by.bureau_id, copy_id))
    if not rows or not await sees(tx, by, rows[0]["case_id"]):
        raise NotFoundError
    return dict(rows[0])


async def read_copy(tx: Tx, *, by: Reader, copy_id: UUID) -> None:
    """Say that one has read the case that was sent to one (已阅); the sender sees when. Once said, it stays.

    Raises:
        NotFoundError: no such copy was sent to the reader, or it was revoked.
    """
    copy = await _find(tx, by, copy_id)
    if copy["person_id"] != by.person_id:
        raise NotFoundError
    case = await lock_beside(tx, by, case_id=copy["case_id"])
    rows = await tx.rows(
        "UPDATE case_copy SET read_at = $2, unread = false WHERE id = $1 AND read_at IS NULL AND revoked_at IS NULL"
        " RETURNING id",
        (copy_id, tx.now),
    )
    if rows:
        await untell(tx, copy_id)
        await write_beside(tx, case, Rows(now=tx.now), by=by, kind="copy-read", data={"copy": str(copy_id)})


async def revoke_copy(tx: Tx, *, by: Reader, copy_id: UUID) -> None:
    """Take the sight of the case back that a copy gave. The row stays, and says when; revoked again, nothing happens.

    Raises:
        NotFoundError: there is no such copy of a case that the reader may see.
        ForbiddenError: somebody else sent it, and the reader is not the administrator.
        IllegalTransitionError: it belongs to a question that waits for its answer; that is withdrawn instead.
    """
    copy = await _find(tx, by, copy_id)
    if by.person_id != copy["from_id"] and not by.is_administrator:
        raise ForbiddenError
    case = await lock_beside(tx, by, case_id=copy["case_id"])
    if copy["question_id"] is not None and await _waits(tx, copy["question_id"]):
        raise IllegalTransitionError(
            "This copy belongs to a question that waits for its answer; withdraw the question instead."
        )
    rows = await tx.rows(
        "UPDATE case_copy SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id", (copy_id, tx.now)
    )
    if rows:
        await untell(tx, copy_id)
        data = {"copy": str(copy_id), "person": str(copy["person_id"])}
        await write_beside(tx, case, Rows(now=tx.now), by=by, kind="copy-revoked", data=data)


async def _waits(tx: Tx, question_id: UUID) -> bool:
    statement = "SELECT 1 FROM question WHERE id = $1 AND answered_at IS NULL AND withdrawn_at IS NULL"
    return bool(await tx.rows(statement, (question_id,)))


# --- lists ------------------------------------------------------------------------------------------------------------

OF_CASE = f"""
SELECT k.id, k.case_id, k.from_id, s.name AS sender, k.person_id, p.name AS person, k.question_id, k.words, k.at,
    k.read_at, k.revoked_at
FROM case_copy k JOIN person s ON s.id = k.from_id JOIN person p ON p.id = k.person_id
WHERE k.bureau_id = $1 AND k.case_id = $2 AND ($3::uuid IS NULL OR k.from_id = $3 OR k.person_id = $3)
ORDER BY k.at DESC, k.id DESC LIMIT {MOST_SHOWN}
"""  # noqa: S608 - constant parts


async def copies_of(tx: Tx, *, by: Reader, case_id: UUID) -> tuple[CopyView, ...]:
    """Return the newest copies of a case that the reader sent or got; the administrator sees everybody's.

    The caller has checked that the reader may see the case.
    """
    whose = None if by.is_administrator else by.person_id
    return tuple(CopyView(**row) for row in await tx.rows(OF_CASE, (by.bureau_id, case_id, whose)))


TO_ME = """
SELECT k.id, k.case_id, s.name AS sender, k.words, k.at, k.unread, k.read_at, c.process, c.version_id, c.season_id,
    n.key AS season_key, c.group_id, g.code AS group_code, g.title_zh AS group_zh, g.title_en AS group_en
FROM (SELECT * FROM case_copy q WHERE q.person_id = $1 AND q.revoked_at IS NULL AND q.question_id IS NULL{after}
    ORDER BY q.unread DESC, q.id DESC LIMIT $2) k
JOIN cases c ON c.id = k.case_id JOIN season n ON n.id = c.season_id JOIN project_group g ON g.id = c.group_id
JOIN person s ON s.id = k.from_id
ORDER BY k.unread DESC, k.id DESC
"""
UNREAD = """
SELECT count(*)::int AS n FROM (SELECT 1 FROM case_copy q WHERE q.person_id = $1 AND q.unread
    AND q.revoked_at IS NULL AND q.question_id IS NULL LIMIT $2) x
"""


async def copies_to(tx: Tx, *, by: Reader, after: tuple[bool, UUID] | None = None, limit: int = 50) -> CopiesPage:
    """Return a page of the cases that were sent to the reader, unread ones first, then the newest."""
    condition = " AND (q.unread, q.id) < ($3::bool, $4::uuid)" if after else ""
    statement = TO_ME.format(after=condition)
    found = [CopiedCase(**row) for row in await tx.rows(statement, (by.person_id, limit + 1, *(after or ())))]
    last = found[limit - 1] if len(found) > limit else None
    return CopiesPage(tuple(found[:limit]), (last.unread, last.id) if last else None, await unread_copies(tx, by=by))


async def unread_copies(tx: Tx, *, by: Reader) -> int:
    """Return how many cases that were sent to the reader are unread; at most COUNT_CAP."""
    n: int = (await tx.rows(UNREAD, (by.person_id, COUNT_CAP)))[0]["n"]
    return n
