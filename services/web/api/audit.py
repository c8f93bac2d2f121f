"""The audit chain, for the audit administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter

from services.adapters.keys import load_keys
from services.people.access import may_see_audit, require
from services.people.audit_list import events_page, verify
from services.web.api import marks
from services.web.api.callers import Reading
from services.web.api.models import Out
from services.web.api.values import After, Limit

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class EventOut(Out):
    """An event of a chain. Personal values in `data` are salted digests."""

    id: UUID
    stream: str
    stream_id: UUID
    seq: int
    at: datetime
    person_id: UUID | None
    kind: str
    data: dict[str, Any]
    prev: str
    hash: str


class EventPage(Out):
    """Events, newest first."""

    items: list[EventOut]
    next: str | None


class BrokenOut(Out):
    """A place where a chain is not what it was."""

    stream: str
    stream_id: UUID
    seq: int
    problem: str


class Verified(Out):
    """Whether all chains and anchors of the bureau are as they were written."""

    whole: bool
    broken: list[BrokenOut]


@router.get("/events", operation_id="list_audit_events")
async def events(
    caller: Reading,
    stream: Literal["case", "season", "bureau", "sign-in"] | None = None,
    stream_id: UUID | None = None,
    after: After = None,
    limit: Limit = 50,
) -> EventPage:
    """List events of the bureau's chains."""
    page = await events_page(
        caller.tx, caller.reader, stream=stream, stream_id=stream_id, after=marks.read(after, marks.moment), limit=limit
    )
    items = [EventOut.model_validate(row) for row in page.rows]
    return EventPage(items=items, next=marks.write(*page.next) if page.next else None)


@router.get("/verify", operation_id="verify_audit")
async def verified(caller: Reading) -> Verified:
    """Compute every chain anew and compare it with its head and the signed anchors."""
    require(may_see_audit(caller.reader))
    key = load_keys(caller.settings.key_folder).anchor.public_key()
    broken = await verify(caller.tx, caller.reader, keys=[key])
    return Verified(whole=not broken, broken=[BrokenOut.model_validate(each) for each in broken])
