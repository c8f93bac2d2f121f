"""Messages: what left, what waits, what is dead; and sending one again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from services.messages.outbox import message_view, outbox_page, send_again
from services.web.api import marks
from services.web.api.callers import Administering, Reading
from services.web.api.models import Out
from services.web.api.values import After, Limit

router = APIRouter(prefix="/api/v1", tags=["messages"])
State = Literal["waiting", "sending", "sent", "dead", "void", "no-address"]


class MessageOut(Out):
    """A message. kinds: of the notifications that it carries; answer: the mail server's words."""

    id: UUID
    created_at: datetime
    state: State
    attempts: int
    answer: str | None
    sent_at: datetime | None
    try_at: datetime | None
    subject: str | None
    address: str | None
    locale: str
    person_id: UUID
    name: str
    kinds: list[str]


class MessagePage(Out):
    """Messages, newest first. Counts by state stop at 1,000."""

    items: list[MessageOut]
    next: str | None
    counts: dict[str, int]


class MessageWhole(MessageOut):
    """A message with what was last handed over."""

    text: str | None
    html: str | None
    key: str


@router.get("/messages", operation_id="list_messages")
async def messages(caller: Reading, state: State | None = None, after: After = None, limit: Limit = 50) -> MessagePage:
    """List messages: all of the bureau for its administrator, one's own for everybody else."""
    page = await outbox_page(caller.tx, caller.reader, state=state, after=marks.read(after, marks.moment), limit=limit)
    items = [MessageOut.model_validate({**vars(row), "kinds": list(row.kinds)}) for row in page.rows]
    return MessagePage(items=items, next=marks.write(*page.next) if page.next else None, counts=dict(page.counts))


@router.get("/messages/{message_id}", operation_id="read_message")
async def message(message_id: UUID, caller: Reading) -> MessageWhole:
    """Show one message."""
    view = await message_view(caller.tx, caller.reader, message_id, public_url=caller.settings.public_url)
    more = {"kinds": list(view.row.kinds), "text": view.text, "html": view.html, "key": view.key}
    return MessageWhole.model_validate({**vars(view.row), **more})


@router.post("/messages/{message_id}/send-again", operation_id="send_again", status_code=204, response_class=Response)
async def again(message_id: UUID, caller: Administering) -> None:
    """Let a message that waits, is dead or had no address be tried at once. Sent twice, it keeps its Message-ID."""
    await send_again(caller.tx, caller.reader, message_id)
