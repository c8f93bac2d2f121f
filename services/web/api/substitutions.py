"""Who stands in for whom: the caller's own substitutions, and those of the people whom they look after."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.people import substitutes
from services.people.substitutes import REASON_LIMIT, Wish
from services.people.substitution_list import Chosen, SubstitutionRow, list_substitutions
from services.web.api.callers import Reading, Writing
from services.web.api.models import Out
from services.web.api.values import NO_NUL, After, Incoming, Limit, id_after

router = APIRouter(prefix="/api/v1", tags=["substitutions"])
ProcessCode = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z0-9-]*$")]


class ProcessRef(Out):
    """A process of a programme, by their codes."""

    programme: str
    process: str


class ProcessIn(Incoming):
    """A process of a programme, by their codes."""

    programme: ProcessCode
    process: ProcessCode


class PersonName(Out):
    """A person by id and name."""

    id: UUID
    name: str


class SubstitutionOut(Out):
    """Who stands in for whom, both days included. processes: null for all. ended_at: when it was ended early."""

    id: UUID
    person: PersonName
    substitute: PersonName
    starts_on: date
    ends_on: date
    processes: list[ProcessRef] | None
    reason: str
    named_by: str | None
    created_at: datetime
    ended_at: datetime | None
    standing: Literal["to-come", "now", "over", "ended"]

    @classmethod
    def of(cls, row: SubstitutionRow) -> SubstitutionOut:
        """Return it for a row of a list."""
        pairs = row.processes
        processes = None if pairs is None else [ProcessRef(programme=each, process=code) for each, code in pairs]
        return cls(
            **{
                **vars(row),
                "person": PersonName(id=row.person_id, name=row.person),
                "substitute": PersonName(id=row.substitute_id, name=row.substitute),
                "processes": processes,
            }
        )


class SubstitutionPageOut(Out):
    """Substitutions, the newest first."""

    items: list[SubstitutionOut]
    next: str | None


class SubstitutionIn(Incoming):
    """Whom to name. person_id: in whose place; left out, the caller's own. processes: left out, all."""

    substitute_id: UUID
    person_id: UUID | None = None
    starts_on: date
    ends_on: date
    reason: Annotated[str, Field(min_length=1, max_length=REASON_LIMIT, pattern=NO_NUL)]
    processes: Annotated[list[ProcessIn], Field(min_length=1, max_length=100)] | None = None


class NewSubstitution(Out):
    """A new substitution."""

    id: UUID


@router.get("/substitutions", operation_id="list_substitutions")
async def substitutions(
    caller: Reading,
    *,
    person_id: UUID | None = None,
    running: bool = False,
    after: After = None,
    limit: Limit = 50,
) -> SubstitutionPageOut:
    """List those in which the caller is one of the two, and those of the people whom they look after."""
    chosen = Chosen(person_id=person_id, running=running)
    page = await list_substitutions(caller.tx, caller.reader, chosen, after=id_after(after), limit=limit)
    items = [SubstitutionOut.of(row) for row in page.rows]
    return SubstitutionPageOut(items=items, next=str(page.next) if page.next else None)


@router.post("/substitutions", operation_id="name_substitute", status_code=201)
async def name_substitute(caller: Writing, body: SubstitutionIn) -> NewSubstitution:
    """Name a substitute: for oneself, for a person of one's unit as its administrator, or for anybody as the bureau's."""
    named = None if body.processes is None else [(each.programme, each.process) for each in body.processes]
    wish = Wish(
        person_id=body.person_id or caller.reader.person_id,
        substitute_id=body.substitute_id,
        starts_on=body.starts_on,
        ends_on=body.ends_on,
        reason=body.reason,
        processes=named,
    )
    return NewSubstitution(id=await substitutes.name_substitute(caller.tx, caller.reader, wish))


@router.post(
    "/substitutions/{substitution_id}/end", operation_id="end_substitution", status_code=204, response_class=Response
)
async def end_substitution(substitution_id: UUID, caller: Writing) -> None:
    """End a substitution at once, also before it begins."""
    await substitutes.end_substitution(caller.tx, caller.reader, substitution_id)
