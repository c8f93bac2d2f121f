"""Mail: what became of each message, and sending it again."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ForbiddenError, NotFoundError
from services.i18n import N_
from services.messages.outbox import LIMIT, STATES, message_view, outbox_page, send_again, server_problem
from services.people.access import may_see_outbox
from services.web import workbooks
from services.web.edge import Page, PageDep
from services.web.filters import as_id

router = APIRouter(include_in_schema=False)
WORDS = {
    "waiting": N_("waiting"),
    "sending": N_("being sent"),
    "sent": N_("sent"),
    "dead": N_("refused"),
    "void": N_("not needed any more"),
    "no-address": N_("no address"),
}


def read_place(after: str) -> tuple[datetime, UUID] | None:
    """Read where a page of newest-first rows begins; None for anything that is no such place."""
    moment, _, identity = after.partition("|")
    found = as_id(identity)
    try:
        at = datetime.fromisoformat(moment)
        return (at.astimezone(UTC), found) if found and at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def write_place(place: tuple[datetime, UUID] | None) -> str:
    """Write it for an address."""
    return f"{place[0].isoformat()}|{place[1]}" if place else ""


@router.get("/mail")
async def mail_page(page: PageDep, state: str = "", after: str = "") -> Response:
    """List messages: the administrator's all of the bureau, everybody else's their own."""
    chosen = state if state in STATES else ""
    found = await outbox_page(page.tx, page.reader, state=chosen or None, after=read_place(after))
    return page.render(
        "mail.html",
        rows=found.rows,
        counts=found.counts,
        more=write_place(found.next),
        state=chosen,
        states=WORDS,
        limit=LIMIT,
        all_of_bureau=may_see_outbox(page.reader),
        server=server_problem(page.settings),
    )


@router.get("/mail.xlsx")
async def export_mail(page: PageDep, state: str = "") -> Response:
    """Give the messages as a workbook."""
    chosen = state if state in STATES else None
    zone, now = page.reader.zone, page.tx.now
    rows: list[list[object]] = []
    after = None
    while True:
        found = await outbox_page(page.tx, page.reader, state=chosen, after=after, limit=500)
        for row in found.rows:
            sent = page.dates.moment(row.sent_at, now, zone) if row.sent_at else ""
            made = page.dates.moment(row.created_at, now, zone)
            rows.append(
                [
                    made,
                    row.name,
                    row.address or "",
                    row.subject or "",
                    page.say(WORDS[row.state]),
                    row.attempts,
                    sent,
                    row.answer or "",
                ]
            )
        after = found.next
        if after is None or len(rows) >= workbooks.MOST_ROWS:
            break
    names = (
        N_("Made"),
        N_("To"),
        N_("Address"),
        N_("Subject"),
        N_("State"),
        N_("Attempts"),
        N_("Sent"),
        N_("The server's answer"),
    )
    return await workbooks.response(page.say(N_("Mail")), [page.say(name) for name in names], rows)


@router.get("/mail/{message_id}")
async def message_page(page: PageDep, message_id: UUID) -> Response:
    """Show one message with its words and what the server answered."""
    found = await message_view(page.tx, page.reader, message_id, public_url=page.settings.public_url)
    return page.render("message.html", message=found, row=found.row, states=WORDS, may_send=may_see_outbox(page.reader))


@router.post("/mail/{message_id}/again")
async def again(page: PageDep, message_id: UUID) -> Response:
    """Let a message be tried at once."""
    await _own(page, message_id)
    try:
        await send_again(page.tx, page.reader, message_id)
    except ForbiddenError as error:
        raise NotFoundError from error
    return page.go(f"/mail/{message_id}", page.say(N_("It will be tried again at once.")))


async def _own(page: Page, message_id: UUID) -> None:
    await message_view(page.tx, page.reader, message_id, public_url=page.settings.public_url)
