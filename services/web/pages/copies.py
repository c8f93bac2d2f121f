"""Copies of cases: sending them, who has read, and those that were sent to me."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError, NotFoundError
from services.i18n import N_
from services.programmes.pinned import pinned_pack
from services.web import errors
from services.web.arrival import Form
from services.web.edge import Page, PageDep
from services.web.filters import as_id
from services.web.picking import chosen, people_to_choose
from services.workflow import copies
from services.workflow.beside_view import beside_view
from services.workflow.cases import case_view

router = APIRouter(include_in_schema=False)
PAGE_ROWS = 50


@router.get("/copies")
async def to_me(page: PageDep, after: str = "") -> Response:
    """List the cases that were sent to the reader, unread first."""
    mark = _mark(after)
    found = await copies.copies_to(page.tx, by=page.reader, after=mark, limit=PAGE_ROWS)
    titles = {
        row.id: (await pinned_pack(page.tx, row.version_id)).process(row.process).title for row in found.rows
    }  # fmt: skip
    more = f"/copies?after={int(found.next[0])}{found.next[1].hex}" if found.next else None
    template = "parts/copy_rows.html" if page.is_htmx and mark else "copies.html"
    return page.render(template, found=found, titles=titles, more=more, cap=copies.COUNT_CAP)


def _mark(text: str) -> tuple[bool, UUID] | None:
    identity = as_id(text[1:])
    return (text[0] == "1", identity) if identity is not None else None


@router.get("/cases/{case_id}/copies")
async def copies_page(page: PageDep, case_id: UUID) -> Response:
    """Show to whom the case was sent and who has read it, and where it is sent on."""
    return await _show(page, case_id, Form([]))


async def _show(
    page: Page, case_id: UUID, form: Form, *, problems: list[dict[str, Any]] | None = None, status_code: int = 200
) -> Response:
    view = await case_view(page.tx, page.reader, case_id)
    beside = await beside_view(page.tx, page.reader, view)
    if "copy" not in beside.may and not beside.copies:
        raise NotFoundError
    return page.render(
        "send_copies.html",
        status_code=status_code,
        view=view,
        beside=beside,
        problems=problems or [],
        people=await people_to_choose(page, form),
        chosen=set(chosen(form)),
        q=form.get("q")[:50],
        words=form.get("words"),
        key=page.tx.ids.token(),
    )


@router.post("/cases/{case_id}/copies")
async def send(page: PageDep, case_id: UUID) -> Response:
    """Send the case to those who are chosen; or only look for people by name."""
    form = await page.form()
    if form.get("act") == "find":
        return await _show(page, case_id, form)
    try:
        made = await copies.send_copies(
            page.tx, by=page.reader, case_id=case_id, to=chosen(form), words=form.get("words")
        )  # fmt: skip
    except InvalidInputError as error:
        problems = errors.problems_of(error, page.locale)
        return await _show(page, case_id, form, problems=problems, status_code=error.status)
    said = page.say(N_("Sent to {n}; here stands who has read it."), n=len(made))
    return page.go(f"/cases/{case_id}/copies", said)


@router.post("/copies/{copy_id}/read")
async def read(page: PageDep, copy_id: UUID) -> Response:
    """Say that one has read the case."""
    await copies.read_copy(page.tx, by=page.reader, copy_id=copy_id)
    return page.go("/copies", page.say(N_("Marked as read; the sender sees it.")))


@router.post("/copies/{copy_id}/revoke")
async def revoke(page: PageDep, copy_id: UUID) -> Response:
    """Take the sight of the case back."""
    form = await page.form()
    case_id, said, kind = (
        as_id(form.get("case")),
        page.say(N_("The copy is revoked; it shows the case no more.")),
        "success",
    )
    try:
        await copies.revoke_copy(page.tx, by=page.reader, copy_id=copy_id)
    except ConflictError as error:
        said, kind = errors.words(error, page.locale), "danger"
    return page.go(f"/cases/{case_id}/copies" if case_id else "/cases", said, kind=kind)
