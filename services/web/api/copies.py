"""Copies of a case: send them, see who has read, read those that were sent to the caller, take the sight back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.errors import NotFoundError
from services.people.finding import find_colleagues
from services.web.api import marks
from services.web.api.acting import once
from services.web.api.callers import Reading, Writing
from services.web.api.models import GroupName, Out, SeasonName, Title, group_name, season_name
from services.web.api.values import NO_NUL, After, Incoming, Key, Limit
from services.workflow import copies
from services.workflow.beside import MOST_WORDS, sees

router = APIRouter(prefix="/api/v1", tags=["beside"])
Said = Annotated[str, Field(max_length=MOST_WORDS, pattern=NO_NUL)]


class CopiesIn(Incoming):
    """To whom, and what for."""

    to: Annotated[list[UUID], Field(min_length=1, max_length=copies.MOST_TO)]
    words: Said = ""


class CopiesMade(Out):
    """The copies, in the order of the people."""

    ids: list[UUID]


class CopyOut(Out):
    """A copy that the caller sent or got (the administrator: anybody's). question_id: it came with a question."""

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


class CopiedOut(Out):
    """A case that was sent to the caller."""

    id: UUID
    case_id: UUID
    sender: str
    words: str
    at: datetime
    read_at: datetime | None
    process: str
    season: SeasonName
    group: GroupName


class CopiedPage(Out):
    """Cases that were sent to the caller, unread first, then the newest. unread: at most 1,000."""

    items: list[CopiedOut]
    next: str | None
    unread: int


class ColleagueOut(Out):
    """Somebody of the bureau who holds a position today."""

    id: UUID
    name: str
    unit: Title | None


@router.get("/people/find", operation_id="find_people")
async def find(caller: Reading, q: Annotated[str, Query(max_length=50, pattern=NO_NUL)] = "") -> list[ColleagueOut]:
    """Find up to 20 people of the bureau by a part of their name, or by how it begins in pinyin."""
    found = await find_colleagues(caller.tx, caller.reader, q)
    return [
        ColleagueOut(id=each.id, name=each.name, unit=Title(zh=each.unit_zh, en=each.unit_en or "") if each.unit_zh else None)
        for each in found
    ]  # fmt: skip


@router.post("/cases/{case_id}/copies", operation_id="send_copies", status_code=201)
async def send(case_id: UUID, caller: Writing, body: CopiesIn, key: Key = None) -> CopiesMade:
    """Show the case to named people, who may read it from now on; they are told."""

    async def make() -> dict[str, list[str]]:
        made = await copies.send_copies(caller.tx, by=caller.reader, case_id=case_id, to=body.to, words=body.words)
        return {"ids": [str(each) for each in made]}

    command = ("copies", str(case_id), ",".join(map(str, body.to)), body.words)
    return CopiesMade.model_validate(await once(caller, key, command, make))


@router.get("/cases/{case_id}/copies", operation_id="list_copies")
async def list_copies(case_id: UUID, caller: Reading) -> list[CopyOut]:
    """Return the newest 100 copies of a case that the caller sent or got, with when each was read."""
    if not await sees(caller.tx, caller.reader, case_id):
        raise NotFoundError
    found = await copies.copies_of(caller.tx, by=caller.reader, case_id=case_id)
    return [CopyOut.model_validate(each) for each in found]


@router.get("/me/copies", operation_id="copies_to_me")
async def to_me(caller: Reading, after: After = None, limit: Limit = 50) -> CopiedPage:
    """List the cases that were sent to the caller."""
    page = await copies.copies_to(caller.tx, by=caller.reader, after=marks.read(after, marks.flag), limit=limit)
    items = [
        CopiedOut(
            id=row.id, case_id=row.case_id, sender=row.sender, words=row.words, at=row.at, read_at=row.read_at,
            process=row.process, season=season_name(row), group=group_name(row),
        )
        for row in page.rows
    ]  # fmt: skip
    return CopiedPage(
        items=items, next=marks.write(int(page.next[0]), page.next[1]) if page.next else None, unread=page.unread
    )


@router.post("/copies/{copy_id}/read", operation_id="read_copy", status_code=204, response_class=Response)
async def read(copy_id: UUID, caller: Writing) -> None:
    """Say that the caller has read what was sent to them."""
    await copies.read_copy(caller.tx, by=caller.reader, copy_id=copy_id)


@router.delete("/copies/{copy_id}", operation_id="revoke_copy", status_code=204, response_class=Response)
async def revoke(copy_id: UUID, caller: Writing) -> None:
    """Take the sight of the case back that the copy gave; the copy stays, with since when."""
    await copies.revoke_copy(caller.tx, by=caller.reader, copy_id=copy_id)
