"""What is done with a case from its page without moving it: urging, priority, putting off, an opinion kept, its history."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from services.errors import ConflictError, InvalidInputError
from services.i18n import N_
from services.web.edge import Page, PageDep
from services.web.pages.cases import refused
from services.workflow import opinions, priority, snoozing, urging
from services.workflow.beside import Priority
from services.workflow.cases import case_of_task, case_view
from services.workflow.queue import Cursor
from services.workflow.submissions import submission_lines
from services.workflow.timeline import timeline_page

router = APIRouter(include_in_schema=False)
PRIORITIES: dict[str, Priority] = {"normal": "normal", "high": "high", "urgent": "urgent"}


@router.get("/cases/{case_id}/history")
async def history(page: PageDep, case_id: UUID, after: str = "") -> Response:
    """Show a page of what happened: a part for the case's page, or whole for who has no scripts."""
    view = await case_view(page.tx, page.reader, case_id)
    found = await timeline_page(page.tx, page.reader, case_id, after=Cursor.decode(after or None))
    template = "parts/timeline_rows.html" if page.is_htmx else "history.html"
    return page.render(template, view=view, timeline=found)


@router.get("/cases/{case_id}/submissions")
async def earlier_submissions(page: PageDep, case_id: UUID, before: int | None = None) -> Response:
    """Show a page of what was submitted: a part for the case's page, or whole for who has no scripts."""
    view = await case_view(page.tx, page.reader, case_id)
    before = max(1, min(before, view.submitted + 1)) if before is not None else None
    lines = await submission_lines(page.tx, case_id, before=before)
    template = "parts/submission_rows.html" if page.is_htmx else "submissions.html"
    return page.render(template, view=view, lines=lines)


async def _done(
    page: Page, case_id: UUID, act: Awaitable[object], *, said: str, words: str = "", back: str = ""
) -> Response:
    """Carry the act out and go back; refused, the case's page says why and keeps the words."""
    try:
        await act
    except (ConflictError, InvalidInputError) as error:
        return await refused(page, case_id, error, typed=words)
    return page.go(back or f"/cases/{case_id}", said)


@router.post("/tasks/{task_id}/urge")
async def urge(page: PageDep, task_id: UUID) -> Response:
    """Ask the holders of an open task to hurry."""
    form = await page.form()
    words = form.get("words")
    case_id = await case_of_task(page.tx, page.reader, task_id)
    act = urging.urge(page.tx, by=page.reader, task_id=task_id, words=words)
    return await _done(page, case_id, act, said=page.say(N_("Whoever the task waits for is told.")), words=words)


@router.post("/cases/{case_id}/priority")
async def give_priority(page: PageDep, case_id: UUID) -> Response:
    """Give the case a priority."""
    form = await page.form()
    words, chosen = form.get("words"), PRIORITIES.get(form.get("priority"), "normal")
    act = priority.give_priority(page.tx, by=page.reader, case_id=case_id, priority=chosen, words=words)
    return await _done(page, case_id, act, said=page.say(N_("The priority is changed.")), words=words)


@router.post("/tasks/{task_id}/snooze")
async def put_off(page: PageDep, task_id: UUID) -> Response:
    """Put a task off until a day, in one's own list."""
    form = await page.form()
    case_id = await case_of_task(page.tx, page.reader, task_id)
    act = _put_off(page, task_id, form.get("until"))
    said = page.say(N_("The task is put off; it stands under “Put off” until then."))
    return await _done(page, case_id, act, said=said, back="/tasks")


async def _put_off(page: Page, task_id: UUID, typed: str) -> None:
    try:
        until = date.fromisoformat(typed)
    except ValueError:
        said = page.say(N_("“{typed}” is not a date; write for example 2027-03-15."), typed=typed[:40])
        raise InvalidInputError([{"field": "until", "message": said}]) from None
    await snoozing.snooze(page.tx, by=page.reader, task_id=task_id, until=until)


@router.post("/tasks/{task_id}/wake")
async def wake(page: PageDep, task_id: UUID) -> Response:
    """Show a task again."""
    await snoozing.wake(page.tx, by=page.reader, task_id=task_id)
    return page.go("/tasks", page.say(N_("The task stands in your list again.")))


@router.post("/tasks/{task_id}/opinion")
async def keep_opinion(page: PageDep, task_id: UUID) -> Response:
    """Keep what was typed for the next visit: by itself while one types, or by a button."""
    form = await page.form()
    await opinions.keep_opinion(
        page.tx, by=page.reader, task_id=task_id, words=form.get("words")[: opinions.MOST_WORDS]
    )
    if page.request.headers.get("X-Autosave"):
        return Response(status_code=204)
    return page.go(f"/tasks/{task_id}", page.say(N_("Your opinion is kept; only you see it until you decide.")))
